"""A class without a name of its own gets one from its title, else from its place."""

import pytest
from codegen_support import framed

from codegen.loader import read
from codegen.places import class_name

CONTRACT = """
paths:
  /things/{id}:
    get:
      operationId: getThing
      responses: {"200": {content: {application/json: {schema: {properties: {data: {}}}}}}}
    put:
      requestBody: {content: {application/json: {schema: {properties: {set-up: {}}}}}}
webhooks:
  thing.made:
    post: {requestBody: {content: {application/json: {schema: {}}}}}
components:
  responses:
    Shared: {content: {application/json: {schema: {properties: {data: {}}}}}}
  schemas:
    some-thing:
      properties:
        items: {items: {additionalProperties: {}}}
        either: {anyOf: [{type: "null"}, {}]}
        one: {oneOf: [{type: "null"}, {}, {properties: {deep: {}}}]}
        titled: {title: My own words}
        odd: {title: "-"}
      allOf: [{}, {properties: {a/b: {}}}]
"""
_JSON = "content/application~1json/schema"
_THING = "/components/schemas/some-thing"
NAMES = {
    _THING: "SomeThing",
    f"{_THING}/properties/items": "SomeThingItems",
    f"{_THING}/properties/items/items": "SomeThingItemsItem",
    f"{_THING}/properties/items/items/additionalProperties": "SomeThingItemsItemValue",
    f"{_THING}/properties/either/anyOf/1": "SomeThingEither",
    f"{_THING}/properties/one/oneOf/1": "SomeThingOneOption2",
    f"{_THING}/properties/one/oneOf/2/properties/deep": "SomeThingOneOption3Deep",
    f"{_THING}/properties/titled": "MyOwnWords",
    f"{_THING}/properties/odd": "SomeThingOdd",
    f"{_THING}/allOf/1/properties/a~1b": "SomeThingAB",
    f"/paths/~1things~1{{id}}/get/responses/200/{_JSON}/properties/data": "GetThingData",
    f"/paths/~1things~1{{id}}/put/requestBody/{_JSON}/properties/set-up": "PutThingsIdSetUp",
    f"/webhooks/thing.made/post/requestBody/{_JSON}": "PostThingMade",
    f"/components/responses/Shared/{_JSON}/properties/data": "SharedData",
}


@pytest.mark.parametrize(("pointer", "name"), NAMES.items())
def test_a_class_is_named_after_its_place(pointer: str, name: str) -> None:
    schema = read(framed(CONTRACT), file="api.yaml").at(pointer)
    assert schema is not None
    assert class_name(schema) == name

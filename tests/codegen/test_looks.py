"""How to see whether a deletion has happened follows from the operations beside it."""

import json
from typing import Any

import pytest

from codegen.lint import lint
from codegen.loader import read
from codegen.looks import Look
from codegen.operations import Resource, read_api

TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
THING = {"$ref": "#/components/schemas/Thing"}
THINGS = {"type": "array", "items": THING}
CREATED = {"x-created": "at"}

ONE, ALL = "/things/{id}", "/things"


def path(name: str = "id", **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {**TEXT, **schema}}


def query(name: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": TEXT}


def operation(name: str, *parameters: Any, answer: Any = None, tag: str = "things") -> Any:
    content = {"content": {"application/json": {"schema": answer}}} if answer else {}
    return {
        "operationId": name,
        "tags": [tag],
        "parameters": list(parameters),
        "responses": {"200": {"description": "It.", **content}},
    }


def data(schema: Any, **beside: Any) -> Any:
    properties = {"data": schema, **beside}
    return {"type": "object", "required": ["data"], "properties": properties}


def get(*parameters: Any, of: Any = THING, tag: str = "things") -> Any:
    return {"get": operation("getThing", *parameters, answer=data(of), tag=tag)}


def delete(*parameters: Any) -> Any:
    return {"delete": operation("deleteThing", *parameters)}


def listed(*parameters: Any, of: Any = THINGS, tag: str = "things") -> Any:
    return {"get": operation("listThings", *parameters, answer=data(of), tag=tag)}


def thing(**more: Any) -> Any:
    properties = {"id": TEXT, "at": TIME}
    return {
        "type": "object", "required": ["id"], "properties": properties, "x-identity": "id",
        **CREATED, **more,
    }  # fmt: skip


def resource(paths: Any, **schemas: Any) -> Resource:
    """Return the resource `things` of a contract."""
    contract = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1"}],
        "tags": [{"name": "things"}],
        "paths": paths,
        "components": {"schemas": {"Thing": thing(), **schemas}},
    }
    document = read(json.dumps(contract), file="api.yaml")
    lint(document)
    return read_api(document).resources[0]


def look(paths: Any, **schemas: Any) -> Look | None:
    """Return the look of the deletion of a contract."""
    methods = resource(paths, **schemas).methods
    (deletion,) = (each for each in methods if each.http_method == "DELETE")
    assert all(each.look is None for each in methods if each is not deletion)
    return deletion.look


GET = Look(constant="GET", created="at")
LIST = Look(constant="LIST", identity="id", created="at")
WHOLE = {"Whole": data(THING, note=TEXT)}
PAGE = data(THINGS, links={"type": "object"}, meta={"type": "object"})

BY_PATH = {
    "one": ({ONE: delete(path()) | get(path())}, GET),
    "one, and not the list above": (
        {ALL: listed(), ONE: delete(path()) | get(path())},
        GET,
    ),
    "one that its cluster has once": ({"/thing": delete() | get()}, GET),
    "more can be asked for": ({ONE: delete(path()) | get(path(), query("with"))}, GET),
    "without a class": (
        {ONE: delete(path()) | get(path(), of=TEXT)},
        Look(constant="GET"),
    ),
}


@pytest.mark.parametrize(("paths", "expected"), BY_PATH.values(), ids=BY_PATH)
def test_what_can_be_got_is_looked_at_by_its_path(paths: Any, expected: Look) -> None:
    assert look(paths) == expected


def test_an_age_is_read_only_off_the_value_itself() -> None:
    whole = {"get": operation("getThing", path(), answer={"$ref": "#/components/schemas/Whole"})}
    assert look({ONE: delete(path()) | whole}, **WHOLE) == Look(constant="GET")


IN_LIST = {
    "the list above": {ALL: listed(), ONE: delete(path())},
    "below a parameter": {
        "/a/{a}/things": listed(path("a")),
        "/a/{a}/things/{id}": delete(path("a"), path()),
    },
    "one is got by another tag": {ALL: listed(), ONE: delete(path()) | get(path(), tag="b")},
    "one is got only with more": {
        ALL: listed(),
        ONE: delete(path()) | get(path(), query("with", required=True)),
    },
    "one is got by another rule": {ALL: listed(), ONE: delete(path()) | get(path(maxLength=9))},
    "one is a list": {ALL: listed(), ONE: delete(path()) | get(path(), of=THINGS)},
}


@pytest.mark.parametrize("paths", IN_LIST.values(), ids=IN_LIST)
def test_what_cannot_be_got_is_looked_for_in_the_list(paths: Any) -> None:
    assert look(paths) == LIST


NEITHER = {
    "nothing to look with": {ONE: delete(path())},
    "a list of another path": {"/others": listed(), ONE: delete(path())},
    "one that shows nothing": {ONE: delete(path()) | {"get": operation("getThing", path())}},
    "a list under the same path": {ALL: delete() | listed()},
    "a list above something fixed": {ALL: listed(), "/things/all": delete()},
    "a list by another tag": {ALL: listed(tag="b"), ONE: delete(path())},
    "a list by another rule": {
        "/a/{a}/things": listed(path("a", maxLength=9)),
        "/a/{a}/things/{id}": delete(path("a"), path()),
    },
    "a list that can leave some out": {ALL: listed(query("status")), ONE: delete(path())},
    "a list of names": {ALL: listed(of={"type": "array", "items": TEXT}), ONE: delete(path())},
    "a list with nulls": {
        ALL: listed(of={"type": "array", "items": {"anyOf": [THING, {"type": "null"}]}}),
        ONE: delete(path()),
    },
    "no list": {ALL: listed(of=THING), ONE: delete(path())},
    "a list of an enum": {
        ALL: listed(of={"type": "array", "items": {"$ref": "#/components/schemas/Kind"}}),
        ONE: delete(path()),
    },
    "something beside the list": {
        ALL: {"get": operation("listThings", answer={"$ref": "#/components/schemas/Counted"})},
        ONE: delete(path()),
    },
    "a page": {
        ALL: {"get": operation("listThings", query("page"), answer=PAGE)},
        ONE: delete(path()),
    },
    "another method": {ALL: {"post": listed()["get"]}, ONE: delete(path())},
    "a deletion of what a query says": {ONE: delete(path(), query("kind")) | get(path())},
}


@pytest.mark.parametrize("paths", NEITHER.values(), ids=NEITHER)
def test_where_nothing_shows_it_there_is_no_look(paths: Any) -> None:
    kind = {"type": "string", "enum": ["a"]}
    assert look(paths, Kind=kind, Counted=data(THINGS, count=TEXT)) is None


NO_IDENTITY = {
    "none": {"x-identity": None},
    "a number": {"properties": {"id": {"type": "integer"}, "at": TIME}},
    "perhaps null": {"properties": {"id": {"type": ["string", "null"]}, "at": TIME}},
    "perhaps missing": {"required": ["at"]},
}


@pytest.mark.parametrize("more", NO_IDENTITY.values(), ids=NO_IDENTITY)
def test_an_identity_that_cannot_be_compared_is_none(more: Any) -> None:
    schema = {key: value for key, value in thing(**more).items() if value is not None}
    assert look({ALL: listed(), ONE: delete(path())}, Thing=schema) is None


def test_a_host_name_can_be_compared() -> None:
    schema = thing(properties={"id": {**TEXT, "format": "idn-hostname"}, "at": TIME})
    assert look({ALL: listed(), ONE: delete(path())}, Thing=schema) == LIST


def test_without_x_created_there_is_no_age() -> None:
    schema = thing()
    del schema["x-created"]
    by_path = {ONE: delete(path()) | get(path())}
    in_list = {ALL: listed(), ONE: delete(path())}
    assert look(by_path, Thing=schema) == Look(constant="GET")
    assert look(in_list, Thing=schema) == Look(constant="LIST", identity="id")


def test_fields_have_their_python_names() -> None:
    schema = {
        "type": "object", "x-identity": "from", "x-created": "self", "required": ["from"],
        "properties": {"from": TEXT, "additional": TEXT, "self": TIME},
        "additionalProperties": TEXT,
    }  # fmt: skip
    by_list = look({ALL: listed(), ONE: delete(path())}, Thing=schema)
    assert by_list == Look(constant="LIST", identity="from_", created="self_")


def test_equal_names_are_told_apart_as_in_the_class() -> None:
    properties = {"createdAt": TIME, "created_at": TEXT, "id": TEXT, "additional": TIME}
    schema = thing(properties=properties, **{"x-created": "createdAt"})
    by_path = {ONE: delete(path()) | get(path())}
    assert look(by_path, Thing=schema) == Look(constant="GET", created="created_at_")
    more = {"x-created": "additional", "additionalProperties": TEXT}
    schema = thing(properties=properties, **more)
    assert look(by_path, Thing=schema) == Look(constant="GET", created="additional_")


def test_a_class_has_it_from_the_base_of_its_base() -> None:
    part = {"type": "object", "properties": {"class": TEXT}}
    base = {"allOf": [THING]}
    top = {"allOf": [{"$ref": "#/components/schemas/Base"}, part]}
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Top"}}
    paths = {ALL: listed(of=items), ONE: delete(path())}
    assert look(paths, Base=base, Top=top) == LIST
    own = {**top, "x-identity": "class", "required": ["class"]}
    assert look(paths, Base=base, Top=own) == Look(constant="LIST", identity="class_", created="at")


def test_a_constant_stands_before_the_one_that_looks_with_it() -> None:
    fetch = {"get": operation("fetchThing", path(), answer=data(THING))}
    things = resource({ONE: delete(path()) | fetch, ALL: {"post": operation("createThing")}})
    assert [each.name for each in things.methods] == ["create", "delete", "fetch"]
    assert [each.constant for each in things.defined] == ["CREATE", "FETCH", "DELETE"]
    assert things.methods[1].look == Look(constant="FETCH", created="at")

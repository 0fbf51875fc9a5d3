"""What is wrong or not supported is refused by name, with file, line and pointer; never dropped."""

import pytest
from codegen_support import FRAME, framed

from codegen.bundle import bundle
from codegen.classes import read_classes
from codegen.document import ContractError
from codegen.lint import lint
from codegen.loader import read
from codegen.operations import read_api

# What an operation of the tests needs besides what the test is about.
_REST = "operationId: listThings, tags: [things]"
_DONE = 'responses: {"204": {description: Done.}}'
_JSON = "content: {application/json: {schema: %s}}"
_IDN = "{type: string, format: idn-hostname}"
_LIST = "{type: array, items: %s}"
_MAP = "{type: object, additionalProperties: %s}"
_DATA = "{type: object, required: [data], properties: {data: %s}}"


def _operation(more: str, *, path: str = "/things", method: str = "get") -> str:
    return f"paths:\n  {path}:\n    {method}:\n      {{{_REST}, {more}}}\n"


def _parameter(text: str, *, path: str = "/things") -> str:
    return _operation(f"{_DONE}, parameters: [{text}]", path=path)


def _body(schema: str, *, required: bool = True) -> str:
    flag = "required: true, " if required else ""
    return _operation(f"{_DONE}, requestBody: {{{flag}{_JSON % schema}}}", method="post")


def _answer(schema: str) -> str:
    return _operation(f'responses: {{"200": {{description: It., {_JSON % schema}}}}}')


def _data(schema: str) -> str:
    return _answer(_DATA % schema)


def _schema(text: str, name: str = "Thing") -> str:
    return f"paths: {{}}\ncomponents:\n  schemas:\n    {name}: {text}\n"


def _property(text: str) -> str:
    return _schema(f"{{type: object, properties: {{x: {text}}}}}")


def _union(discriminator: str) -> str:
    one = "{type: object, properties: {a: {type: string}}}"
    options = "[{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]"
    thing = _schema(f"{{oneOf: {options}, discriminator: {discriminator}}}")
    return f"{thing}    A: {one}\n    B: {one}\n"


def refuse(text: str) -> str:
    """Return what the generator says of a contract that it has to refuse."""
    with pytest.raises(ContractError) as caught:
        _read_all(text)
    return str(caught.value)


def _read_all(text: str) -> None:
    document = bundle(read(text, file="api.yaml"))
    lint(document)
    read_classes(document)
    read_api(document)


NOT_YAML = {
    "": "api.yaml:1: #/: is empty",
    "a: [1\nb: 2\n": "api.yaml:2: #/: not YAML: expected ',' or ']', but got ':'",
    "a: 1\n---\nb: 1\n": "api.yaml:2: #/: not YAML: but found another document",
    "a:\n  b: 1\n  b: 2\n": "api.yaml:3: #/a: the key `b` is given twice",
    "a: &x {b: 1}\nc:\n  <<: *x\n": "api.yaml:3: #/c: YAML merge keys",
    "a: !thing 1\n": "api.yaml:1: #/a: the YAML tag `!thing` is not JSON",
    "a:\n- .inf\n": "api.yaml:2: #/a/0: `.inf` is not JSON",
    "a: &x [*x]\n": "api.yaml:1: #/: is nested without end",
    "a: *x\n": "api.yaml:1: #/: not YAML: found undefined alias 'x'",
    "? [a, b]\n: c\n": "api.yaml:1: #/: YAML merge keys and keys of several parts are not JSON",
}


@pytest.mark.parametrize(("text", "message"), NOT_YAML.items())
def test_what_is_not_json_in_yaml_is_refused(text: str, message: str) -> None:
    assert refuse(text).startswith(message)


OTHER_DOCUMENTS = {
    "swagger: '2.0'\n": "api.yaml:1: #/swagger: this is a Swagger 2.0 document",
    "a: 1\n\nopenapi: 3.0.3\n": "api.yaml:3: #/openapi: OpenAPI 3.0.3 is not supported; to make",
    "- 1\n": "api.yaml:1: #/: this is not an OpenAPI document",
    "info: {}\n": "api.yaml:1: #/: this is not an OpenAPI document",
    "openapi: 4.0.0\n": "api.yaml:1: #/openapi: OpenAPI 4.0.0 is not supported",
}


@pytest.mark.parametrize(("text", "message"), OTHER_DOCUMENTS.items())
def test_other_documents_are_refused(text: str, message: str) -> None:
    assert refuse(text).startswith(message)


# The first line after the frame is line 4.
INVALID = {
    "paths:\n  /a:\n    get: {sumary: x, responses: {default: {description: D.}}}\n": (
        "api.yaml:6: #/paths/~1a/get/sumary: unknown key `sumary`"
    ),
    "paths: []\n": "api.yaml:4: #/paths: [] is not of type 'object'",
    _schema("{type: objekt}"): (
        "api.yaml:7: #/components/schemas/Thing/type: 'objekt' is not one of"
    ),
    _property("{type: string, nullable: true}"): (
        "api.yaml:7: #/components/schemas/Thing/properties/x/nullable: `nullable` is of OpenAPI"
        ' 3.0; add "null" to the `type`'
    ),
    _schema("{type: object, propertees: {}}"): (
        "api.yaml:7: #/components/schemas/Thing/propertees: unknown keyword `propertees`"
    ),
    _schema("{type: array}"): "api.yaml:7: #/components/schemas/Thing: an array without `items`",
    _property("{type: [array, 'null']}"): (
        "api.yaml:7: #/components/schemas/Thing/properties/x: an array without `items`"
    ),
    _schema("\n      type: object\n      properties: {}\n      required: [b]"): (
        "api.yaml:10: #/components/schemas/Thing/required: `required` names no property: `b`"
    ),
    _schema("{type: object, properties: {}, x-identity: id}"): (
        "api.yaml:7: #/components/schemas/Thing/x-identity: `x-identity` names no property: `id`"
    ),
    _schema("{type: object, properties: {}, x-created: at}"): (
        "api.yaml:7: #/components/schemas/Thing/x-created: `x-created` names no property: `at`"
    ),
    _schema("{type: object, properties: {at: {type: string, format: date}}, x-created: at}"): (
        "api.yaml:7: #/components/schemas/Thing/x-created: `at` is not of `format: date-time`"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/A'}], x-created: at}")
    + "    A: {type: object, properties: {at: {type: string}}}\n": (
        "api.yaml:7: #/components/schemas/Thing/x-created: `at` is not of `format: date-time`"
    ),
    _schema("{type: object, properties: {}, x-created: 5}"): (
        "api.yaml:7: #/components/schemas/Thing/x-created: `x-created` has to be a string"
    ),
    _property("{$ref: '#/components/schemas/No'}"): (
        "api.yaml:7: #/components/schemas/Thing/properties/x: `$ref` leads nowhere: #/"
    ),
    _property("{$ref: 'other.yaml#/X'}"): (
        "api.yaml:7: #/components/schemas/Thing/properties/x: `$ref` leads to no file: other.yaml"
    ),
    _schema("{$ref: '#/components/schemas/Thing'}"): (
        "api.yaml:7: #/components/schemas/Thing: `$ref` leads back to itself"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/Thing'}]}"): (
        "api.yaml:7: #/components/schemas/Thing: `allOf` leads back to itself"
    ),
    _property("{type: string, default: 3}"): (
        "api.yaml:7: #/components/schemas/Thing/properties/x/default: 3 is not of type 'string'"
    ),
    _operation(_DONE, path="/a/{b}"): "api.yaml:6: #/paths/~1a~1{b}/get: Path parameter 'b'",
    f"paths:\n  /a: {{get: {{{_REST}, {_DONE}}}}}\n  /b: {{get: {{{_REST}, {_DONE}}}}}\n": (
        "api.yaml:6: #/paths/~1b/get: Operation ID 'listThings'"
    ),
}


@pytest.mark.parametrize(("text", "message"), INVALID.items())
def test_invalid_contracts_are_refused(text: str, message: str) -> None:
    assert refuse(framed(text)).startswith(message)


def test_all_errors_are_told_in_the_order_of_the_file() -> None:
    said = refuse(framed(_schema("{type: array}") + "    B: {typ: x}\n    C: {required: [c]}\n"))
    assert [line.split(":")[1] for line in said.splitlines()] == ["7", "8", "9"]


def test_required_may_name_properties_of_other_parts() -> None:
    text = _schema(
        "\n      allOf:\n      - {type: object, properties: {a: {type: string}}}\n"
        "      - {type: object, required: [a]}"
    )
    assert lint(read(framed(text), file="api.yaml")) == []


def test_a_time_of_creation_may_be_a_reference_and_inherited() -> None:
    text = _schema("{allOf: [{$ref: '#/components/schemas/A'}], x-created: at}") + (
        "    A: {type: object, properties: {at: {$ref: '#/components/schemas/Time'}}}\n"
        "    Time: {type: [string, 'null'], format: date-time}\n"
    )
    assert lint(read(framed(text), file="api.yaml")) == []


WARNINGS = {
    f"paths: {{/a: {{get: {{operationId: x, {_DONE}}}}}}}": "an operation without a tag",
    f"paths: {{/a: {{get: {{tags: [x], {_DONE}}}}}}}": "an operation without an `operationId`",
    _schema("{type: string, x-extensible-enums: [a]}"): "nothing reads the extension `x-extensible",
    _schema(f"{{type: string, description: {90 * 'x'}}}"): "the first sentence has 91 characters",
    _schema("{type: string, format: slug}"): "the format `slug` is not known; it is read as if",
}


@pytest.mark.parametrize(("text", "message"), WARNINGS.items())
def test_what_is_odd_is_warned_of(text: str, message: str) -> None:
    (warning,) = lint(read(framed(text), file="api.yaml"))
    assert warning.is_warning
    assert f": warning: {message}" in str(warning)


NOT_SUPPORTED = {
    # the document
    "paths: {}\n": "there are no operations under `paths`",
    "paths: {}\ncomponents: {securitySchemes: {k: {type: apiKey, name: k, in: header}}}\n": (
        "#/components/securitySchemes/k: not supported: a security scheme other than http bearer"
    ),
    # operations
    "paths: {/a: {servers: [{url: 'https://b'}]}}\n": "not supported on a path: `servers`",
    _operation(_DONE, method="head"): "the method `head`",
    _operation(f"{_DONE}, security: []"): "in an operation: `security`",
    _operation(f"{_DONE}, callbacks: {{}}"): "in an operation: `callbacks`",
    _operation(f"{_DONE}, servers: []"): "in an operation: `servers`",
    _operation(f"{_DONE}, x-method-name: Rotate Key"): "`Rotate Key` cannot be the name of a m",
    _operation(f"{_DONE}, requestBody: {{{_JSON % '{}'}}}", method="get"): "a body of `get`",
    # parameters
    _parameter("{name: a, in: cookie, schema: {type: string}}"): "a parameter in `cookie`",
    _parameter("{name: a, in: query, content: {text/plain: {}}}"): "in a parameter: `content`",
    _parameter("{name: a, in: query, schema: {type: string}, allowReserved: true}"): (
        "in a parameter: `allowReserved`"
    ),
    _parameter("{name: a, in: query, style: deepObject, schema: {type: object}}"): (
        "the parameter style `deepObject`"
    ),
    _parameter("{name: a, in: path, required: true, schema: {type: string}}"): (
        "Path parameter 'a' for 'get' operation in '/things' was"
    ),
    _parameter(
        "{name: a, in: path, required: true, schema: {type: string}}", path="/x/{a}.json"
    ): "a path parameter that is only a part of its segment",
    _parameter("{name: a, in: path, required: true, schema: {type: boolean}}", path="/x/{a}"): (
        "a path parameter that is not a string, an integer or a date"
    ),
    _parameter(
        "{name: a, in: path, required: true, schema: {type: string, pattern: '[a-z]+'}}",
        path="/x/{a}",
    ): "a `pattern` of a path parameter that is not `^…$`",
    _parameter(
        r"{name: a, in: path, required: true, schema: {type: string, pattern: '^\p{L}+$'}}",
        path="/x/{a}",
    ): "not a regular expression that Python knows",
    # bodies
    _body("{type: object, properties: {}, additionalProperties: true}"): "`additionalProperties`",
    _body("{oneOf: [{}]}"): "a body that may be null",
    _body(f"{{type: object, properties: {{a: {_MAP % _IDN}}}}}"): (
        "properties/a: not supported: `format: idn-hostname` inside of a map or of a list in a list"
    ),
    _body(f"{{type: object, properties: {{a: {_LIST % _LIST % _IDN}}}}}"): (
        "properties/a: not supported: `format: idn-hostname` inside of a map or of a list in a list"
    ),
    _body(f"{{type: object, properties: {{a: {_LIST % _MAP % _IDN}}}}}"): (
        "properties/a: not supported: `format: idn-hostname` inside of a map or of a list in a list"
    ),
    _body(f"{{type: object, properties: {{a: {_IDN}}}}}").replace(
        _DONE, f"{_DONE}, parameters: [{{name: a, in: query, schema: {{type: string}}}}]"
    ): "post: not supported: `a` of `format: idn-hostname` in only one of query and body",
    # answers
    _operation('responses: {"204": {description: A.}, "302": {description: B.}}'): "status `302`",
    _operation('responses: {"200": {description: A., links: {}}}'): "in an answer: `links`",
    _answer("{type: object, properties: {data: {type: string}}}"): "whose `data` is not `required`",
    _answer(
        "{type: object, required: [data],"
        " properties: {data: {type: array, items: {type: string}}, links: {}, meta: {}}}"
    ): "there is no optional parameter `page`",
    # schemas
    _schema("{type: array, items: {$ref: '#/components/schemas/Thing'}}"): "that contains itself",
    _schema("{oneOf: [{$ref: '#/components/schemas/Thing'}, {type: string}]}"): "contains itself",
    _schema("{type: object, properties: {}}", name="some-thing")
    + "    SomeThing: {type: object, properties: {}}\n": (
        "SomeThing: a second class `SomeThing`, after the one for #/components/schemas/some-thing"
        " in line 7; rename the schema, or give it another `title`"
    ),
    _schema("{type: object, properties: {a: {type: object, properties: {}}}}")
    + "    ThingA: {type: string, enum: [a]}\n": "a second class `ThingA`",
    # schemas: enums
    _schema("{type: string, enum: [a, a]}"): "`enum` has to list one or more different values",
    _schema("{enum: [null]}"): "`enum` has to list one or more different values",
    _schema("{enum: [a, 1]}"): "an enum of anything but strings alone or integers alone",
    _schema("{enum: [1.5, 2.5]}"): "an enum of anything but strings alone or integers alone",
    _schema("{x-extensible-enum: [true]}"): "an enum of anything but strings alone or integers al",
    _schema("{type: string, enum: [1]}"): "enum/0: not of the enum's type, which is `string`",
    _schema("{type: integer, enum: [true]}"): "not of the enum's type, which is `integer`",
    _schema("{type: string, enum: [a, null]}"): "null in the enum, and no null in its type",
    _schema("{const: [a]}"): "a value of an enum that is an array or an object",
    _schema("{type: [string, integer], enum: [a]}"): "an enum of several types",
    _schema("{type: string, enum: [a], x-extensible-enum: [b]}"): "exclude each other",
    _schema("{const: a, enum: [a]}"): "`const` and `enum` exclude each other",
    # schemas: objects
    _schema("{type: object, properties: {}, patternProperties: {}}"): "object: `patternProperties`",
    _schema("{type: object, properties: {}, minContains: 1}"): "in an object: `minContains`",
    _schema("{type: object, properties: {}, discriminator: {propertyName: x}}"): "`discriminator`",
    _schema("{type: object, properties: {}, unevaluatedProperties: {}}"): "of anything but false",
    _schema("{type: object, additionalProperties: false}"): "an object that is always empty",
    _schema("{type: string, properties: {}}"): "an object that is not of `type: object`",
    _schema("{allOf: [{$ref: '#/components/schemas/A'}, {oneOf: [{}]}]}")
    + "    A: {type: object, properties: {}}\n": "not supported in an object: `oneOf`",
    _schema("{allOf: [{$ref: '#/components/schemas/A'}, {type: string}]}")
    + "    A: {type: object, properties: {}}\n": "an object that is not of `type: object`",
    _schema("{allOf: [{$ref: '#/components/schemas/A', minProperties: 1}, {properties: {}}]}")
    + "    A: {type: object, properties: {}}\n": "beside `$ref` in `allOf`: `minProperties`",
    _schema("{allOf: [{$ref: '#/components/schemas/A'}], properties: {a: {type: integer}}}")
    + "    A: {type: object, properties: {a: {type: string}}}\n": (
        "Thing/properties/a: not supported: `a` is of another type in two parts of `allOf`"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/A'}], additionalProperties: {type: string}}")
    + "    A: {type: object, properties: {}, additionalProperties: {type: integer}}\n": (
        "`additionalProperties` of two types in one object"
    ),
    _schema("{allOf: [{type: string}, {maxLength: 5}]}"): "`allOf` of anything but objects",
    # schemas: values
    _property("{type: 'null'}"): "nothing but null",
    _property("{anyOf: [{type: 'null'}]}"): "nothing but null",
    _property("{maxLength: 5}"): "without a `type`: `maxLength`",
    _property("{type: [string, array], items: {}}"): "in a value of several types: `items`",
    _property("{type: [string, object]}"): "the type `object` here",
    _property("{type: string, format: binary}"): "the format `binary` within JSON",
    _property("{type: integer, format: idn-hostname}"): "`idn-hostname` of `type: integer`",
    _property("{type: array, prefixItems: [{type: string}], items: {type: string}}"): (
        "in an array: `prefixItems`"
    ),
    # schemas: unions
    _property("{anyOf: [{}], oneOf: [{}]}"): "`oneOf` and `anyOf` in one schema",
    _property("{oneOf: [{type: string}], properties: {}}"): "in an object: `oneOf`",
    _property("{oneOf: [{type: string}], format: uuid}"): "beside `oneOf` or `anyOf`: `format`",
    _property("{oneOf: [{type: string}, {type: integer}], discriminator: {propertyName: x}}"): (
        "`discriminator` of anything but objects"
    ),
    _union("{propertyName: x}"): "the property `x` is missing in A",
    _union("{propertyName: a, mapping: {a: No}}"): "mapping/a: not supported: a `mapping` to a sch",
    _union("{propertyName: a, mapping: {B: A}}"): "`B` stands for A and for B",
    _property(
        "{oneOf: [{$ref: '#/components/schemas/Thing'}, {properties: {x: {type: string}}}],"
        " discriminator: {propertyName: x}}"
    ): "oneOf/1: nothing tells the value of the discriminator for this option",
}


@pytest.mark.parametrize(("text", "message"), NOT_SUPPORTED.items())
def test_what_is_not_supported_is_refused_by_name(text: str, message: str) -> None:
    said = refuse(framed(text))
    assert message in said
    assert all(line.startswith("api.yaml:") for line in said.splitlines())


SERVERS = [
    "",
    "servers: []",
    "servers: [{url: /v1}]",
    "servers: [{url: 'http://a.example/v1'}]",
    "servers: [{url: 'https://a.example/'}]",
    "servers: [{url: 'https://a.example'}, {url: 'https://b.example'}]",
]


@pytest.mark.parametrize("servers", SERVERS)
def test_there_is_one_server_by_https(servers: str) -> None:
    frame = FRAME.replace('servers: [{url: "https://api.example.com/v1"}]', servers)
    assert "server" in refuse(frame + "paths: {}\n")

"""What is wrong or not supported is refused by name, with file, line and pointer; never dropped."""

import pytest
from codegen_support import FRAME, framed

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


def refuse(text: str) -> str:
    """Return what the generator says of a contract that it has to refuse."""
    with pytest.raises(ContractError) as caught:
        _read_all(text)
    return str(caught.value)


def _read_all(text: str) -> None:
    document = read(text, file="api.yaml")
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
    "a: 1\n\nopenapi: 3.0.3\n": "api.yaml:3: #/openapi: OpenAPI 3.0.3 is not supported; convert",
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
        "api.yaml:7: #/components/schemas/Thing/properties/x: `$ref` to another file is not supp"
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
}


@pytest.mark.parametrize(("text", "message"), WARNINGS.items())
def test_what_is_odd_is_warned_of(text: str, message: str) -> None:
    (warning,) = lint(read(framed(text), file="api.yaml"))
    assert warning.is_warning
    assert f": warning: {message}" in str(warning)


NOT_SUPPORTED = {
    # the document
    "paths: {}\n": "there are no operations under `paths`",
    "paths: {}\nwebhooks: {}\n": "#/webhooks: not supported: `webhooks`",
    "paths: {}\nexternalDocs: {url: 'http://x'}\n": "`externalDocs`",
    "paths: {}\ntags: [{name: a, externalDocs: {url: 'http://x'}}]\n": "in a tag: `externalDocs`",
    "paths: {}\ncomponents: {securitySchemes: {k: {type: apiKey, name: k, in: header}}}\n": (
        "#/components/securitySchemes/k: not supported: a security scheme other than http bearer"
    ),
    # operations
    "paths: {/a: {servers: [{url: 'https://b'}]}}\n": "not supported on a path: `servers`",
    "paths: {/a: {$ref: '#/components/pathItems/A'}}\ncomponents: {pathItems: {A: {}}}\n": (
        "not supported on a path: `$ref`"
    ),
    _operation(_DONE, method="head"): "the method `head`",
    _operation(f"{_DONE}, deprecated: true"): "in an operation: `deprecated`",
    _operation(f"{_DONE}, security: []"): "in an operation: `security`",
    _operation(f"{_DONE}, callbacks: {{}}"): "in an operation: `callbacks`",
    _operation(f"{_DONE}, servers: []"): "in an operation: `servers`",
    _operation(f"{_DONE}, x-method-name: Rotate Key"): "`Rotate Key` cannot be the name of a m",
    f"paths: {{/a: {{get: {{operationId: x, tags: [a, b], {_DONE}}}}}}}": "several tags",
    _operation(f"{_DONE}, requestBody: {{{_JSON % '{}'}}}", method="delete"): "a body of `delete`",
    # parameters
    _parameter("{name: a, in: header, schema: {type: string}}"): "a parameter in `header`",
    _parameter("{name: a, in: cookie, schema: {type: string}}"): "a parameter in `cookie`",
    _parameter("{name: a, in: query, content: {text/plain: {}}}"): "in a parameter: `content`",
    _parameter("{name: a, in: query, schema: {}, deprecated: true}"): "parameter: `deprecated`",
    _parameter("{name: a, in: query, schema: {type: string}, allowReserved: true}"): (
        "in a parameter: `allowReserved`"
    ),
    _parameter("{name: a, in: query, style: deepObject, schema: {type: object}}"): (
        "the parameter style `deepObject`"
    ),
    _parameter("{name: a, in: query, explode: false, schema: {type: string}}"): (
        "`explode: false` here"
    ),
    _parameter("{name: a, in: query, schema: {type: string, format: date}}"): (
        "a query parameter that is not a string, number, boolean or enum"
    ),
    _parameter("{name: a, in: query, schema: {type: [string, 'null']}}"): "a query parameter that",
    _parameter("{name: a, in: path, required: true, schema: {type: string}}"): (
        "Path parameter 'a' for 'get' operation in '/things' was"
    ),
    _parameter(
        "{name: a, in: path, required: true, schema: {type: string}}", path="/x/{a}.json"
    ): "a path parameter that is only a part of its segment",
    _parameter("{name: a, in: path, required: true, schema: {type: boolean}}", path="/x/{a}"): (
        "a path parameter that is not a string or an integer"
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
    _body("{type: array, items: {type: string}}"): "not supported in a body: `items`",
    _body("{type: string}"): "a body that is not an object with `properties`",
    _body("{type: object, properties: {}, additionalProperties: true}"): "`additionalProperties`",
    _body("{oneOf: [{}]}"): "in a body: `oneOf`",
    _body("{type: object, required: [a], properties: {a: {type: string}}}", required=False): (
        "an optional body with required properties"
    ),
    _body("{type: object, properties: {a: {type: string, format: password}}}"): (
        "`format: password` in a body"
    ),
    _body("{type: object, properties: {a: {type: object, properties: {}}}}"): (
        "an object without a name"
    ),
    _body(f"{{type: object, properties: {{a: {_MAP % _IDN}}}}}"): (
        "properties/a: not supported: `format: idn-hostname` inside of a map or of a list in a list"
    ),
    _body(f"{{type: object, properties: {{a: {_LIST % _LIST % _IDN}}}}}"): (
        "properties/a: not supported: `format: idn-hostname` inside of a map or of a list in a list"
    ),
    _body(f"{{type: object, properties: {{a: {_LIST % _MAP % _IDN}}}}}"): (
        "properties/a: not supported: `format: idn-hostname` inside of a map or of a list in a list"
    ),
    _body("{type: object, properties: {a: {$ref: '#/components/schemas/Thing'}}}")
    + _schema(f"{{type: object, properties: {{x: {_IDN}}}}}").partition("\n")[2]: (
        "properties/a: not supported: an object inside of a body"
    ),
    _body(f"{{type: object, properties: {{a: {_IDN}}}}}").replace(
        _DONE, f"{_DONE}, parameters: [{{name: a, in: query, schema: {{type: string}}}}]"
    ): "post: not supported: `a` of `format: idn-hostname` in only one of query and body",
    _operation(
        f"{_DONE}, requestBody: {{content: {{application/merge-patch+json: {{}}}}}}", method="patch"
    ): "the media type `application/merge-patch+json`",
    # answers
    _operation('responses: {"200": {description: A.}, "204": {description: B.}}'): (
        "anything but one answer of success"
    ),
    _operation('responses: {"2XX": {description: A.}}'): "the status `2XX`",
    _operation('responses: {"204": {description: A.}, "302": {description: B.}}'): "status `302`",
    _operation('responses: {"200": {description: A., content: {text/csv: {}}}}'): "`text/csv`",
    _operation('responses: {"200": {description: A., headers: {}}}'): "an answer: `headers`",
    _operation('responses: {"200": {description: A., links: {}}}'): "in an answer: `links`",
    _answer("{type: array, items: {type: string}}"): "in an answer: `items`",
    _answer("{type: object, properties: {a: {type: string}}}"): (
        "an answer that is not an object with `data`"
    ),
    _answer("{type: object, properties: {data: {type: string}}}"): "whose `data` is not `required`",
    _data("{type: [string, 'null']}"): "`data` that may be null",
    _data("{type: object}"): "an object without `properties` or a type for its values",
    _data("{type: object, properties: {}}"): "an object without a name",
    _data("{type: string, enum: [a]}"): "an enum without a name",
    _data("{type: string, format: date}"): "a secret, a date or a time that is not a property",
    _answer(
        "{type: object, required: [data], properties: {data: {type: string}, a: {type: string}}}"
    ): "an answer with keys beside `data` needs a name",
    _answer(
        "{type: object, required: [data],"
        " properties: {data: {type: array, items: {type: string}}, links: {}, meta: {}}}"
    ): "there is no optional parameter `page`",
    # schemas
    _schema("{type: object, properties: {}}", name="thing"): "`thing` cannot be the name of a cl",
    _schema("{type: object, properties: {}}", name="None"): "`None` cannot be the name of a class",
    _schema("{type: object, properties: {}, additionalProperties: {type: string, enum: [a]}}"): (
        "an enum without a name"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/A'}], properties: {publicKey: {type: string}}}")
    + "    A: {type: object, properties: {public_key: {type: string}}}\n": (
        "`publicKey` is defined in two parts of `allOf`"
    ),
    _schema(
        "{allOf: [{type: object, properties: {a: {type: string}}},"
        " {type: object, properties: {a: {type: string}}}]}"
    ): "a property that is defined in two parts of `allOf`",
    _schema("{type: object, properties: {}}", name="Look"): "`Look` cannot be the name of a class",
    _schema("{type: object, properties: {}}", name="Secret"): "`Secret` cannot be the name of a cl",
    _schema("{type: array, items: {$ref: '#/components/schemas/Thing'}}"): "that contains itself",
    _schema("{type: string, enum: [a, a]}"): "`enum` has to list one or more different strings",
    _schema("{type: integer, enum: [1]}"): "an enum of anything but strings",
    _schema("{type: [string, 'null'], enum: [a, null]}"): "an enum of anything but strings",
    _schema("{type: string, enum: [1]}"): "an enum value that is not a string",
    _schema("{type: string, enum: [a], x-extensible-enum: [b]}"): "exclude each other",
    _schema("{type: object, properties: {}, additionalProperties: true}"): "of any type",
    _schema("{type: object, properties: {}, patternProperties: {}}"): "object: `patternProperties`",
    _schema("{type: object, properties: {}, minContains: 1}"): "in an object: `minContains`",
    _schema("{type: object, properties: {}, discriminator: {propertyName: x}}"): "`discriminator`",
    _schema("{allOf: [{oneOf: [{}]}]}"): "in a part of `allOf`: `oneOf`",
    _schema("{allOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}")
    + "    A: {type: object, properties: {}}\n    B: {type: object, properties: {}}\n": (
        "a second `$ref` in `allOf`"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/A'}, {type: object, required: [a]}]}")
    + "    A: {type: object, properties: {a: {type: string}}}\n": (
        "`required` of the inherited property `a`"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/A'}], properties: {a: {type: string}}}")
    + "    A: {type: object, properties: {a: {type: string}}}\n": (
        "`a` is defined in two parts of `allOf`"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/A'}], additionalProperties: {type: string}}")
    + "    A: {type: object, properties: {a: {type: string}}}\n": (
        "`additionalProperties` beside `allOf`"
    ),
    _schema("{allOf: [{$ref: '#/components/schemas/A'}]}") + "    A: {type: string}\n": (
        "`allOf` with a `$ref` to anything but a named object"
    ),
    _property("{}"): "a value that is not of exactly one type",
    _property("{type: [string, integer]}"): "a value that is not of exactly one type",
    _property("{type: 'null'}"): "a value that is not of exactly one type",
    _property("{type: string, format: binary}"): "the format `binary` of a string",
    _property("{type: integer, format: idn-hostname}"): "`idn-hostname` of a integer",
    _property("{type: string, const: a}"): "in `type: string`: `const`",
    _property("{type: string, readOnly: true}"): "in `type: string`: `readOnly`",
    _property("{type: string, writeOnly: true}"): "in `type: string`: `writeOnly`",
    _property("{type: string, deprecated: true}"): "in `type: string`: `deprecated`",
    _property("{type: string, enum: [a]}"): "an enum without a name",
    _property("{type: object, properties: {}}"): "an object without a name",
    _property("{type: object, additionalProperties: true}"): "without `properties` or a type for",
    _property("{type: array, prefixItems: [{type: string}], items: {type: string}}"): (
        "in an array: `prefixItems`"
    ),
    _property("{anyOf: [{type: string}, {type: integer}]}"): "`anyOf` of anything but one schema",
    _property("{oneOf: [{type: string}]}"): "`oneOf` of anything but one schema and null",
    _property("{$ref: '#/components/schemas/Thing', deprecated: true}"): (
        "beside `$ref`: `deprecated`"
    ),
    _property("{type: array, items: {type: string}, default: []}"): "a default of this type",
    _property("{type: integer, default: 1, readOnly: true}"): "in `type: integer`: `readOnly`",
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

"""What is of `format: idn-hostname` is told apart wherever it is sent, and nowhere else."""

import pytest
from codegen_support import framed

from codegen.lint import lint
from codegen.loader import read
from codegen.operations import Api, Method, read_api

IDN = "{type: string, format: idn-hostname}"
SCHEMAS = f"""
components:
  schemas:
    Name: {IDN}
    Names: {{type: array, items: {{$ref: '#/components/schemas/Name'}}}}
    Thing: {{type: object, properties: {{name: {IDN}}}}}
"""


def _api(text: str) -> Api:
    document = read(framed(text + SCHEMAS), file="api.yaml")
    lint(document)
    return read_api(document)


def _method(operation: str, *, path: str = "/things", method: str = "get") -> Method:
    done = 'responses: {"204": {description: Done.}}'
    (resource,) = _api(
        f"paths: {{'{path}': {{{method}: {{operationId: x, tags: [a], {done}, {operation}}}}}}}\n"
    ).resources
    return resource.methods[0]


def _body(properties: str) -> str:
    schema = f"{{type: object, properties: {{{properties}}}}}"
    return f"requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}"


BODIES = {
    f"a: {IDN}": ("a",),
    "a: {type: [string, 'null'], format: idn-hostname}": ("a",),
    f"a: {{type: array, items: {IDN}}}": ("a",),
    f"a: {{type: [array, 'null'], items: {IDN}}}": ("a",),
    "a: {type: array, items: {type: [string, 'null'], format: idn-hostname}}": ("a",),
    "a: {$ref: '#/components/schemas/Name'}": ("a",),
    "a: {$ref: '#/components/schemas/Names'}": ("a",),
    "a: {anyOf: [{$ref: '#/components/schemas/Names'}, {type: 'null'}]}": ("a",),
    "a: {allOf: [{$ref: '#/components/schemas/Name'}]}": ("a",),
    f"host-name: {IDN}, note: {{type: string}}, class: {IDN}": ("host-name", "class"),
    "a: {type: string, format: hostname}": (),
    "a: {type: array, items: {type: string, format: hostname}}": (),
    "a: {type: array, items: {type: string}}": (),
}


@pytest.mark.parametrize(("properties", "names"), BODIES.items())
def test_names_in_a_body(properties: str, names: tuple[str, ...]) -> None:
    method = _method(_body(properties), method="post")
    assert method.hostnames == names


def test_it_is_a_string_to_a_caller() -> None:
    method = _method(_body(f"a: {IDN}, b: {{type: array, items: {IDN}}}"), method="post")
    assert [each.annotation for each in method.body] == ["str | None", "Sequence[str] | None"]


QUERIES = {
    IDN: ("host-name",),
    f"{{type: array, items: {IDN}}}": ("host-name",),
    "{$ref: '#/components/schemas/Names'}": ("host-name",),
    "{type: string, format: hostname}": (),
}


@pytest.mark.parametrize(("schema", "names"), QUERIES.items())
def test_names_in_a_query(schema: str, names: tuple[str, ...]) -> None:
    method = _method(f"parameters: [{{name: host-name, in: query, schema: {schema}}}]")
    assert method.hostnames == names


def test_a_name_in_query_and_body_is_one_field() -> None:
    parameter = f"parameters: [{{name: a, in: query, schema: {IDN}}}]"
    method = _method(f"{parameter}, {_body(f'a: {IDN}')}", method="post")
    assert method.hostnames == ("a",)


PATHS = {
    IDN: True,
    "{$ref: '#/components/schemas/Name'}": True,
    "{type: string, format: hostname}": False,
    "{type: string}": False,
}


@pytest.mark.parametrize(("schema", "expected"), PATHS.items())
def test_a_name_in_a_path(schema: str, expected: bool) -> None:
    parameter = f"{{name: a, in: path, required: true, schema: {schema}}}"
    method = _method(f"parameters: [{parameter}]", path="/things/{a}")
    assert [rule.is_hostname for rule in method.rules] == [expected]
    assert method.path[0].annotation == "str"
    assert method.hostnames == ()


def test_parameters_that_differ_in_it_are_two_rules() -> None:
    schemas = [IDN, "{type: string}", "{$ref: '#/components/schemas/Name'}"]
    paths = "".join(
        f"  /{number}/{{a}}: {{get: {{operationId: get{number}, tags: [things], responses:"
        ' {"204": {description: Done.}},'
        f" parameters: [{{name: a, in: path, required: true, schema: {schema}}}]}}}}\n"
        for number, schema in enumerate(schemas)
    )
    api = _api(f"paths:\n{paths}")
    assert [(each.constant, each.is_hostname) for each in api.rules] == [
        ("A", True),
        ("A_2", False),
    ]
    (resource,) = api.resources
    assert [each.rules[0].constant for each in resource.methods] == ["A", "A_2", "A"]


ANSWERS = {
    "{$ref: '#/components/schemas/Thing'}": "Thing",
    f"{{type: array, items: {{type: array, items: {IDN}}}}}": "Sequence[Sequence[str]]",
    f"{{type: object, additionalProperties: {IDN}}}": "Mapping[str, str]",
}


@pytest.mark.parametrize(("data", "returns"), ANSWERS.items())
def test_in_an_answer_it_means_nothing(data: str, returns: str) -> None:
    schema = f"{{type: object, required: [data], properties: {{data: {data}}}}}"
    (resource,) = _api(
        "paths: {/a: {get: {operationId: x, tags: [a], responses: {'200': {description: It.,"
        f" content: {{application/json: {{schema: {schema}}}}}}}}}}}}}}}\n"
    ).resources
    (method,) = resource.methods
    assert (method.answer.returns, method.hostnames) == (returns, ())

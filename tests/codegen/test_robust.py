"""Whatever a contract is, the generator goes through or says what is wrong and where: no crash."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from codegen.bundle import bundle
from codegen.classes import read_classes
from codegen.document import ContractError
from codegen.lint import lint
from codegen.loader import read
from codegen.operations import read_api

CONTRACT = read(
    """
openapi: 3.1.0
info: {title: T, version: "1"}
servers: [{url: "https://api.example.com/v1"}]
paths:
  /a/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    post:
      operationId: runA
      tags: [a]
      parameters: [{name: X-B, in: header, schema: {$ref: "#/components/schemas/E"}}]
      requestBody:
        content: {application/json: {schema: {type: object, properties: {x: {type: string}}}}}
      responses:
        "200":
          description: D.
          content: {application/json: {schema: {$ref: "#/components/schemas/M"}}}
        "204": {description: N.}
components:
  schemas:
    E: {type: string, enum: [a]}
    M:
      allOf:
        - type: object
          required: [data]
          properties: {data: {type: array, items: {$ref: "#/components/schemas/E"}}}
""",
    file="api.yaml",
).data
FAULTS = [None, 1, "x", [], {}, {"$ref": 1}, {"$ref": "#/nowhere"}]


def _places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in entries:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _generate(data: Any) -> None:
    document = bundle(read(json.dumps(data, indent=1), file="api.yaml"))
    lint(document)
    read_api(document, [each.name for each in read_classes(document)])


@pytest.mark.parametrize("place", [*_places(CONTRACT)], ids=lambda place: "/".join(map(str, place)))
def test_one_fault_anywhere_is_no_crash(place: tuple[Any, ...]) -> None:
    for fault in FAULTS:
        data = copy.deepcopy(CONTRACT)
        holder: Any = data
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = fault
        said = ""
        try:
            _generate(data)
        except ContractError as error:
            said = str(error)
        assert all(line.startswith("api.yaml:") for line in said.splitlines())


def test_the_contract_without_a_fault_goes_through() -> None:
    _generate(CONTRACT)


ODD = {
    "a: 1e999\n": "api.yaml:1: #/a: `1e999` is not JSON",
    "a:\n- !!float 1e999\n": "api.yaml:2: #/a/0: `1e999` is not JSON",
    f"a: {'9' * 5000}\n": "api.yaml:1: #/a: `999",
    '"a": "\\ud800"\n': "api.yaml:1: #/a: half a character",
    "a: b\n\tc: d\n": "api.yaml:2: #/: not YAML: ",
    "a: \x00\n": "api.yaml:1: #/: not YAML: ",
}


@pytest.mark.parametrize(("text", "message"), ODD.items())
def test_odd_yaml(text: str, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        read(text, file="api.yaml")
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1

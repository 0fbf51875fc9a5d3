"""Whether an answer is one that openapi/unmta.yaml allows; for the tests of both sides.

    async with aiohttp.ClientSession(middlewares=[contract.check]) as session: ...

fails with AssertionError at the first answer that the contract has no place for: another status,
another content type, a missing or mistyped field, or a field that the contract does not have.
"""

import functools
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
from ruamel.yaml import YAML

FILE = Path(__file__).parents[1] / "openapi" / "unmta.yaml"
BASE_PATH = "/api/v1"

_formats = jsonschema.FormatChecker(formats=["ipv4", "ipv6"])


@_formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


async def check(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Check every answer that comes through, as a middleware of an aiohttp client session."""
    response = await handler(request)
    check_answer(
        request.method,
        request.url.raw_path,
        response.status,
        response.headers.get("Content-Type"),
        await response.read(),
    )
    return response


def check_answer(
    method: str, path: str, status: int, content_type: str | None, body: bytes
) -> None:
    """Fail with AssertionError unless the contract allows the answer."""
    operation = operation_of(method, path)
    assert operation, f"the contract has no {method} {path}"
    where = f"{operation['operationId']} {status}"
    answer = operation["responses"].get(str(status))
    assert answer, f"{where}: the contract has no such status"
    if "content" not in answer:
        assert body == b"", f"{where}: a body where the contract has none"
        return
    assert content_type == "application/json", f"{where}: {content_type}"
    validator = jsonschema.Draft202012Validator(
        answer["content"]["application/json"]["schema"], format_checker=_formats
    )
    faults = [
        f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(json.loads(body))
    ]
    assert not faults, f"{where}: {faults}"


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Return the contract's operation for a request, its references resolved and closed."""
    for template, item in document()["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", BASE_PATH + template)
        if re.fullmatch(pattern, path):
            return item.get(method.lower())
    return None


@functools.cache
def document() -> dict[str, Any]:
    """Return the contract with all references resolved, and no object open unless it says so."""
    source = YAML(typ="safe", pure=True).load(FILE)
    return _resolved(source, source)


def _resolved(node: Any, source: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_resolved(item, source) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = functools.reduce(lambda at, key: at[key], node["$ref"][2:].split("/"), source)
        return _resolved(target, source) | _resolved(
            {k: v for k, v in node.items() if k != "$ref"}, source
        )
    resolved = {key: _resolved(value, source) for key, value in node.items()}
    return _closed(_merged(resolved))


def _merged(schema: dict[str, Any]) -> dict[str, Any]:
    # Each part of an allOf would refuse the properties of the others.
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema.get("allOf", ()):
        merged["type"] = part["type"]
        merged["properties"] = merged.get("properties", {}) | part["properties"]
        merged["required"] = merged.get("required", []) + part["required"]
    return merged


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") == "object" and "properties" in schema:
        return {"additionalProperties": False} | schema
    return schema

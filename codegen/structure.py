"""What may stand where in an OpenAPI document, and the walk through one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from .document import Document, Node

__all__ = ["METHODS", "STRUCTURE", "Found", "walk"]

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# What may stand where: the key, whether there is one under it or a list or map of many, their kind.
_Children = Mapping[str, tuple[str, str]]
_PAYLOAD: Final[_Children] = {
    "schema": ("one", "schema"),
    "content": ("map", "media"),
    "examples": ("map", "example"),
}
STRUCTURE: Final[Mapping[str, _Children]] = {
    "root": {
        "paths": ("map", "path"),
        "webhooks": ("map", "path"),
        "components": ("one", "components"),
        "tags": ("list", "tag"),
    },
    "tag": {},
    "components": {
        "schemas": ("map", "schema"),
        "parameters": ("map", "parameter"),
        "headers": ("map", "header"),
        "requestBodies": ("map", "body"),
        "responses": ("map", "response"),
        "pathItems": ("map", "path"),
        "callbacks": ("map", "callback"),
        "examples": ("map", "example"),
        "links": ("map", "link"),
        "securitySchemes": ("map", "scheme"),
    },
    "path": {"parameters": ("list", "parameter"), **dict.fromkeys(METHODS, ("one", "operation"))},
    "operation": {
        "parameters": ("list", "parameter"),
        "requestBody": ("one", "body"),
        "responses": ("map", "response"),
        "callbacks": ("map", "callback"),
    },
    "callback": {},
    "example": {},
    "link": {},
    "scheme": {},
    "parameter": _PAYLOAD,
    "header": _PAYLOAD,
    "body": _PAYLOAD,
    "media": _PAYLOAD,
    "response": {"headers": ("map", "header"), "links": ("map", "link"), **_PAYLOAD},
    "schema": {
        **dict.fromkeys(
            ("items", "additionalProperties", "not", "if", "then", "else", "contains",
             "propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema"),
            ("one", "schema"),
        ),
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), ("list", "schema")),
        **dict.fromkeys(
            ("properties", "patternProperties", "dependentSchemas", "$defs"), ("map", "schema")
        ),
    },
}  # fmt: skip


class Found(NamedTuple):
    """A node and its kind."""

    kind: str
    node: Node


def walk(document: Document) -> Iterator[Found]:
    """Go through every object of the document whose kind is known, without following references."""
    waiting = [Found("root", document.root)]
    while waiting:
        found = waiting.pop()
        yield found
        if not isinstance(found.node.value, dict):
            continue
        for key, (how, kind) in STRUCTURE[found.kind].items():
            child = found.node.get(key)
            if child is not None:
                children = [child] if how == "one" else [each for _, each in child.items()]
                waiting += (Found(kind, each) for each in children)

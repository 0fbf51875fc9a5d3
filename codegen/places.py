"""The place of a schema in the contract -> the name of its class.

Knows where the schemas are, not what they mean.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from . import naming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Node

__all__ = ["class_name", "name_of"]

_COMPONENTS: Final = "/components/schemas/"
_OPERATION: Final = re.compile(r"/(?:paths|webhooks)/([^/]+)/([a-z]+)(?=/)")
# What holds others by name or number, and what stands alone.
_STEP: Final = re.compile(
    r"/(properties|components/[^/]+)/([^/]+)|/(anyOf|oneOf)/(\d+)"
    r"|/(?:allOf|content|responses)/[^/]+|/([^/]+)"
)
_WORDS: Final = {
    "additionalProperties": "Value", "items": "Item", "requestBody": "", "schema": "",
}  # fmt: skip
_NULL: Final = {"type": "null"}


def name_of(schema: Node) -> str | None:
    """Return the name of the class for a schema under `components/schemas`; None for any other."""
    name = schema.pointer.removeprefix(_COMPONENTS)
    return None if name == schema.pointer or "/" in name else naming.model_name(_unquoted(name))


def class_name(schema: Node) -> str:
    """Return the name of the class for a schema: its own, else its title, else by its place."""
    title = schema.text("title") if isinstance(schema.value, dict) else ""
    return name_of(schema) or naming.model_name(title if naming.words(title) else _place(schema))


def _place(schema: Node) -> str:
    """Return the words of what a schema is in, from the outside in: `CreateDomainSettings`."""
    operation = _OPERATION.match(schema.pointer)
    if operation is None:
        return "".join(_parts(schema, ""))
    prefix = operation[0]
    node = schema.document.at(prefix)
    name = (node and node.text("operationId")) or f"{operation[2]} {_unquoted(operation[1])}"
    return naming.class_name(name) + "".join(_parts(schema, prefix))


def _parts(schema: Node, prefix: str) -> Iterator[str]:
    pointer = schema.pointer
    for step in _STEP.finditer(pointer, len(prefix)):
        _, name, union, index, word = step.groups()
        if name:
            yield naming.pascal(_unquoted(name))
        elif union:
            yield _option(schema, f"{pointer[: step.start()]}/{union}", int(index))
        elif word:
            yield _WORDS.get(word, naming.class_name(_unquoted(word)))


def _option(schema: Node, union: str, index: int) -> str:
    """Return what tells the options of a union apart: nothing, if there is one beside null."""
    node = schema.document.at(union)
    options = [each.value for _, each in node.items()] if node else []
    return f"Option{index + 1}" if len([each for each in options if each != _NULL]) > 1 else ""


def _unquoted(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")

"""YAML text -> a `Document` of plain JSON data.

YAML by its 1.2 rules: `NO`, `on` and dates stay strings, keys stay as written. What is not JSON is
refused.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .document import ContractError, Document, Json, Place, Problem, step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["load", "read"]

_TAG: Final = "tag:yaml.org,2002:"
_CONSTANTS: Final[Mapping[str, Json]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_LONGEST_NUMBER: Final = 100
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def load(path: Path) -> Document:
    """Read a contract from a file; its messages name the file as it was given."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ContractError(Problem(str(path), 1, "/", f"cannot be read: {reason}")) from error
    return read(text, file=str(path))


def read(text: str, *, file: str) -> Document:
    """Read a contract from text."""
    yaml: Any = YAML(typ="safe", pure=True)
    try:
        tree = cast("_YamlNode | None", yaml.compose(text))
    except YAMLError as error:
        raise ContractError(_not_yaml(file, error)) from error
    if tree is None:
        raise ContractError(Problem(file, 1, "/", "is empty"))
    reader = _Reader(file)
    try:
        data = reader.value(tree, "")
    except RecursionError as error:
        raise ContractError(Problem(file, 1, "/", "is nested without end")) from error
    return Document(file, data, reader.places)


def _not_yaml(file: str, error: YAMLError) -> Problem:
    mark: Any = getattr(error, "problem_mark", None)
    reason = str(getattr(error, "problem", None) or error).splitlines()[0]
    return Problem(file, mark.line + 1 if mark else 1, "/", f"not YAML: {reason}")


class _Mark(Protocol):
    line: int


class _YamlNode(Protocol):
    """What ruamel.yaml composes, with the types that it does not declare."""

    id: str
    tag: str
    value: Any
    style: str | None
    start_mark: _Mark


@attrs.frozen
class _Reader:
    """Turns a tree of YAML nodes into JSON data, noting places on the way."""

    file: str
    places: dict[str, Place] = attrs.field(factory=dict[str, Place])

    def value(self, node: _YamlNode, pointer: str) -> Json:
        self.places.setdefault(pointer, Place(self.file, node.start_mark.line + 1, pointer))
        if node.id == "mapping":
            return self._mapping(node, pointer)
        if node.id == "sequence":
            elements: Sequence[_YamlNode] = node.value
            return [self.value(each, f"{pointer}/{i}") for i, each in enumerate(elements)]
        return self._scalar(node, pointer)

    def _mapping(self, node: _YamlNode, pointer: str) -> Json:
        result: dict[str, Json] = {}
        pairs: Sequence[tuple[_YamlNode, _YamlNode]] = node.value
        for key, value in pairs:
            if key.id != "scalar" or key.tag == f"{_TAG}merge":
                self._fail(key, pointer, "YAML merge keys and keys of several parts are not JSON")
            name = str(key.value)
            if name in result:
                self._fail(key, pointer, f"the key `{name}` is given twice")
            place = f"{pointer}/{step(name)}"
            self.places[place] = Place(self.file, key.start_mark.line + 1, place)
            result[name] = self.value(value, place)
        return result

    def _scalar(self, node: _YamlNode, pointer: str) -> Json:
        text, tag = str(node.value), str(node.tag)
        if not tag.startswith(_TAG):
            self._fail(node, pointer, f"the YAML tag `{tag}` is not JSON")
        if not text.isprintable() and any("\ud800" <= each <= "\udfff" for each in text):
            self._fail(node, pointer, "half a character (a lone surrogate) is not Unicode")
        if tag == f"{_TAG}str" or node.style is not None:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text) and len(text) <= _LONGEST_NUMBER:
            return int(text, 0 if text[:2] in {"0o", "0x"} else 10)
        if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        if text.lower().lstrip("+-") in {".inf", ".nan"} or _FLOAT.fullmatch(text):
            self._fail(node, pointer, f"`{text[:_LONGEST_NUMBER]}` is not JSON")
        return text

    def _fail(self, node: _YamlNode, pointer: str, message: str) -> NoReturn:
        raise ContractError(Problem(self.file, node.start_mark.line + 1, pointer or "/", message))

"""Manifests in JSON. The decoder tells no lines: a second look at the text does, if need be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final, cast

import attrs

from ._document import DEEPEST, Document, Unreadable
from ._faults import Note, Path
from ._names import quoted

__all__ = ["read_json"]

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]|[^\s{}\[\],:"]+')


def read_json(text: str) -> Document:
    """Return the content of a file in JSON.

    Raises:
        Unreadable: It is not JSON, or nested too deep.
    """
    has_duplicates = False

    def mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal has_duplicates
        found = dict(pairs)
        has_duplicates = has_duplicates or len(found) < len(pairs)
        return found

    try:
        # As an int, a number of thousands of digits is an error of its own.
        tree: object = json.loads(text, object_pairs_hook=mapping, parse_int=float)
    except json.JSONDecodeError as error:
        what = f"{error.msg[:1].lower()}{error.msg[1:]} (column {error.colno})"
        raise Unreadable(error.lineno, f"not valid JSON: {what}") from None
    except RecursionError:
        raise Unreadable(None, "nested too deep") from None
    # The scan refuses what is too deep, where it knows the line.
    needs_scan = has_duplicates or _is_too_deep(tree)
    return Document(
        tree=tree,
        lines=lambda: _Scan(text).lines,
        faults=_Scan(text).faults if needs_scan else (),
    )


def _is_too_deep(tree: object) -> bool:
    level = _containers([tree])
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _containers(value)]
    return bool(level)


def _containers(value: object) -> list[object]:
    """Return the mappings and lists that are directly in one."""
    inner = cast("Mapping[str, object]", value).values() if isinstance(value, dict) else value
    return [one for one in cast("Iterable[object]", inner) if isinstance(one, dict | list)]


@attrs.define
class _Open:
    """A mapping or a list that is still open, and the step to what comes next in it."""

    path: Path
    step: str | int | None  # None before a key
    key_lines: dict[str, int] = attrs.field(factory=dict[str, int])

    @property
    def next_path(self) -> Path:
        return self.path if self.step is None else (*self.path, self.step)


class _Scan:
    """The lines of keys and values in valid JSON, and the keys that come again.

    Of a key that comes again, the last value counts, as it does in the tree.

    Raises:
        Unreadable: It is nested too deep.
    """

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[Note] = []
        self._stack: list[_Open] = []
        self._line = 1
        for match in _TOKEN.finditer(text):
            self._take(match[0])

    def _take(self, token: str) -> None:
        if token == "\n":  # noqa: S105 - of JSON
            self._line += 1
        elif token in {"}", "]"}:
            self._stack.pop()
        elif token == ",":  # noqa: S105
            top = self._stack[-1]
            top.step = top.step + 1 if isinstance(top.step, int) else None
        elif token != ":":  # noqa: S105
            self._take_value(token)

    def _take_value(self, token: str) -> None:
        top = self._stack[-1] if self._stack else None
        if top and top.step is None:
            self._take_key(top, json.loads(token))
            return
        path = top.next_path if top else ()
        # The line of a mapping's value is that of its key.
        if top is None or isinstance(top.step, int):
            self.lines[path] = self._line
        if token in {"{", "["}:
            if len(self._stack) == DEEPEST:
                raise Unreadable(self._line, "nested too deep")
            self._stack.append(_Open(path, None if token == "{" else 0))  # noqa: S105

    def _take_key(self, top: _Open, key: str) -> None:
        path = (*top.path, key)
        if key in top.key_lines:
            text = f"the key {quoted(key)} is there already, in line {top.key_lines[key]}"
            self.faults.append(Note(path, f"{text}; take one out", line=self._line))
        top.key_lines.setdefault(key, self._line)
        top.step = key
        self.lines[path] = self._line

"""Manifests in YAML, from the events of PyYAML's safe parser. Imported only to read one.

What is not in quotes is text as it is written, other than the booleans and null: no number, date
or octal is made of it. Aliases are followed within bounds; tags and merge keys are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from typing import Final

import attrs
import yaml

from ...errors import printable
from ._document import DEEPEST, Document, Unreadable
from ._faults import Note, Path
from ._names import quoted

__all__ = ["read_yaml"]

_MOST_BY_ALIASES: Final = 100_000
_TRUE: Final = ("true", "yes", "on")
_FALSE: Final = ("false", "no", "off")
_WORDS: Final[dict[str, bool | None]] = {
    form: value
    for words, value in ((_TRUE, True), (_FALSE, False), (("null", "~", ""), None))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}
# The faster one comes with PyYAML's wheels, but not with every build of it.
_LOADER: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML 1.1 takes for the end of a line; editors count the first only.
_LINE_END: Final = re.compile("[\n\x85\u2028\u2029]")
_NOT_PRINTABLE: Final = re.compile(
    r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)


def read_yaml(text: str) -> Document:
    """Return the content of a file in YAML.

    Raises:
        Unreadable: It is not YAML, or has something that manifests have no use for.
    """
    built = _build(text)
    return Document(tree=built.tree, faults=built.faults, lines=lambda: _lines(text))


def _lines(text: str) -> dict[Path, int]:
    lines: dict[Path, int] = {}
    _build(text, lines)
    return lines


def _build(text: str, lines: dict[Path, int] | None = None) -> _Builder:
    number_of = _line_numbers(text)
    builder = _Builder(number_of, lines)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text, number_of) from None
    except yaml.reader.ReaderError:
        found = _NOT_PRINTABLE.search(text)
        line = None if found is None else text.count("\n", 0, found.start()) + 1
        raise Unreadable(line, "a control character, which YAML does not allow") from None
    return builder


def _line_numbers(text: str) -> Callable[[int], int]:
    """Return what gives a line as YAML counts them, from 0, the number that editors give it."""
    numbers = list(accumulate((end == "\n" for end in _LINE_END.findall(text)), initial=1))
    last = len(numbers) - 1  # libyaml goes on to a line behind it
    return lambda line: numbers[min(line, last)]


def _unreadable(
    error: yaml.MarkedYAMLError, text: str, number_of: Callable[[int], int]
) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    line = None if mark is None else min(number_of(mark.line), text.rstrip("\n").count("\n") + 1)
    context = error.context
    if context and error.context_mark:
        begun = number_of(error.context_mark.line)
        context += f" that begins in line {begun}" if begun != line else ""
    what = ": ".join(filter(None, ("not valid YAML", context, error.problem)))
    return Unreadable(line, f"{printable(what)}{_hint(error, mark, text)}")


def _hint(error: yaml.MarkedYAMLError, mark: yaml.Mark | None, text: str) -> str:
    """Return what to do about what is not closed, and characters that YAML keeps for itself."""
    if mark is None:
        return ""
    for kind, end in (("sequence", "]"), ("mapping", "}")):
        if error.context == f"while parsing a flow {kind}" and end in str(error.problem):
            return f"; is a {end} missing?"
    after = _LINE_END.split(text)[mark.line : mark.line + 1]
    character = after[0][mark.column : mark.column + 1] if after else ""
    if character == "\t":
        return "; indent with spaces, not with tabs"
    return "; put the value in quotes" if character and character in "@`%*&!|>:" else ""


@attrs.define
class _Frame:
    """A mapping or a list that is still open."""

    value: dict[str, object] | list[object]
    path: Path
    anchor: str | None
    size: int = 1
    key: str | None = None
    key_lines: dict[str, int] = attrs.field(factory=dict[str, int])


class _Builder:
    """Builds a tree from events, without recursion."""

    def __init__(self, number_of: Callable[[int], int], lines: dict[Path, int] | None) -> None:
        self.tree: object = None
        self.faults: list[Note] = []
        self._number_of = number_of
        self._lines = lines
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._is_begun = False
        self._by_aliases = 0

    def take(self, event: yaml.Event) -> None:
        """Go on by one event.

        Raises:
            Unreadable: It has no place in a manifest.
        """
        line = self._number_of(event.start_mark.line) if event.start_mark else 0
        match event:
            case yaml.ScalarEvent():
                self._take_scalar(event, line)
            case yaml.SequenceStartEvent():
                self._open([], event, line)
            case yaml.MappingStartEvent():
                self._open({}, event, line)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._take_alias(str(event.anchor), line)
            case yaml.DocumentStartEvent():
                self._begin(line)
            case _:
                pass

    def _begin(self, line: int) -> None:
        if self._is_begun:
            raise Unreadable(line, "a second document begins; a manifest is a single one")
        self._is_begun = True

    def _take_scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        _refuse_tag(event.tag, line)
        if self._stack and self._stack[-1].key is None and isinstance(self._stack[-1].value, dict):
            self._take_key(event, line)
            return
        value: object = event.value
        if event.implicit[0]:
            value = _WORDS.get(event.value, event.value)
        self._put(value, 1, line)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)

    def _take_key(self, event: yaml.ScalarEvent, line: int) -> None:
        frame, key = self._stack[-1], str(event.value)
        if key == "<<" and event.implicit[0]:
            raise Unreadable(
                line, 'merge keys ("<<") are not read; write the keys out, or use an alias'
            )
        if key in frame.key_lines:
            text = f"the key {quoted(key)} is there already, in line {frame.key_lines[key]}"
            self.faults.append(Note((*frame.path, key), f"{text}; take one out", line=line))
        frame.key = key
        frame.key_lines.setdefault(key, line)
        self._note_line((*frame.path, key), line)

    def _take_alias(self, name: str, line: int) -> None:
        if name not in self._anchors:
            raise Unreadable(
                line, f"the alias {quoted('*' + name)} has nothing to stand for before it"
            )
        value, size = self._anchors[name]
        self._by_aliases += size
        if self._by_aliases > _MOST_BY_ALIASES:
            raise Unreadable(line, f"more than {_MOST_BY_ALIASES:,} values by aliases")
        self._put(value, size, line)

    def _open(
        self,
        value: dict[str, object] | list[object],
        event: yaml.CollectionStartEvent,
        line: int,
    ) -> None:
        _refuse_tag(event.tag, line)
        if len(self._stack) == DEEPEST:
            raise Unreadable(line, "nested too deep")
        path = self._put(value, 1, line)
        self._stack.append(_Frame(value, path, event.anchor))

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, frame.size)
        if self._stack:
            self._stack[-1].size += frame.size - 1

    def _put(self, value: object, size: int, line: int) -> Path:
        """Put a value where it belongs, and return the path to it."""
        if not self._stack:
            self.tree = value
            return ()
        frame = self._stack[-1]
        frame.size += size
        return self._put_in(frame, value, line)

    def _put_in(self, frame: _Frame, value: object, line: int) -> Path:
        if isinstance(frame.value, list):
            path = (*frame.path, len(frame.value))
            frame.value.append(value)
            self._note_line(path, line)
            return path
        if frame.key is None:
            raise Unreadable(line, "a key that is no plain word")
        path = (*frame.path, frame.key)
        frame.value[frame.key] = value
        frame.key = None
        return path

    def _note_line(self, path: Path, line: int) -> None:
        if self._lines is not None:
            self._lines[path] = line


def _refuse_tag(tag: str | None, line: int) -> None:
    if tag not in {None, "!"}:
        raise Unreadable(line, f"the tag {quoted(str(tag))}; a manifest has no use for tags")

"""Results on stdout, in four forms; everything else on stderr.

A table is for people: on a terminal it is coloured, unless NO_COLOR is set.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Generic, TextIO, TypeVar, cast

import attrs

from ..errors import printable
from .options import Format

__all__ = ["BOLD", "View", "counted", "gap", "note", "show", "show_one", "streamed", "styled"]

BOLD: Final = "1"
_SHOWN_OF_A_LIST: Final = 3  # in a cell of a table

T = TypeVar("T")


@attrs.frozen
class View(Generic[T]):
    """How things of a kind are shown.

    Attributes:
        columns: The headings of a table and of CSV, and what stands below each.
        record: The thing as JSON, for programs: names as the API has them.
    """

    columns: Mapping[str, Callable[[T], object]]
    record: Callable[[T], Mapping[str, object]]


def show(things: Iterable[T], view: View[T], form: Format) -> None:
    """Write things to stdout; a table of none is nothing at all."""
    things = list(things)
    with streamed(view, form, widths=_widths(things, view) if form == "table" else {}) as add:
        for thing in things:
            add(thing)


def show_one(thing: T, view: View[T], form: Format) -> None:
    """Write one thing to stdout: as a list of one, but for JSON, where it is an object."""
    if form == "json":
        _line(json.dumps(view.record(thing), indent=2))
    else:
        show([thing], view, form)


@contextmanager
def streamed(
    view: View[T],
    form: Format,
    *,
    widths: Mapping[str, int] | None = None,
    write: Callable[[str], object] | None = None,
) -> Generator[Callable[[T], None]]:
    """Write things to stdout as they come; JSON, which is one value, when the context ends.

    Args:
        view: How they are shown.
        form: The form.
        widths: How wide the columns of a table are to be, as far as they are to be wider than
            their headings; nobody knows yet what will stand in them.
        write: What writes a line, if not to stdout right away.
    """
    stream = _Stream(view, form, widths or {}, write or _line)
    try:
        yield stream.add
    finally:
        stream.end()


def note(text: str, *, quiet: bool = False) -> None:
    """Write a line for people to stderr, unless they want quiet."""
    if not quiet:
        sys.stdout.flush()
        sys.stderr.write(f"{text}\n")


def gap() -> None:
    """Write an empty line to stdout, between two tables."""
    _line("")


def counted(number: int, noun: str) -> str:
    """Return a number of things, as "1 domain" or "2,000 domains"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def styled(text: str, style: str, stream: TextIO) -> str:
    """Return a text in a style of the terminal, if a stream is one that wants it."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if is_plain or not stream.isatty() else f"\x1b[{style}m{text}\x1b[0m"


class _Stream(Generic[T]):
    """Things on their way to stdout."""

    def __init__(
        self,
        view: View[T],
        form: Format,
        widths: Mapping[str, int],
        write: Callable[[str], object],
    ) -> None:
        self._view = view
        self._form = form
        self._widths = [max(len(head), widths.get(head, 0)) for head in view.columns]
        self._write = write
        self._records: list[Mapping[str, object]] = []
        self._is_headed = False
        if form == "csv":
            self._write(_csv_line(head.lower().replace(" ", "_") for head in view.columns))

    def add(self, thing: T) -> None:
        """Write a thing, or keep it for the end."""
        match self._form:
            case "json":
                self._records.append(self._view.record(thing))
            case "jsonl":
                self._write(json.dumps(self._view.record(thing)))
            case "csv":
                self._write(_csv_line(map(_plain, _values(thing, self._view))))
            case _:
                self._head()
                self._write(_joined(_cells(thing, self._view), self._widths))

    def end(self) -> None:
        """Write what was kept."""
        if self._form == "json":
            self._write(json.dumps(self._records, indent=2))

    def _head(self) -> None:
        """Write the headings, above the first row."""
        if not self._is_headed:
            self._is_headed = True
            heads = [head.upper() for head in self._view.columns]
            self._write(styled(_joined(heads, self._widths), BOLD, sys.stdout))


def _widths(things: Sequence[T], view: View[T]) -> dict[str, int]:
    rows = [_cells(thing, view) for thing in things]
    columns = zip(*rows, strict=True) if rows else [()] * len(view.columns)
    return {
        head: max(map(len, column), default=0)
        for head, column in zip(view.columns, columns, strict=True)
    }


def _values(thing: T, view: View[T]) -> list[object]:
    return [read(thing) for read in view.columns.values()]


def _cells(thing: T, view: View[T]) -> list[str]:
    return [printable(_brief(value)) for value in _values(thing, view)]


def _brief(value: object) -> str:
    """Return a value for people: of a long list the beginning."""
    items = _items(value)
    if items is None or len(items) <= _SHOWN_OF_A_LIST:
        return _plain(value)
    shown = items[: _SHOWN_OF_A_LIST - 1]
    return f"{_plain(shown)} and {len(items) - len(shown):,} more"


def _plain(value: object) -> str:
    """Return a value as text: a list as words, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    items = _items(value)
    return str(value) if items is None else " ".join(map(str, items))


def _items(value: object) -> Sequence[object] | None:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    return cast("Sequence[object]", value)


def _csv_line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return "  ".join(cell.ljust(width) for cell, width in pairs).rstrip()


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")

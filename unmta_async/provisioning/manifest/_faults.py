"""What is wrong with a manifest, and where: found by path, shown with file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from ...errors import UsageError, printable

__all__ = [
    "MOST_FAULTS",
    "Lines",
    "ManifestError",
    "ManifestFault",
    "Note",
    "Notes",
    "Path",
    "Place",
    "placed",
]

Path: TypeAlias = tuple[str | int, ...]
"""The way from the top of a manifest to a value: keys, and positions in lists."""

Lines: TypeAlias = Mapping[Path, int]

_MOST_SHOWN: Final = 50
MOST_FAULTS: Final = 5_000
"""Faults of one manifest that are kept: more than anybody mends, and little to hold."""


@attrs.frozen(kw_only=True)
class ManifestFault:
    """One thing that is wrong, or odd, in a manifest.

    Attributes:
        file: The file, as it was named; None for a manifest made in Python.
        line: The line in the file, where it is known; the first is 1.
        path: The place in the manifest, such as "clusters.a1b2c3d4.domains[3]"; "" if it has none.
        message: What is wrong, and what to do.
    """

    file: str | None = None
    line: int | None = None
    path: str = ""
    message: str

    def __str__(self) -> str:
        where = self.path if self.file is None else printable(self.file)
        if self.line is not None:
            where = f"{where}:{self.line}"
        return f"{where}: {self.message}" if where else self.message


class ManifestError(UsageError):
    """A manifest that cannot be used.

    Attributes:
        faults: Everything that is wrong with it, up to the first 5,000 of a file; the text of the
            error shows the first of them.
    """

    def __init__(self, faults: Iterable[ManifestFault]) -> None:
        self.faults = tuple(faults)
        shown = [str(fault) for fault in self.faults[:_MOST_SHOWN]]
        if (left := len(self.faults) - len(shown)) > 0:
            at_least = "at least " if len(self.faults) >= MOST_FAULTS else ""
            shown.append(f"and {at_least}{left:,} more")
        super().__init__("\n".join(shown))

    def __str__(self) -> str:
        return self.message


@attrs.frozen
class Note:
    """Something to be said about the value at a path.

    Attributes:
        path: The way to the value.
        text: What is wrong, and what to do.
        first: The place that has the same.
        line: The line, where the path does not lead to it.
    """

    path: Path
    text: str
    first: Path | None = None
    line: int | None = None


def _no_lines() -> Lines:
    return {}


@attrs.frozen
class Place:
    """Where a manifest comes from: a file, and what gives the lines of its values; or Python."""

    file: str | None = None
    lines: Callable[[], Lines] = _no_lines


@attrs.define
class Notes:
    """Collects what is wrong or odd, by path: lines are looked up only if there is something.

    Attributes:
        faults: What is wrong.
        warnings: What is odd.
        most: How many faults are kept; those behind are dropped.
    """

    faults: list[Note] = attrs.field(factory=list["Note"])
    warnings: list[Note] = attrs.field(factory=list["Note"])
    most: float = MOST_FAULTS

    def fault(self, path: Path, text: str, first: Path | None = None) -> None:
        """Note something wrong; `first` is the place that has the same."""
        if len(self.faults) < self.most:
            self.faults.append(Note(path, text, first))

    def warn(self, path: Path, text: str, first: Path | None = None) -> None:
        """Note something odd."""
        self.warnings.append(Note(path, text, first))


def placed(notes: Sequence[Note], place: Place) -> list[ManifestFault]:
    """Return notes with file and line, in the order of the lines."""
    lines = place.lines() if notes else _no_lines()
    faults = [_placed(note, place.file, lines) for note in notes]
    return sorted(faults, key=lambda fault: fault.line or 0)


def _placed(note: Note, file: str | None, lines: Lines) -> ManifestFault:
    first = ""
    if note.first is not None:
        line = _line(lines, note.first)
        first = f" (first in line {line})" if line else f" (first at {_text(note.first)})"
    return ManifestFault(
        file=file,
        line=note.line or _line(lines, note.path),
        path=_text(note.path),
        message=note.text + first,
    )


def _line(lines: Lines, path: Path) -> int | None:
    """Return the line of a value, or of the nearest around it that has one."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _text(path: Path) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in path)
    return "".join(parts).removeprefix(".")

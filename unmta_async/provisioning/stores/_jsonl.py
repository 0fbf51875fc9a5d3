"""A store of JSON lines: a header, then a line per change, the last one of each credential counts.

A line is a whole record, so the file can be read with any tool.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, Final, cast

from ._base import FileStore
from ._files import create, is_at, lock, open_private, sync_parent
from ._protocol import StoreError
from ._record import Record, from_fields, to_fields

__all__ = ["JsonlStore"]

_FORMAT: Final = "unmta-passwords"
_VERSION: Final = 1
_HEADER: Final = json.dumps({"format": _FORMAT, "version": _VERSION}).encode() + b"\n"


class JsonlStore(FileStore):
    """Passwords in a file of JSON lines.

    It only grows: a new password stands behind the older one. `purge` writes it anew, whole; for
    thousands of credentials behind a sink that purges, `SqliteStore` is faster. A last line that a
    crash has torn is cut off; any other damage is an error, and nothing is overwritten.

    Args:
        path: The file; it is made if there is none. Its directory has to be there, on a disk of
            this machine.
    """

    def _open(self) -> _Lines:
        return _Lines(self.path)


class _Lines:
    """The open file, locked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = FileIO(open_private(path), "r+")
        try:
            lock(self._file.fileno(), path)
            # What a crash in the midst of a purge left behind holds passwords.
            self._draft.unlink(missing_ok=True)
        except BaseException:
            self.close()
            raise

    @property
    def _draft(self) -> Path:
        return self._path.with_name(f".{self._path.name}.new")

    def read(self) -> list[Record]:
        """Return all records, and repair the end of the file if a crash has torn it."""
        self._file.seek(0)
        content = self._file.readall()
        if content != _HEADER and _HEADER.startswith(content):
            self._cut(0)
            self._append(_HEADER)
            return []
        if fault := _header_fault(content.partition(b"\n")[0]):
            raise StoreError(f"{self._path}, line 1: {fault}")
        return self._records(content)

    def _records(self, content: bytes) -> list[Record]:
        *lines, rest = content.split(b"\n")
        records = [self._record(number, line) for number, line in enumerate(lines[1:], 2)]
        if not rest:
            return records
        last = _parsed(rest)
        if last is None:
            self._cut(len(content) - len(rest))
            return records
        self._append(b"\n")  # all of it but the end arrived
        return [*records, last]

    def _record(self, number: int, line: bytes) -> Record:
        record = _parsed(line)
        if record is None:
            raise StoreError(f"{self._path}, line {number}: damaged; mend the line or remove it")
        return record

    def write(self, record: Record) -> None:
        """Append a record and wait for the disk."""
        self._append(_line(record))

    def purge(self, changed: Sequence[Record], left: Iterable[Record]) -> None:  # noqa: ARG002
        """Put a new file in the place of this one, which no trace is left of."""
        self._check()
        descriptor = create(self._draft)
        if descriptor is None:
            raise StoreError(f"{self._draft} is in the way: remove it")
        draft = FileIO(descriptor, "r+")
        try:
            lock(descriptor, self._draft)  # before anybody else can find it
            _write(draft, b"".join([_HEADER, *map(_line, left)]))
            self._draft.rename(self._path)
        except BaseException:
            draft.close()
            with suppress(OSError):
                self._draft.unlink(missing_ok=True)
            raise
        old, self._file = self._file, draft
        old.close()
        sync_parent(self._path)

    def close(self) -> None:
        """Close the file, which unlocks it."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        self._check()
        _write(self._file, data)

    def _cut(self, size: int) -> None:
        self._file.truncate(size)
        os.fsync(self._file.fileno())

    def _check(self) -> None:
        if not is_at(self._path, os.fstat(self._file.fileno())):
            raise StoreError(f"{self._path} was removed or replaced while it was in use")


def _write(file: FileIO, data: bytes) -> None:
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file.fileno())


def _header_fault(line: bytes) -> str:
    header = _object(line)
    if header.get("format") != _FORMAT:
        return "not a file of passwords; use another file"
    version = header.get("version")
    if version != _VERSION:
        return f"version {version!r}, made by a newer unmta-async: use that one"
    return ""


def _line(record: Record) -> bytes:
    return json.dumps(to_fields(record)).encode() + b"\n"


def _parsed(line: bytes) -> Record | None:
    return from_fields(_object(line))


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

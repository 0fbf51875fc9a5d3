"""The state file: JSON lines, a header and then one per change, handed to the system as it is made.

What was answered is in the file and outlives the process, also a killed one; there is no fsync, so
a power failure may cost the last lines.
"""

import errno
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from .changes import Change, from_json, to_json
from .state import DEFAULT_SEED

if sys.platform != "win32":
    import fcntl

FORMAT = "unmta-sandbox"
VERSION = 1
_FIRST_BYTES = f'{{"format": "{FORMAT}", '.encode()


class StateFileError(Exception):
    """A state file cannot be used; the message says where, why, and what to do.

    The file is as it was.
    """


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a state file: from this and the changes everything follows."""

    seed: int
    began: float


class Journal:
    """An open state file, locked against other processes.

    Args:
        path: The file; it is made if there is none.
        seed: What the sandbox's keys are made from, or None for what the file says, or the default.
        now: The time, in seconds since 1970, that a new file starts with.

    Raises:
        StateFileError: It is in use, or something else, or was made with another seed, or cannot
            be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, seed: int | None, now: float) -> None:
        self.path = Path(path)
        # Append mode neither truncates nor moves; unbuffered, a line is the system's once written.
        self._file = _open(self.path)
        try:
            self._lock()
            self.header = self._begin(seed, now)
        except OSError as error:
            self.close()
            raise _unusable(self.path, error) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file, which unlocks it; twice is fine."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, change: Change) -> None:
        """Write a change; if that fails, the file is as before.

        Raises:
            OSError: It cannot be written, for want of space perhaps.
        """
        self._write(to_json(change))

    def replay(self, apply: Callable[[Change], None]) -> None:
        """Apply the changes in the file, and cut off a last line that was not finished.

        Raises:
            StateFileError: A line is damaged.
        """
        *lines, unfinished = self._content().split(b"\n")
        for number, line in enumerate(lines[1:], start=2):
            try:
                apply(from_json(json.loads(line)))
            except (ValueError, LookupError, TypeError, AttributeError):
                raise StateFileError(
                    f"{self.path}, line {number}: damaged; mend the line, or use another file"
                ) from None
        # A crash in the middle of a write leaves it behind: nobody was told of that change.
        if unfinished:
            self._file.truncate(self._file.tell() - len(unfinished))

    def _lock(self) -> None:
        if sys.platform != "win32":
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StateFileError(
                    f"{self.path} is in use by another sandbox: stop that one, or use another file"
                ) from None

    def _begin(self, seed: int | None, now: float) -> Header:
        content = self._content()
        if _is_unfinished_header(content):
            self._file.truncate(0)
            header = Header(DEFAULT_SEED if seed is None else seed, now)
            self._write({"format": FORMAT, "version": VERSION, **asdict(header)})
            return header
        header = self._read_header(content.partition(b"\n")[0])
        if seed is not None and seed != header.seed:
            raise StateFileError(
                f"{self.path} was made with seed {header.seed}, not {seed}:"
                " use that seed or none, or another file"
            )
        return header

    def _read_header(self, line: bytes) -> Header:
        data = _parse(line)
        version = data.get("version")
        if data.get("format") == FORMAT and version != VERSION:
            raise StateFileError(
                f"{self.path}, line 1: version {version}, while this sandbox reads version"
                f" {VERSION}; use another file"
            )
        if data.get("format") != FORMAT or not {"seed", "began"} <= data.keys():
            raise StateFileError(
                f"{self.path}, line 1: not a state file of the sandbox; use another file"
            )
        return Header(data["seed"], data["began"])

    def _content(self) -> bytes:
        self._file.seek(0)
        return self._file.readall()

    def _write(self, data: dict[str, Any]) -> None:
        line = json.dumps(data).encode() + b"\n"
        before = self._file.seek(0, os.SEEK_END)
        if self._file.write(line) != len(line):
            self._file.truncate(before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))


def _is_unfinished_header(content: bytes) -> bool:
    return b"\n" not in content and (
        content.startswith(_FIRST_BYTES) or _FIRST_BYTES.startswith(content)
    )


def _parse(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def _open(path: Path) -> FileIO:
    try:
        return FileIO(path, "a+")
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: OSError) -> StateFileError:
    return StateFileError(f"{path}: {error.strerror}; use another file")

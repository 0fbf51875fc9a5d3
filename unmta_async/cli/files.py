"""Files that commands read and write, "-" for standard input, and how to go on where one ended."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from .failures import USAGE, CommandError
from .output import note
from .prompt import interruptible

__all__ = ["again", "check_writable", "read_bytes", "read_text", "to_go_on", "write_atomically"]

_STDIN: Final = "-"
_LOOK: Final = 0.2  # seconds


def read_bytes(file: Path | str) -> bytes:
    """Return what is in a file; "-" is standard input.

    Raises:
        OSError: It cannot be read.
        KeyboardInterrupt: Ctrl-C, while it is awaited.
    """
    with interruptible():
        if str(file) == _STDIN:
            _await(sys.stdin.buffer)
            return sys.stdin.buffer.read()
        with Path(file).open("rb") as opened:
            _await(opened)
            return opened.read()


def read_text(file: Path | str) -> str:
    """Return the text in a file; "-" is standard input.

    Raises:
        CommandError: It is not text.
        OSError: It cannot be read.
        KeyboardInterrupt: Ctrl-C, while it is awaited.
    """
    try:
        return read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        name = "<stdin>" if str(file) == _STDIN else file
        raise CommandError(f"{name}: it is not text in UTF-8", USAGE) from None


def check_writable(file: Path | None) -> None:
    """Refuse a file that could not be written, and leave none behind.

    Raises:
        OSError: It cannot be written.
    """
    if file is None:
        return
    try:
        if not _is_special(file):
            if file.exists():
                file.open("ab").close()
            target = file.resolve()
            tempfile.TemporaryFile(prefix=f".{target.name}.", dir=target.parent).close()
    except OSError as error:  # with the name that was given
        raise OSError(error.errno, error.strerror, str(file)) from None


def write_atomically(file: Path, text: str) -> None:
    """Write a file as a whole, or leave it as it was.

    Raises:
        OSError: It cannot be written.
    """
    if _is_special(file):
        file.write_text(text, encoding="utf-8")
    else:
        _replace(file.resolve(), text)


def again(file: Path | str | None = None, left: Path | None = None) -> str:
    """Return the command that was given.

    Args:
        file: The file that it has read.
        left: The file to be read in its place.
    """
    words: Sequence[str] = sys.argv[1:]
    if file is not None and left is not None:
        words = [_exchanged(word, file, left) for word in words]
    return shlex.join(["unmta", *words])


def to_go_on(
    file: Path | str | None = None, left: Path | None = None, *, is_faulty: bool = False
) -> str:
    """Return how to go on where this command ended.

    Args:
        file: The file that it has read.
        left: The file with what is left to do, to be read in its place.
        is_faulty: Whether something is to be mended first.
    """
    mended = ", when that is mended" if is_faulty else ""
    same = ", with the same input" if str(file) == _STDIN and left is None else ""
    return f"To go on{mended}{same}:\n  {again(file, left)}"


def _exchanged(word: str, file: Path | str, left: Path) -> str:
    option, equals, value = word.rpartition("=")
    return f"{option}{equals}{left}" if Path(value) == Path(file) else word


def _await(file: BinaryIO) -> None:
    """Wait for what is typed, if it is a terminal; a Ctrl-C just before a read would be lost."""
    if file.isatty():
        note("Reading from the terminal; Ctrl-D ends it.")
        with suppress(OSError):  # Windows waits for sockets only
            while not select.select([file], [], [], _LOOK)[0]:
                pass


def _is_special(file: Path) -> bool:
    """Return whether it is a device, or a pipe, which nothing can take the place of."""
    return file.exists() and not file.is_file() and not file.is_dir()


def _replace(target: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        if target.exists():
            shutil.copymode(target, name)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""How a command ends that did not do what it was for: a line of words and an exit code."""

from __future__ import annotations

import asyncio
import errno
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from ..errors import NotFoundError, TLSError, UnmtaError, UsageError, ValidationError, printable

__all__ = [
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "USAGE",
    "CommandError",
    "exit_code",
    "quiet_down",
    "saved",
    "told",
]

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141  # as a shell has it for SIGPIPE

_PACKAGE: Final = Path(__file__).parents[1]

# Where the library's advice speaks of Python.
_ADVICE: Final[dict[type[UnmtaError], str]] = {
    TLSError: "Nothing was sent; check the certificate, or name the file of one to trust in "
    "SSL_CERT_FILE.",
    ValidationError: "Correct it and run again.",
}
_WORDS: Final = {
    "; use https, or say allow_http=True": "; use https",
    "base_url must be": "UNMTA_BASE_URL must be",
    "base_url is": "UNMTA_BASE_URL is",
}


class CommandError(Exception):
    """What a person is to read, and the exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def exit_code(error: BaseException) -> int:
    """Say on stderr what went wrong, and return the exit code."""
    code, line = _verdict(error)
    if line:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
    return code


def told(error: UnmtaError) -> str:
    """Return an error in the words of the library, with advice for the command line."""
    said = str(error)
    for kind, advice in _ADVICE.items():
        if isinstance(error, kind) and error.next_step == kind.advice:
            said = said.replace(kind.advice, advice)
    for python, words in _WORDS.items():
        said = said.replace(python, words)
    if isinstance(error, NotFoundError) and error.path_params:
        named = ", ".join(f"{name} {value}" for name, value in error.path_params.items())
        said = f"{said} ({printable(named)})"
    return " ".join((said, *getattr(error, "__notes__", ())))


def quiet_down() -> None:
    """Let nothing but commands write to stderr: no logs, no tracebacks of what runs beside."""
    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:  # whoever asks for warnings looks for faults
        sys.unraisablehook = lambda _: None
        threading.excepthook = lambda _: None


def _verdict(error: BaseException) -> tuple[int, str]:
    match error:
        case SystemExit():
            return _of_exit(error)
        case KeyboardInterrupt() | asyncio.CancelledError():
            return INTERRUPTED, "\n".join((*_lines_of(error.__cause__), "Interrupted."))
        case ExceptionGroup():
            return FAILED, "\n".join(_lines_of(error))
        case BrokenPipeError():
            return _BROKEN_PIPE, ""
        case CommandError():
            return error.code, f"error: {error}"
        case UnmtaError():
            # It has several lines only where it lists what is wrong, place by place.
            return (USAGE if isinstance(error, UsageError) else FAILED), f"error: {saved(error)}"
        case OSError(errno=errno.EBADF):
            return FAILED, "error: stdout is closed"
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return FAILED, f"error: {where}{error.strerror or printable(str(error))}"
        case _:
            return FAILED, _unexpected(error)


def _of_exit(error: SystemExit) -> tuple[int, str]:
    if isinstance(error.code, str):
        return FAILED, error.code
    return error.code or DONE, ""


def _lines_of(error: BaseException | None) -> Iterator[str]:
    """Yield a line for each error of a group: of what was left before it could be told."""
    if isinstance(error, ExceptionGroup):
        for each in cast("ExceptionGroup[Exception]", error).exceptions:
            yield _verdict(each)[1]


def saved(error: UnmtaError) -> str:
    """Return an error in words; a password that came with it is put where it can be found."""
    if error.password is None:
        return told(error)
    from .rescue import put_aside

    return told(error).replace(error.next_step, put_aside(error.password))


def _unexpected(error: BaseException) -> str:
    """Return a line that helps whoever mends it, without any value."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    place = f" in {Path(ours[-1].filename).stem}, line {ours[-1].lineno}" if ours else ""
    return (
        f"error: this should not have happened: {type(error).__name__}{place}. Please report it, "
        "with this line and the command, to the issue tracker of unmta-async."
    )

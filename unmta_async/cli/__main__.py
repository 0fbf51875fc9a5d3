"""The entry of `unmta`, and of `python -m unmta_async.cli`: run a command, and end in words.

Exit codes: 0 done, 1 failed in part or in whole, 2 wrong usage, 130 ended by Ctrl-C; 3 of
`plan --detailed-exitcode` alone: there is something to do.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command, and exit; whatever goes wrong is one line on stderr."""
    try:
        _settle_streams()
        _settle_signals()
        code = _run(arguments)
    except BaseException as error:  # noqa: BLE001 - no traceback ever reaches a person
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = _end(error)
    # What comes now only tidies up, and has nothing to say to a second Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, ValueError):
        _flush()
    sys.exit(code)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # What is still buffered has nowhere to go, and is not worth a complaint.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    from .app import app
    from .failures import quiet_down

    quiet_down()
    code: object = app(arguments)
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _end(error: BaseException) -> int:
    if isinstance(error, ModuleNotFoundError) and error.name in {"attrs", "cyclopts", "rich"}:
        sys.stderr.write(f"error: {error.name} is missing: pip install 'unmta-async[cli]'\n")
        return 1
    if isinstance(error, KeyboardInterrupt):
        with contextlib.suppress(OSError):
            sys.stderr.write("Interrupted.\n")
        return 130
    from .failures import exit_code

    return exit_code(error)


def _settle_streams() -> None:
    """Have all three streams, and write what a terminal cannot show in ASCII."""
    # What is closed by whoever started this takes a number that a socket would get otherwise.
    # Nothing can be written to such a stdout: data, and passwords above all, are not to be lost.
    for name, mode, kind in (
        ("stdin", "r", os.O_RDONLY),
        ("stdout", "w", os.O_RDONLY),
        ("stderr", "w", os.O_RDWR),
    ):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, kind)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    out: object = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")


def _settle_signals() -> None:
    """Take whatever asks for an end like Ctrl-C, unless it is to be ignored, as by nohup."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    main()

"""A person at a terminal of their own: waits for what a command says, and types then."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from .terminal import SECONDS, Result, command, environment


def converse(
    *args: object,
    says: Sequence[tuple[str, str]],
    env: Mapping[str, str] = {},
    cwd: Path | None = None,
) -> Result:
    """Run `unmta` in a terminal that it controls, so that what is typed can be Ctrl-C.

    Args:
        args: Its arguments.
        says: What to wait for, and what to type then, one after the other.
        env: Variables on top of a plain environment.
        cwd: Where it runs.
    """
    master, slave = pty.openpty()
    with os.fdopen(master, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            command(args),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        guard = threading.Timer(SECONDS, process.kill)
        guard.start()
        try:
            out = _talk(terminal, says)
            code = process.wait()
        finally:
            guard.cancel()
            process.kill()
            process.wait()
    return Result(code, out.replace("\r\n", "\n"), "")


def _talk(terminal, says: Sequence[tuple[str, str]]) -> str:
    heard, left, begin = b"", list(says), 0
    with contextlib.suppress(OSError):  # EIO: nobody has the other side open any more
        while part := terminal.read(65536):
            heard += part
            if left and left[0][0].encode() in heard[begin:]:
                begin = len(heard)
                terminal.write(left.pop(0)[1].encode())
    return heard.decode()

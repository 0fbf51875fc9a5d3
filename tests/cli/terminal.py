"""The real command in a process of its own, with pipes or in a pseudo-terminal; and snapshots."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

SNAPSHOTS = Path(__file__).with_name("snapshots")
SECONDS = 30
_FOREIGN = re.compile(
    "UNMTA_.*|COLUMNS|LINES|.*_COLOR|CI|GITHUB_ACTIONS|TERM|LC_.*|LANG|PYTHONUNBUFFERED"
)


class Result(NamedTuple):
    """How a command ended; in a terminal all it wrote is in `out`."""

    code: int
    out: str
    err: str


def run(
    *args: object,
    stdin: str | None = None,
    tty: bool = False,
    after: str = "",
    columns: int = 80,
    env: Mapping[str, str] = {},
    cwd: Path | None = None,
) -> Result:
    """Run `unmta` to its end.

    Args:
        args: Its arguments.
        stdin: What it reads; in a terminal what is typed. Without it, there is nothing to read.
        tty: Give it a terminal, for input and for all output; the character 3 is Ctrl-C there.
        after: What a terminal has to show before anything is typed.
        columns: How wide the terminal is, or what takes the place of one.
        env: Variables on top of a plain environment that has no UNMTA_... of its own.
        cwd: Where it runs.
    """
    if tty:
        return _in_terminal(args, (after, stdin or ""), columns, env, cwd)
    done = subprocess.run(
        command(args),
        input=stdin or "",
        capture_output=True,
        encoding="utf-8",
        env=environment({"COLUMNS": str(columns), **env}),
        cwd=cwd,
        timeout=SECONDS,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def started(*args: object, env: Mapping[str, str] = {}, cwd: Path | None = None) -> Iterator:
    """Start `unmta` with pipes, to look on and to send it signals; this waits for its end."""
    with subprocess.Popen(
        command(args),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(env),
        cwd=cwd,
    ) as process:
        try:
            yield process
            process.wait(SECONDS)
        finally:
            process.kill()


def check_snapshot(name: str, text: str) -> None:
    """Compare a text with the one that is kept; UPDATE_GOLDEN=1 keeps it."""
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def command(args):
    return [sys.executable, "-m", "unmta_async.cli", *map(str, args)]


def environment(env):
    plain = {name: value for name, value in os.environ.items() if not _FOREIGN.fullmatch(name)}
    ours = {
        "LANG": "C.UTF-8",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONWARNINGS": "error",
        "TERM": "xterm-256color",
    }
    return {**plain, **ours, **env}


# Whoever leads a session takes the terminal for it: only then does it send signals.
_TAKE = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def _in_terminal(args, typing, columns, env, cwd):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(master, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-ISc", _TAKE, *command(args)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(env),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        guard = threading.Timer(SECONDS, process.kill)
        guard.start()
        try:
            out = _read_to_end(terminal, *typing)
            code = process.wait()
        finally:
            guard.cancel()
            process.kill()
            process.wait()
    return Result(code, out.replace("\r\n", "\n"), "")


def _read_to_end(terminal, after, typed):
    shown, left = b"", typed.encode()
    with contextlib.suppress(OSError):  # EIO: nobody has the other side open any more
        while True:
            if left and after.encode() in shown:
                terminal.write(left)
                left = b""
            if not (part := terminal.read(65536)):
                break
            shown += part
    return shown.decode()

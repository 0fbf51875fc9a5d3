"""The processes: one for the server, one for each contender, each on a core of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT
from benchmarks.harness import Command

__all__ = ["Program", "program", "server", "versions"]


class Program:
    """A contender's program, waiting for commands."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def ask(self, command: Command) -> dict[str, Any]:
        """Have something measured.

        Raises:
            RuntimeError: The program failed; it told why on standard error.
        """
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018 - pipes, below
        self._process.stdin.write(json.dumps(asdict(command)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{command} failed")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def program(python: Path, module: str, under: Sequence[str] = ()) -> Generator[Program, None, None]:
    """Run a contender's program.

    Args:
        python: The interpreter of its environment.
        module: Its name.
        under: A command to run it under, such as valgrind; its hashes are the same each time then.
    """
    with _running(python, f"benchmarks.contenders.{module}", under) as process:
        if not under:
            _pin(process.pid, 0)
        yield Program(process)


def versions(python: Path, module: str) -> dict[str, str]:
    """Return what is installed in a contender's environment."""
    with program(python, module) as contender:
        return contender.ask(Command(kind="versions", count=1))


@contextmanager
def server() -> Generator[str, None, None]:
    """Run the server; yield its base URL."""
    with _running(Path(sys.executable), "benchmarks.server") as process:
        _pin(process.pid, -1)
        assert process.stdout  # noqa: S101 - a pipe, below
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/api/v1"


@contextmanager
def _running(
    python: Path, module: str, under: Sequence[str] = ()
) -> Generator[subprocess.Popen[str], None, None]:
    process = subprocess.Popen(  # noqa: S603 - our own programs
        [*under, python, "-m", module],
        cwd=ROOT,
        env=os.environ | ({"PYTHONHASHSEED": "0"} if under else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:  # closes its standard input, at which it ends, and waits for it
        yield process


def _pin(pid: int, core: int) -> None:
    """Keep a process on a core, so that what the other core does is not counted as its own."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {sorted(os.sched_getaffinity(0))[core]})

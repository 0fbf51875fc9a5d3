"""What it takes to import the package and make a client, beside importing aiohttp alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from benchmarks.contest import Rounds, shuffled
from benchmarks.environments import ROOT

__all__ = ["PROGRAMS", "import_rounds"]

PROGRAMS: Final = {
    "aiohttp": "import aiohttp",
    "ours": "from unmta_async import UnmtaClient; UnmtaClient(token='benchmarks')",
}
_TIMED: Final = "from time import perf_counter as now; began = now(); {code}; print(now() - began)"


def import_rounds(python: Path, rounds: int) -> Rounds:
    """Return the seconds by the clock that each import took in each round, in a new process."""
    _compile(python)
    for code in PROGRAMS.values():
        _seconds(python, code)  # read from the disk
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, code in shuffled(PROGRAMS.items()):
            taken[name].append(_seconds(python, code))
    return taken


def _compile(python: Path) -> None:
    """Write the bytecode, as an installation does; Python by itself may have been told not to."""
    subprocess.run([python, "-m", "compileall", "-q", "unmta_async"], cwd=ROOT, check=True)  # noqa: S603 - likewise


def _seconds(python: Path, code: str) -> float:
    done = subprocess.run(  # noqa: S603 - our own programs
        [python, "-c", _TIMED.format(code=code)], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    return float(done.stdout)

"""Instructions, counted by callgrind: the steady second opinion, where valgrind is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.environments import ROOT
from benchmarks.figures import per_item
from benchmarks.harness import Command
from benchmarks.imports import PROGRAMS
from benchmarks.programs import program

__all__ = ["available", "of_imports", "of_requests"]

_FEW: Final = 50
_MANY: Final = 250
_TOTAL: Final = re.compile(r"^totals: (\d+)$", re.MULTILINE)


def available() -> bool:
    """Whether there is what it takes."""
    return all(shutil.which(tool) for tool in ("valgrind", "callgrind_control"))


def of_requests(modules: Mapping[str, Path], base_url: str) -> dict[str, float]:
    """Return what each contender needs for one GET: (I(many) - I(few)) / (many - few).

    Args:
        modules: The interpreter of each module.
        base_url: Where the server is.
    """
    return _each({name: partial(_of_get, path, name, base_url) for name, path in modules.items()})


def of_imports(python: Path) -> dict[str, float]:
    """Return what each import needs, beyond starting Python."""
    programs = {"nothing": "pass", **PROGRAMS}
    counts = _each({name: partial(_of_code, python, code) for name, code in programs.items()})
    return {name: counts[name] - counts["nothing"] for name in PROGRAMS}


def _each(counts: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Count side by side: it is no matter to a count who else runs."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counting = {name: pool.submit(count) for name, count in counts.items()}
        return {name: future.result() for name, future in counting.items()}


def _of_get(python: Path, module: str, base_url: str) -> float:
    with _callgrind("--instr-atstart=no") as (command, out):
        with program(python, module, command) as contender:

            def count(requests: int) -> None:
                contender.ask(Command(kind="get", count=requests, base_url=base_url))

            count(_FEW)  # everything made at first use is made
            _control(contender.pid, "--instr=on")
            for requests in (_FEW, _MANY):
                count(requests)
                _control(contender.pid, "--dump")  # and count from zero again
        few, many = (_total(out.with_name(f"{out.name}.{number}")) for number in (1, 2))
        return per_item(_FEW, few, _MANY, many)


def _of_code(python: Path, code: str) -> float:
    with _callgrind() as (command, out):
        _run(*command, python, "-c", code)
        return _total(out)


@contextmanager
def _callgrind(*options: str) -> Generator[tuple[list[str], Path], None, None]:
    with TemporaryDirectory() as directory:
        out = Path(directory) / "callgrind"
        yield (
            ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}", *options],
            out,
        )


def _control(pid: int, order: str) -> None:
    _run("callgrind_control", order, str(pid))


def _run(*command: str | Path) -> None:
    subprocess.run(  # noqa: S603 - our own commands
        command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "0"}, capture_output=True, check=True
    )


def _total(out: Path) -> int:
    found = _TOTAL.search(out.read_text())
    if found is None:
        raise ValueError("callgrind wrote no total")
    return int(found[1])

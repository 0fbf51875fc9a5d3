"""What grows, or should not: memory with the names, CPU with run and concurrency, a large plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.contest import CONTENDERS, Contender, Match, Scenario
from benchmarks.harness import Command
from benchmarks.programs import program
from benchmarks.report import rounds_json

__all__ = ["memory", "plan", "scale"]

_FEW_NAMES: Final = 10_000
_MANY_NAMES: Final = 200_000
_PLANNED: Final = 100_000

_AT_16: Final = Scenario("at 16", "create", 10_000, concurrency=16)
_AT_1024: Final = replace(_AT_16, name="at 1,024", concurrency=1024)
_CONCURRENCY: Final = {"at 16": _AT_16, "at 1,024": _AT_1024}
_CONNECTIONS: Final = {"of 16": _AT_16, "of 1,024": replace(_AT_1024, connections=1024)}
_LENGTH: Final = {
    "of 1,000": Scenario("of 1,000", "create", 1_000, concurrency=16),
    "of 100,000": Scenario("of 100,000", "create", 100_000, concurrency=16),
}


def scale() -> dict[str, Match]:
    """Return the matches of each who is to stay as he is while the work grows.

    Plain aiohttp is among them: what aiohttp itself needs more is not ours.
    """
    named = {each.name: each for each in CONTENDERS}
    return {
        f"{what} {name}": _against_itself(named[name], scenarios)
        for what, scenarios, names in (
            ("concurrency", _CONCURRENCY, ("plain", "ours", "ours-bulk")),
            ("connections", _CONNECTIONS, ("plain", "ours", "ours-bulk")),
            ("length", _LENGTH, ("ours", "ours-bulk")),
        )
        for name in names
    }


def _against_itself(contender: Contender, scenarios: Mapping[str, Scenario]) -> Match:
    return {name: (contender, scenario) for name, scenario in scenarios.items()}


def memory(python: Path, base_url: str, rounds: int) -> dict[str, Any]:
    """Return the peaks, in bytes, of runs of few and of many names, each in a new process."""
    peaks: dict[int, list[int]] = {_FEW_NAMES: [], _MANY_NAMES: []}
    for _ in range(rounds):
        for names, seen in peaks.items():
            seen.append(_peak(python, base_url, names))
    few, many = sorted(peaks[_FEW_NAMES]), sorted(peaks[_MANY_NAMES])
    middle = rounds // 2
    return {str(_FEW_NAMES): few, str(_MANY_NAMES): many, "more": many[middle] - few[middle]}


def _peak(python: Path, base_url: str, names: int) -> int:
    command = Command(kind="memory", count=names, concurrency=16, base_url=base_url)
    with program(python, "ours") as ours:
        peak: int = ours.ask(command)["peak"]
        return peak


def plan(python: Path, base_url: str, rounds: int) -> dict[str, Any]:
    """Return what the plan of a large cluster took, beside `json.loads` of the same answer."""
    command = Command(kind="plan", count=1, size=_PLANNED, base_url=base_url)
    with program(python, "ours") as ours:
        taken = [ours.ask(command) for _ in range(rounds)]
    seconds = {what: [each[what]["wall"] for each in taken] for what in ("json", "plan")}
    return {"requests": taken[0]["requests"], **rounds_json({"seconds": seconds})["seconds"]}

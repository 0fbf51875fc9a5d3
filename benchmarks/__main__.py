"""`python -m benchmarks`: everything, or what is asked for; only the standard library is needed.

It makes an environment for each contender at first.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import instructions, large
from benchmarks.chart import chart
from benchmarks.contest import CONTENDERS, QUICK, SCENARIOS, Contender, Rounds, contest, match
from benchmarks.environments import ROOT, python_of
from benchmarks.figures import Baseline, worse
from benchmarks.imports import import_rounds
from benchmarks.machine import machine, python
from benchmarks.programs import server, versions
from benchmarks.report import count_ratios, growth_lines, ratios_of, rounds_json, table

BASELINE: Final = ROOT / "benchmarks" / "baseline.json"
RESULTS: Final = ROOT / "benchmarks" / "results"
VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_ALL: Final = tuple(each.name for each in SCENARIOS)

Pythons = Mapping[str, Path]


def main() -> int:
    """Run what is asked for; return the exit code."""
    chosen = _parser().parse_args()
    if chosen.quick:
        return quick(update=chosen.update_baseline)
    if chosen.scenarios or chosen.contenders:
        some(chosen.scenarios or _ALL, chosen.contenders or QUICK, chosen.rounds)
    else:
        full(chosen.rounds)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="aiohttp and ours only; compare with the baseline"
    )
    parser.add_argument(
        "--update-baseline", action="store_true", help="with --quick: write the baseline instead"
    )
    parser.add_argument("--scenarios", type=_several, help=f"only these, of {','.join(_ALL)}")
    names = ",".join(each.name for each in CONTENDERS)
    parser.add_argument("--contenders", type=_several, help=f"only these, of {names}")
    parser.add_argument("--rounds", type=int, default=15)
    return parser


def _several(text: str) -> Sequence[str]:
    return text.split(",")


def some(scenarios: Sequence[str], contenders: Sequence[str], rounds: int) -> None:
    """Measure some, and print the table."""
    chosen = [each for each in CONTENDERS if each.name in contenders]
    with server() as base_url:
        _print(table(_contest(scenarios, chosen, _pythons(chosen), base_url, rounds)))


def quick(*, update: bool) -> int:
    """Measure aiohttp and ours, and compare with the baseline; return the exit code."""
    chosen = [each for each in CONTENDERS if each.name in QUICK]
    pythons = _pythons(chosen)
    with server() as base_url:
        results = _contest(_ALL, chosen, pythons, base_url, rounds=7)
        results["import"] = import_rounds(pythons["ours"], rounds=7)
        counts = _request_counts(pythons, base_url)
    _print(table(results))
    _print_counts("instructions of a get", counts)
    now = _medians(results) | {"instructions get": count_ratios(counts)}
    return settle(now, update=update)


def full(rounds: int) -> None:
    """Measure everything; write the results and the chart."""
    pythons = _pythons(CONTENDERS)
    with server() as base_url:
        results = _contest(_ALL, CONTENDERS, pythons, base_url, rounds)
        results["import"] = import_rounds(pythons["ours"], rounds)
        _print(table(results))
        written = _results_head(pythons) | {"rounds": rounds, "scenarios": rounds_json(results)}
        written |= _counted(pythons, base_url) | _large(pythons, base_url)
    RESULTS.mkdir(exist_ok=True)
    out = RESULTS / f"python-{VERSION}.json"
    out.write_text(json.dumps(written, indent=1) + "\n")
    (RESULTS / "chart.svg").write_text(chart(_chart_ratios(results), _note(written)))
    print(f"Written: {out.relative_to(ROOT)}, benchmarks/results/chart.svg")


def _contest(
    scenarios: Sequence[str],
    contenders: Sequence[Contender],
    pythons: Pythons,
    base_url: str,
    rounds: int,
) -> dict[str, Rounds]:
    matches = {each.name: match(each, contenders) for each in SCENARIOS if each.name in scenarios}
    return contest(matches, pythons, base_url, rounds=rounds)


def _pythons(contenders: Sequence[Contender]) -> Pythons:
    return {module: python_of(module) for module in dict.fromkeys(c.module for c in contenders)}


def _request_counts(pythons: Pythons, base_url: str) -> dict[str, float]:
    if not instructions.available():
        print("No valgrind here: instructions are not counted.")
        return {}
    return instructions.of_requests(pythons, base_url)


def _counted(pythons: Pythons, base_url: str) -> dict[str, Any]:
    """Return the instruction counts for the results."""
    counts = {"get": _request_counts(pythons, base_url)}
    if counts["get"]:
        counts["import"] = instructions.of_imports(pythons["ours"])
    for title, each in counts.items():
        _print_counts(f"instructions of {title}", each)
    ratios = {title: count_ratios(each) for title, each in counts.items()}
    return {"instructions": {"counts": counts, "ratios": ratios}}


def _large(pythons: Pythons, base_url: str) -> dict[str, Any]:
    """Return what grows, for the results."""
    planned = large.plan(pythons["ours"], base_url, rounds=5)
    print(
        f"plan of 100,000: {planned['requests']} requests, "
        f"{planned['ratios']['plan/json']['median']:.2f} x json.loads"
    )
    memory = large.memory(pythons["ours"], base_url, rounds=3)
    print(f"memory, 200,000 names beyond 10,000: {memory['more'] / 2**20:.1f} MiB")
    scale = contest(large.scale(), pythons, base_url, rounds=3)
    _print(growth_lines(scale))
    return {"plan": planned, "memory": memory, "scale": rounds_json(scale)}


def _results_head(pythons: Pythons) -> dict[str, Any]:
    return {
        "python": python(),
        "machine": machine(),
        "versions": {module: versions(path, module) for module, path in pythons.items()},
    }


def _note(written: Mapping[str, Any]) -> str:
    aiohttp = written["versions"]["plain"]["aiohttp"]
    return f"{written['python']}, aiohttp {aiohttp}, {written['machine']['cpu']}"


def _chart_ratios(results: Mapping[str, Rounds]) -> dict[str, dict[str, float]]:
    return {
        title: {"plain": 1.0}
        | {pair.removesuffix("/plain"): value for pair, value in pairs.items()}
        for title, pairs in _medians(results, "/plain").items()
    }


def _medians(results: Mapping[str, Rounds], reference: str = "") -> dict[str, dict[str, float]]:
    return {
        title: {
            pair: value.median
            for pair, value in ratios_of(rounds).items()
            if pair.endswith(reference)
        }
        for title, rounds in results.items()
    }


def settle(now: Baseline, *, update: bool) -> int:
    """Write the baseline, or compare with it; return the exit code."""
    return _update(now) if update else _compare(now)


def _compare(now: Baseline) -> int:
    known = _read_baseline().get(VERSION)
    if known is None:
        print(f"{BASELINE.name} has nothing for Python {VERSION}: make it with --update-baseline")
        return 1
    found = list(worse(now, known))  # it knows only pairs of ours
    for each in found:
        print(f"WORSE: {each}")
    if not found:
        print("No ratio is more than 15 % worse than the baseline.")
    return 1 if found else 0


def _update(now: Baseline) -> int:
    ours = {
        title: {pair: round(value, 3) for pair, value in pairs.items() if pair.startswith("ours")}
        for title, pairs in now.items()
    }
    written = dict(sorted((_read_baseline() | {VERSION: ours}).items()))
    BASELINE.write_text(json.dumps(written, indent=2) + "\n")
    print(f"Written: {BASELINE.relative_to(ROOT)}")
    return 0


def _read_baseline() -> dict[str, Baseline]:
    if not BASELINE.exists():
        return {}
    known: dict[str, Baseline] = json.loads(BASELINE.read_text())
    return known


def _print(lines: Iterable[str]) -> None:
    print("\n".join(lines))


def _print_counts(title: str, counts: Mapping[str, float]) -> None:
    if counts:
        each = ", ".join(f"{name} {count:,.0f}" for name, count in counts.items())
        pairs = ", ".join(f"{pair} {value:.2f}" for pair, value in count_ratios(counts).items())
        print(f"{title}: {each}; {pairs}")


if __name__ == "__main__":
    sys.exit(main())

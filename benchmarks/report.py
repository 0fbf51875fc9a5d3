"""The figures as a table for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from benchmarks.contest import Rounds
from benchmarks.figures import Figure, figure, ratio

__all__ = ["count_ratios", "growth_lines", "ratios_of", "rounds_json", "table"]

REFERENCES: Final = ("plain", "floor", "aiohttp")


def ratios_of(rounds: Rounds) -> dict[str, Figure]:
    """Return for each pair such as "ours/plain" how much more the one takes than the other."""
    return {
        f"{name}/{reference}": ratio(costs, rounds[reference])
        for reference in REFERENCES
        if reference in rounds
        for name, costs in rounds.items()
        if name != reference
    }


def count_ratios(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the same of counts, which have no rounds."""
    return {
        pair: value.median
        for pair, value in ratios_of({name: [count] for name, count in counts.items()}).items()
    }


def table(results: Mapping[str, Rounds]) -> Iterator[str]:
    """Yield the lines of the table: medians, and the quartiles in brackets."""
    yield f"{'':12} {'':15} {'each takes':>12} {'x plain':>8} {'':15} {'x floor':>8}"
    for scenario, rounds in results.items():
        pairs = ratios_of(rounds)
        for name, costs in rounds.items():
            first = _cell(pairs.get(f"{name}/plain") or pairs.get(f"{name}/aiohttp"))
            cells = f"{first} {_cell(pairs.get(f'{name}/floor'))}"
            yield f"{scenario:12} {name:15} {_us(costs):>12} {cells}".rstrip()


def _us(costs: Sequence[float]) -> str:
    return f"{figure(costs).median * 1e6:,.0f} us"


def _cell(ratio: Figure | None) -> str:
    if ratio is None:
        return " " * 24
    return f"{ratio.median:8.2f} [{ratio.low:5.2f} {ratio.high:6.2f}]"


def growth_lines(results: Mapping[str, Rounds]) -> Iterator[str]:
    """Yield a line for each match of small against large: what one item takes in both."""
    for title, rounds in results.items():
        (small, few), (large, many) = rounds.items()
        sizes = f"{small} {_us(few)}, {large} {_us(many)}"
        yield f"{title:22} {sizes:42} {_cell(ratio(many, few))}"


def rounds_json(results: Mapping[str, Rounds]) -> dict[str, Any]:
    """Return rounds for the results: seconds for one item, and ratios."""
    return {
        title: {
            "seconds": {name: asdict(figure(costs)) for name, costs in rounds.items()},
            "ratios": {pair: asdict(value) for pair, value in _pairs(rounds).items()},
        }
        for title, rounds in results.items()
    }


def _pairs(rounds: Rounds) -> dict[str, Figure]:
    """Return the ratios to the references; without one, of the last to the first."""
    if pairs := ratios_of(rounds):
        return pairs
    first, *_, last = rounds
    return {f"{last}/{first}": ratio(rounds[last], rounds[first])}

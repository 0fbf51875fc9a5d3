"""The arithmetic: medians, spreads, ratios round by round, and what is worse than the baseline."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Baseline", "Figure", "Worse", "figure", "per_item", "ratio", "worse"]

TOLERANCE: Final = 0.15

Baseline = Mapping[str, Mapping[str, float]]
"""For each scenario, for each pair such as "ours/plain", their ratio."""


@dataclass(frozen=True)
class Figure:
    """The median of some rounds, and their quartiles."""

    median: float
    low: float
    high: float


def figure(rounds: Sequence[float]) -> Figure:
    """Return the median and the quartiles of rounds."""
    if len(rounds) == 1:
        return Figure(rounds[0], rounds[0], rounds[0])
    low, median, high = statistics.quantiles(rounds, n=4, method="inclusive")
    return Figure(median, low, high)


def ratio(rounds: Sequence[float], reference: Sequence[float]) -> Figure:
    """Return how much more one took than another in the same round, so that both had the same day.

    Raises:
        ValueError: They have not the same number of rounds.
    """
    return figure([mine / its for mine, its in zip(rounds, reference, strict=True)])


def per_item(few: int, few_cost: int, many: int, many_cost: int) -> float:
    """Return what one more item costs, free of what starting and ending cost."""
    return (many_cost - few_cost) / (many - few)


@dataclass(frozen=True)
class Worse:
    """A ratio beyond what the baseline allows."""

    scenario: str
    pair: str
    was: float
    now: float

    def __str__(self) -> str:
        return f"{self.scenario} {self.pair}: {self.now:.2f}, was {self.was:.2f}"


def worse(now: Baseline, baseline: Baseline, tolerance: float = TOLERANCE) -> Iterator[Worse]:
    """Yield the ratios that are worse than in the baseline by more than the tolerance.

    What only one of them has is not compared.
    """
    for scenario, pairs in now.items():
        for pair, value in pairs.items():
            was = baseline.get(scenario, {}).get(pair)
            if was is not None and value > was * (1 + tolerance):
                yield Worse(scenario, pair, was, value)

"""Who is measured at what, and the rounds: A B C, B C A, ... so that all have the same weather."""

from __future__ import annotations

import random
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.harness import Command
from benchmarks.programs import Program, program

__all__ = [
    "CONTENDERS",
    "QUICK",
    "SCENARIOS",
    "Contender",
    "Match",
    "Rounds",
    "Scenario",
    "contest",
    "match",
    "shuffled",
    "split",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Contender:
    """One column of the figures.

    Attributes:
        name: What it is called in the results.
        module: Its program, which names its environment, too.
        bulk: Whether it creates through `provision_domains`; it does nothing else then.
    """

    name: str
    module: str
    bulk: bool = False


@dataclass(frozen=True)
class Scenario:
    """One row of the figures.

    Attributes:
        name: What it is called in the results.
        kind: What is measured.
        count: How often in a round.
        concurrency: How many calls are under way.
        size: Domains in a list.
        connections: How many a client may have; 100 is what aiohttp and ours have by default.
    """

    name: str
    kind: str
    count: int
    concurrency: int = 1
    size: int = 0
    connections: int = 100

    def command(self, contender: Contender, base_url: str) -> Command:
        """Return what to ask a contender's program."""
        return Command(
            kind="provision" if contender.bulk else self.kind,
            count=self.count,
            concurrency=self.concurrency,
            size=self.size,
            connections=self.connections,
            base_url=base_url,
        )

    def suits(self, contender: Contender) -> bool:
        """Whether a contender takes part."""
        return self.kind == "create" or not contender.bulk


CONTENDERS: Final = (
    Contender("plain", "plain"),
    Contender("floor", "floor"),
    Contender("ours", "ours"),
    Contender("ours-bulk", "ours", bulk=True),
    Contender("httpx-pydantic", "httpx_pydantic"),
    Contender("generated", "generated"),
    Contender("openai-generic", "openai_generic"),
)
QUICK: Final = ("plain", "floor", "ours", "ours-bulk")
SCENARIOS: Final = (
    Scenario("get", "get", 600),
    Scenario("create-16", "create", 2000, concurrency=16),
    Scenario("create-64", "create", 2000, concurrency=64),
    Scenario("create-256", "create", 2000, concurrency=256, connections=256),
    Scenario("list-1000", "list", 20, size=1000),
    Scenario("decode-1000", "decode", 40, size=1000),
)

Entry = tuple[Contender, Scenario]
Match = Mapping[str, Entry]
"""Who does what, under the name that its figures get."""
Rounds = Mapping[str, Sequence[float]]
"""For each name, the seconds of CPU that one item took in each round."""


def match(scenario: Scenario, contenders: Sequence[Contender]) -> Match:
    """Return the match of all who take part in a scenario."""
    return {each.name: (each, scenario) for each in contenders if scenario.suits(each)}


def contest(
    matches: Mapping[str, Match],
    pythons: Mapping[str, Path],
    base_url: str,
    *,
    rounds: int,
    crews: int = 3,
) -> dict[str, Rounds]:
    """Hold matches; return the rounds of each.

    Every few rounds the programs are started anew: where a process happens to lie in memory is
    worth some percent, and shall be no contender's luck.

    Args:
        matches: What to measure.
        pythons: The interpreter of each module.
        base_url: Where the server is.
        rounds: How many rounds of each match.
        crews: How often the programs are started.
    """
    costs: dict[str, dict[str, list[float]]] = {
        title: {name: [] for name in each} for title, each in matches.items()
    }
    for size in split(rounds, crews):
        with _crew(matches, pythons) as crew:
            for title, each in matches.items():
                for name, seconds in _rounds(each, crew, base_url, size):
                    costs[title][name].append(seconds)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return dict(costs)


def split(rounds: int, crews: int) -> list[int]:
    """Return the rounds of each crew, as even as can be; a crew without any is left out."""
    sizes = (rounds // crews + (number < rounds % crews) for number in range(crews))
    return [size for size in sizes if size]


@contextmanager
def _crew(
    matches: Mapping[str, Match], pythons: Mapping[str, Path]
) -> Generator[Mapping[Contender, Program], None, None]:
    contenders = {contender for each in matches.values() for contender, _ in each.values()}
    with ExitStack() as stack:
        yield {
            each: stack.enter_context(program(pythons[each.module], each.module))
            for each in contenders
        }


def _rounds(
    match: Match, crew: Mapping[Contender, Program], base_url: str, rounds: int
) -> Iterator[tuple[str, float]]:
    for _ in range(rounds):
        for name, (contender, scenario) in shuffled(match.items()):
            cost = crew[contender].ask(scenario.command(contender, base_url))
            yield name, cost["cpu"] / scenario.count


def shuffled(items: Iterable[T]) -> list[T]:
    """Return the items in another order."""
    order = list(items)
    random.shuffle(order)
    return order

"""The contest: `cd tests && python -m promises [-v] [words of the cases to play]`."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings

from .plain import CASES, CONTENDERS, Score, judge, table


async def compete(words: list[str]) -> tuple[dict[str, Score], int]:
    """Let all contenders play the cases whose names have these words."""
    cases = [case for case in CASES if all(word in case.id for word in words)]
    return {name: await judge(one, cases) for name, one in CONTENDERS.items()}, len(cases)


def main(arguments: list[str]) -> None:
    """Print who did how."""
    # The sandbox's server grumbles about clients that go away.
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    scores, number = asyncio.run(compete([one for one in arguments if one != "-v"]))
    print(table(scores, number))
    if "-v" in arguments:
        for name, score in scores.items():
            print(f"\n{name}", *score.reasons, sep="\n  ")


if __name__ == "__main__":
    main(sys.argv[1:])

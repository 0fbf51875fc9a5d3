"""What became of many names, what is left to do, and how such a run is shown and stopped."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from ..errors import UnmtaError
from .bar import Shown, shown_progress
from .failures import DONE, FAILED, INTERRUPTED, told
from .interrupts import stopping_softly

__all__ = ["Tally", "running"]


class Tally:
    """What became of names.

    Attributes:
        left: The names that are not done, and why not.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.left = dict.fromkeys(names, "not done")
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic()

    def __getitem__(self, result: str) -> int:
        """Return of how many names this was the result."""
        return self._counts[result]

    @property
    def is_cut_short(self) -> bool:
        """Whether there are names that nothing is known of."""
        return "not done" in self.left.values()

    def count(self, name: str, result: str, error: UnmtaError | None) -> None:
        """Note what became of a name."""
        self._counts[result] += 1
        if error is None:
            del self.left[name]
        else:
            self.left[name] = told(error)

    def code(self, stop: asyncio.Event) -> int:
        """Return the exit code of a run that has ended by itself, or was stopped softly."""
        if stop.is_set():
            return INTERRUPTED
        return FAILED if self.left else DONE

    def __str__(self) -> str:
        counts = dict(sorted(self._counts.items()))
        counts["not done"] = sum(reason == "not done" for reason in self.left.values())
        said = [f"{number:,} {result}" for result, number in counts.items() if number]
        return f"{', '.join(said) or 'nothing to do'} in {time.monotonic() - self._began:.1f} s"


@contextmanager
def running(what: str, *, quiet: bool) -> Generator[tuple[Shown, asyncio.Event]]:
    """Show the progress of a run, and yield what the first Ctrl-C sets."""
    with shown_progress(what, quiet=quiet) as shown, stopping_softly() as stop:
        yield shown, stop

"""What all runs have in common: phases, what stops them, and doubts that are settled at the end.

What is done about one item is the run's own business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Protocol, TypeVar

from ..errors import UsageError
from ._patience import Patience, StopRun
from ._workers import unordered

__all__ = ["Run", "check_concurrency", "conduct"]

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class Run(Protocol[T_contra, R_co]):
    """What `conduct` needs to know of a run.

    Attributes:
        patience: What its calls go through.
    """

    patience: Patience

    async def attempt(self, item: T_contra) -> R_co | None:
        """Do what is to be done about an item; return its outcome, or None if it is in doubt.

        Raises:
            StopRun: Nothing more is to be tried.
        """
        ...

    async def settle(self) -> Sequence[R_co]:
        """Return the outcomes of the items in doubt, after another look."""
        ...

    def unsettled(self) -> Sequence[R_co]:
        """Return the outcomes of the items in doubt, as far as they are known without a look."""
        ...


async def conduct(
    run: Run[T, R],
    phases: Iterable[AsyncGenerator[T, None]],
    concurrency: int,
) -> AsyncGenerator[R, None]:
    """Yield an outcome for each item: one phase after the other, then what was in doubt.

    Whatever stops the run, there is no look any more to settle a doubt with, but an outcome.
    """
    try:
        for items in phases:
            async with (
                aclosing(items),
                aclosing(_outcomes(run, items, concurrency)) as outcomes,
            ):
                async for outcome in outcomes:
                    yield outcome
        settled = await run.settle()
    except (Exception, asyncio.CancelledError):
        for outcome in run.unsettled():
            yield outcome
        raise
    for outcome in settled:
        yield outcome


def check_concurrency(concurrency: int) -> None:
    """Refuse a number of workers that makes no sense."""
    if concurrency < 1:
        raise UsageError(f"concurrency={concurrency} must be at least 1")


def _outcomes(
    run: Run[T, R], items: AsyncGenerator[T, None], concurrency: int
) -> AsyncGenerator[R, None]:
    return unordered(_stopping(run), items, concurrency, on_stop=run.patience.stop)


def _stopping(run: Run[T, R]) -> Callable[[T], Awaitable[R | None]]:
    """Return how to attempt an item, so that what stops one attempt stops the others' waits."""

    async def attempt(item: T) -> R | None:
        try:
            return await run.attempt(item)
        except StopRun as stop:
            run.patience.stop(stop.reason)
            reason = stop.reason
        if reason is None:
            return None
        raise reason

    return attempt

"""What all runs have in common: phases, what stops them, and doubts that are settled at the end.

What is done about one item is the run's own business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..errors import UnmtaError, UsageError
from ._patience import Patience, StopRun
from ._workers import unordered

if TYPE_CHECKING:
    from ..client import UnmtaClient

__all__ = ["HasError", "Run", "conduct", "workers_for"]


class HasError(Protocol):
    """An outcome, as far as it matters here."""

    @property
    def error(self) -> UnmtaError | None:
        """What went wrong, if anything did."""
        ...


T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
R = TypeVar("R", bound=HasError)
R_co = TypeVar("R_co", bound=HasError, covariant=True)


class Run(Protocol[T_contra, R_co]):
    """What `conduct` needs to know of a run.

    Attributes:
        patience: What its calls go through, and what stops it.
    """

    patience: Patience

    async def attempt(self, item: T_contra) -> R_co | None:
        """Do what is to be done about an item; return its outcome, or None if it is in doubt.

        Raises:
            StopRun: The run is over; it was not done.
            UnmtaError: Nothing can be done about any item any more.
        """
        ...

    async def settle(self) -> Sequence[R_co]:
        """Return the outcomes of the items in doubt, after another look.

        Raises:
            StopRun: The run is over; there was no look.
        """
        ...

    def unsettled(self) -> Sequence[R_co]:
        """Return the outcomes of the items in doubt, as far as they are known without a look."""
        ...


async def conduct(
    run: Run[T, R],
    phases: Iterable[Iterable[T] | AsyncIterable[T]],
    workers: int,
    stop: asyncio.Event | None,
) -> AsyncGenerator[R, None]:
    """Yield an outcome for each item: one phase after the other, then what was in doubt.

    Whatever stops the run, there is no look any more to settle a doubt with, but an outcome.

    Raises:
        ExceptionGroup: Whoever left early would not have heard of passwords that were not stored;
            if it was cancelled, it is the cause of the cancellation.
    """
    unheard: list[UnmtaError] = []
    try:
        for items in phases:
            async with (
                _stopping(stop, run.patience),
                aclosing(_outcomes(run, items, workers, unheard)) as outcomes,
            ):
                async for outcome in outcomes:
                    yield outcome
        for outcome in await run.settle():
            yield outcome
    except (GeneratorExit, asyncio.CancelledError) as leaving:
        if unheard:
            lost = ExceptionGroup("passwords that were not stored, in `.password`", unheard)
            if isinstance(leaving, GeneratorExit):
                raise lost from None
            raise leaving from lost
        raise
    except Exception as error:
        for outcome in run.unsettled():
            yield outcome
        if not isinstance(error, StopRun):
            raise
    run.patience.raise_reason()


def workers_for(client: UnmtaClient, concurrency: int) -> int:
    """Return how many workers a run has: more than the client has connections would only wait.

    Raises:
        UsageError: The concurrency makes no sense.
    """
    if concurrency < 1:
        raise UsageError(f"concurrency={concurrency} must be at least 1")
    return min(concurrency, client.max_connections)


@asynccontextmanager
async def _stopping(stop: asyncio.Event | None, patience: Patience) -> AsyncGenerator[None]:
    """Stop a run when an event is set."""
    if stop is None:
        yield
        return
    if stop.is_set():
        patience.stop()
    watch = asyncio.ensure_future(stop.wait())
    watch.add_done_callback(lambda watch: None if watch.cancelled() else patience.stop())
    try:
        yield
    finally:
        watch.cancel()


def _outcomes(
    run: Run[T, R],
    items: Iterable[T] | AsyncIterable[T],
    workers: int,
    unheard: list[UnmtaError],
) -> AsyncGenerator[R, None]:
    def keep(left: R | asyncio.CancelledError) -> None:
        # What was to end has ended all the same: see `to_the_end`.
        error = left.__cause__ if isinstance(left, asyncio.CancelledError) else left.error
        if isinstance(error, UnmtaError) and error.password is not None:
            unheard.append(error)

    return unordered(
        run.attempt,
        items,
        workers,
        when_stopped=run.patience.when_stopped,
        on_leaving=run.patience.stop,
        on_unheard=keep,
    )

"""Many things at once: `unordered`. What the things are is none of its business."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
)
from contextlib import suppress
from typing import Final, Generic, TypeVar

__all__ = ["unordered"]

T = TypeVar("T")
R = TypeVar("R")


GRACE: Final = 10.0
"""Seconds that what is in flight may take to its end when a run is cancelled or left."""


def _never(_: Callable[[], object]) -> None:
    """Stand for a stop that does not come."""


async def unordered(
    work: Callable[[T], Awaitable[R | None]],
    items: Iterable[T] | AsyncIterable[T],
    concurrency: int,
    *,
    when_stopped: Callable[[Callable[[], object]], object] = _never,
    on_leaving: Callable[[], object] = lambda: None,
    on_unheard: Callable[[R | asyncio.CancelledError], object] = lambda _: None,
) -> AsyncGenerator[R, None]:
    """Yield what `work` returns for each item, as it comes; None is left out.

    Items are taken as they are needed, and a slow consumer holds the workers back. An exception,
    of `work` or of the items, stops the taking; what is in flight ends, and then it is raised.

    Whoever cancels it or leaves early waits for what is in flight, for a time of grace; cancelled
    once more, it is ended at once. No task is left behind.

    Args:
        work: What to do about an item.
        items: The items.
        concurrency: Items in flight at a time.
        when_stopped: It is given a function, to be called when no more items are to be taken: then
            this yields what is in flight, and ends.
        on_leaving: What to call when it is cancelled or left, so that the work may come to an end.
        on_unheard: What to call with each result that was left, and with how work that was
            cancelled ended.
    """
    crew = _Crew(work, items, concurrency)
    when_stopped(crew.stop)
    try:
        while crew.results or await crew.has_more():
            yield crew.take()
        crew.raise_what_stopped_it()
    except BaseException:
        on_leaving()
        raise
    finally:
        try:
            await crew.leave()
        finally:
            for result in crew.results:
                on_unheard(result)
            for cancelled in crew.cancelled:
                on_unheard(cancelled)


class _Crew(Generic[T, R]):
    """What the workers share.

    Attributes:
        results: What nobody has taken yet.
        cancelled: How work ended that was cancelled.
        stopped_by: The exception that stopped the taking, if one did.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[R | None]],
        items: Iterable[T] | AsyncIterable[T],
        size: int,
    ) -> None:
        self.results: deque[R] = deque()
        self.cancelled: list[asyncio.CancelledError] = []
        self.stopped_by: BaseException | None = None
        self._work = work
        self._coming = aiter(items) if isinstance(items, AsyncIterable) else None
        self._at_hand = iter(()) if isinstance(items, AsyncIterable) else iter(items)
        self._taking = asyncio.Lock()
        self._size = size
        self._busy = 0
        self._is_over = False
        self._news = asyncio.Event()  # for the consumer: work has ended, or the taking
        self._room = asyncio.Event()  # for the workers, so that a slow consumer is felt
        self._tasks = [asyncio.create_task(self._run()) for _ in range(size)]

    async def has_more(self) -> bool:
        """Wait for a result, or for the end; return whether there is one."""
        while not self.results and (self._busy or not self._is_over):
            self._news.clear()
            await self._news.wait()
        return bool(self.results)

    def take(self) -> R:
        """Return a result."""
        self._room.set()
        return self.results.popleft()

    def stop(self) -> None:
        """Take no more items."""
        self._is_over = True
        self._news.set()

    async def leave(self) -> None:
        """Take no more items, wait for what is in flight, and leave no task behind."""
        self.stop()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    while self._busy:  # who only waits for an item is not waited for
                        self._news.clear()
                        await self._news.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def raise_what_stopped_it(self) -> None:
        """Raise the exception that stopped the taking, if one did."""
        if self.stopped_by is not None:
            raise self.stopped_by

    async def _run(self) -> None:
        """Take items and work on them until there are no more, or something stops it."""
        coming = self._coming
        try:
            while not self._is_over:
                if len(self.results) >= self._size:
                    self._room.clear()
                    await self._room.wait()
                    continue
                item = next(self._at_hand) if coming is None else await self._in_turn(coming)
                self._busy += 1
                try:
                    result = await self._work(item)
                finally:
                    self._busy -= 1
                    self._news.set()
                if result is not None:
                    self.results.append(result)
        except (StopIteration, StopAsyncIteration):
            pass
        except Exception as error:  # noqa: BLE001 - it is raised where the consumer waits
            self.stopped_by = self.stopped_by or error
        except asyncio.CancelledError as error:
            self.cancelled.append(error)
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self.stopped_by = self.stopped_by or error  # the items' own
        self.stop()

    async def _in_turn(self, items: AsyncIterator[T]) -> T:
        async with self._taking:
            if self._is_over:
                raise StopAsyncIteration
            item = await anext(items)
            if self._is_over:  # stopped meanwhile
                raise StopAsyncIteration
            return item

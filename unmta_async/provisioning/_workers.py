"""Many things at once: `unordered`. What the things are is none of its business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
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
    items: AsyncIterator[T],
    concurrency: int,
    *,
    when_stopped: Callable[[Callable[[], object]], object] = _never,
    on_leaving: Callable[[], object] = lambda: None,
    on_unheard: Callable[[R], object] = lambda _: None,
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
        on_unheard: What to call with each result that was left.
    """
    crew = _Crew(work, items, concurrency)
    when_stopped(crew.stop)
    try:
        while (result := await crew.next()) is not None:
            yield result
        crew.raise_what_stopped_it()
    except BaseException:
        on_leaving()
        raise
    finally:
        try:
            await crew.leave()
        finally:
            for unheard in crew.unheard():
                on_unheard(unheard)


class _Crew(Generic[T, R]):
    """What the workers share.

    Attributes:
        stopped_by: The exception that stopped the taking, if one did.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[R | None]],
        items: AsyncIterator[T],
        size: int,
    ) -> None:
        self.stopped_by: BaseException | None = None
        self._work = work
        self._items = items
        self._results: asyncio.Queue[R | None] = asyncio.Queue()  # None ends it
        self._room = asyncio.Semaphore(size)  # so that a slow consumer is felt
        self._taking = asyncio.Lock()
        self._busy = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_over = False
        self._tasks = [asyncio.create_task(self._run()) for _ in range(size)]

    async def next(self) -> R | None:
        """Return the next result, or None if there are no more."""
        result = await self._results.get()
        self._room.release()
        return result

    def stop(self) -> None:
        """Take no more items."""
        self._is_over = True
        self._end_if_idle()

    async def leave(self) -> None:
        """Take no more items, wait for what is in flight, and leave no task behind."""
        self.stop()
        for _ in self._tasks:
            self._room.release()  # nobody takes the results any more
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await self._is_idle.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def unheard(self) -> Iterator[R]:
        """Yield the results that nobody has taken."""
        while not self._results.empty():
            if (result := self._results.get_nowait()) is not None:
                yield result

    def raise_what_stopped_it(self) -> None:
        """Raise the exception that stopped the taking, if one did."""
        if self.stopped_by is not None:
            raise self.stopped_by

    async def _run(self) -> None:
        """Take items and work on them until there are no more, or something stops it."""
        try:
            while True:
                await self._work_on(await self._take())
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - it is raised where the consumer waits
            self.stopped_by = self.stopped_by or error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self.stopped_by = self.stopped_by or error  # the items' own
        self.stop()

    async def _take(self) -> T:
        async with self._taking:
            if self._is_over:
                raise StopAsyncIteration
            item = await anext(self._items)
            if self._is_over:  # stopped meanwhile
                raise StopAsyncIteration
            return item

    async def _work_on(self, item: T) -> None:
        self._busy += 1
        self._is_idle.clear()
        try:
            result = await self._work(item)
            if result is not None:
                await self._room.acquire()
                self._results.put_nowait(result)
        finally:
            self._busy -= 1
            if not self._busy:
                self._is_idle.set()
            if self._is_over:
                self._end_if_idle()

    def _end_if_idle(self) -> None:
        if not self._busy:  # who only waits for an item is not waited for
            self._results.put_nowait(None)

"""Many things at once: `unordered`. What the things are is none of its business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

__all__ = ["unordered"]

T = TypeVar("T")
R = TypeVar("R")


async def unordered(
    work: Callable[[T], Awaitable[R | None]], items: AsyncIterator[T], concurrency: int
) -> AsyncGenerator[R, None]:
    """Yield what `work` returns for each item, as it comes; None is left out.

    Items are taken as they are needed, and a slow consumer holds the workers back. An exception,
    of `work` or of the items, stops the taking; what is in flight ends, and then it is raised.
    Whoever leaves early cancels what is in flight; no task is left behind.
    """
    crew = _Crew(work, items, concurrency)
    tasks = [asyncio.create_task(crew.run()) for _ in range(concurrency)]
    try:
        while (result := await crew.results.get()) is not None:
            yield result
        if crew.stopped_by is not None:
            raise crew.stopped_by
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Crew(Generic[T, R]):
    """What the workers share."""

    def __init__(
        self,
        work: Callable[[T], Awaitable[R | None]],
        items: AsyncIterator[T],
        size: int,
    ) -> None:
        # Bounded, so that a slow consumer is felt. None ends it.
        self.results: asyncio.Queue[R | None] = asyncio.Queue(maxsize=size)
        self.stopped_by: BaseException | None = None
        self._work = work
        self._items = items
        self._taking = asyncio.Lock()
        self._busy = 0
        self._is_over = False

    async def run(self) -> None:
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
        self._is_over = True
        if not self._busy:  # who only waits for an item is not waited for
            await self.results.put(None)

    async def _take(self) -> T:
        async with self._taking:
            if self._is_over:
                raise StopAsyncIteration
            return await anext(self._items)

    async def _work_on(self, item: T) -> None:
        self._busy += 1
        try:
            result = await self._work(item)
            if result is not None:
                await self.results.put(result)
        finally:
            self._busy -= 1

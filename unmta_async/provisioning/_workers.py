"""Many things at once: `unordered`. What the things are is none of its business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, Generic, TypeVar

__all__ = ["unordered"]

T = TypeVar("T")
R = TypeVar("R")


GRACE: Final = 10.0
"""Seconds that what is in flight may take to its end when a run is cancelled or left."""


async def unordered(
    work: Callable[[T], Awaitable[R | None]],
    items: AsyncIterator[T],
    concurrency: int,
    on_stop: Callable[[], object] = lambda: None,
) -> AsyncGenerator[R, None]:
    """Yield what `work` returns for each item, as it comes; None is left out.

    Items are taken as they are needed, and a slow consumer holds the workers back. An exception,
    of `work` or of the items, stops the taking; what is in flight ends, and then it is raised.

    Cancelled, it takes no more items, yields what is in flight as it ends, and is cancelled then;
    cancelled once more, or after a time of grace, it cancels what is in flight. Whoever leaves
    early waits for what is in flight in the same way. No task is left behind. `on_stop` is called
    in either case, so that the work can come to its end.
    """
    crew = _Crew(work, items, concurrency)
    cancelled: asyncio.CancelledError | None = None
    try:
        while True:
            try:
                result = await crew.next()
            except asyncio.CancelledError as error:
                if cancelled is not None:
                    raise
                cancelled = error
                crew.stop_soon()
                on_stop()
                continue
            if result is None:
                break
            yield result
        crew.stopped_by = cancelled or crew.stopped_by
        crew.raise_what_stopped_it()
    except BaseException:
        on_stop()
        raise
    finally:
        await crew.leave()


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
        self._end_of_grace: asyncio.TimerHandle | None = None
        self._tasks = [asyncio.create_task(self._run()) for _ in range(size)]

    async def next(self) -> R | None:
        """Return the next result, or None if there are no more."""
        result = await self._results.get()
        self._room.release()
        return result

    def stop_soon(self) -> None:
        """Take no more items, and cancel what is still in flight after a time of grace."""
        self._stop()
        if self._end_of_grace is None:
            loop = asyncio.get_running_loop()
            self._end_of_grace = loop.call_later(GRACE, self._cancel)

    async def leave(self) -> None:
        """Take no more items, wait for what is in flight, and leave no task behind."""
        self.stop_soon()
        for _ in self._tasks:
            self._room.release()  # nobody takes the results any more
        try:
            await self._is_idle.wait()
        finally:
            self._cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

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
        self._stop()

    def _stop(self) -> None:
        self._is_over = True
        self._end_if_idle()

    def _cancel(self) -> None:
        if self._end_of_grace is not None:
            self._end_of_grace.cancel()
        for task in self._tasks:
            task.cancel()

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

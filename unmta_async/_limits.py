"""The time limits of attempts: one timer of the event loop for all that are under way.

A timer for each, as `asyncio.timeout` and aiohttp have it, would mostly be set to be cancelled.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import msgspec

__all__ = ["TimeLimit", "TimeLimits"]


class TimeLimit(msgspec.Struct, eq=False):
    """When a task has to be through with what it does.

    Attributes:
        task: Who is cancelled then.
        began: Since when it counts, by the clock of the event loop.
        ends: When, by the same.
        cancelling: How often the task had been cancelled before.
        is_over: Whether it was too late.
    """

    task: asyncio.Task[Any]
    began: float
    ends: float
    cancelling: int
    is_over: bool = False


class TimeLimits:
    """The limits under way in one event loop."""

    def __init__(self) -> None:
        self._under_way: set[TimeLimit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf

    def start(self, now: float, ends: float) -> TimeLimit:
        """Have the current task cancelled at a time, unless the limit is stopped before.

        Args:
            now: The time, by the clock of the event loop.
            ends: When, by the same.

        Raises:
            RuntimeError: No task is running.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit takes a task")
        limit = TimeLimit(task, now, ends, task.cancelling())
        self._under_way.add(limit)
        if ends < self._rings:
            self._ring_at(ends)
        return limit

    def stop(self, limit: TimeLimit) -> bool:
        """End a limit; return whether it cancelled the task, and nobody else did."""
        self._under_way.discard(limit)
        return limit.is_over and limit.task.uncancel() <= limit.cancelling

    def _ring_at(self, time: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(time, self._ring)
        self._rings = time

    def _ring(self) -> None:
        self._timer, self._rings = None, math.inf
        now = asyncio.get_running_loop().time()
        late = [limit for limit in self._under_way if limit.ends <= now]
        for limit in late:
            self._under_way.remove(limit)
            limit.is_over = True
            limit.task.cancel()
        following = min((limit.ends for limit in self._under_way), default=math.inf)
        if following < math.inf:
            self._ring_at(following)

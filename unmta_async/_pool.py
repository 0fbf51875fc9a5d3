"""The sessions and whose they are, and the places on them that calls wait for.

They belong to the first event loop, and the process, that use them.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import warnings
from collections import deque
from collections.abc import Callable
from typing import Final

import aiohttp

from ._auth import TokenSource
from ._limits import TimeLimit, TimeLimits
from ._retry import Gate, RetryBudget
from .errors import ClientClosedError, ConnectTimeoutError, RateLimitError

__all__ = ["Pool"]

_SHORTEST: Final = 0.001  # seconds; in less nothing is sent and answered


class Places:
    """The places for requests in flight, handed on in the order in which they are asked for.

    A semaphore of asyncio's waits just as well. Where nothing waits, as mostly, it takes three
    times as long, and its waits have no deadline of their own.
    """

    def __init__(self, number: int) -> None:
        self.free = number
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place, if there is one."""
        if self.free:
            self.free -= 1
            return True
        return False

    async def wait(self, deadline: float) -> None:
        """Wait for a place, and take it.

        Raises:
            TimeoutError: None became free before the deadline.
        """
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        self._waiting.append(waiting)
        timer = None if math.isinf(deadline) else loop.call_at(deadline, _expire, waiting)
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self.give()  # it came in the same moment
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def give(self) -> None:
        """Give a place back: to whoever waits longest, if anybody does."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self.free += 1


def _expire(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError())


class Pool:
    """What a client and those derived from it share: sessions, token, gate, retry budget."""

    def __init__(
        self,
        *,
        open_session: Callable[[bool], aiohttp.ClientSession],
        owned: bool,
        token: TokenSource,
        budget: int,
        max_connections: int,
    ) -> None:
        self.token = token
        self.gate = Gate()
        self.budget = RetryBudget(budget)
        self._open_session = open_session
        self.owned = owned
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._closed = False
        self._closing = asyncio.Event()
        self.max_connections = max_connections
        self._places = Places(max_connections)
        self._limits = TimeLimits()

    @property
    def closed(self) -> bool:
        """Whether the client was closed, or the session that it borrows."""
        return self._closed or any(session.closed for session in self._sessions.values())

    def clock(self) -> Callable[[], float]:
        """Return the clock of the event loop; from the first session on that is the client's own.

        Raises:
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        loop = asyncio.get_running_loop()  # no loop runs on in a forked process
        if self._closed:
            raise ClientClosedError("the client is closed")
        if self._loop is not loop:
            self._settle(loop)
        return loop.time

    def _settle(self, loop: asyncio.AbstractEventLoop) -> None:
        process = os.getpid()
        if self._sessions:
            other = "process" if self._process != process else "event loop"
            raise ClientClosedError(f"the client belongs to another {other}")
        self._loop, self._process = loop, process

    def session(self, *, fresh: bool = False) -> aiohttp.ClientSession:
        """Return the session, which the first call opens.

        Args:
            fresh: Whether each request is to have a connection of its own, on which nobody can
                have left anything.

        Raises:
            ClientClosedError: The client is closed, or the session that it borrows.
        """
        if self._closed:
            raise ClientClosedError("the client is closed")
        session = self._sessions.get(fresh)
        if session is None:
            session = self._sessions[fresh] = self._open_session(fresh)
        if not self.owned and session.closed:
            raise ClientClosedError("the session of the client was closed")
        return session

    def take_place(
        self, now: float, deadline: float, longest: float | None, *, fresh: bool
    ) -> tuple[aiohttp.ClientSession, TimeLimit] | None:
        """Take one of the places for requests in flight, if there is one and the gate is open.

        Whoever gets one gives it back. This is no context manager: one costs three times as much.

        Args:
            now: The time, by the clock of the event loop.
            deadline: When the place has to be given back, by the same. The task is cancelled then.
            longest: Seconds that it may be held, if fewer are left until then.
            fresh: As in `session`.

        Returns:
            The session, and the time limit by which the place is given back; None if one has to
            wait.

        Raises:
            ClientClosedError: There is no session, or none any more.
            ConnectTimeoutError: The deadline is over.
        """
        session = self.session(fresh=fresh)  # who may not have it is told before he waits
        ends = _end(now, deadline, longest)
        if self.gate.pause(now) or not self._places.take():
            return None
        try:
            return session, self._limits.start(now, ends)
        except RuntimeError:  # no task is running
            self._places.give()
            raise

    async def wait_for_place(
        self, deadline: float, longest: float | None, *, fresh: bool
    ) -> tuple[aiohttp.ClientSession, TimeLimit]:
        """Wait for what `take_place` does not have yet.

        Raises:
            ClientClosedError: The client was closed.
            ConnectTimeoutError: No place became free before the deadline.
            RateLimitError: The gate opens after the deadline.
        """
        if not self._places.take():
            await self._wait_for_place(deadline)
        try:
            await self._wait_for_gate(deadline)
            session, now = self.session(fresh=fresh), asyncio.get_running_loop().time()
            return session, self._limits.start(now, _end(now, deadline, longest))
        except BaseException:
            self._places.give()
            raise

    def give_place(self, limit: TimeLimit) -> bool:
        """Give a place back; return whether its time was up, and nobody else cancelled the task."""
        self._places.give()
        return self._limits.stop(limit)

    async def pause(self, seconds: float) -> None:
        """Sleep, but no longer than the client is open."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    async def _wait_for_place(self, deadline: float) -> None:
        try:
            await self._places.wait(deadline)
        except TimeoutError:
            raise ConnectTimeoutError("no connection of the client became free in time") from None

    async def _wait_for_gate(self, deadline: float) -> None:
        clock = asyncio.get_running_loop().time
        while (pause := self.gate.pause(clock())) and not self.closed:
            room = deadline - clock() - pause
            if room <= 0:
                raise RateLimitError(
                    "the API asked for a pause that is longer than this call may wait",
                    status=429,
                    retry_after=pause,
                )
            await self.pause(pause + random.random() * min(pause, 1.0, room))  # noqa: S311 - jitter

    async def close(self) -> None:
        """Close the sessions, unless they are borrowed. Calls in flight end with an error."""
        self._closed = True
        self._closing.set()
        # A forked process has copies of the sockets only, and they are its parent's.
        if self.owned and self._process == os.getpid():
            for session in self._sessions.values():
                await session.close()

    def __del__(self) -> None:
        if self.closed or not self.owned or not self._sessions:
            return
        warnings.warn(
            "an UnmtaClient was never closed; use `async with`, or await its close()",
            ResourceWarning,
            source=self,
            stacklevel=2,
        )
        for session in self._sessions.values():
            session.detach()


def _end(now: float, deadline: float, longest: float | None) -> float:
    """Return when a place that is taken now has to be given back."""
    if deadline - now < _SHORTEST:
        raise ConnectTimeoutError("the time for the call was over before it was sent")
    return deadline if longest is None else min(deadline, now + longest)

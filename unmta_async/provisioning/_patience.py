"""Waiting for an API that wants to be left alone longer than one call can wait: `Patience`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from ..errors import RateLimitError, ServiceUnavailableError, UnmtaError, UsageError

__all__ = ["Patience", "RunTimeoutError", "StopRun"]

T = TypeVar("T")

# Where a refusal does not say when to come back, and at least.
_DEFAULT_SECONDS: Final = 30.0
_LEAST_SECONDS: Final = 1.0
# Pauses in a row after which nothing went through: then the API does not mean "later".
_PAUSES_IN_VAIN: Final = 3


class RunTimeoutError(UnmtaError, TimeoutError):
    """The time that a run may take was over before all was done."""

    advice = "What has no outcome was not begun. Run it again to go on."


class StopRun(Exception):  # noqa: N818 - it is what to do, and not what went wrong
    """Ends a run; what was about to be done was not.

    Attributes:
        reason: What the caller of the run is to hear; None if it was the caller who stopped it.
    """

    def __init__(self, reason: UnmtaError | None) -> None:
        super().__init__()
        self.reason = reason


class Patience:
    """Pauses a whole run while the API refuses everything, and makes the refused calls again.

    The client waits by itself for as long as its `RetryPolicy` allows; here is what goes beyond.

    Args:
        timeout: Seconds that the run may take; a pause that would end later is not made.
        on_pause: What to call with the seconds of a pause that begins; not when it turns longer.

    Raises:
        UsageError: The timeout is not a number above 0.
    """

    def __init__(self, timeout: float | None, on_pause: Callable[[float], object]) -> None:
        if timeout is not None and not timeout > 0:
            raise UsageError(f"timeout={timeout!r} is not a number above 0; None is no bound")
        self._timeout = timeout
        self._deadline = math.inf if timeout is None else _now() + timeout
        self._on_pause = on_pause
        self._resumes = 0.0
        self._in_vain = 0
        self._stop: StopRun | None = None
        self._stopped = asyncio.Event()

    def stop(self, reason: UnmtaError | None = None) -> None:
        """Begin no more calls, and wait for nothing any more."""
        self._stop = self._stop or StopRun(reason)
        self._stopped.set()

    async def call(self, make: Callable[[], Awaitable[T]]) -> T:
        """Make a call; wherever it is refused for now, pause the run and make it again.

        Raises:
            StopRun: The run is over, or would have to wait too long.
            UnmtaError: Whatever else the call raises.
        """
        while True:
            await self._pause()
            try:
                result = await make()
            except (RateLimitError, ServiceUnavailableError) as error:
                if not _says_later(error):
                    raise
                self._put_off(error)
            else:
                self._in_vain = 0
                return result

    async def _pause(self) -> None:
        """Wait until calls may be made."""
        while self._stop is None and (left := self._resumes - _now()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._stopped.wait()
        if _now() >= self._deadline:
            self.stop(RunTimeoutError(f"the run did not end within {self._timeout:g} s"))
        if self._stop is not None:
            raise StopRun(self._stop.reason)

    def _put_off(self, error: RateLimitError | ServiceUnavailableError) -> None:
        """Begin a pause, or join the one that there is; or stop the run."""
        now = _now()
        seconds = max(error.retry_after or _DEFAULT_SECONDS, _LEAST_SECONDS)
        if now + seconds <= self._resumes:
            return
        if self._resumes <= now:
            self._in_vain += 1
        if self._in_vain > _PAUSES_IN_VAIN or now + seconds > self._deadline:
            self.stop(error)
            return
        is_news = self._resumes <= now
        self._resumes = now + seconds
        if is_news:
            self._on_pause(seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _says_later(error: RateLimitError | ServiceUnavailableError) -> bool:
    """Whether a refusal is the API's own "not now"; a 429 is believed of anybody."""
    if error.may_have_been_applied:
        return False
    return isinstance(error, RateLimitError) or error.confirmed

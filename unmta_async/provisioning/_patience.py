"""Waiting for an API that wants to be left alone longer than one call can wait: `Patience`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from ..errors import RateLimitError, ServiceUnavailableError, UnmtaError, UsageError

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..options import Attempt

__all__ = ["Patience", "RunTimeoutError", "StopRun"]

T = TypeVar("T")

# Where a refusal does not say when to come back, at first; and at least.
_FIRST_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 1.0
# Pauses in a row after which nothing was answered: then the API does not mean "later".
_PAUSES_IN_VAIN: Final = 4


class RunTimeoutError(UnmtaError, TimeoutError):
    """The time that a run may take was over before all was done."""

    advice = "What has no outcome was not begun. Run it again to go on."


class StopRun(Exception):  # noqa: N818 - it is what to do, and not what went wrong
    """Ends an attempt that was not made, because the run is over."""


class Patience:
    """Pauses a whole run while the API refuses everything, and makes the refused calls again.

    The client waits by itself for as long as its `RetryPolicy` allows; here is what goes beyond.

    Args:
        timeout: Seconds that the run may take; a pause that would end later is not made.
        on_pause: What to call with the seconds of a pause that begins, or turns longer.

    Attributes:
        is_stopped: Whether nothing more is to be begun.
        reason: What stopped the run, unless its caller did.

    Raises:
        UsageError: The timeout is not a number above 0.
    """

    def __init__(self, timeout: float | None, on_pause: Callable[[float], object]) -> None:
        if timeout is not None and not timeout > 0:
            raise UsageError(f"timeout={timeout!r} is not a number above 0; None is no bound")
        self._now = asyncio.get_running_loop().time
        self._timeout = timeout
        self._deadline = math.inf if timeout is None else self._now() + timeout
        self._on_pause = on_pause
        self._resumes = 0.0
        self._in_vain = 0
        self._counted = 0.0  # whoever is refused until then is so by the same pause
        self.is_stopped = False
        self.reason: UnmtaError | None = None
        self._stopped = asyncio.Event()  # for those who wait in a pause
        self._stops: list[Callable[[], object]] = []

    def when_stopped(self, stop: Callable[[], object]) -> None:
        """Let a function be called when nothing more is to be begun."""
        self._stops.append(stop)
        if self.is_stopped:
            stop()

    def stop(self, reason: UnmtaError | None = None) -> None:
        """Begin nothing more, and wait for nothing any more.

        Args:
            reason: What the caller of the run is to hear; None if it is the caller who stops it.
        """
        if self.is_stopped:
            return
        self.reason = reason
        self.is_stopped = True
        self._stopped.set()
        for stop in self._stops:
            stop()

    def raise_reason(self) -> None:
        """Raise what stopped the run, if anything but its caller did."""
        if self.reason is not None:
            raise self.reason

    def watched(self, client: UnmtaClient) -> UnmtaClient:
        """Return a client whose own waits are known here, too."""
        return client.with_options(on_attempt=self._heard)

    async def ready(self) -> None:
        """Wait until calls may be made.

        Raises:
            StopRun: The run is over.
        """
        while not self.is_stopped and (left := self._resumes - self._now()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._stopped.wait()
        if self._now() >= self._deadline:
            self.stop(RunTimeoutError(f"the run did not end within {self._timeout:g} s"))
        if self.is_stopped:
            raise StopRun

    async def call(self, make: Callable[[], Awaitable[T]]) -> T:
        """Make a call; wherever it is refused for now, pause the run and make it again.

        Raises:
            StopRun: The run is over, or would have to wait too long.
            UnmtaError: Whatever else the call raises.
        """
        while True:
            if self.is_stopped or not self._resumes <= self._now() < self._deadline:
                await self.ready()
            try:
                result = await make()
            except UnmtaError as error:
                if not _says_later(error):
                    self._in_vain = 0
                    raise
                self._put_off(_retry_after(error), error)
            else:
                self._in_vain = 0
                return result

    def _heard(self, attempt: Attempt) -> None:
        if not _says_later(attempt.error):
            return
        seconds = attempt.retry_in or _retry_after(attempt.error) or 0.0
        # After a 429 the client holds back every call.
        if isinstance(attempt.error, RateLimitError):
            self._resumes = max(self._resumes, self._now() + seconds)
        self._on_pause(seconds)

    def _put_off(self, asked: float | None, error: UnmtaError) -> None:
        """Begin a pause, or join the one that there is; or stop the run."""
        now = self._now()
        self._in_vain += now >= self._counted
        growing = _FIRST_SECONDS * 2 ** (self._in_vain - 1)
        seconds = growing if asked is None else max(asked, _LEAST_SECONDS)
        self._resumes = self._counted = max(self._resumes, now + seconds)
        if self._in_vain > _PAUSES_IN_VAIN or self._resumes > self._deadline:
            self.stop(error)
        else:
            self._on_pause(seconds)


def _says_later(error: UnmtaError | None) -> bool:
    """Whether an error is the API's own "not now"; a 429 is believed of anybody."""
    if error is None or error.may_have_been_applied:
        return False
    if isinstance(error, ServiceUnavailableError):
        return error.confirmed
    return isinstance(error, RateLimitError)


def _retry_after(error: UnmtaError | None) -> float | None:
    if isinstance(error, RateLimitError | ServiceUnavailableError):
        return error.retry_after
    return None

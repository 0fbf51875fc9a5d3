"""How far a run has come: `Progress`, for a bar, a log or a web page. It draws nothing itself."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import attrs

from ._words import duration

__all__ = ["Listener", "Meter", "Progress"]

logger: Final = logging.getLogger("unmta_async")

# The rate is that of the last ten seconds, or so: one sample a second.
_SAMPLES: Final = 10
_SAMPLE_SECONDS: Final = 1.0


@attrs.frozen(kw_only=True)
class Progress:
    """How far a run has come, at one moment. `attrs.asdict` gives its fields.

    Attributes:
        done: Items that have an outcome, failed ones too.
        failed: Those among them that failed.
        total: All items; None while nobody can tell.
        seconds: Seconds since the run began.
        rate: Items a second, of late.
        eta: Seconds until the end, if it goes on like that; None while nobody can tell.
        paused_until: Until when the API wants to be left alone; None if it does not.
    """

    done: int
    failed: int
    total: int | None
    seconds: float
    rate: float
    eta: float | None
    paused_until: datetime | None

    @property
    def paused_for(self) -> float:
        """Seconds, from now, until the run goes on; 0 if it is not paused."""
        if self.paused_until is None:
            return 0.0
        return max(0.0, (self.paused_until - datetime.now(UTC)).total_seconds())

    def __str__(self) -> str:
        """One line for a log, such as "1,204/10,000 done, 3 failed, 310/s, 29 s left"."""
        total = "" if self.total is None else f"/{self.total:,}"
        parts = [f"{self.done:,}{total} done"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.paused_for:
            parts.append(f"paused {self.paused_for:.0f} s: rate limit")
        elif self.rate:
            parts.append(f"{self.rate:,.0f}/s" if self.rate >= 10 else f"{self.rate:.1f}/s")
        if self.eta:
            parts.append(f"{duration(self.eta)} left")
        return ", ".join(parts)


Listener: TypeAlias = Callable[[Progress], object]


class Meter:
    """Counts what is done, and tells a listener, if there is one.

    Args:
        listener: What to call with a `Progress` after each item, and when a pause begins.
        total: All items, if it is known.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        listener: Listener | None,
        total: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._total = total
        self._clock = clock
        self._began = clock()
        self._done = 0
        self._failed = 0
        self._resumes = 0.0  # by the clock
        self._samples = deque([(self._began, 0)], maxlen=_SAMPLES)

    def count(self, *, failed: bool) -> None:
        """Note that one more item is done."""
        self._done += 1
        self._failed += failed
        self._tell()

    def pause(self, seconds: float) -> None:
        """Note that the API wants to be left alone for a time."""
        until = self._clock() + seconds
        # Calls that are refused one after the other ask for much the same pause.
        is_news = until > self._resumes + _SAMPLE_SECONDS
        self._resumes = max(self._resumes, until)
        if is_news:
            self._tell()

    def _tell(self) -> None:
        if self._listener is None:
            return
        now = self._clock()
        if now - self._samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples.append((now, self._done))
        try:
            self._listener(self._progress(now))
        except Exception:  # what was done is worth more than its report
            logger.exception("on_progress failed")

    def _progress(self, now: float) -> Progress:
        pause = max(0.0, self._resumes - now)
        rate = self._rate(now)
        left = None if self._total is None else self._total - self._done
        return Progress(
            done=self._done,
            failed=self._failed,
            total=self._total,
            seconds=now - self._began,
            rate=rate,
            eta=pause + left / rate if left is not None and rate else None,
            paused_until=datetime.now(UTC) + timedelta(seconds=pause) if pause else None,
        )

    def _rate(self, now: float) -> float:
        then, done = self._samples[0]
        return (self._done - done) / (now - then) if now > then else 0.0

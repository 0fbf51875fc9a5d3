"""The sandbox's own time: the real one, or one that stands still; either can be moved forward."""

import time
from datetime import UTC, datetime


class Clock:
    """Tell the sandbox's time in seconds since 1970.

    Without `start` it runs with the system's clock. With one it stands still there, and only
    `advance` moves it.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._fixed = start.timestamp() if start else None
        self._ahead = 0.0

    def now(self) -> float:
        """Return the seconds since 1970, UTC."""
        return (time.time() if self._fixed is None else self._fixed) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the time forward by this many seconds.

        Raises:
            ValueError: `seconds` is negative: what has happened would lie in the future.
        """
        if seconds < 0:
            raise ValueError(f"a clock goes forward only, not by {seconds} seconds")
        self._ahead += seconds

    def catch_up(self, moment: float) -> None:
        """Move the time forward to a moment, if it lies ahead."""
        self._ahead += max(0.0, moment - self.now())


def timestamp(moment: float) -> str:
    """Write a moment as the API does: `2025-01-15T10:30:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

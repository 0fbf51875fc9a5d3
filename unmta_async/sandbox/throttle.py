"""How many requests are let in: a bucket of tokens that fills with the sandbox's time.

Pure: it counts, and waits for nothing.
"""

import math
from dataclasses import dataclass

from .clock import Clock
from .rules import REQUEST_RATE, obeys


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request may come in.

    Attributes:
        limit: How many may come at once.
        remaining: How many may still.
        retry_after: Whole seconds until one may come again, if this one may not; otherwise 0.
    """

    limit: int
    remaining: int
    retry_after: int


class Throttle:
    """A bucket that holds a second's worth of requests, and one at least.

    Args:
        rate: Requests a second.
        clock: The time it goes by.

    Raises:
        ValueError: The rate is not a positive number.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        if not 0 < rate < math.inf:
            raise ValueError(f"a rate limit is a positive number of requests a second, not {rate}")
        self._rate = rate
        self._clock = clock
        self._size = max(1.0, rate)
        self._left = self._size
        self._filled = clock.now()

    @obeys(REQUEST_RATE)
    def admit(self) -> Admission:
        """Take a token out for a request, if there is one."""
        self._fill()
        missing = 1 - self._left
        if missing <= 0:
            self._left -= 1
        retry_after = max(1, math.ceil(missing / self._rate)) if missing > 0 else 0
        return Admission(math.floor(self._size), math.floor(self._left), retry_after)

    def _fill(self) -> None:
        now = self._clock.now()
        self._left = min(self._size, self._left + max(0.0, now - self._filled) * self._rate)
        self._filled = now

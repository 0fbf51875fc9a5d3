"""What a caller may choose, `Timeout` and `RetryPolicy`, and may hear, `Attempt` and `Drift`."""

from __future__ import annotations

import math
from typing import Literal, Self, TypeAlias, TypeGuard

import attrs

from .errors import UnmtaError, UsageError

__all__ = ["Attempt", "Drift", "DriftKind", "RetryPolicy", "Timeout"]


@attrs.frozen
class Timeout:
    """How long a call may take, in seconds; None is no bound.

    Attributes:
        total: The whole call: every attempt, the waits between, and waiting for a free connection.
        attempt: One attempt, from its start to the last byte of the answer.
        connect: DNS, TCP and TLS of one attempt.
    """

    total: float | None = 120.0
    attempt: float | None = 30.0
    connect: float | None = 10.0

    def __attrs_post_init__(self) -> None:
        for name in ("total", "attempt", "connect"):
            value: object = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise UsageError(
                    f"Timeout: {name}={value!r} is not a number above 0; None is no bound"
                )

    @classmethod
    def of(cls, value: Timeout | float) -> Timeout:
        """Return a `Timeout` as it is; a number bounds the whole call."""
        return value if isinstance(value, Timeout) else cls(total=value)


@attrs.frozen
class RetryPolicy:
    """When a failed attempt is made again. Changes that must not happen twice never are.

    Attributes:
        attempts: Attempts at one call, all in all, where the failure is none of the next kind.
        throttle_attempts: Attempts at one call that the API may put off with 429 or 503.
        backoff: Seconds that the first wait lasts at most; the bound doubles each time.
        max_backoff: Seconds that no wait of that kind exceeds.
        max_retry_after: Seconds that a `Retry-After` is honoured up to; a longer one is raised at
            once.
        budget: Tokens for retries that all calls of a client share (14 for a retry, 5 for a
            throttled one, given back by success), so that an outage is not met with a multiple of
            the load.
    """

    attempts: int = 3
    throttle_attempts: int = 5
    backoff: float = 0.1
    max_backoff: float = 2.0
    max_retry_after: float = 60.0
    budget: int = 500

    def __attrs_post_init__(self) -> None:
        for name in ("attempts", "throttle_attempts"):
            value: object = getattr(self, name)
            if not (_is_number(value) and isinstance(value, int) and value > 0):
                raise UsageError(f"RetryPolicy: {name}={value!r} is not a whole number above 0")
        for name in ("backoff", "max_backoff", "max_retry_after", "budget"):
            value = getattr(self, name)
            if not (_is_number(value) and value >= 0):
                raise UsageError(f"RetryPolicy: {name}={value!r} is not a number from 0 on")

    @classmethod
    def none(cls) -> Self:
        """Return the policy that never tries again."""
        return cls(attempts=1, throttle_attempts=1)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@attrs.frozen(kw_only=True)
class Attempt:
    """One attempt at a call, as told to `on_attempt`.

    Beside what its error says, it holds no value of the request or the answer.

    Attributes:
        operation: The operation, such as "domains.create".
        method: Its HTTP method.
        route: Its path template.
        number: 1 for the first attempt of the call.
        seconds: How long it took.
        status: The HTTP status, if an answer arrived.
        request_id: The server's name for the request, if it gave one.
        error: What went wrong, if anything did.
        retry_in: Seconds until the next attempt; None if there is none.
    """

    operation: str
    method: str
    route: str
    number: int
    seconds: float
    status: int | None
    request_id: str | None
    error: UnmtaError | None
    retry_in: float | None = None

    def __str__(self) -> str:
        """What a log may say of it: names and numbers, no values."""
        failure = None if self.error is None else type(self.error).__name__
        ending = " ".join(str(part) for part in (self.status, failure) if part)
        return (
            f"{self.operation}: {self.method} {self.route} -> {ending} in {self.seconds:.3f} s "
            f"(attempt {self.number}, request id {self.request_id or 'none'})"
        )


DriftKind: TypeAlias = Literal[
    "unknown field", "unknown value", "missing field", "wrong type", "undocumented status"
]


@attrs.frozen(kw_only=True)
class Drift:
    """Something of an answer that the contract does not say, as told to `on_drift`.

    It holds no value of the answer, with one exception: a value of a set that is known by its
    members, such as a status.

    Attributes:
        operation: The operation, such as "domains.list".
        path: Where in the answer, such as "data[].status": all items of a list are one place.
        kind: What is the matter there.
        seen: What was there: the unknown value, the status, or the JSON type; "" if nothing was.
        schema: The schema of the contract that this is about, such as "Domain"; "" if the answer's
            own, around all that has a name.
        field: Where in that schema, such as "status".
    """

    operation: str
    path: str
    kind: DriftKind
    seen: str = ""
    schema: str = ""
    field: str = ""

    def __str__(self) -> str:
        """What a log may say of it."""
        where = f" at {self.path}" if self.path else ""
        return f"{self.operation}: {self.kind}{where}{f' ({self.seen})' if self.seen else ''}"

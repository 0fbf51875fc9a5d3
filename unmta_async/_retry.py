"""Whether to try again, and how long to wait.

Pure: nothing here sends, sleeps or asks for the time. It looks at our errors, so the list of
status codes stands once, in `_wire`.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from ._operation import Dated, Look, Operation
from .errors import (
    APIError,
    ClientClosedError,
    ConnectError,
    NotFoundError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    TLSError,
    TransportError,
    UnexpectedResponseError,
    UnmtaError,
    ValidationError,
)
from .options import RetryPolicy

__all__ = [
    "POLICY",
    "Effect",
    "Fault",
    "Finding",
    "Gate",
    "RetryBudget",
    "Tries",
    "Verdict",
    "classify",
    "judge",
]


class Effect(enum.Enum):
    """What a request does on the server, which decides whether it may be sent twice."""

    READ = "changes nothing"
    REPLACE = "sent twice, it does what once does"
    DELETE = "a second time could hit what somebody made anew, so one looks first"
    ONCE = "a second time fails, or does something else"
    CREATE_SECRET = "makes a password that only the lost answer held"

    @classmethod
    def of(cls, operation: Operation[Any]) -> Effect:
        """Return the effect of an operation."""
        if operation.secret:
            return cls.CREATE_SECRET
        if operation.method == "DELETE":
            return cls.DELETE if operation.look else cls.ONCE
        return _EFFECTS.get(operation.method, cls.ONCE)


_EFFECTS: Final[Mapping[str, Effect]] = {
    "GET": Effect.READ,
    "HEAD": Effect.READ,
    "OPTIONS": Effect.READ,
    "PUT": Effect.REPLACE,
}


class Fault(enum.Enum):
    """What happened to an attempt, as far as it matters for the next."""

    UNSENT = "provably never sent"
    UNTRUSTED = "TLS failed"
    AMBIGUOUS = "sent, and nobody knows whether it was applied"
    THROTTLED = "put off by the API itself, not applied"
    REFUSED = "answered: no"
    UNVOUCHED = "answered, but with nothing to rely on; or sent, and then the client was closed"


class Verdict(enum.Enum):
    """What to do about a fault."""

    RETRY = "try again after a backoff"
    WAIT = "try again when the API says"
    LOOK = "look after a backoff, then decide"
    RAISE = "raise"
    DOUBT = "raise, may have been applied"
    PASSWORD_LOST = "raise, the password went with the answer"


def _table() -> dict[tuple[Fault, Effect], Verdict]:
    retry, wait, look = Verdict.RETRY, Verdict.WAIT, Verdict.LOOK
    no, doubt, lost = Verdict.RAISE, Verdict.DOUBT, Verdict.PASSWORD_LOST
    rows = {
        # ............... READ,  REPLACE, DELETE, ONCE, CREATE_SECRET
        Fault.UNSENT: (retry, retry, retry, retry, retry),
        Fault.UNTRUSTED: (no, no, no, no, no),
        Fault.AMBIGUOUS: (retry, retry, look, doubt, lost),
        Fault.THROTTLED: (wait, wait, wait, wait, wait),
        Fault.REFUSED: (no, no, no, no, no),
        Fault.UNVOUCHED: (no, doubt, look, doubt, lost),
    }
    return {
        (fault, effect): verdict
        for fault, verdicts in rows.items()
        for effect, verdict in zip(Effect, verdicts, strict=True)
    }


POLICY: Final[Mapping[tuple[Fault, Effect], Verdict]] = _table()
_DOUBTFUL: Final = frozenset({Fault.AMBIGUOUS, Fault.UNVOUCHED})


def classify(error: UnmtaError) -> Fault:
    """Return what an error means for the next attempt."""
    match error:
        case TLSError():
            return Fault.UNTRUSTED
        case ConnectError():
            return Fault.UNSENT
        case RateLimitError() | ServiceUnavailableError(confirmed=True):
            return Fault.THROTTLED
        case TransportError() | ServerError() | APIError(status=408):
            return Fault.AMBIGUOUS
        case UnexpectedResponseError(status=status) if 300 <= status < 400:
            return Fault.REFUSED
        case UnexpectedResponseError() | ClientClosedError(may_have_been_applied=True):
            return Fault.UNVOUCHED
        case _:
            return Fault.REFUSED


class Finding(enum.Enum):
    """What a look at a resource tells of its deletion, which is in doubt."""

    GONE = "it happened"
    OLDER = "it did not happen, and no other resource would be hit"
    UNCLEAR = "it is too close to tell, or the look failed"


_CLOCK_MARGIN: Final = 2.0  # seconds; both of the server's times may have lost one by rounding


def judge(look: Look, seen: Dated[Any] | UnmtaError, name: str | None, passed: float) -> Finding:
    """Return what a look tells.

    Args:
        look: How it was made.
        seen: What it showed, or how it failed.
        name: The name of the resource, if it has one.
        passed: Seconds since before the deletion was first tried, by our own clock.
    """
    if isinstance(seen, UnmtaError):
        is_gone = look.identity is None and isinstance(seen, NotFoundError) and seen.confirmed
        return Finding.GONE if is_gone else Finding.UNCLEAR
    resource = look.find(seen.value, name)
    if resource is None:
        return Finding.GONE
    created = getattr(resource, look.created or "", None)
    if not isinstance(created, datetime) or seen.date is None:
        return Finding.UNCLEAR
    age = (seen.date - created).total_seconds()
    return Finding.OLDER if age > passed + _CLOCK_MARGIN else Finding.UNCLEAR


class RetryBudget:
    """Tokens for retries, shared by all calls of a client, so that an outage is not multiplied."""

    RETRY_COST: Final = 14
    THROTTLE_COST: Final = 5

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._tokens = capacity

    def take(self, tokens: int) -> bool:
        """Take tokens, unless there are too few."""
        if tokens > self._tokens:
            return False
        self._tokens -= tokens
        return True

    def give(self, tokens: int) -> None:
        """Give tokens back."""
        self._tokens = min(self._capacity, self._tokens + tokens)


class Gate:
    """The moment until which a 429 holds back all calls of a client. It does not wait."""

    def __init__(self) -> None:
        self._opens = 0.0

    def close(self, until: float) -> None:
        """Hold calls back until a time of the event loop's clock."""
        self._opens = max(self._opens, until)

    def pause(self, now: float) -> float:
        """Return the seconds that a call has to wait now."""
        return max(0.0, self._opens - now)


class Tries:
    """The attempts at one call: how many, at what cost, and whether any may have been applied.

    Attributes:
        doubt: Whether an attempt may have been applied.
        renewed: Whether an attempt followed a renewal of the token.
        finding: What the last look told, if there was one.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        budget: RetryBudget,
        effect: Effect,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._effect = effect
        self._jitter = jitter
        self._failed = 0
        self._throttled = 0
        self._spent = 0
        self.doubt = False
        self.renewed = False
        self.finding: Finding | None = None

    @property
    def number(self) -> int:
        """The number of the attempt under way."""
        return 1 + self._failed + self._throttled + self.renewed

    @property
    def changes_something(self) -> bool:
        """Whether the call is none that only reads."""
        return self._effect is not Effect.READ

    def interrupted(self, error: UnmtaError) -> None:
        """Tell an error that kept the next attempt from being made what is known so far."""
        error.attempts = self.number - 1
        error.may_have_been_applied = self.doubt

    def succeeded(self) -> None:
        """Give back what the retries of this call took from the budget."""
        self._budget.give(self._spent or 1)

    def failed(self, error: UnmtaError, left: float) -> float | None:
        """Note a failure; return the seconds until the next attempt, or None if there is none.

        Args:
            error: What went wrong; it is told how often was tried and whether it may have been
                applied.
            left: The seconds that the call still has.
        """
        fault = classify(error)
        verdict = POLICY[fault, self._effect]
        error.attempts = self.number
        if fault is Fault.THROTTLED:
            self._throttled += 1
        else:
            self._failed += 1
        if fault in _DOUBTFUL and self.changes_something:
            self.doubt = True
        error.may_have_been_applied = self.doubt
        wait = self._wait(verdict, error)
        return wait if wait is not None and wait < left and self._pay(verdict) else None

    @property
    def must_look(self) -> bool:
        """Whether to look at the resource before the next attempt."""
        return self.doubt and self._effect is Effect.DELETE

    def was_applied(self, error: UnmtaError) -> bool:
        """Whether a deletion that ended with an error happened by one of its attempts after all."""
        if not self.must_look:
            return False
        is_gone = isinstance(error, NotFoundError) and error.confirmed
        return is_gone or self.finding is Finding.GONE

    def lost_password(self, error: UnmtaError, identity: str | None) -> bool:
        """Whether the failure that ended the call may have left a credential without its password.

        A name that is taken after the API had put an earlier attempt off is a doubt, too: the API
        may have said 503 and created it.
        """
        if self._effect is not Effect.CREATE_SECRET or error.password is not None:
            return False
        if isinstance(error, ValidationError):
            return self._throttled > 0 and identity in error.errors
        return self.doubt

    def _wait(self, verdict: Verdict, error: UnmtaError) -> float | None:
        policy = self._policy
        if verdict in (Verdict.RETRY, Verdict.LOOK) and self._failed < policy.attempts:
            return self._backoff(self._failed)
        if verdict is Verdict.WAIT and self._throttled < policy.throttle_attempts:
            asked: float | None = getattr(error, "retry_after", None)
            if asked is None:
                return self._backoff(self._throttled)
            return asked + self._backoff(1) if asked <= policy.max_retry_after else None
        return None

    def _backoff(self, failures: int) -> float:
        doublings = min(failures - 1, 64)  # more would overflow, and reach any bound anyway
        bound = min(self._policy.max_backoff, self._policy.backoff * 2.0**doublings)
        return self._jitter() * bound

    def _pay(self, verdict: Verdict) -> bool:
        throttled = verdict is Verdict.WAIT
        cost = RetryBudget.THROTTLE_COST if throttled else RetryBudget.RETRY_COST
        paid = self._budget.take(cost)
        self._spent += cost if paid else 0
        return paid

"""Whether to try again, and how long to wait.

Pure: nothing here sends, sleeps or asks for the time. It looks at our errors, so the list of
status codes stands once, in `_wire`.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Mapping
from typing import Final

from .errors import (
    APIError,
    ClientClosedError,
    ConnectError,
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

__all__ = ["POLICY", "Effect", "Fault", "Gate", "RetryBudget", "Tries", "Verdict", "classify"]


class Effect(enum.Enum):
    """What a request does on the server, which decides whether it may be sent twice."""

    READ = "changes nothing"
    REPLACE = "sent twice, it does what once does"
    DELETE = "a second time could hit what somebody made anew"
    CREATE = "a second time fails, or makes a second one"
    CREATE_SECRET = "makes a password that only the lost answer held"

    @classmethod
    def of(cls, method: str, *, secret: bool) -> Effect:
        """Return the effect of a method, whose answer may hold a one-time secret."""
        if secret:
            return cls.CREATE_SECRET
        return _EFFECTS.get(method, cls.CREATE)


_EFFECTS: Final[Mapping[str, Effect]] = {
    "GET": Effect.READ,
    "HEAD": Effect.READ,
    "OPTIONS": Effect.READ,
    "PUT": Effect.REPLACE,
    "DELETE": Effect.DELETE,
}


class Fault(enum.Enum):
    """What happened to an attempt, as far as it matters for the next."""

    UNSENT = "provably never sent"
    UNTRUSTED = "TLS failed"
    AMBIGUOUS = "sent, and nobody knows whether it was applied"
    THROTTLED = "put off by the API itself, not applied"
    REFUSED = "answered: no"
    UNVOUCHED = "answered, but with nothing to rely on; or the client was closed under the call"


class Verdict(enum.Enum):
    """What to do about a fault."""

    RETRY = "try again after a backoff"
    WAIT = "try again when the API says"
    RAISE = "raise"
    DOUBT = "raise, may have been applied"
    PASSWORD_LOST = "raise, the password went with the answer"


def _table() -> dict[tuple[Fault, Effect], Verdict]:
    retry, wait, no, doubt = Verdict.RETRY, Verdict.WAIT, Verdict.RAISE, Verdict.DOUBT
    lost = Verdict.PASSWORD_LOST
    rows = {
        # ............... READ,  REPLACE, DELETE, CREATE, CREATE_SECRET
        Fault.UNSENT: (retry, retry, retry, retry, retry),
        Fault.UNTRUSTED: (no, no, no, no, no),
        Fault.AMBIGUOUS: (retry, retry, doubt, doubt, lost),
        Fault.THROTTLED: (wait, wait, wait, wait, wait),
        Fault.REFUSED: (no, no, no, no, no),
        Fault.UNVOUCHED: (no, doubt, doubt, doubt, lost),
    }
    return {
        (fault, effect): verdict
        for fault, verdicts in rows.items()
        for effect, verdict in zip(Effect, verdicts, strict=True)
    }


POLICY: Final[Mapping[tuple[Fault, Effect], Verdict]] = _table()


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
        case UnexpectedResponseError() | ClientClosedError():
            return Fault.UNVOUCHED
        case _:
            return Fault.REFUSED


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

    @property
    def number(self) -> int:
        """The number of the attempt under way."""
        return 1 + self._failed + self._throttled + self.renewed

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
        in_doubt = verdict in (Verdict.DOUBT, Verdict.PASSWORD_LOST)
        if in_doubt or (fault is Fault.AMBIGUOUS and self._effect is Effect.REPLACE):
            self.doubt = True
        error.may_have_been_applied = self.doubt
        wait = self._wait(verdict, error)
        return wait if wait is not None and wait < left and self._pay(verdict) else None

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
        if verdict is Verdict.RETRY and self._failed < policy.attempts:
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

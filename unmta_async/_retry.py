"""Whether a call is tried again, and after how long: it counts what the policy allows.

Pure: nothing here sends, sleeps or asks for the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import msgspec

from ._operation import Effect
from ._policy import POLICY, Fault, Finding, Verdict, classify
from .errors import (
    NotFoundError,
    PasswordLostError,
    ServiceUnavailableError,
    UnmtaError,
    ValidationError,
    printable,
)
from .options import RetryPolicy

__all__ = ["Gate", "RetryBudget", "Tries"]


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
        if self._tokens < self._capacity:
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


class Tries(msgspec.Struct, eq=False):
    """The attempts at one call: how many, at what cost, and whether any may have been applied.

    Attributes:
        policy: What is allowed.
        budget: What they are paid from.
        effect: What the request does.
        jitter: Gives the part of a pause that is waited, from 0 to 1.
        doubt: Whether an attempt may have been applied.
        must_look: Whether to look at the resource before the next attempt.
        renewed: Whether an attempt followed a renewal of the token.
        finding: What the last look told, if there was one.
    """

    policy: RetryPolicy
    budget: RetryBudget
    effect: Effect
    jitter: Callable[[], float] = random.random
    doubt: bool = False
    must_look: bool = False
    renewed: bool = False
    finding: Finding | None = None
    _failed: int = 0
    _throttled: int = 0
    _unavailable: bool = False
    _lost: bool = False
    _spent: int = 0

    @property
    def number(self) -> int:
        """The number of the attempt under way."""
        return 1 + self._failed + self._throttled + self.renewed

    @property
    def changes_something(self) -> bool:
        """Whether the call is none that only reads."""
        return self.effect is not Effect.READ

    def interrupted(self, error: UnmtaError) -> None:
        """Tell an error that kept the next attempt from being made what is known so far."""
        error.attempts = self.number - 1
        error.may_have_been_applied = self.doubt

    def refused(self, error: UnmtaError) -> None:
        """Tell an error that another token may mend what is known so far."""
        error.attempts = self.number
        error.may_have_been_applied = self.doubt

    def succeeded(self) -> None:
        """Give back what the retries of this call took from the budget."""
        self.budget.give(self._spent or 1)

    def failed(self, error: UnmtaError, left: float) -> float | None:
        """Note a failure; return the seconds until the next attempt, or None if there is none.

        Args:
            error: What went wrong; it is told how often was tried and whether it may have been
                applied.
            left: The seconds that the call still has.
        """
        fault = classify(error)
        verdict = POLICY[fault, self.effect]
        error.attempts = self.number
        if fault is Fault.THROTTLED:
            self._throttled += 1
            self._unavailable |= isinstance(error, ServiceUnavailableError)
        else:
            self._failed += 1
        again = fault is Fault.AMBIGUOUS and self.changes_something
        self.doubt |= verdict.leaves_doubt or again
        self.must_look |= verdict is Verdict.LOOK
        self._lost |= verdict is Verdict.PASSWORD_LOST
        error.may_have_been_applied = self.doubt
        wait = None if error.password is not None else self._wait(verdict, error)
        return wait if wait is not None and wait < left and self._pay(verdict) else None

    def was_applied(self, error: UnmtaError) -> bool:
        """Whether a deletion that ended with an error happened by one of its attempts after all."""
        if not self.must_look:
            return False
        is_gone = isinstance(error, NotFoundError) and error.confirmed
        return is_gone or self.finding is Finding.GONE

    def final(self, error: UnmtaError, identity: tuple[str, ...], field: str | None) -> UnmtaError:
        """Return the error that ends the call.

        Args:
            error: What the last attempt came to.
            identity: The names of what the call is about.
            field: The field of the request that has the last of them.
        """
        if self._unavailable and self._tells_of_itself(error, field):
            error.may_have_been_applied = True
        if not self._lost_password(error, field):
            return error
        lost = PasswordLostError(
            f"{printable(' / '.join(identity))} may exist now, but its password did not arrive: "
            f"{error.message}",
            identity=identity,
            reason=error,
        )
        lost.attempts = error.attempts
        lost.may_have_been_applied = True
        return lost

    def _lost_password(self, error: UnmtaError, field: str | None) -> bool:
        """Whether the call may have left a credential without its password."""
        if self.effect is not Effect.CREATE_SECRET or error.password is not None:
            return False
        return self._lost or (self._throttled > 0 and self._tells_of_itself(error, field))

    def _tells_of_itself(self, error: UnmtaError, field: str | None) -> bool:
        """Whether an error is what an earlier attempt of this call would cause, if it was applied.

        The name is taken then, or the resource gone. The API may say 503, and do it all the same.
        """
        if self.effect is Effect.DELETE:
            return isinstance(error, NotFoundError)
        if self.effect in (Effect.ONCE, Effect.CREATE_SECRET):
            return isinstance(error, ValidationError) and (
                field in error.errors or not error.errors
            )
        return False

    def _wait(self, verdict: Verdict, error: UnmtaError) -> float | None:
        policy = self.policy
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
        bound = min(self.policy.max_backoff, self.policy.backoff * 2.0**doublings)
        return self.jitter() * bound

    def _pay(self, verdict: Verdict) -> bool:
        throttled = verdict is Verdict.WAIT
        cost = RetryBudget.THROTTLE_COST if throttled else RetryBudget.RETRY_COST
        paid = self.budget.take(cost)
        self._spent += cost if paid else 0
        return paid

"""What may be done about a failed attempt: the table of `docs/faults.md`.

Pure: nothing here counts, waits or sends. It looks at our errors, so the list of status codes
stands once, in `_reply`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ._operation import Dated, Effect, Look
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
)

__all__ = ["POLICY", "Fault", "Finding", "Verdict", "classify", "judge"]


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

    @property
    def leaves_doubt(self) -> bool:
        """Whether the change may have been applied, and nothing that is sent again tells."""
        return self in (Verdict.LOOK, Verdict.DOUBT, Verdict.PASSWORD_LOST)


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

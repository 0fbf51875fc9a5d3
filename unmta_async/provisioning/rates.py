"""How much an MTA, or a whole cluster, may send: message rates, read and reckoned with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from ..models import Cluster, Mta

__all__ = ["MessageRate", "effective_rate"]

_UNITS: Final = {
    1: ("sec", "secs", "s", "second", "seconds"),
    60: ("min", "mins", "m", "minute", "minutes"),
    3_600: ("hr", "hrs", "h", "hour", "hours"),
    86_400: ("day", "days", "d"),
}
_SECONDS: Final = {word: seconds for seconds, words in _UNITS.items() for word in words}
_NUMBER: Final = "[0-9](?:[,_]*[0-9]){0,30}[,_]*"
# The grammar of KumoMTA's throttles, as far as it is known to be used.
_RATE: Final = re.compile(
    rf"(?:local:)?\s*(?P<quantity>{_NUMBER})\s*/\s*(?P<count>[0-9]{{0,9}})\s*(?P<unit>[a-z]+)"
    rf"(?:\s*,\s*max_burst\s*=\s*(?P<burst>{_NUMBER}))?",
    re.IGNORECASE,
)


@attrs.frozen(kw_only=True)
class MessageRate:
    """So many messages in so much time.

    Attributes:
        quantity: Messages per period; None if there is no limit, or it is not understood.
        period: Seconds; None likewise.
        burst: Messages that may go at once, if it says so.
        raw: The text that says all this, such as "500/hr"; None if there is no limit.
    """

    quantity: int | None = None
    period: int | None = None
    burst: int | None = None
    raw: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> MessageRate:
        """Read a rate such as "1,000/day", "500/30min" or "50/hr,max_burst=10".

        A text that is not understood, such as an empty one, is kept in `raw`, without a quantity.

        Args:
            text: The `max_message_rate` of a cluster; None is no limit.
        """
        found = _RATE.fullmatch(text.strip()) if text is not None else None
        period = 0 if found is None else _period(found["count"], found["unit"])
        if found is None or not period:
            return cls(raw=text)
        burst = found["burst"]
        return cls(
            quantity=_number(found["quantity"]),
            period=period,
            burst=None if burst is None else _number(burst),
            raw=text,
        )

    @property
    def is_unlimited(self) -> bool:
        """Whether there is no limit."""
        return self.raw is None and self.quantity is None

    def __str__(self) -> str:
        if self.quantity is None or self.period is None:
            return "unlimited" if self.raw is None else self.raw.strip() or "unknown"
        burst = "" if self.burst is None else f",max_burst={self.burst}"
        return f"{self.quantity:,}/{_unit(self.period)}{burst}"


def effective_rate(cluster: Cluster, mtas: Sequence[Mta]) -> MessageRate:
    """Return what a whole cluster may send: its rate, and its burst, times the number of its MTAs.

    Args:
        cluster: The cluster.
        mtas: All of its MTAs.
    """
    each = MessageRate.parse(cluster.max_message_rate)
    if each.raw is None:
        return each
    if each.quantity is None:
        return MessageRate(raw=f"{len(mtas)} x {each}")
    total = MessageRate(
        quantity=each.quantity * len(mtas),
        period=each.period,
        burst=None if each.burst is None else each.burst * len(mtas),
    )
    return attrs.evolve(total, raw=str(total))


def _number(digits: str) -> int:
    return int(re.sub("[,_]", "", digits))


def _period(count: str, unit: str) -> int:
    """Return the seconds of a period; 0 if there is no such period."""
    return int(count or 1) * _SECONDS.get(unit.lower(), 0)


def _unit(period: int) -> str:
    seconds = max(unit for unit in _UNITS if period % unit == 0)
    count = period // seconds
    return f"{count if count > 1 else ''}{_UNITS[seconds][0]}"

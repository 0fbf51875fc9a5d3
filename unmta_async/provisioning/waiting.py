"""Waiting until domains are verified: one list call each time, however many they are.

What the laggards lack is told at the end; how a record is looked up is none of its business.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import attrs

from .._hostname import a_label_form
from ..dns import Checker, Record, records
from ..errors import (
    AuthenticationError,
    ClientClosedError,
    NotFoundError,
    PermissionDeniedError,
    RequestTimeoutError,
    UnmtaError,
    UsageError,
    printable,
)
from ..models import Domain, DomainDetail, DomainStatus
from ._details import detail_like, first_detail, get_detail
from ._live import list_domains

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

    from ..client import UnmtaClient
    from ..dns import Finding

__all__ = ["Laggard", "NotVerifiedError", "StatusChange", "wait_verified"]

MISSING: Final = "missing"

_GROWTH: Final = 1.6  # of the interval, from one look to the next
_JITTER: Final = 0.2  # of the interval, up or down, so that many who wait do not ask in step
_LAST_LOOK: Final = 10.0  # seconds behind the deadline, for a look that is under way then

_DIAGNOSIS: Final = 15.0  # seconds
_DIAGNOSED: Final = 100  # laggards
_DIAGNOSED_AT_A_TIME: Final = 16
_NAMED: Final = 10  # laggards, in the text of the error


@attrs.frozen(kw_only=True)
class StatusChange:
    """What a look shows of a domain for the first time, or that it changed.

    Attributes:
        name: The name, as it was given.
        status: The API's word for its status; "missing" if the cluster has no such domain.
        previous: The status before; None at first sight.
        domain: The domain, unless it is missing.
    """

    name: str
    status: str
    previous: str | None
    domain: Domain | None

    def __str__(self) -> str:
        before = "" if self.previous is None else f"{printable(self.previous)} -> "
        return f"{self.name}: {before}{printable(self.status)}"


@attrs.frozen(kw_only=True)
class Laggard:
    """A domain that was not verified in time.

    Attributes:
        name: The name, as it was given.
        status: Its status when it was last seen, or "missing"; None if no look succeeded.
        records: The DNS records that it still needs, as far as that could be found out.
        findings: What stands in the DNS for each of its records, if that was looked up.
    """

    name: str
    status: str | None
    records: tuple[Record, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __str__(self) -> str:
        if self.status is None:
            return f"{printable(self.name)}: not seen"
        return f"{printable(self.name)}: {printable(self.status)}{self._needs()}"

    def _needs(self) -> str:
        if self.status == MISSING:
            return ", the cluster has no such domain"
        wrong = [printable(str(each)) for each in self.findings if each.status != "ok"]
        if wrong:
            return f", {', '.join(wrong)}"
        if self.findings:
            return ", its records are published and the API is yet to look"
        needed = " and ".join(f"{each.type} {each.fqdn}" for each in self.records)
        return f", needs {needed}" if needed else ""


class NotVerifiedError(UnmtaError, TimeoutError):
    """Not all domains were verified in time, or what was left of them does not exist.

    Attributes:
        laggards: Those that were not.
        reason: The last failure of a list call, if any failed.
    """

    advice = "Publish or create what is missing, and wait again."

    def __init__(
        self,
        message: str,
        *,
        laggards: Sequence[Laggard] = (),
        reason: UnmtaError | None = None,
    ) -> None:
        super().__init__(message)
        self.laggards = tuple(laggards)
        self.reason = reason


async def wait_verified(
    client: UnmtaClient,
    cluster: str,
    names: Iterable[str],
    *,
    timeout: float,
    min_interval: float = 15,
    max_interval: float = 300,
    resolver: Resolver | None = None,
) -> AsyncGenerator[StatusChange, None]:
    """Wait until all these domains of a cluster are verified; yield what changes, as it is seen.

    One list call shows them all. The first is made at once and yields every name, whatever its
    status; from then on only changes are yielded. The interval grows, and is short again after a
    change: others that were published together will follow. It ends when one look shows all
    verified; a domain that falls back is yielded, and waited for again.

    A list call that fails is made again at the next look. A 401, 403 or 404 of the API itself is
    raised at once, for it would stay.

    To stop early, cancel, or just leave: nothing runs between two looks.

    Args:
        client: The client to use.
        cluster: The id of the cluster.
        names: Domain names, created before; one that the cluster does not have is "missing".
        timeout: Seconds to wait. The last look is made when they are over.
        min_interval: Seconds between two looks at first.
        max_interval: Seconds between two looks that the interval grows to.
        resolver: What to look the laggards' records up with at the end, as for `dns.check`; that
            is done where the extra `dns` is installed.

    Raises:
        NotVerifiedError: Not all were verified in time, or those left are all missing. It tells
            what each still needs.
        AuthenticationError: The API itself said 401: the token was revoked.
        PermissionDeniedError: The API itself said 403.
        NotFoundError: The API itself said 404: there is no such cluster, or the token may not see
            it.
        UsageError: `names` is a single string, or holds something that is no domain name; or a
            number makes no sense.
    """
    wanted = _wanted(names)
    _check_seconds(timeout=timeout, min_interval=min_interval, max_interval=max_interval)
    watch = _Watch(client, cluster, wanted, timeout)
    interval = 0.0
    while wanted:
        changes = await watch.look()
        for change in changes:
            yield change
        if watch.is_done:
            return
        if watch.is_over:
            laggards = await watch.laggards(resolver)
            raise _not_verified(cluster, laggards, len(wanted), watch.failure)
        interval = _next_interval(interval, bool(changes), min_interval, max_interval)
        await watch.pause(_jittered(interval, min_interval, max_interval))


class _Watch:
    """Looks at domains until a deadline.

    Attributes:
        failure: The last failure of a look.
        is_over: Whether no further look can change the outcome, and not all are verified.
    """

    def __init__(
        self, client: UnmtaClient, cluster: str, wanted: Mapping[str, str], timeout: float
    ) -> None:
        self.failure: UnmtaError | None = None
        self.is_over = False
        self._client = client
        self._cluster = cluster
        self._wanted = wanted
        self._timeout = timeout
        self._clock = asyncio.get_running_loop().time
        self._deadline = self._clock() + timeout
        self._seen: Mapping[str, Domain | None] = {}
        self._asked = 0.0
        self._is_last = False

    @property
    def is_done(self) -> bool:
        """Whether the last look showed all verified."""
        return len(self._seen) == len(self._wanted) and not self._behind()

    async def look(self) -> list[StatusChange]:
        """Look once; return what changed. A failure is noted, unless it would stay."""
        before, changes = self._seen, list[StatusChange]()
        latest = max(self._clock(), self._deadline)
        try:
            async with asyncio.timeout_at(latest + min(_LAST_LOOK, self._timeout)):
                found = await list_domains(self._client, self._cluster)
        except UnmtaError as error:
            if _will_stay(error):
                raise
            self._note_failure(error)
        except TimeoutError:
            self._note_failure(RequestTimeoutError("the list of domains did not come in time"))
        else:
            self._asked = 0.0
            self._seen = {key: found.get(key) for key in self._wanted}
            changes = _changes(self._wanted, before, self._seen)
        left = self._deadline - self._clock()
        self._is_last |= self._asked >= left
        self.is_over = not self.is_done and (self._is_last or self._is_hopeless())
        return changes

    async def pause(self, seconds: float) -> None:
        """Wait for the next look, no longer than until the deadline."""
        left = max(0.0, self._deadline - self._clock())
        seconds = max(seconds, self._asked)
        self._is_last = seconds >= left
        await asyncio.sleep(min(seconds, left))

    async def laggards(self, resolver: Resolver | None) -> list[Laggard]:
        """Return those that are not verified, with what they lack as far as it can be told."""
        behind = self._behind()
        diagnosis = _Diagnosis(self._client, self._cluster, resolver)
        there = {key: domain for key, domain in behind.items() if domain is not None}
        with suppress(TimeoutError):
            async with asyncio.timeout(min(_DIAGNOSIS, self._timeout)):
                await diagnosis.make(there)
        return [
            diagnosis.laggard(self._wanted[key], key, _status(self._seen, key)) for key in behind
        ]

    def _note_failure(self, error: UnmtaError) -> None:
        self.failure = error
        self._asked = getattr(error, "retry_after", None) or 0.0

    def _behind(self) -> dict[str, Domain | None]:
        seen = {key: self._seen.get(key) for key in self._wanted}
        return {key: each for key, each in seen.items() if not _is_verified(each)}

    def _is_hopeless(self) -> bool:
        """Whether those that are not verified do not even exist, as far as is known."""
        return bool(self._seen) and not any(self._behind().values())


class _Diagnosis:
    """What laggards lack. It may be broken off, and keeps what it has found out until then."""

    def __init__(self, client: UnmtaClient, cluster: str, resolver: Resolver | None) -> None:
        self._client = client
        self._cluster = cluster
        self._checker = _checker(resolver)
        self._records: dict[str, tuple[Record, ...]] = {}
        self._findings: dict[str, tuple[Finding, ...]] = {}
        self._places = asyncio.Semaphore(_DIAGNOSED_AT_A_TIME)

    async def make(self, behind: Mapping[str, Domain]) -> None:
        """Find out what domains lack, for the first hundred from the DNS too."""
        with suppress(UnmtaError):
            template = await first_detail(self._client, self._cluster, behind.values())
            if template is not None:
                await self._make_like(behind, template)

    def laggard(self, name: str, key: str, status: str | None) -> Laggard:
        """Return what is known of one."""
        findings = self._findings.get(key, ())
        needed = tuple(each.record for each in findings if each.status != "ok")
        return Laggard(
            name=name,
            status=status,
            records=needed if findings else self._records.get(key, ()),
            findings=findings,
        )

    async def _make_like(self, behind: Mapping[str, Domain], template: DomainDetail) -> None:
        for key, domain in behind.items():
            if (detail := detail_like(domain, template)) is not None:
                self._records[key] = tuple(records(detail))
        async with asyncio.TaskGroup() as group:
            for key, domain in list(behind.items())[:_DIAGNOSED]:
                group.create_task(self._diagnose(key, domain, template))

    async def _diagnose(self, key: str, domain: Domain, template: DomainDetail) -> None:
        # The error that tells of the laggards is worth more than what failed here.
        with suppress(Exception):
            async with self._places:
                detail = await get_detail(self._client, self._cluster, domain, template)
                self._records[key] = tuple(records(detail))
                if self._checker is not None:
                    self._findings[key] = tuple(await self._checker.check(detail))


def _checker(resolver: Resolver | None) -> Checker | None:
    """Return what looks records up; None where that cannot be done, for want of the extra."""
    with suppress(UsageError):
        return Checker(resolver=resolver)
    return None


# What is decided, without waiting.


def _wanted(names: Iterable[str]) -> dict[str, str]:
    """Return the names as they were given, by what spellings of the same name share."""
    if isinstance(names, str | bytes):
        raise UsageError("names is a single string; give a list of names")
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(_key(name), name)
    return wanted


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise UsageError(f"{name!r} among the names is not a string")
    return a_label_form(name).removesuffix(".")


def _check_seconds(*, min_interval: float, max_interval: float, timeout: float) -> None:
    given: dict[str, object] = {
        "timeout": timeout,
        "min_interval": min_interval,
        "max_interval": max_interval,
    }
    for option, value in given.items():
        if not _is_duration(value):
            raise UsageError(f"{option}={value!r} is not a number of seconds above 0")
    if min_interval > max_interval:
        raise UsageError(f"{min_interval=} is above {max_interval=}")


def _is_duration(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and value > 0


def _is_verified(domain: Domain | None) -> bool:
    return domain is not None and domain.status == DomainStatus.VERIFIED


def _status(seen: Mapping[str, Domain | None], key: str) -> str | None:
    """Return a status for reports; None if there was no look."""
    if key not in seen:
        return None
    domain = seen[key]
    return MISSING if domain is None else domain.status


def _changes(
    wanted: Mapping[str, str],
    before: Mapping[str, Domain | None],
    now: Mapping[str, Domain | None],
) -> list[StatusChange]:
    """Return what differs between two looks; at first that is everything."""
    return [
        StatusChange(name=name, status=status, previous=previous, domain=now[key])
        for key, name in wanted.items()
        if (status := _status(now, key)) is not None
        if (previous := _status(before, key)) != status
    ]


def _next_interval(interval: float, changed: bool, shortest: float, longest: float) -> float:
    """Return the seconds until the next look; others will follow what has just changed."""
    return shortest if changed else min(max(shortest, interval * _GROWTH), longest)


def _jittered(interval: float, shortest: float, longest: float) -> float:
    wide = interval * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    return min(max(shortest, wide), longest)


def _will_stay(error: UnmtaError) -> bool:
    """Whether looking again would only fail again."""
    if isinstance(error, AuthenticationError | PermissionDeniedError | NotFoundError):
        return error.confirmed
    return isinstance(error, UsageError | ClientClosedError)


def _not_verified(
    cluster: str, laggards: Sequence[Laggard], total: int, reason: UnmtaError | None
) -> NotVerifiedError:
    """Return the error that names the first of the laggards, and what they lack."""
    named = "; ".join(str(each) for each in laggards[:_NAMED])
    more = f"; and {len(laggards) - _NAMED} more" if len(laggards) > _NAMED else ""
    failed = f" (the last failure of a look: {reason})" if reason else ""
    are = "is" if len(laggards) == 1 else "are"
    return NotVerifiedError(
        f"{len(laggards)} of {total} domains of the cluster {cluster} {are} not verified: "
        f"{named}{more}{failed}",
        laggards=laggards,
        reason=reason,
    )

"""Sending domains by the thousand: create what is missing, one outcome for each name.

The server is the journal. A run reads what exists and creates the rest, so it can be made again at
any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sized
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Literal

import attrs

from ..errors import (
    APIError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    UnmtaError,
    UsageError,
    ValidationError,
)
from ..models import Domain, DomainDetail
from ._live import list_domains
from ._names import domain_key
from ._patience import Patience, StopRun
from ._runs import conduct, workers_for
from .progress import Listener, Meter

if TYPE_CHECKING:
    from ..client import UnmtaClient

__all__ = ["Outcome", "provision_domains"]


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one name.

    Attributes:
        name: The name, as it was given.
        status: "created" is said only of what was seen created.
        domain: The domain, unless it failed; with its DNS records if it was created.
        error: What went wrong, if it failed.
    """

    name: str
    status: Literal["created", "existed", "failed"]
    domain: Domain | DomainDetail | None = None
    error: UnmtaError | None = None


async def provision_domains(
    client: UnmtaClient,
    cluster: str,
    names: Iterable[str] | AsyncIterable[str],
    *,
    concurrency: int = 16,
    timeout: float | None = None,
    stop: asyncio.Event | None = None,
    on_progress: Listener | None = None,
) -> AsyncGenerator[Outcome, None]:
    """Make sure that a cluster has these domains; yield an outcome for each name as it happens.

    One list call shows what exists; the rest is created, `concurrency` at a time. Names are taken
    as they are needed, so an iterator of any length takes no more memory than a short one. A
    failure ends its own name only. A create that may or may not have been applied has its outcome
    at the end, when one more list call tells. If the API wants to be left alone for longer than
    the client waits by itself, the whole run pauses, and goes on.

    To stop early, set `stop`: nothing more is begun, what is in flight has its outcome, and the
    run ends. Cancelled, or left by way of `contextlib.aclosing`, it waits for what is in flight,
    ten seconds at most, without telling of it; cancelled again, it ends at once. A plain `break`
    does so when the generator is collected. Run it again to go on.

    Args:
        client: The client to use.
        cluster: The id of the cluster.
        names: Domain names, from an iterable or an async iterable.
        concurrency: Creates in flight at a time; the client's `max_connections` bounds it.
        timeout: Seconds that the run may take; what is in flight then ends by itself. None is no
            bound.
        stop: Ends the run softly when it is set.
        on_progress: A plain function, called with a `Progress` after each name, and when the API
            asks for a pause.

    Raises:
        AuthenticationError: The API itself said 401: the token was revoked. Every other name would
            fail likewise.
        PermissionDeniedError: The API itself said 403.
        RateLimitError: The API asked for a pause longer than the run may take, or for one after
            another with nothing going through.
        ServiceUnavailableError: The same.
        RunTimeoutError: The run's time is over.
        UsageError: `names` is a single string, or holds something else than strings; or
            `concurrency` is less than 1.
        UnmtaError: The cluster's domains could not be listed.
    """
    if isinstance(names, str | bytes):
        raise UsageError("names is a single string; give a list of names")
    workers = workers_for(client, concurrency)
    meter = Meter(on_progress, len(names) if isinstance(names, Sized) else None)
    patience = Patience(timeout, meter.pause)
    if on_progress is not None:  # to hear of each attempt costs a tenth of a call
        client = patience.watched(client)
    run = _Run(client, cluster, patience)
    try:
        await run.look()
    except StopRun:
        patience.raise_reason()
        return
    async with aclosing(conduct(run, [names], workers, stop)) as outcomes:
        async for outcome in outcomes:
            if on_progress is not None:
                meter.count(failed=outcome.error is not None)
            yield outcome


class _Run:
    """What one run knows: the domains that existed, and the creates in doubt."""

    def __init__(
        self,
        client: UnmtaClient,
        cluster: str,
        patience: Patience,
    ) -> None:
        self.patience = patience
        self._client = client
        self._cluster = cluster
        self._existing: Mapping[str, Domain] = {}
        self._doubts: list[Doubt] = []

    async def look(self) -> None:
        """See which domains exist."""
        self._existing = await self._list()

    async def attempt(self, item: object) -> Outcome | None:
        """Create a domain unless it exists; return its outcome, or None if it is in doubt.

        Raises:
            UsageError: It is not a string.
        """
        if not isinstance(item, str):
            raise UsageError(f"{item!r} among the names is not a string")
        known = self._existing.get(domain_key(item))
        if known is not None:
            return Outcome(name=item, status="existed", domain=known)
        try:
            created = await self.patience.call(
                lambda: self._client.domains.create(self._cluster, name=item)
            )
        except UnmtaError as error:
            return await self._failed(item, error)
        return Outcome(name=item, status="created", domain=created)

    async def _failed(self, name: str, error: UnmtaError) -> Outcome | None:
        """Return the outcome of a create that failed, or None while it is in doubt."""
        if is_confirmed(error, AuthenticationError, PermissionDeniedError):
            self.patience.stop(error)
            raise StopRun
        if not may_exist(error):
            return settled(name, error, None)
        found = await look_for(self._client, self._cluster, name, error)
        if isinstance(found, Doubt):
            self._doubts.append(found)
            return None
        return found

    async def settle(self) -> list[Outcome]:
        """Return the outcomes of the names in doubt, as one list call tells them."""
        found: Mapping[str, Domain] = {}
        if self._doubts:
            with suppress(UnmtaError):
                found = await self._list()
        return [
            settled(doubt.name, doubt.error, found.get(domain_key(doubt.name)))
            for doubt in self._doubts
        ]

    def unsettled(self) -> list[Outcome]:
        """Return the names in doubt as failed."""
        return [settled(doubt.name, doubt.error, None) for doubt in self._doubts]

    async def _list(self) -> Mapping[str, Domain]:
        return await self.patience.call(lambda: list_domains(self._client, self._cluster))


@attrs.frozen
class Doubt:
    """A domain of which nobody can tell yet whether it was created, and why."""

    name: str
    error: UnmtaError


async def look_for(
    client: UnmtaClient, cluster: str, name: str, error: UnmtaError
) -> Outcome | Doubt:
    """Return what became of a create that failed, where there may be a domain all the same.

    One that may have been applied is in doubt until the end: it may be applied late.
    """
    if error.may_have_been_applied:
        return Doubt(name, error)
    try:
        # Somebody may have made it since the run began, the run itself perhaps.
        return settled(name, error, await find_domain(client, cluster, name))
    except UnmtaError:
        return Doubt(name, error)


async def find_domain(client: UnmtaClient, cluster: str, name: str) -> DomainDetail | None:
    """Return a domain, or None if the API says that there is none, or there can be none.

    Raises:
        UnmtaError: Neither could be found out.
    """
    try:
        return await client.domains.get(cluster, name)
    except UnmtaError as error:
        if says_missing(error) or isinstance(error, UsageError):
            return None
        raise


def says_missing(error: UnmtaError) -> bool:
    """Whether the API itself says that there is no such thing."""
    return is_confirmed(error, NotFoundError)


def may_exist(error: UnmtaError) -> bool:
    """Whether there may be a domain of a name, though its creation failed."""
    if isinstance(error, ValidationError) and ("name" in error.errors or not error.errors):
        return True  # the name may be taken; or nobody knows what was refused
    return error.may_have_been_applied


def is_confirmed(error: UnmtaError, *kinds: type[APIError]) -> bool:
    """Whether it is the API itself that says so, and not a proxy on the way."""
    return isinstance(error, APIError) and isinstance(error, kinds) and error.confirmed


def settled(name: str, error: UnmtaError, found: Domain | None) -> Outcome:
    """Return the outcome of a create that failed, after a look."""
    if found is None:
        return Outcome(name=name, status="failed", error=error)
    return Outcome(name=name, status="existed", domain=found)

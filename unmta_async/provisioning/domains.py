"""Sending domains by the thousand: create what is missing, one outcome for each name.

The server is the journal. A run reads what exists and creates the rest, so it can be made again at
any time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Literal

import attrs

from .._hostname import a_label_form
from ..errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    UnmtaError,
    UsageError,
    ValidationError,
)
from ..models import Domain, DomainDetail
from ._workers import unordered

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
) -> AsyncGenerator[Outcome, None]:
    """Make sure that a cluster has these domains; yield an outcome for each name as it happens.

    One list call shows what exists; the rest is created, `concurrency` at a time. Names are taken
    as they are needed, so an iterator of any length takes no more memory than a short one. A
    failure ends its own name only. A create that may or may not have been applied has its outcome
    at the end, when one more list call tells.

    To stop early, cancel, or leave `async with contextlib.aclosing(run)`: that ends the creates in
    flight. A plain `break` ends them when the generator is collected. Run it again to go on.

    Args:
        client: The client to use.
        cluster: The id of the cluster.
        names: Domain names, from an iterable or an async iterable.
        concurrency: Creates in flight at a time.

    Raises:
        AuthenticationError: The API itself said 401: the token was revoked. Every other name would
            fail likewise.
        PermissionDeniedError: The API itself said 403.
        UsageError: `names` is a single string, or holds something else than strings; or
            `concurrency` is less than 1.
        UnmtaError: The cluster's domains could not be listed.
    """
    if isinstance(names, str | bytes):
        raise UsageError("names is a single string; give a list of names")
    if concurrency < 1:
        raise UsageError(f"concurrency={concurrency} must be at least 1")
    run = _Run(client, cluster, await _list_by_name(client, cluster))
    async with (
        aclosing(_each(names)) as each,
        aclosing(unordered(run.provision, each, concurrency)) as outcomes,
    ):
        try:
            async for outcome in outcomes:
                yield outcome
        except Exception:
            # Whatever stopped the run, there is no list call any more to settle a doubt with.
            for name, error in run.doubts:
                yield _settled(name, error, None)
            raise
    for outcome in await run.settle():
        yield outcome


class _Run:
    """What one run knows: the domains that existed, and the creates in doubt."""

    def __init__(self, client: UnmtaClient, cluster: str, existing: Mapping[str, Domain]) -> None:
        self.doubts: list[tuple[str, UnmtaError]] = []
        self._client = client
        self._cluster = cluster
        self._existing = existing

    async def provision(self, name: str) -> Outcome | None:
        """Create a domain unless it exists; return its outcome, or None if it is in doubt."""
        known = self._existing.get(_key(name))
        if known is not None:
            return Outcome(name=name, status="existed", domain=known)
        try:
            created = await self._client.domains.create(self._cluster, name=name)
        except UnmtaError as error:
            return await self._assess(name, error)
        return Outcome(name=name, status="created", domain=created)

    async def settle(self) -> list[Outcome]:
        """Return the outcomes of the names in doubt, as one list call tells them."""
        found: Mapping[str, Domain] = {}
        if self.doubts:
            with suppress(UnmtaError):
                found = await _list_by_name(self._client, self._cluster)
        return [_settled(name, error, found.get(_key(name))) for name, error in self.doubts]

    async def _assess(self, name: str, error: UnmtaError) -> Outcome | None:
        """Return the outcome of a create that failed, or None while it is in doubt."""
        if isinstance(error, AuthenticationError | PermissionDeniedError) and error.confirmed:
            raise error
        if error.may_have_been_applied:
            self.doubts.append((name, error))
            return None
        found: Domain | None = None
        if is_about_name(error):
            # Somebody may have made it since the run began, the run itself perhaps.
            try:
                found = await find_domain(self._client, self._cluster, name)
            except UnmtaError:
                self.doubts.append((name, error))
                return None
        return _settled(name, error, found)


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
    """Whether it is the API itself that says so, and not a proxy on the way."""
    return isinstance(error, NotFoundError) and error.confirmed


def is_about_name(error: UnmtaError) -> bool:
    """Whether a domain was refused for its name, which may be taken; or nobody knows for what."""
    return isinstance(error, ValidationError) and ("name" in error.errors or not error.errors)


def _settled(name: str, error: UnmtaError, found: Domain | None) -> Outcome:
    if found is None:
        return Outcome(name=name, status="failed", error=error)
    return Outcome(name=name, status="existed", domain=found)


async def _list_by_name(client: UnmtaClient, cluster: str) -> dict[str, Domain]:
    return {_key(domain.name): domain for domain in await client.domains.list(cluster)}


def _key(name: str) -> str:
    """Return what names of the same domain have in common."""
    with suppress(UsageError):
        return a_label_form(name)
    return name


async def _each(names: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[str, None]:
    if isinstance(names, AsyncIterable):
        async for name in names:
            yield _checked(name)
    else:
        for name in names:
            yield _checked(name)


def _checked(name: object) -> str:
    if not isinstance(name, str):
        raise UsageError(f"{name!r} among the names is not a string")
    return name

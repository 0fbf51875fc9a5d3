"""One domain: make sure that it is there, or that it is not, whatever went wrong on the way."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import UnmtaError
from .domains import Outcome, find_domain, may_exist, says_missing

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..models import DomainDetail

__all__ = ["ensure_domain", "ensure_domain_absent"]


async def ensure_domain(client: UnmtaClient, cluster: str, name: str) -> Outcome:
    """Make sure that a cluster has a domain.

    It creates first. It looks only if the name was refused, or if the answer was lost: one request
    where the domain is new, two where it is not.

    Args:
        client: The client to use.
        cluster: The id of the cluster.
        name: The domain name.

    Returns:
        An outcome with the domain and its DNS records. "existed" is said of whatever was found,
        even if it was this call whose creation came through without its answer.

    Raises:
        ValidationError: The name was refused, and no such domain was found.
        UnmtaError: The creation failed. If `may_have_been_applied`, no domain was found, which
            proves nothing: it may still come. Call again to find out.
    """
    try:
        domain = await client.domains.create(cluster, name=name)
    except UnmtaError as error:
        found = await _look(client, cluster, name) if may_exist(error) else None
        if found is None:
            raise
        return Outcome(name=name, status="existed", domain=found)
    return Outcome(name=name, status="created", domain=domain)


async def ensure_domain_absent(client: UnmtaClient, cluster: str, name: str) -> bool:
    """Make sure that a cluster has no domain of a name.

    Returns:
        True if the domain is gone by this call, or perhaps by it; False if there was none.

    Raises:
        NotFoundError: The token may not see the cluster, or there is none.
        UnmtaError: The deletion failed. If `may_have_been_applied`, there is a domain of that
            name, which may be an old one or one that somebody has just made anew, or nobody can
            tell.
    """
    try:
        await client.domains.delete(cluster, name)
    except UnmtaError as error:
        in_doubt = error.may_have_been_applied
        missing = await _is_missing(client, cluster, name) if in_doubt else says_missing(error)
        # It is the same answer where the whole cluster cannot be seen.
        if not missing or not await _is_visible(client, cluster):
            raise
        return in_doubt
    return True


async def _look(client: UnmtaClient, cluster: str, name: str) -> DomainDetail | None:
    with suppress(UnmtaError):
        return await find_domain(client, cluster, name)
    return None


async def _is_missing(client: UnmtaClient, cluster: str, name: str) -> bool:
    with suppress(UnmtaError):
        return await find_domain(client, cluster, name) is None
    return False


async def _is_visible(client: UnmtaClient, cluster: str) -> bool:
    with suppress(UnmtaError):
        return any(each.id == cluster for each in await client.clusters.list())
    return False

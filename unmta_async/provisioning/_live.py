"""What exists: one list call for each cluster and kind, however much there is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from ..models import Credential, Domain
from ._names import domain_key

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from .manifest import ClusterSpec

__all__ = ["Live", "list_credentials", "list_domains", "read_live"]

# Clusters listed at a time: an answer may be long.
_CONCURRENCY: Final = 4


@attrs.frozen
class Live:
    """What a cluster has, of the kinds that were asked for.

    Attributes:
        domains: By `domain_key`.
        credentials: By user.
    """

    domains: Mapping[str, Domain]
    credentials: Mapping[str, Credential]


async def read_live(client: UnmtaClient, wanted: Mapping[str, ClusterSpec]) -> dict[str, Live]:
    """List what some clusters have, as far as their manifest speaks of it.

    Raises:
        UnmtaError: A list call failed; that of the first such cluster.
    """
    bound = asyncio.Semaphore(_CONCURRENCY)

    async def read(cluster: str, wished: ClusterSpec) -> Live:
        async with bound:
            return Live(
                {} if wished.domains is None else await list_domains(client, cluster),
                {} if wished.credentials is None else await list_credentials(client, cluster),
            )

    tasks = [asyncio.create_task(read(cluster, wished)) for cluster, wished in wanted.items()]
    try:
        return dict(zip(wanted, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def list_domains(client: UnmtaClient, cluster: str) -> dict[str, Domain]:
    """Return a cluster's domains by `domain_key`."""
    return {domain_key(domain.name): domain for domain in await client.domains.list(cluster)}


async def list_credentials(client: UnmtaClient, cluster: str) -> dict[str, Credential]:
    """Return a cluster's credentials by user."""
    return {each.user: each for each in await client.credentials.list(cluster)}

"""Write down what there is, as data, and read it again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from unmta_async import UnmtaClient, from_dict, models, to_dict

T = TypeVar("T")


async def of_all(
    clusters: Sequence[models.Cluster], what: Callable[[str], Awaitable[Sequence[T]]]
) -> list[T]:
    return [each for cluster in clusters for each in await what(cluster.id)]


def rate(cluster: models.Cluster) -> int:
    quantity = (cluster.max_message_rate or "0/hr").partition("/")[0]
    return int(quantity.replace(",", ""))


def addresses(mta: models.Mta) -> list[str]:
    outbound = [ip.ipv6 or ip.ipv4 for ip in mta.outbound_ips]
    return [mta.primary_ipv4, *outbound]


async def main() -> None:
    async with UnmtaClient() as client:
        clusters = await client.clusters.list()
        mtas = await of_all(clusters, client.mtas.list)
        domains = await of_all(clusters, client.domains.list)
        saved = json.dumps([to_dict(each) for each in mtas])
        assert [from_dict(models.Mta, each) for each in json.loads(saved)] == mtas
        running = [each for each in clusters if each.status == models.ClusterStatus.ACTIVE]
        assert min(map(rate, running)) == 0
        assert all(each.dkim_public_key for each in domains)
        assert addresses(mtas[0])[0].count(".") == 3


asyncio.run(main())

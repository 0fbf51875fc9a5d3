"""Take a domain on, publish its records, and wait until it may send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from unmta_async import UnmtaClient, ValidationError
from unmta_async.dns import records, render
from unmta_async.models import DnsRecord, Domain, DomainDetail, DomainStatus

Publish = Callable[[DnsRecord], Awaitable[None]]


async def onboard(client: UnmtaClient, cluster: str, name: str, publish: Publish) -> DomainDetail:
    try:
        domain = await client.domains.create(cluster, name=name)
    except ValidationError as error:
        if "name" not in error.errors:
            raise
        domain = await client.domains.get(cluster, name)
    for record in domain.dns_records:
        await publish(record)
    await publish(domain.dns_records.dkim)
    return domain


def state(domain: Domain) -> str:
    match domain.status:
        case DomainStatus.VERIFIED:
            return f"{domain.name} may send"
        case DomainStatus.PENDING:
            return f"{domain.name} waits since {domain.created_at:%Y}"
        case other:
            return f"{domain.name} is {other.value}"


async def main() -> None:
    published: list[tuple[str, str]] = []

    async def publish(record: DnsRecord) -> None:
        published.append((record.type, record.value))

    async with UnmtaClient() as client:
        cluster = (await client.clusters.list())[0].id
        first = await onboard(client, cluster, "example.com", publish)
        second = await onboard(client, cluster=cluster, name="example.com", publish=publish)
        assert first == second
        assert len(published) == 6
        zone: str = render(records(first), "bind")
        assert first.dkim_public_key[:9] in zone
        listed = await client.domains.list(cluster=cluster)
        assert [state(each) for each in listed if each.name == first.name]
        await client.domains.delete(cluster, domain=first.name, timeout=10)


asyncio.run(main())

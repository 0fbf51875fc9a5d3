"""What people have in their tests: models that they build, and a resource that is none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from unmta_async import UnmtaClient, from_dict
from unmta_async.models import Domain, DomainStatus, OutboundIp

SINCE = datetime(2025, 1, 15, tzinfo=UTC)
SAVED = {
    "name": "example.net",
    "status": "verified",
    "dkim_public_key": "MIIB",
    "created_at": "2025-01-15T00:00:00Z",
    "updated_at": "2025-01-15T00:00:00Z",
}


class Listed(Protocol):
    async def list(self, cluster: str, *, timeout: float | None = None) -> Sequence[Domain]: ...


class Fake:
    async def list(self, cluster: str, *, timeout: float | None = None) -> Sequence[Domain]:
        return [
            Domain(
                name=f"{cluster}.example.net",
                status=DomainStatus("verified"),
                dkim_public_key="MIIB",
                created_at=SINCE,
                updated_at=SINCE,
            )
        ]


async def verified(domains: Listed, cluster: str) -> list[str]:
    found = await domains.list(cluster, timeout=5.0)
    return [each.name for each in found if each.status is DomainStatus.VERIFIED]


async def main() -> None:
    assert await verified(Fake(), "a") == ["a.example.net"]
    assert from_dict(Domain, SAVED).created_at == SINCE
    assert OutboundIp(ipv4="203.0.113.20").ptr is None
    async with UnmtaClient() as client:
        assert await verified(client.domains, "a1b2c3d4") == []


asyncio.run(main())

"""Give out SMTP accounts, restrict them, and take them back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypedDict

from unmta_async import Secret, UnmtaClient
from unmta_async.models import CreatedCredential, Credential


class Limits(TypedDict):
    domains: Sequence[str]
    allowed_ips: Sequence[str]
    allow_all_ips: bool


async def give(client: UnmtaClient, cluster: str, user: str, limits: Limits) -> Secret:
    created: CreatedCredential = await client.credentials.create(
        cluster, user=user, allow_all_domains=None, **limits
    )
    assert created.credential.user == user
    return created.password


async def restrict(
    client: UnmtaClient, cluster: str, account: Credential, ranges: list[str]
) -> Credential:
    update = client.credentials.update
    return await update(
        cluster, account.user, allow_all_domains=False, domains=account.domains,
        allow_all_ips=False, allowed_ips=ranges, timeout=None, headers=None,
    )  # fmt: skip


async def main() -> None:
    async with UnmtaClient() as client:
        cluster = "a1b2c3d4"
        await client.domains.create(cluster, name="example.org")
        limits = Limits(domains=["example.org"], allowed_ips=("198.51.100.5",), allow_all_ips=False)
        password = await give(client, cluster, "newsletter", limits)
        assert len(password.reveal()) == 32
        accounts: Mapping[str, Credential] = {
            each.user: each for each in await client.credentials.list(cluster)
        }
        changed = await restrict(client, cluster, accounts["newsletter"], ["203.0.113.0/24"])
        first, *others = changed.allowed_ips
        assert (first, others) == ("203.0.113.0/24", [])
        assert changed.updated_at >= changed.created_at
        await client.credentials.delete(cluster, user=changed.user)


asyncio.run(main())

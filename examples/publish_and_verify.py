"""Create a sending domain, publish its DNS records, and see it verified: offline, on loopback.

The sandbox plays both unMTA and the DNS. Against the real ones the same code works with
`UnmtaClient()` in place of `sandbox.client()`, without a resolver, and with a publishing of yours.
"""

from __future__ import annotations

import asyncio

from unmta_async.dns import check, records, render
from unmta_async.sandbox import Sandbox

CLUSTER = "a1b2c3d4"


async def main() -> None:
    """Go the whole way, and show each step of it."""
    async with Sandbox(verification="dns") as sandbox, sandbox.client() as client:
        resolver = sandbox.nameserver.resolver()
        domain = await client.domains.create(CLUSTER, name="example.com")
        print(f"{domain.name} is {domain.status}")
        for finding in await check(domain, resolver=resolver):
            print(f"  {finding}")

        zone = render(records(domain), "bind")
        print("publishing:")
        for line in zone.splitlines():
            print(f"  {line[:72]}")
        sandbox.nameserver.load(zone)
        for finding in await check(domain, resolver=resolver):
            print(f"  {finding}")

        domain = await client.domains.get(CLUSTER, "example.com")
        print(f"{domain.name} is {domain.status}")


asyncio.run(main())

"""A program that applies a plan, to be interrupted and killed: see test_apply_killed."""

from __future__ import annotations

import asyncio
import contextlib
import sys

from unmta_async import UnmtaClient
from unmta_async.provisioning import (
    ClusterSpec,
    CredentialSpec,
    Manifest,
    SqliteStore,
    apply,
    make_plan,
)


async def main(path: str, count: int) -> None:
    """Apply a manifest of `count` domains and credentials; print each outcome as it comes."""
    manifest = Manifest(
        {
            "a1b2c3d4": ClusterSpec(
                domains=[f"d{n}.example.com" for n in range(count)],
                credentials=[CredentialSpec(user=f"u{n}") for n in range(count)],
            )
        }
    )
    async with UnmtaClient() as client, SqliteStore(path) as store:
        plan = await make_plan(client, manifest)
        async with contextlib.aclosing(apply(client, plan, store=store, concurrency=8)) as outcomes:
            async for outcome in outcomes:
                if outcome.status != "unchanged":
                    print(outcome.status, outcome.action.target, flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    except KeyboardInterrupt:
        sys.exit(130)

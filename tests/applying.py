"""A program that applies a plan, to be interrupted and killed: see test_apply_killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
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


async def main(path: str, count: int) -> int:
    """Apply a manifest of `count` domains and credentials; print each outcome as it comes."""
    manifest = Manifest(
        {
            "a1b2c3d4": ClusterSpec(
                domains=[f"d{n}.example.com" for n in range(count)],
                credentials=[CredentialSpec(user=f"u{n}") for n in range(count)],
            )
        }
    )
    stop = stopped_by_ctrl_c()
    async with UnmtaClient() as client, SqliteStore(path) as store:
        plan = await make_plan(client, manifest)
        running = apply(client, plan, store=store, concurrency=8, stop=stop)
        async with contextlib.aclosing(running) as outcomes:
            async for outcome in outcomes:
                if outcome.status != "unchanged":
                    print(outcome.status, outcome.action.target, flush=True)
    return 130 if stop.is_set() else 0


def stopped_by_ctrl_c() -> asyncio.Event:
    """Return what the first Ctrl-C sets; the second ends all that is under way."""
    stop = asyncio.Event()

    def interrupt() -> None:
        for task in asyncio.all_tasks() if stop.is_set() else ():
            task.cancel()
        stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
    return stop


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
    except asyncio.CancelledError:
        sys.exit(130)

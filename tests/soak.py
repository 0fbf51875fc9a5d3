"""A long run of faulty calls, to find what leaks: `make soak`, or `python tests/soak.py CALLS`.

It is no test of the suite: it takes minutes. What each call says is checked in `promises`; here it
counts that nothing is left behind: no task, no descriptor, no place of the client, no memory.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import os
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from unmta_async import RetryPolicy, Timeout, UnmtaClient, UnmtaError
from unmta_async.sandbox import FAULTS, Sandbox

WORKERS = 16
PLACES = 8
CLUSTER = "a1b2c3d4"
NAMES = [f"d{number}.example.com" for number in range(50)]

CALLS: dict[str, Callable[[UnmtaClient, str], Awaitable[object]]] = {
    "clusters.list": lambda client, _: client.clusters.list(),
    "mtas.list": lambda client, _: client.mtas.list(CLUSTER),
    "domains.list": lambda client, _: client.domains.list(CLUSTER),
    "domains.get": lambda client, name: client.domains.get(CLUSTER, name),
    "domains.create": lambda client, name: client.domains.create(CLUSTER, name=name),
    "domains.delete": lambda client, name: client.domains.delete(CLUSTER, name),
    "credentials.list": lambda client, _: client.credentials.list(CLUSTER),
    "credentials.create": lambda client, name: client.credentials.create(
        CLUSTER, user=name, domains=NAMES[:2]
    ),
    "credentials.update": lambda client, name: client.credentials.update(
        CLUSTER, name, allow_all_ips=True
    ),
    "credentials.delete": lambda client, name: client.credentials.delete(CLUSTER, name),
}
# What would take long is made short; a revoked token would end the run.
SHORT = {
    "refuse": {"seconds": 0.02},
    "slow-body": {"seconds": 0.05},
    "huge-body": {"size": 2**18},
    "gzip-bomb": {"size": 2**22},
    "deep-nesting": {"depth": 10_000},
    "rate-limited": {"retry_after": "0.001"},
    "json-503": {"retry_after": "0.001"},
}
RARE = {"refuse", "slow-body", "hang-before-headers", "hang-after-headers", "gzip-bomb"}
LEFT_OUT = {"token-revoked"}


class Soak:
    """The run: what is left to do, and what came of it."""

    def __init__(self, sandbox: Sandbox, client: UnmtaClient, calls: int) -> None:
        self.results = collections.Counter[str]()
        self._sandbox = sandbox
        self._client = client
        self._left = calls
        self._random = random.Random(1)

    async def work(self) -> None:
        """Make one faulty call after the other, and give up one in fifty."""
        while self._left > 0:
            self._left -= 1
            if self._left % 200 == 0:
                self._sandbox.faults.clear()
            operation = self._random.choice([*CALLS])
            self._spoil(operation)
            call = CALLS[operation](self._client, self._random.choice(NAMES))
            bound = 0.002 * self._random.random() if self._random.random() < 0.02 else None
            try:
                async with asyncio.timeout(bound):
                    await call
            except UnmtaError as error:
                self.results[type(error).__name__] += 1
            except TimeoutError:
                self.results["cancelled"] += 1
            else:
                self.results["worked"] += 1

    def _spoil(self, operation: str) -> None:
        fitting = [name for name, fault in FAULTS.items() if fault.fits(operation)]
        fault = self._random.choice([name for name in fitting if name not in LEFT_OUT])
        if fault not in RARE or self._random.random() < 0.02:
            times = 1 if fault == "refuse" else self._random.choice([1, 1, 1, 4])
            self._sandbox.faults.add(operation, fault, times=times, **SHORT.get(fault, {}))


def open_files() -> int:
    return len([*Path("/dev/fd").iterdir()])


def resident() -> int:
    """Return the KiB that the process has in memory now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])


async def run(sandbox: Sandbox, calls: int) -> tuple[collections.Counter[str], list[str]]:
    """Make the calls; return what came of them and what was left behind."""
    retry = RetryPolicy(backoff=0.001, max_backoff=0.002)
    tasks = asyncio.all_tasks()
    limits = Timeout(total=5.0, attempt=0.25)
    async with sandbox.client(retry=retry, timeout=limits, max_connections=PLACES) as client:
        await soak(sandbox, client, calls // 10)
        files, memory = open_files(), resident()
        results = await soak(sandbox, client, calls)
        leaks = compare("descriptors", files + 4 * PLACES, open_files())
        leaks += compare("KiB of memory", memory + 16_384, resident())
        sandbox.faults.clear()
        async with asyncio.timeout(30):  # each place is free, or this waits
            await asyncio.gather(*(client.clusters.list() for _ in range(2 * PLACES)))
    await asyncio.sleep(0)
    leaks += [f"left: {task}" for task in asyncio.all_tasks() - tasks]
    return results, leaks


async def soak(sandbox: Sandbox, client: UnmtaClient, calls: int) -> collections.Counter[str]:
    one = Soak(sandbox, client, calls)
    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(one.work())
    gc.collect()
    return one.results


def compare(what: str, allowed: int, found: int) -> list[str]:
    print(f"{what}: {found} (allowed: {allowed})")
    return [f"{found - allowed} {what} too many"] if found > allowed else []


def main(calls: int) -> int:
    before, began = open_files(), time.monotonic()
    with Sandbox() as sandbox:
        results, leaks = asyncio.run(run(sandbox, calls), debug=False)
    gc.collect()
    leaks += compare("descriptors at the end", before + 1, open_files())
    for result, number in results.most_common():
        print(f"{number:8} {result}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{calls} calls in {time.monotonic() - began:.0f} s, peak {peak // 1024} MiB")
    print(*(leaks or ["nothing was left behind"]), sep="\n")
    return 1 if leaks else 0


if __name__ == "__main__":
    os.environ.pop("UNMTA_BASE_URL", None)
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))

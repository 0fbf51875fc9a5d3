"""What a contender's program runs: it reads commands, measures itself, and prints a line for each.

Only the standard library: it runs in every contender's environment. One worker loop for all.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from benchmarks import answers

__all__ = ["Api", "Command", "Cost", "Measured", "Special", "measured", "names", "serve"]

TOKEN = "benchmarks"  # noqa: S105 - the server asks for none
FIRST = "first.example.com"
_FEWEST_WARM_UPS = 50


class Api(Protocol):
    """A contender's client, in its own words."""

    async def get(self, cluster: str, name: str, /) -> object:
        """Get one domain."""

    async def create(self, cluster: str, name: str, /) -> object:
        """Create a domain."""

    async def list(self, cluster: str, /) -> object:
        """List the domains of a cluster."""


class Connect(Protocol):
    """Makes a contender's client."""

    def __call__(
        self, base_url: str, token: str, connections: int, /
    ) -> AbstractAsyncContextManager[Api]:
        """Make a client with so many connections at most."""
        ...


@dataclass(frozen=True, kw_only=True)
class Command:
    """One measurement.

    Attributes:
        kind: What is measured: "get", "create", "list", "decode", or a contender's own.
        count: How many times.
        concurrency: How many at a time.
        size: Domains in a list.
        connections: How many the client may have.
        base_url: Where the server is.
    """

    kind: str
    count: int
    concurrency: int = 1
    size: int = 0
    connections: int = 100
    base_url: str = ""


@dataclass
class Cost:
    """What something took, in seconds.

    Attributes:
        cpu: Of this process, user and system.
        wall: By the clock.
    """

    cpu: float = 0.0
    wall: float = 0.0


Measured = Mapping[str, Any]
Special = Callable[[Command], Awaitable[Measured]]


@asynccontextmanager
async def measured() -> AsyncGenerator[Cost, None]:
    """Measure the block, without the rubbish of what ran before it."""
    gc.collect()
    cost, wall, cpu = Cost(), time.perf_counter(), _cpu()
    yield cost
    cost.cpu, cost.wall = _cpu() - cpu, time.perf_counter() - wall


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def names(count: int) -> Iterator[str]:
    """Yield the names of so many domains."""
    return map(answers.domain_name, range(count))


async def drive(
    call: Callable[[str], Awaitable[object]], items: Iterable[str], workers: int
) -> None:
    """Call for each item, so many at a time."""
    left = iter(items)

    async def work() -> None:
        for item in left:
            await call(item)

    await asyncio.gather(*(work() for _ in range(workers)))


async def measure(connect: Connect, command: Command) -> Measured:
    """Measure calls of a client that is warm: connected, with everything made at first use."""
    cluster = f"cluster-{command.size}"
    async with connect(command.base_url, TOKEN, command.connections) as api:
        call = _call(api, command.kind, cluster)
        check(await call(FIRST), command)
        await drive(call, names(_warm_ups(command)), command.concurrency)
        async with measured() as cost:
            await drive(call, names(command.count), command.concurrency)
    return asdict(cost)


def _warm_ups(command: Command) -> int:
    return 2 if command.kind == "list" else max(_FEWEST_WARM_UPS, 2 * command.concurrency)


def _call(api: Api, kind: str, cluster: str) -> Callable[[str], Awaitable[object]]:
    if kind == "get":
        return lambda name: api.get(cluster, name)
    if kind == "create":
        return lambda name: api.create(cluster, name)
    if kind == "list":
        return lambda _: api.list(cluster)
    raise ValueError(f"there is no measurement {kind!r}")


def check(result: Any, command: Command) -> None:  # noqa: ANN401 - every contender's own types
    """See that a contender does its work: that what it returns is what was asked for."""
    if command.kind in {"list", "decode"}:
        seen, wanted = str(len(result)), str(command.size)
    else:
        seen, wanted = _name(result), FIRST
    if seen != wanted:
        raise ValueError(f"{command.kind} gave {seen}, not {wanted}")


def _name(domain: Any) -> str:  # noqa: ANN401 - likewise
    named = getattr(domain, "name", None)
    return str(domain["name"] if named is None else named)


async def measure_decoding(decode: Callable[[bytes], object], command: Command) -> Measured:
    """Measure from the bytes of a list to the contender's objects, without a network."""
    body = answers.domain_list(command.size)
    check(decode(body), command)
    decode(body)
    async with measured() as cost:
        for _ in range(command.count):
            decode(body)
    return asdict(cost)


def versions() -> dict[str, str]:
    """Return what is installed here."""
    return dict(sorted((each.name.lower(), each.version) for each in metadata.distributions()))


def peak_memory() -> int:
    """Return the most bytes that this process has had in memory.

    By way of /proc, since `ru_maxrss` begins with what the parent had.
    """
    status = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def settle_allocator() -> None:
    """Bring malloc to where the first answer over TLS has it.

    asyncio reads into a new block of 256 KiB. Until one as large has been freed, as the `ssl`
    module does, glibc maps and unmaps each: three system calls and two page faults, a fifth of a
    call. On plain HTTP it is luck who has freed one.
    """
    bytearray(2**20)


def allow_many_connections() -> None:
    """Let this process have as many open files as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def serve(
    connect: Connect,
    decode: Callable[[bytes], object],
    specials: Mapping[str, Special] | None = None,
) -> None:
    """Read commands from standard input, a line of JSON each; print what each measured likewise."""
    allow_many_connections()
    settle_allocator()
    for line in sys.stdin:
        command = Command(**json.loads(line))
        print(json.dumps(asyncio.run(_run(connect, decode, specials or {}, command))), flush=True)


async def _run(
    connect: Connect,
    decode: Callable[[bytes], object],
    specials: Mapping[str, Special],
    command: Command,
) -> Measured:
    if command.kind == "versions":
        return versions()
    if special := specials.get(command.kind):
        return await special(command)
    if command.kind == "decode":
        return await measure_decoding(decode, command)
    return await measure(connect, command)

"""This package: one call each, and in bulk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any
from urllib.request import urlopen

from benchmarks.harness import Command, Measured, measured, names, peak_memory, serve
from unmta_async import Attempt, UnmtaClient
from unmta_async._generated.domains import LIST
from unmta_async._reply import Reply
from unmta_async._reply import decode as decode_reply
from unmta_async.models import DomainDetail
from unmta_async.provisioning import ClusterSpec, Manifest, make_plan, provision_domains


class Api:
    def __init__(self, client: UnmtaClient) -> None:
        self._client = client

    async def get(self, cluster: str, name: str) -> DomainDetail:
        return await self._client.domains.get(cluster, name)

    async def create(self, cluster: str, name: str) -> DomainDetail:
        return await self._client.domains.create(cluster, name=name)

    async def list(self, cluster: str) -> Any:
        return await self._client.domains.list(cluster)


@asynccontextmanager
async def connect(base_url: str, token: str, connections: int) -> AsyncGenerator[Api, None]:
    async with _client(base_url, token, connections) as client:
        yield Api(client)


def _client(
    base_url: str,
    token: str,
    connections: int,
    on_attempt: Callable[[Attempt], object] | None = None,
) -> UnmtaClient:
    return UnmtaClient(
        base_url=base_url, token=token, max_connections=connections, on_attempt=on_attempt
    )


def decode(body: bytes) -> Any:
    """Decode as the client does: an answer that may hold errors, checked against the operation."""
    reply = Reply(status=200, headers={"content-type": "application/json"}, body=bytearray(body))
    return decode_reply(LIST, reply)


async def provision(command: Command) -> Measured:
    """Create in bulk, warm."""
    async with _client(command.base_url, "benchmarks", command.connections) as client:
        await _provision(client, names(2 * command.concurrency), command.concurrency)
        async with measured() as cost:
            await _provision(client, names(command.count), command.concurrency)
    return asdict(cost)


async def memory(command: Command) -> Measured:
    """Create in bulk; tell the peak of this process, which should have done nothing else."""
    async with _client(command.base_url, "benchmarks", command.connections) as client:
        await _provision(client, names(command.count), command.concurrency)
    return {"peak": peak_memory()}


async def plan(command: Command) -> Measured:
    """Plan a cluster that has all that it should; beside it, read the same answer as JSON."""
    cluster = f"cluster-{command.size}"
    # Fetched first, which has the server make it.
    body = await asyncio.to_thread(_fetch, f"{command.base_url}/clusters/{cluster}/domains")
    async with measured() as reading:
        json.loads(body)
    del body
    spec = ClusterSpec(domains=list(names(command.size)), credentials=[])
    manifest, attempts = Manifest({cluster: spec}), list[Attempt]()
    async with (
        _client(command.base_url, "benchmarks", command.connections, attempts.append) as client,
        measured() as planning,
    ):
        planned = await make_plan(client, manifest)
    if planned.pending:
        raise ValueError(f"the plan has {len(planned.pending)} actions, not none")
    return {"plan": asdict(planning), "json": asdict(reading), "requests": len(attempts)}


def _fetch(url: str) -> bytes:
    with urlopen(url) as response:  # noqa: S310 - our own server
        body: bytes = response.read()
        return body


async def _provision(client: UnmtaClient, wanted: Iterable[str], concurrency: int) -> None:
    async for outcome in provision_domains(client, "cluster-0", wanted, concurrency=concurrency):
        if outcome.status != "created":
            raise ValueError(outcome)


if __name__ == "__main__":
    serve(connect, decode, {"provision": provision, "memory": memory, "plan": plan})

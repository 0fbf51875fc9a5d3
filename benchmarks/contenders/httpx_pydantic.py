"""httpx and pydantic as people write them: one client, models, `model_validate_json`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime

import httpx
import pydantic

from benchmarks.harness import serve


class Domain(pydantic.BaseModel):
    name: str
    status: str
    dkim_public_key: str
    created_at: datetime
    updated_at: datetime


class DnsRecord(pydantic.BaseModel):
    type: str
    name: str
    value: str


class DomainDetail(Domain):
    dns_records: dict[str, DnsRecord]


class Domains(pydantic.BaseModel):
    data: list[Domain]


class OneDomain(pydantic.BaseModel):
    data: DomainDetail


class Api:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, cluster: str, name: str) -> DomainDetail:
        response = await self._client.get(f"/clusters/{cluster}/domains/{name}")
        response.raise_for_status()
        return OneDomain.model_validate_json(response.content).data

    async def create(self, cluster: str, name: str) -> DomainDetail:
        response = await self._client.post(f"/clusters/{cluster}/domains", json={"name": name})
        response.raise_for_status()
        return OneDomain.model_validate_json(response.content).data

    async def list(self, cluster: str) -> list[Domain]:
        response = await self._client.get(f"/clusters/{cluster}/domains")
        response.raise_for_status()
        return Domains.model_validate_json(response.content).data


@asynccontextmanager
async def connect(base_url: str, token: str, connections: int) -> AsyncGenerator[Api, None]:
    async with httpx.AsyncClient(
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        timeout=60,
    ) as client:
        yield Api(client)


def decode(body: bytes) -> list[Domain]:
    return Domains.model_validate_json(body).data


if __name__ == "__main__":
    serve(connect, decode)

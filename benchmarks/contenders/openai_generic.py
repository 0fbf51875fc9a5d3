"""The openai SDK's generic `get` and `post` with models of ours, as what Stainless generates."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime

import httpx
import openai
from openai import BaseModel

from benchmarks.harness import serve


class Domain(BaseModel):
    name: str
    status: str
    dkim_public_key: str
    created_at: datetime
    updated_at: datetime


class DnsRecord(BaseModel):
    type: str
    name: str
    value: str


class DomainDetail(Domain):
    dns_records: dict[str, DnsRecord]


class Domains(BaseModel):
    data: list[Domain]


class OneDomain(BaseModel):
    data: DomainDetail


class Api:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def get(self, cluster: str, name: str) -> DomainDetail:
        answer = await self._client.get(f"/clusters/{cluster}/domains/{name}", cast_to=OneDomain)
        return answer.data

    async def create(self, cluster: str, name: str) -> DomainDetail:
        answer = await self._client.post(
            f"/clusters/{cluster}/domains", cast_to=OneDomain, body={"name": name}
        )
        return answer.data

    async def list(self, cluster: str) -> list[Domain]:
        answer = await self._client.get(f"/clusters/{cluster}/domains", cast_to=Domains)
        return answer.data


@asynccontextmanager
async def connect(base_url: str, token: str, connections: int) -> AsyncGenerator[Api, None]:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with openai.AsyncOpenAI(
        base_url=base_url,
        api_key=token,
        http_client=openai.DefaultAsyncHttpxClient(limits=limits),
    ) as client:
        yield Api(client)


def decode(body: bytes) -> list[Domain]:
    """Decode as the SDK does, which builds models without validating them."""
    return Domains.construct(**json.loads(body)).data


if __name__ == "__main__":
    serve(connect, decode)

"""What openapi-python-client makes of our contract: a function for each operation, attrs models."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from unmta_generated import AuthenticatedClient
from unmta_generated.api.domains import create_domain, get_domain, list_domains
from unmta_generated.models.create_domain_body import CreateDomainBody
from unmta_generated.models.create_domain_response_201 import CreateDomainResponse201
from unmta_generated.models.domain import Domain
from unmta_generated.models.domain_detail import DomainDetail
from unmta_generated.models.get_domain_response_200 import GetDomainResponse200
from unmta_generated.models.list_domains_response_200 import ListDomainsResponse200

from benchmarks.harness import serve


class Api:
    def __init__(self, client: AuthenticatedClient) -> None:
        self._client = client

    async def get(self, cluster: str, name: str) -> DomainDetail:
        answer = await get_domain.asyncio(cluster, name, client=self._client)
        assert isinstance(answer, GetDomainResponse200)
        return answer.data

    async def create(self, cluster: str, name: str) -> DomainDetail:
        body = CreateDomainBody(name=name)
        answer = await create_domain.asyncio(cluster, client=self._client, body=body)
        assert isinstance(answer, CreateDomainResponse201)
        return answer.data

    async def list(self, cluster: str) -> list[Domain]:
        answer = await list_domains.asyncio(cluster, client=self._client)
        assert isinstance(answer, ListDomainsResponse200)
        return answer.data


@asynccontextmanager
async def connect(base_url: str, token: str, connections: int) -> AsyncGenerator[Api, None]:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with AuthenticatedClient(
        base_url=base_url, token=token, timeout=httpx.Timeout(60), httpx_args={"limits": limits}
    ) as client:
        yield Api(client)


def decode(body: bytes) -> list[Domain]:
    return ListDomainsResponse200.from_dict(json.loads(body)).data


if __name__ == "__main__":
    serve(connect, decode)

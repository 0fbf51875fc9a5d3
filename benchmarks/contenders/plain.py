"""aiohttp as people write it: one session, `raise_for_status`, `json()`, dicts."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from benchmarks.harness import serve


class Api:
    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def get(self, cluster: str, name: str) -> Any:
        url = f"{self._base_url}/clusters/{cluster}/domains/{name}"
        async with self._session.get(url) as response:
            response.raise_for_status()
            return (await response.json())["data"]

    async def create(self, cluster: str, name: str) -> Any:
        url = f"{self._base_url}/clusters/{cluster}/domains"
        async with self._session.post(url, json={"name": name}) as response:
            response.raise_for_status()
            return (await response.json())["data"]

    async def list(self, cluster: str) -> Any:
        url = f"{self._base_url}/clusters/{cluster}/domains"
        async with self._session.get(url) as response:
            response.raise_for_status()
            return (await response.json())["data"]


@asynccontextmanager
async def connect(base_url: str, token: str, connections: int) -> AsyncGenerator[Api, None]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    ) as session:
        yield Api(session, base_url)


def decode(body: bytes) -> Any:
    return json.loads(body)["data"]


if __name__ == "__main__":
    serve(connect, decode)

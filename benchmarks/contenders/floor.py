"""The least that aiohttp can do: prepared URLs and headers, no cookies, orjson, no models."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from yarl import URL

from benchmarks.harness import serve


class Api:
    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url
        self._lists: dict[str, URL] = {}

    async def get(self, cluster: str, name: str) -> Any:
        url = URL(f"{self._base_url}/clusters/{cluster}/domains/{name}", encoded=True)
        async with self._session.get(url, allow_redirects=False) as response:
            return orjson.loads(await response.read())["data"]

    async def create(self, cluster: str, name: str) -> Any:
        body = orjson.dumps({"name": name})
        url = self._list(cluster)
        async with self._session.post(url, data=body, allow_redirects=False) as response:
            return orjson.loads(await response.read())["data"]

    async def list(self, cluster: str) -> Any:
        async with self._session.get(self._list(cluster), allow_redirects=False) as response:
            return orjson.loads(await response.read())["data"]

    def _list(self, cluster: str) -> URL:
        if cluster not in self._lists:
            self._lists[cluster] = URL(f"{self._base_url}/clusters/{cluster}/domains", encoded=True)
        return self._lists[cluster]


@asynccontextmanager
async def connect(base_url: str, token: str, connections: int) -> AsyncGenerator[Api, None]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        },
    ) as session:
        yield Api(session, base_url)


def decode(body: bytes) -> Any:
    return orjson.loads(body)["data"]


if __name__ == "__main__":
    serve(connect, decode)

"""Fixtures for your own tests: `unmta_sandbox`, a fake unMTA, and `unmta_client`, a client on it.

pytest loads this module in every project that has the package installed, so it imports nothing
heavy before a fixture is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .client import UnmtaClient
    from .sandbox import Sandbox

__all__ = ["unmta_client", "unmta_sandbox"]


@pytest.fixture
def unmta_sandbox() -> Iterator[Sandbox]:
    """A fake unMTA with two empty clusters, for this test alone.

    It runs in a thread of its own, so tests of any event loop can use it, and tests without one.
    """
    from .sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def unmta_client(unmta_sandbox: Sandbox) -> Iterator[UnmtaClient]:
    """A client on `unmta_sandbox`, closed with the event loop that uses it or with the test."""
    lifetime = _Lifetime(unmta_sandbox)
    yield lifetime.client
    lifetime.end()


class _Lifetime:
    """Closes a client with the event loop that used it first, whoever runs that loop.

    A synchronous fixture cannot await, and an asynchronous one might be given another loop than
    the test. But every loop that ends in order closes its async generators, so one that closes the
    client is started when the client asks for its token.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.client = sandbox.client(token=self._token)
        self._sandbox = sandbox
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = self._close_with_loop()

    async def _token(self) -> str:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            await anext(self._guard)
        return self._sandbox.token

    async def _close_with_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.client.close()

    def end(self) -> None:
        """Close the client in a loop that outlives the test."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.run_until_complete(self._guard.aclose())

"""What all tests share: the sandbox on the test's own loop, a client on it, and mocked answers."""

from __future__ import annotations

import inspect
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest

from unmta_async import UnmtaClient
from unmta_async.sandbox import Sandbox

# Who starts the tests in the background lets them, and all that they start, ignore these.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGTERM, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# aioresponses 0.7.9 does not give ClientResponse the `stream_writer` that newer aiohttp asks for.
if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:

    class _Response(aiohttp.ClientResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{"stream_writer": Mock(), **kwargs})

    aioresponses.core.ClientResponse = _Response


@pytest.fixture
def mocked() -> Iterator[aioresponses.aioresponses]:
    """Answers without a server. They know no timeouts, tracing or middlewares."""
    with aioresponses.aioresponses() as mocked:
        yield mocked


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[UnmtaClient]:
    async with sandbox.client() as client:
        yield client

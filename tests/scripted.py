"""A server of raw bytes on this machine that does what it is told, however wrong that is."""

from __future__ import annotations

import asyncio
import enum
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Self

import pytest

from unmta_async import RetryPolicy, UnmtaClient, UnmtaError

TOKEN = "token-of-the-tests"
QUICK = RetryPolicy(backoff=0)

DOMAIN = {
    "name": "example.com",
    "status": "pending",
    "dkim_public_key": "MIIB",
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00Z",
}
DETAIL = DOMAIN | {
    "dns_records": {
        "dkim": {"type": "TXT", "name": "unmta._domainkey", "value": "p=MIIB"},
        "dmarc": {"type": "TXT", "name": "_dmarc", "value": "v=DMARC1; p=reject"},
    }
}
CREDENTIAL = {
    "user": "webapp",
    "allow_all_domains": True,
    "domains": [],
    "allow_all_ips": True,
    "allowed_ips": [],
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00Z",
}

# One call of each effect that a request can have on the server.
CALLS: dict[str, Callable[[UnmtaClient], Awaitable[Any]]] = {
    "GET": lambda client: client.domains.get("a1b2c3d4", "example.com"),
    "PUT": lambda client: client.credentials.update("a1b2c3d4", "webapp", allow_all_ips=True),
    "DELETE": lambda client: client.domains.delete("a1b2c3d4", "example.com"),
    "POST": lambda client: client.domains.create("a1b2c3d4", name="example.com"),
    "POST credential": lambda client: client.credentials.create(
        "a1b2c3d4", user="webapp", allow_all_domains=True
    ),
}


class Act(enum.Enum):
    """What a server may do other than answer."""

    CLOSE = "close the connection"
    RESET = "reset the connection after reading the request"
    RESET_UNREAD = "reset the connection without reading the request"
    HANG = "do nothing until the client goes away"
    PAUSE = "let others come in before going on"


Step = bytes | Act | tuple[bytes | Act, ...]


def answer(
    status: int = 200, body: bytes | str | object = None, /, **headers: str | int
) -> bytes:  # an underscore in a header's name is a hyphen
    """Return an answer as bytes; what is no text is sent as JSON."""
    if not isinstance(body, bytes | str):
        headers = {"Content_Type": "application/json"} | headers
        body = json.dumps(body)
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever"]
    for name, value in ({"Content_Length": len(content)} | headers).items():
        lines.append(f"{name.replace('_', '-')}: {value}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def html(status: int) -> bytes:
    """Return the page of a proxy on the way."""
    return answer(status, "<h1>Something is wrong</h1>", Content_Type="text/html")


class Scripted:
    """A server that does one step of its script for each request; the last one for all others.

    Attributes:
        script: What it does.
        requests: What arrived, head and body.
        arrived: When, by the loop's clock.
        peak: The most requests that were open at a time.
        opened: How many connections there have been.
    """

    def __init__(self, *script: Step) -> None:
        self.requests: list[bytes] = []
        self.arrived: list[float] = []
        self.peak = 0
        self.opened = 0
        self.script = list(script)
        self._open = 0
        self._writers: dict[asyncio.Task[Any] | None, asyncio.StreamWriter] = {}

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._writers)

    def count(self, method: str) -> int:
        """Return how many requests with this method arrived."""
        return sum(request.startswith(method.split()[0].encode()) for request in self.requests)

    def client(self, **options: Any) -> UnmtaClient:
        defaults = {"token": TOKEN, "base_url": self.base_url, "retry": QUICK}
        return UnmtaClient(**defaults | options)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = "http://127.0.0.1:{1}/api/v1".format(*self._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers.values():
            writer.transport.abort()
        await asyncio.gather(*filter(None, self._writers))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[asyncio.current_task()] = writer
        self.opened += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            del self._writers[asyncio.current_task()]

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readuntil(b" ")
        self._open += 1
        self.peak = max(self.peak, self._open)
        self.arrived.append(asyncio.get_running_loop().time())
        at = len(self.requests)
        self.requests.append(first)
        step = self.script[min(at, len(self.script) - 1)]
        acts = step if isinstance(step, tuple) else (step,)
        try:
            if acts != (Act.RESET_UNREAD,):
                self.requests[at] += await _read(reader)
            for act in acts:
                if isinstance(act, bytes):
                    writer.write(act)
                    await writer.drain()
                elif act is Act.PAUSE:
                    await asyncio.sleep(0.002)
                else:
                    await _do(act, reader, writer)
                    return False
        finally:
            self._open -= 1
        return True


async def _read(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = [
        line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    ]
    return head + await reader.readexactly(int(length[0]) if length else 0)


async def _do(act: Act, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if act is Act.HANG:
        await reader.read()
    elif act is Act.CLOSE:
        writer.close()
        await writer.wait_closed()
    else:
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def until(true: Callable[[], object]) -> None:
    """Wait until something has come true."""
    while not true():  # noqa: ASYNC110 - it is about sockets, which set no events
        await asyncio.sleep(0.001)


async def failure(call: Awaitable[object]) -> UnmtaError:
    """Return the error that a call ends with."""
    with pytest.raises(UnmtaError) as caught:
        await call
    return caught.value

"""Servers to which no connection comes about, or none that lasts; nothing reaches an API there."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import trustme

from unmta_async.sandbox import Sandbox

from .cases import Case
from .stage import Caller, Run, authority, in_time, serving

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@dataclass
class Wreck:
    """Where a server is, and how often somebody came."""

    url: str
    visits: int = 0
    requests: int = 0


Open = Callable[[], AbstractAsyncContextManager[Wreck]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def with_certificate(certificate: Callable[[], trustme.LeafCert]) -> Open:
    """A sandbox that shows a certificate which is none for it."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Wreck]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate().configure_cert(context)
        async with Sandbox(ssl=context) as sandbox:
            wreck = Wreck(sandbox.base_url)
            yield wreck
            wreck.requests = len(sandbox.calls)

    return open_


def that_talks(talk: Talk, *, tls: bool = False) -> Open:
    """A server that does this with each connection."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Wreck]:
        wreck, writers = Wreck(""), set[asyncio.StreamWriter]()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wreck.visits += 1
            writers.add(writer)
            try:
                await talk(reader, writer)
            except OSError:
                pass
            finally:
                writer.transport.abort()

        context = serving() if tls else None
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        wreck.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1"
        try:
            yield wreck
        finally:
            server.close()
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0)

    return open_


@asynccontextmanager
async def nobody() -> AsyncIterator[Wreck]:
    """Bind a port, and do not listen there."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Wreck(f"https://127.0.0.1:{bound.getsockname()[1]}/api/v1")


def without_address(lookup: Callable[..., Awaitable[object]]) -> Open:
    """A name, and what the look-up of it comes to."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Wreck]:
        loop = asyncio.get_running_loop()
        loop.getaddrinfo = lookup  # type: ignore[method-assign]
        try:
            yield Wreck("https://unmta.example/api/v1")
        finally:
            del loop.getaddrinfo

    return open_


# What a server does with a connection.


async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer in HTTP where TLS was wanted."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    await reader.read()


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say nothing."""
    while await reader.read(2**16):
        pass


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hang up after the first bytes."""
    await reader.read(2**16)
    writer.close()
    await writer.wait_closed()


async def cut_within_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the beginning of what a TLS server says first, and hang up."""
    await reader.read(2**16)
    writer.write(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send RST after the first bytes."""
    await reader.read(2**16)
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def no_such_name(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def no_answer(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


WRECKS: dict[str, Open] = {
    "nobody listens": nobody,
    "the name is not found": without_address(no_such_name),
    "the look-up of the name hangs": without_address(no_answer),
    "untrusted CA": with_certificate(lambda: trustme.CA().issue_cert("127.0.0.1")),
    "wrong host": with_certificate(lambda: authority().issue_cert("other.example.com")),
    "expired": with_certificate(lambda: authority().issue_cert("127.0.0.1", not_after=YESTERDAY)),
    "plain HTTP": that_talks(speak_plainly),
    "the handshake hangs": that_talks(hang),
    "the handshake takes all of an attempt": that_talks(hang),
    "cut before the handshake": that_talks(cut),
    "cut within the handshake": that_talks(cut_within_an_answer),
    "reset within the handshake": that_talks(reset),
    "reset behind the handshake": that_talks(reset, tls=True),
    "closed behind the handshake": that_talks(cut, tls=True),
}


async def visit(case: Case, call: Caller, secrets: tuple[str, ...]) -> Run:
    """Make a call that reaches nothing, and return what was told."""
    return Run(
        case=case,
        told=await in_time(call(case.call)),
        before={},
        after={},
        changes=[],
        calls=[],
        hits=[],
        asked=0,
        secrets=secrets,
        log="",
    )

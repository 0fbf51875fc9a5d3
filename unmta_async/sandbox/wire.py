"""What is done to a connection: how an answer goes out, or does not. It decides nothing."""

import asyncio
import math
import socket
import struct
import sys
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

Send = Callable[[web.Request, "Outgoing"], Awaitable[None]]
"""Send an answer, or something else."""

HELD = web.AppKey("held", set[web.RequestHandler])
"""The connections that are in the hands of a `Send`."""

_LOOK_INTERVAL = 0.02  # seconds
_SLICES = 20
_FILLER = b"x" * 2**20
_GARBAGE = b"\x00\x01\xfe\xffthis is no HTTP\r\n\x80\x00" * 4


class Outgoing(web.StreamResponse):
    """An answer that goes out in its own way.

    Attributes:
        content: The body that would go out in the usual way.
        send: What sends it.
        is_begun: Whether its status goes out at all.
    """

    def __init__(self, status: int | None, content: bytes, send: Send) -> None:
        super().__init__(status=status or 200)
        self.content = content
        self.send = send
        self.is_begun = status is not None


class Nothing(web.StreamResponse):
    """What is left to send when all has been sent."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:  # noqa: ARG002
        """Do nothing."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing."""


async def deliver(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send an answer, in its own way if it has one, and return what is left to send."""
    with suppress(ConnectionError):  # the client is free to go
        if not isinstance(response, Outgoing):
            await response.prepare(request)
            await response.write_eof()
            return response
        held = request.app[HELD]
        held.add(request.protocol)
        try:
            await response.send(request, response)
        finally:
            held.remove(request.protocol)
    may_stay = request.keep_alive and response.keep_alive is not False
    return Nothing(keep_alive=may_stay and not _is_gone(request))


async def let_go(app: web.Application) -> None:
    """End all that a `Send` is busy with."""
    for connection in [*app[HELD]]:
        _abort(connection)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _abort(connection: web.RequestHandler) -> None:
    """Close a connection at once, whatever is still to be sent."""
    if connection.transport is not None:
        connection.transport.abort()
    connection.force_close()


async def _pause(request: web.Request, seconds: float) -> None:
    """Wait, for as long as the client does.

    Raises:
        ConnectionResetError: The client has gone away, or the sandbox ends.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        await asyncio.sleep(min(left, _LOOK_INTERVAL))
        if _is_gone(request):
            raise ConnectionResetError


async def _begin(request: web.Request, response: Outgoing, length: int | None) -> None:
    """Send the headers, which announce a body of this length, or one in chunks."""
    if length is not None:
        response.content_length = length
    elif request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    await response.prepare(request)


# Nothing is answered.


async def reset(request: web.Request, _: Outgoing) -> None:
    """Send RST, which throws away what the other side has not read yet."""
    if request.transport is not None:
        connection: socket.socket = request.transport.get_extra_info("socket")
        form = "hh" if sys.platform == "win32" else "ii"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(form, 1, 0))
    _abort(request.protocol)


async def close(request: web.Request, _: Outgoing) -> None:
    """Send FIN, behind what has been sent."""
    request.protocol.force_close()


async def hang(request: web.Request, _: Outgoing) -> None:
    """Say nothing more until the client goes away or the sandbox ends."""
    await _pause(request, math.inf)


async def talk_garbage(request: web.Request, response: Outgoing) -> None:
    """Send bytes that are no HTTP, and FIN."""
    if request.transport is not None:
        request.transport.write(_GARBAGE)
    await close(request, response)


# The answer goes out in part, or slowly, or with more behind it.


async def hang_after_headers(request: web.Request, response: Outgoing) -> None:
    """Send the headers, and nothing more until the client goes away or the sandbox ends."""
    await _begin(request, response, len(response.content))
    await hang(request, response)


def drip(seconds: float) -> Send:
    """Send the body bit by bit, the last one after this many seconds."""

    async def send(request: web.Request, response: Outgoing) -> None:
        body = response.content
        size = -(-len(body) // _SLICES)
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        await _begin(request, response, len(body))
        for part in parts:
            await _pause(request, seconds / len(parts))
            await response.write(part)
        await response.write_eof()

    return send


def cut(part: bytes) -> Send:
    """Announce the whole body, and send this part of it and FIN."""

    async def send(request: web.Request, response: Outgoing) -> None:
        await _begin(request, response, len(response.content))
        await response.write(part)
        await close(request, response)

    return send


async def cut_chunk(request: web.Request, response: Outgoing) -> None:
    """Send the body as a chunk, and FIN instead of the last one."""
    await _begin(request, response, None)
    await response.write(response.content)
    await close(request, response)


def follow_with(unasked: bytes, seconds: float) -> Send:
    """Send the answer, and this many seconds later a second one, with this body."""

    async def send(request: web.Request, response: Outgoing) -> None:
        if response.content:
            response.content_length = len(response.content)
        await response.prepare(request)
        await response.write_eof(response.content)
        if (transport := request.transport) is not None:
            head = _head("200 OK", {"Content-Type": "application/json"}, unasked)
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, _speak, transport, head + unasked)

    return send


def _speak(transport: asyncio.WriteTransport, message: bytes) -> None:
    if not transport.is_closing():
        transport.write(message)


async def force_body(request: web.Request, response: Outgoing) -> None:
    """Send a body behind a status that has none."""
    if request.transport is not None:
        status = f"{response.status} {response.reason}"
        head = _head(status, dict(response.headers), response.content)
        request.transport.write(head + response.content)


def _head(status: str, headers: dict[str, str], body: bytes) -> bytes:
    fields = headers | {"Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


# The body is large. It is made as it is sent, so that it takes no room here.


def pad(head: bytes, count: int, tail: bytes) -> Send:
    """Send a body in chunks that has this many fillers in its middle."""

    async def send(request: web.Request, response: Outgoing) -> None:
        await _begin(request, response, None)
        await response.write(head)
        for block in _blocks(count):
            await response.write(_FILLER[:block])
        await response.write(tail)
        await response.write_eof()

    return send


def pad_deflated(head: bytes, count: int, tail: bytes) -> Send:
    """Send a body in chunks, gzipped, that has this many fillers in its middle."""

    async def send(request: web.Request, response: Outgoing) -> None:
        await _begin(request, response, None)
        await response.write(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + _deflate(head))
        crc = zlib.crc32(head)
        deflated = {block: _deflate(_FILLER[:block]) for block in {*_blocks(count)}}
        for block in _blocks(count):
            await response.write(deflated[block])
            crc = zlib.crc32(_FILLER[:block], crc)
            await asyncio.sleep(0)  # so little is written that nothing else would let others run
        await response.write(_deflate(tail, zlib.Z_FINISH))
        size = len(head) + count + len(tail)
        await response.write(struct.pack("<II", zlib.crc32(tail, crc), size % 2**32))
        await response.write_eof()

    return send


def _blocks(count: int) -> list[int]:
    whole, rest = divmod(count, len(_FILLER))
    return [len(_FILLER)] * whole + [rest] * bool(rest)


def _deflate(content: bytes, end: int = zlib.Z_FULL_FLUSH) -> bytes:
    """Return content as deflated blocks, which can stand behind any others."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(content) + deflater.flush(end)

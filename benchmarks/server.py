"""The server of the benchmarks: prebuilt bytes over asyncio's bare protocol. It checks nothing.

Run as a program it prints its port, and ends when its standard input does.

    GET  .../clusters/{any}-{N}/domains     N domains
    GET  .../clusters/{any}/domains/{name}  the domain of that name
    GET  .../clusters/{any}/credentials     none
    POST .../clusters/{any}/domains         a new domain of the name in the body
    POST .../clusters/{any}/credentials     a new credential of the user in the body
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from functools import lru_cache
from typing import Final

from benchmarks import answers
from benchmarks.harness import allow_many_connections

__all__ = ["Answering", "Requests", "answer"]

_LENGTH: Final = b"\r\ncontent-length:"


class Requests:
    """Cuts what arrives on a connection into requests."""

    def __init__(self) -> None:
        self._arrived = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take bytes; return the requests that they complete, each as its first line and body."""
        arrived = self._arrived + data if self._arrived else data
        complete: list[tuple[bytes, bytes]] = []
        while (end := arrived.find(b"\r\n\r\n")) >= 0:
            last = end + 4 + _content_length(arrived[:end])
            if len(arrived) < last:
                break
            complete.append((arrived[: arrived.find(b"\r\n")], arrived[end + 4 : last]))
            arrived = arrived[last:]
        self._arrived = arrived
        return complete


def _content_length(head: bytes) -> int:
    if head.startswith(b"GET "):
        return 0
    lower = head.lower()
    if b"\r\ntransfer-encoding:" in lower:
        raise ValueError("the server of the benchmarks reads no chunked bodies")
    start = lower.find(_LENGTH)
    return 0 if start < 0 else int(lower[start + len(_LENGTH) :].split(b"\r\n", 1)[0])


def answer(line: bytes, body: bytes) -> bytes:
    """Return the whole answer to a request."""
    method, target, _ = line.split(b" ", 2)
    if method == b"GET":
        return _got(target)
    if method == b"POST" and target.endswith(b"/domains"):
        return answers.response(201, answers.domain(json.loads(body)["name"]))
    if method == b"POST" and target.endswith(b"/credentials"):
        return answers.response(201, answers.created_credential(json.loads(body)["user"]))
    return answers.response(404, b'{"message":"Not Found"}')


@lru_cache(maxsize=4096)
def _got(target: bytes) -> bytes:
    match target.decode().rstrip("/").split("/"):
        case [*_, "clusters", _, "domains", name]:
            return answers.response(200, answers.domain(name))
        case [*_, "clusters", cluster, "domains"]:
            return answers.response(200, answers.domain_list(int(cluster.rpartition("-")[2])))
        case [*_, "clusters", _, "credentials"]:
            return answers.response(200, b'{"data":[]}')
        case _:
            return answers.response(404, b'{"message":"Not Found"}')


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._requests = Requests()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's always is
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived."""
        ready = b"".join(answer(line, body) for line, body in self._requests.feed(data))
        if ready and self._transport is not None:
            self._transport.write(ready)


async def _serve() -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(over.set)

    server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=4096)
    threading.Thread(target=wait_for_end, daemon=True).start()
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()
    server.close()


if __name__ == "__main__":
    allow_many_connections()
    asyncio.run(_serve())

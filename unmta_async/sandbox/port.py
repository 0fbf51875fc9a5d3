"""The port that the sandbox listens at, which can be closed for a while and opened again."""

import asyncio
import socket
import sys
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from ssl import SSLContext
from typing import Any

from aiohttp import web

_BACKLOG = 128


class _Listener(socket.socket):
    """A socket to listen with that knows whom asyncio has accepted and not yet looked after."""

    def __init__(self, family: int) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self.fresh: deque[socket.socket] = deque()

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        self.fresh.append(connection)
        return connection, address


class Port:
    """A port with a server behind it; all of it belongs to the thread of its event loop."""

    def __init__(self, ssl: SSLContext | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._ssl = ssl
        self._server: web.Server | None = None
        self._addresses: list[tuple[int, Any]] = []
        self._reserved: list[_Listener] = []
        self._listening: list[asyncio.Server] = []
        self._busy: set[web.RequestHandler] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None

    async def open(self, server: web.Server, host: str, port: int) -> int:
        """Listen, and return the number of the port.

        Raises:
            OSError: The port is taken, or the address is none of this machine.
        """
        found = await self.loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        self._server = server
        for family, address in dict.fromkeys((one[0], one[4]) for one in found):
            listener = _reserve(family, address)
            self._reserved.append(listener)
            self._addresses.append((family, listener.getsockname()))
        for listener in self._reserved:
            listener.listen(_BACKLOG)
        await self._accept()
        return int(self._addresses[0][1][1])

    @property
    def is_shut(self) -> bool:
        """Whether it refuses connections."""
        return not self._listening and self._opening is None

    def shut(self, seconds: float | None) -> None:
        """Refuse connections for this many seconds, or until `reopen`, and close idle ones.

        A connection that a request is on is left to whoever answers it; see `is_shut`.
        """
        self.close()
        # Somebody else could take the port otherwise. Without `listen` it refuses connections.
        self._reserved = [_reserve(*address) for address in self._addresses]
        for connection in self._server.connections if self._server else ():
            if connection not in self._busy:
                connection.force_close()
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self.reopen)

    def reopen(self) -> None:
        """Listen again, if the port was shut."""
        if self._reserved and self._opening is None:
            for listener in self._reserved:
                listener.listen(_BACKLOG)  # from now on; what comes is accepted a moment later
            self._opening = self.loop.create_task(self._accept())

    def close(self) -> None:
        """Stop listening."""
        if self._timer:
            self._timer.cancel()
        if self._opening:
            self._opening.cancel()
        for server in self._listening:
            server.close()
        for listener in self._reserved:
            listener.close()
        self._timer, self._opening = None, None
        self._listening, self._reserved = [], []

    @contextmanager
    def busy(self, connection: web.RequestHandler) -> Generator[None]:
        """Note that a request is on a connection, for as long as the context lasts."""
        self._busy.add(connection)
        try:
            yield
        finally:
            self._busy.discard(connection)

    async def _accept(self) -> None:
        # Nothing is suspended before each listener is in a list, where `close` finds it.
        while self._reserved:
            listener = self._reserved.pop()
            server = await self.loop.create_server(
                partial(self._take, listener),
                sock=listener,
                ssl=self._ssl,
                backlog=_BACKLOG,
                start_serving=False,
            )
            self._listening.append(server)
        for server in self._listening:
            await server.start_serving()
        self._opening = None

    def _take(self, listener: _Listener) -> web.RequestHandler:
        """Return a protocol for the next of those whom a listener has accepted."""
        connection = listener.fresh.popleft() if listener.fresh else None
        if self._server and listener.fileno() >= 0:
            return self._server()
        # asyncio would lose it: it does not expect a server to be closed at this moment.
        if connection:
            connection.close()
        raise ConnectionAbortedError("the port was closed")


def _reserve(family: int, address: Any) -> _Listener:  # noqa: ANN401 - as the family has them
    """Return a socket that has an address and does not listen."""
    reserved = _Listener(family)
    try:
        if sys.platform != "win32":
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        reserved.bind(address)
    except OSError:
        reserved.close()
        raise
    return reserved

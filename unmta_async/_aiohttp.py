"""The border to aiohttp: what it does of itself and must not, and its exceptions as ours.

A test for each guard fails when the guard is taken out.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Final

import aiohttp
from multidict import CIMultiDict

from .errors import (
    ClientClosedError,
    ConnectError,
    ConnectionLostError,
    ConnectTimeoutError,
    RequestTimeoutError,
    TLSError,
    TransportError,
    UnexpectedResponseError,
    UnmtaError,
)

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace
    from aiohttp.typedefs import LooseHeaders
    from yarl import URL

__all__ = [
    "Body",
    "ConnectionBrokenError",
    "Connector",
    "NoCookies",
    "Request",
    "Response",
    "connecting",
    "is_cancelled",
    "may_be_sent",
    "read",
    "translate",
]


class ConnectionBrokenError(Exception):
    """A lost connection, in a class that aiohttp does not answer by sending the request again."""


connecting: Final = ContextVar("unmta_async_connecting", default=True)
"""Whether the attempt under way is still without a connection."""


class Connector(aiohttp.TCPConnector):
    """Hands out clean connections only, and tells who is still without one.

    An answer that nobody asked for, left on an idle connection, would be taken for that of the next
    request. And of an attempt that ran out of time aiohttp itself tells only where the time for
    connecting is the shorter one whether there was a connection.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Get a connection."""
        connection = await super().connect(req, traces, timeout)
        while connection.protocol is not None and connection.protocol.should_close:
            connection.close()
            connection = await super().connect(req, traces, timeout)
        connecting.set(False)
        return connection


class NoCookies(aiohttp.DummyCookieJar):
    """Neither keeps cookies nor makes an empty container of them for each request."""

    _none: Final = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:  # noqa: ARG002
        """Return none."""
        return self._none


class Request(aiohttp.ClientRequest):
    """Takes the headers as the session has merged them; aiohttp would copy them one by one."""

    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Set the headers."""
        if isinstance(headers, CIMultiDict) and "Host" in headers:
            self.headers = headers
        else:
            super().update_headers(headers)


class Response(aiohttp.ClientResponse):
    """Keeps aiohttp from resending GET, PUT and DELETE by itself when a connection breaks.

    A DELETE that worked would come back as 404. There is no public switch.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Wait for the head of the answer."""
        try:
            return await super().start(connection)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise ConnectionBrokenError(type(error).__name__) from None


class Body(aiohttp.Payload):
    """The body of a request. Its headers wait for it, so nothing is sent before it is asked for.

    Attributes:
        content: What it is.
        was_taken: Whether somebody may have sent it.
    """

    was_taken = False

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content)

    @property
    def autoclose(self) -> bool:
        """Whether there is nothing to close."""
        return True

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write it."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write it, headers first, unless the connection is gone."""
        transport = writer.transport
        self.was_taken = self.was_taken or not (transport is None or transport.is_closing())
        await writer.write(self.content[:content_length])

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002
        """Return it, to a middleware of a borrowed session perhaps."""
        self.was_taken = True
        return self.content

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return its text, to a middleware of a borrowed session perhaps."""
        self.was_taken = True
        return self.content.decode(encoding, errors)


async def read(response: aiohttp.ClientResponse, body: bytearray, limit: int) -> UnmtaError | None:
    """Gather a body, counting its bytes after inflation; return an error if they are too many.

    The connection is free afterwards, or closed.
    """
    content = response.content
    try:
        while True:
            # A short answer is here as a whole by now, and there is nothing to wait for.
            is_last = content.is_eof()
            body += content.read_nowait() if is_last else await content.readany()
            if len(body) > limit:
                return UnexpectedResponseError(
                    f"the server answered {response.status} with more than {limit} bytes; "
                    "max_body and max_list_body set the limit",
                    status=response.status,
                )
            if is_last:
                return None
    except RuntimeError as error:  # the connection was closed here, between two pieces
        raise ConnectionBrokenError(type(error).__name__) from None
    finally:
        if not response.closed:
            response.close()


_GONE: Final = (ConnectError, "the connection was gone before anything was sent")
_LATE: Final = (ConnectTimeoutError, "no connection came about in time")

# The exceptions of aiohttp, the more special ones first.
_TRANSLATIONS: Final[tuple[tuple[type[Exception], type[TransportError], str], ...]] = (
    (aiohttp.ConnectionTimeoutError, *_LATE),
    (aiohttp.ClientSSLError, TLSError, "TLS failed"),
    (aiohttp.ServerFingerprintMismatch, TLSError, "the certificate has another fingerprint"),
    (aiohttp.ClientConnectorDNSError, ConnectError, "the server's name was not found"),
    (aiohttp.ClientProxyConnectionError, ConnectError, "the proxy could not be reached"),
    (aiohttp.ClientHttpProxyError, ConnectError, "the proxy refused the connection"),
    (aiohttp.ClientConnectorError, ConnectError, "the server could not be reached"),
    (aiohttp.ClientConnectionResetError, *_GONE),  # so it is where there is no body
    (TimeoutError, RequestTimeoutError, "no answer came in time"),
    (aiohttp.ClientPayloadError, ConnectionLostError, "the connection broke within the answer"),
    (aiohttp.ClientResponseError, ConnectionLostError, "what came back is not HTTP"),
)
_BROKEN: Final = (Exception, ConnectionLostError, "the connection broke before the answer")


def is_cancelled() -> bool:
    """Whether somebody cancelled the current task, as opposed to something that it awaits."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def may_be_sent(body: Body | None) -> bool:
    """Whether anything of the attempt under way may have left."""
    return not connecting.get() and (body is None or body.was_taken)


def translate(error: Exception, body: Body | None, *, closed: bool) -> UnmtaError:
    """Return our error for one of aiohttp's. Of its text only the system's part is kept."""
    if closed:
        ended = ClientClosedError("the client was closed while the call was under way")
        ended.may_have_been_applied = may_be_sent(body)
        return ended
    _, ours, what = next((row for row in _TRANSLATIONS if isinstance(error, row[0])), _BROKEN)
    detail = getattr(error, "strerror", None)
    if not may_be_sent(body) and not issubclass(ours, ConnectError):
        ours, what = _LATE if isinstance(error, TimeoutError) else _GONE
        detail = None
    return ours(f"{what} ({detail})" if detail else what)

"""The border to aiohttp: what it does of itself and must not, and its exceptions as ours.

A test for each guard fails when the guard is taken out.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import aiohttp

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
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

__all__ = [
    "ConnectionBrokenError",
    "Connector",
    "connecting",
    "is_cancelled",
    "read",
    "send_once",
    "translate",
]


class ConnectionBrokenError(Exception):
    """A lost connection, in a class that aiohttp does not answer by sending the request again."""


async def send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from resending GET, PUT and DELETE by itself when a connection breaks.

    A DELETE that worked would come back as 404. There is no public switch; this is a client
    middleware.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionBrokenError(type(error).__name__) from None


connecting: Final = ContextVar("unmta_async_connecting", default=False)
"""Whether the attempt under way is still without a connection; each attempt begins with False."""


class Connector(aiohttp.TCPConnector):
    """Tells an attempt that ran out of time before there was a connection from one that was sent.

    aiohttp itself does so only where the time for connecting is the shorter one.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Get a connection."""
        connecting.set(True)
        connection = await super().connect(req, traces, timeout)
        connecting.set(False)
        return connection


async def read(
    response: aiohttp.ClientResponse, chunks: list[bytes], limit: int
) -> UnmtaError | None:
    """Gather a body, counting its bytes after inflation; return an error if they are too many."""
    size = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            return UnexpectedResponseError(
                f"the server answered {response.status} with more than {limit} bytes; "
                "max_body and max_list_body set the limit",
                status=response.status,
            )
    return None


# The exceptions of aiohttp, the more special ones first.
_TRANSLATIONS: Final[tuple[tuple[type[Exception], type[TransportError], str], ...]] = (
    (aiohttp.ConnectionTimeoutError, ConnectTimeoutError, "no connection came about in time"),
    (aiohttp.ClientSSLError, TLSError, "TLS failed"),
    (aiohttp.ServerFingerprintMismatch, TLSError, "the certificate has another fingerprint"),
    (aiohttp.ClientConnectorDNSError, ConnectError, "the server's name was not found"),
    (aiohttp.ClientProxyConnectionError, ConnectError, "the proxy could not be reached"),
    (aiohttp.ClientHttpProxyError, ConnectError, "the proxy refused the connection"),
    (aiohttp.ClientConnectorError, ConnectError, "the server could not be reached"),
    (TimeoutError, RequestTimeoutError, "no answer came in time"),
    (aiohttp.ClientPayloadError, ConnectionLostError, "the connection broke within the answer"),
    (aiohttp.ClientResponseError, ConnectionLostError, "what came back is not HTTP"),
)
_BROKEN: Final = (Exception, ConnectionLostError, "the connection broke before the answer")


def is_cancelled() -> bool:
    """Whether somebody cancelled the current task, as opposed to something that it awaits."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def translate(error: Exception, *, closed: bool) -> UnmtaError:
    """Return our error for one of aiohttp's. Of its text only the system's part is kept."""
    if closed:
        return ClientClosedError("the client was closed while the call was under way")
    if connecting.get() and isinstance(error, TimeoutError):
        return ConnectTimeoutError("no connection came about in time")
    _, ours, what = next((row for row in _TRANSLATIONS if isinstance(error, row[0])), _BROKEN)
    detail = getattr(error, "strerror", None)
    return ours(f"{what} ({detail})" if detail else what)

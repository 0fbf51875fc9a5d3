"""`UnmtaClient`: its options, who owns its session, and the resources on it."""

from __future__ import annotations

import copy
import inspect
import os
import re
import ssl as ssl_module
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp
import attrs

from ._aiohttp import Connector, NoCookies, Request, Response
from ._auth import TokenSource, TokenSupplier
from ._drift import Watch
from ._endpoint import check_base_url, check_proxy, host_of, proxy_from_environment
from ._generated import Resources
from ._operation import Answer, Operation, PathParameter
from ._pool import Pool
from ._transport import Transport
from .errors import UsageError
from .options import Attempt, Drift, RetryPolicy, Timeout
from .secret import Secret

__all__ = ["UnmtaClient"]

T = TypeVar("T")

BASE_URL: Final = "https://app.unmta.com/api/v1"
BASE_URL_VARIABLE: Final = "UNMTA_BASE_URL"

# An operation that the contract does not know: its method, its route, the values in its path.
_METHOD: Final = re.compile(r"[A-Za-z]+")
_ROUTE: Final = re.compile(r"(/(?!\.{1,2}(/|$))([A-Za-z0-9+=,.:@~_-]|\{\w+\})*)+")
_SEGMENT: Final = r"[A-Za-z0-9+=,.@_-]+"


class UnmtaClient(Resources):
    """A client of the unMTA Management API.

    Use it as `async with UnmtaClient() as client:`, or await its `close()`. It may be made
    anywhere, at import time too; it belongs to the first event loop that uses it.

    Args:
        token: The API token; or an async callable that returns one, which is asked again once after
            a confirmed 401. From UNMTA_API_TOKEN if not given.
        base_url: From UNMTA_BASE_URL if not given, else https://app.unmta.com/api/v1.
        allow_http: Allow plain http to another host than this machine. The token then travels in
            the clear.
        session: A session to borrow. It is never closed here, and keeps its connector, cookies and
            middlewares.
        timeout: Seconds for a whole call, or a `Timeout`.
        retry: When to try again.
        max_connections: Requests in flight at a time; further calls wait.
        max_body: Bytes of an answer at most, after inflation.
        max_list_body: The same for lists.
        ssl: The TLS context; the system's certificates if not given.
        proxy: The URL of an http proxy.
        trust_env: Take the proxy from the environment (HTTPS_PROXY, NO_PROXY).
        on_attempt: A plain function, called with an `Attempt` after each attempt.
        on_drift: A plain function, called with a `Drift` for whatever an answer has that the
            contract does not say; once for each that differs.

    Raises:
        UsageError: An option makes no sense.
    """

    def __init__(
        self,
        *,
        token: str | Secret | TokenSupplier | None = None,
        base_url: str | None = None,
        allow_http: bool = False,
        session: aiohttp.ClientSession | None = None,
        timeout: Timeout | float | None = None,
        retry: RetryPolicy | None = None,
        max_connections: int = 100,
        max_body: int = 16 * 2**20,
        max_list_body: int = 256 * 2**20,
        ssl: ssl_module.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        on_attempt: Callable[[Attempt], object] | None = None,
        on_drift: Callable[[Drift], object] | None = None,
    ) -> None:
        # From here on no traceback shows them.
        token = Secret(token) if isinstance(token, str) else token
        hidden_proxy, proxy = None if proxy is None else Secret(str(proxy)), None
        _check_kinds(
            session=(session, aiohttp.ClientSession),
            retry=(retry, RetryPolicy),
            ssl=(ssl, ssl_module.SSLContext),
            base_url=(base_url, str),
        )
        if session is not None:
            _check_borrowed(session, ssl is not None or hidden_proxy is not None or trust_env)
        _check_sizes(
            max_connections=max_connections, max_body=max_body, max_list_body=max_list_body
        )
        if base_url is None:
            base_url = os.environ.get(BASE_URL_VARIABLE) or BASE_URL
        where = check_base_url(base_url, allow_http=allow_http)
        if trust_env and hidden_proxy is None:
            hidden_proxy = proxy_from_environment(where)
        check_proxy(hidden_proxy)
        policy = RetryPolicy() if retry is None else retry
        pool = Pool(
            open_session=_opener(session, where, ssl, hidden_proxy),
            owned=session is None,
            token=TokenSource(token),
            budget=policy.budget,
            max_connections=max_connections,
        )
        self._owner = True
        self._use(
            Transport(
                pool=pool,
                base_url=where,
                timeout=Timeout() if timeout is None else Timeout.of(timeout),
                retry=policy,
                max_body=max_body,
                max_list_body=max_list_body,
                listeners=_listeners("on_attempt", on_attempt),
                watches=tuple(map(Watch, _listeners("on_drift", on_drift))),
            )
        )

    def _use(self, transport: Transport) -> None:
        self._transport = transport
        super().__init__(transport)

    def with_options(
        self,
        *,
        timeout: Timeout | float | None = None,
        retry: RetryPolicy | None = None,
        on_attempt: Callable[[Attempt], object] | None = None,
        on_drift: Callable[[Drift], object] | None = None,
    ) -> Self:
        """Return a client with other options on the same connections.

        Rate-limit gate and retry budget are shared, too. Closing it closes nothing.

        Args:
            timeout: Seconds for a whole call, or a `Timeout`; this client's if not given.
            retry: When to try again; as this client if not given. Its budget is this client's all
                the same.
            on_attempt: Called after each attempt, behind those that this client calls.
            on_drift: The same for what the contract does not say. It hears everything once,
                whatever others have heard.
        """
        old = self._transport
        client = copy.copy(self)
        client._owner = False  # noqa: SLF001 - of its own class
        client._use(  # noqa: SLF001
            attrs.evolve(
                old,
                timeout=old.timeout if timeout is None else Timeout.of(timeout),
                retry=old.retry if retry is None else retry,
                listeners=old.listeners + _listeners("on_attempt", on_attempt),
                watches=old.watches + tuple(map(Watch, _listeners("on_drift", on_drift))),
            )
        )
        return client

    @property
    def max_connections(self) -> int:
        """The most requests in flight; further calls wait for their turn."""
        return self._transport.pool.max_connections

    async def request(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        json: object = None,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the API answers
        """Call an operation that this client does not know yet.

        Token, checks of path values, retries and errors are those of every other call.

        Args:
            method: The HTTP method.
            route: The path below the base URL, such as "/clusters/{cluster}/new-thing".
            path: The values for the names in braces: letters, digits and `+ = , . @ _ -`.
            query: The query; None is left out, a list is repeated.
            json: The body.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The whole JSON, `data` and what stands beside it; None where there is no content.

        Raises:
            UsageError: The route and `path` do not fit, or a value cannot be sent.
        """
        given = dict(path or {})
        names = re.findall(r"\{(\w+)\}", route)
        if not _METHOD.fullmatch(method):
            raise UsageError(f"{method!r} is not an HTTP method")
        if not _ROUTE.fullmatch(route) or set(names) != set(given):
            raise UsageError(
                f"the route {route!r} must be a plain path that starts with /, and name in "
                f"braces what `path` gives ({', '.join(given) or 'nothing'})"
            )
        operation: Operation[Any] = Operation(
            name="request",
            method=method.upper(),
            route=route,
            path=tuple(PathParameter(name, _SEGMENT, max_length=255) for name in names),
            answer=Answer.ANYTHING,
            nullable=None,
        )
        return await self._transport.send(
            operation, path=given, query=query, json=json, timeout=timeout, headers=headers
        )

    async def close(self) -> None:
        """Close the client and its connections; twice is fine. A borrowed session stays open."""
        if self._owner:
            await self._transport.pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_transport"):  # an option was refused
            return "<UnmtaClient>"
        closed = " (closed)" if self._transport.pool.closed else ""
        return f"<UnmtaClient {self._transport.base_url}{closed}>"


def _opener(
    borrowed: aiohttp.ClientSession | None,
    base_url: str,
    ssl: ssl_module.SSLContext | None,
    proxy: Secret | None,
) -> Callable[[bool], aiohttp.ClientSession]:
    """Return what opens a session in the running loop: our own, or the borrowed one."""
    if borrowed is not None:
        return lambda _: borrowed

    def open_session(fresh: bool) -> aiohttp.ClientSession:
        # The pool bounds the requests in flight; here a second bound would only wait unseen.
        return aiohttp.ClientSession(
            connector=Connector(limit=0, ssl=True if ssl is None else ssl, force_close=fresh),
            cookie_jar=NoCookies(),
            headers={"Host": host_of(base_url)},
            request_class=Request,
            response_class=Response,
            proxy=None if proxy is None else proxy.reveal(),
        )

    return open_session


def _check_borrowed(session: aiohttp.ClientSession, has_more: bool) -> None:
    if session.raise_for_status or not session.auto_decompress or session.auth is not None:
        raise UsageError(
            "a borrowed session must have auto_decompress on, raise_for_status off, and no auth"
        )
    if has_more:
        raise UsageError("ssl, proxy and trust_env are the borrowed session's own; set them there")


def _check_kinds(**options: tuple[object, type]) -> None:
    for name, (value, kind) in options.items():
        if value is not None and not isinstance(value, kind):
            raise UsageError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")


def _check_sizes(**sizes: object) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise UsageError(f"{name}={size!r} must be a whole number of at least 1")


def _listeners(
    name: str, listener: Callable[[T], object] | None
) -> tuple[Callable[[T], object], ...]:
    if listener is None:
        return ()
    if not callable(listener) or inspect.iscoroutinefunction(listener):
        raise UsageError(f"{name} must be a plain function, not an async one")
    return (listener,)

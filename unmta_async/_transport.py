"""The only module of the core that sends: attempt, or wait and try again.

What to send is decided in `_request`, what an answer means in `_reply`, whether to try again in
`_retry`; the waiting itself is the pool's, which wakes up when the client is closed.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, Generic, TypeVar, cast

import aiohttp
import attrs
import msgspec

from ._aiohttp import (
    Body,
    ConnectionBrokenError,
    connecting,
    is_cancelled,
    may_be_sent,
    read,
    translate,
)
from ._drift import Watch, differences
from ._operation import Dated, Operation
from ._policy import Finding, judge
from ._pool import Pool
from ._reply import Reply, decode
from ._request import Headers, Request, encode
from ._retry import Tries
from .errors import (
    AuthenticationError,
    RateLimitError,
    RequestTimeoutError,
    UnmtaError,
)
from .options import Attempt, Drift, RetryPolicy, Timeout
from .secret import Secret

__all__ = ["Transport"]

T = TypeVar("T")
R = TypeVar("R")

logger: Final = logging.getLogger("unmta_async")

_NO_PATH: Final[Mapping[str, str]] = {}
_NO_DRIFT: Final[Collection[Drift]] = ()
_NO_CONTENT: Final = ("Content-Type",)


class Call(msgspec.Struct, Generic[T], kw_only=True, eq=False):
    """A call under way.

    Attributes:
        request: What it sends.
        limits: How long it may take.
        connect: What of that aiohttp minds: the time to connect.
        clock: The clock of the event loop, whose look-up costs a system call before Python 3.12.
        began: When it was made, by that clock.
        deadline: When it has to be over, by the same.
        tries: The attempts so far.
    """

    request: Request[T]
    limits: Timeout
    connect: aiohttp.ClientTimeout
    clock: Callable[[], float]
    began: float
    deadline: float
    tries: Tries


@attrs.frozen(kw_only=True, eq=False)
class Transport:
    """Sends the operations of one client."""

    pool: Pool
    base_url: str
    timeout: Timeout
    retry: RetryPolicy
    max_body: int
    max_list_body: int
    listeners: tuple[Callable[[Attempt], object], ...]
    watches: tuple[Watch, ...]
    _headers: Headers = attrs.field(init=False, factory=Headers)
    _connect: aiohttp.ClientTimeout = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_connect", _to_connect(self.timeout))

    async def send(
        self,
        operation: Operation[T],
        *,
        path: Mapping[str, str] = _NO_PATH,
        query: Mapping[str, object] | None = None,
        json: object = None,
        header: Mapping[str, object] | None = None,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Make a call, and again where that is safe; return its value or raise what went wrong."""
        try:
            request = encode(self.base_url, operation, path, query, json, headers, header)
            call = self._begin(request, timeout)
            while True:
                token = self.pool.token.current
                if token is None:
                    # A closed client says so before it asks for a token.
                    self.pool.session(fresh=request.needs_fresh_connection)
                    token = await _in_time(self.pool.token.get(), call.deadline)
                ended = await self._attempt(call, token)
                result, attempt, drifts = ended  # at once, a type checker takes the error for a T
                if drifts:
                    self._tell(drifts)
                if attempt is None:  # it went well, and nobody wants to know
                    break
                pause = await self._next(call, attempt, token)
                self._report(attempt, pause)
                if pause is None or not await self._goes_on(call, pause):
                    break
            return _finish(call, result)
        except UnmtaError as error:
            _bind(error, operation, path)
            raise

    def _begin(self, request: Request[T], timeout: Timeout | float | None) -> Call[T]:
        limits = self.timeout if timeout is None else Timeout.of(timeout)
        clock = self.pool.clock()
        now = clock()
        return Call(
            request=request,
            limits=limits,
            connect=self._connect if limits is self.timeout else _to_connect(limits),
            clock=clock,
            began=now,
            deadline=math.inf if limits.total is None else now + limits.total,
            tries=Tries(self.retry, self.pool.budget, request.operation.effect),
        )

    async def _attempt(
        self, call: Call[T], token: Secret
    ) -> tuple[T | UnmtaError, Attempt | None, Collection[Drift]]:
        """Make one exchange. The exceptions of aiohttp become ours here and nowhere else.

        An error is returned, and raised where no frame holds the answer. Of a success that nobody
        listens to, nothing is told.
        """
        request = call.request
        most = self.max_list_body if request.operation.is_list else self.max_body
        body = None if request.body is None else Body(request.body)
        began, arrived, response, fault = call.clock(), bytearray(), None, None
        is_late = False
        connecting.set(True)
        try:
            longest, fresh = call.limits.attempt, request.needs_fresh_connection
            place = self.pool.take_place(began, call.deadline, longest, fresh=fresh)
            if place is None:
                place = await self.pool.wait_for_place(call.deadline, longest, fresh=fresh)
            session, limit = place
            try:
                began = limit.began
                if not self.pool.owned:
                    connecting.set(False)  # a borrowed session does not tell
                response = await session.request(
                    request.operation.method,
                    request.url,
                    data=body,
                    headers=self._headers.of(request, token),
                    skip_auto_headers=_to_skip(request),
                    allow_redirects=False,
                    timeout=call.connect,
                )
                fault = await read(response, arrived, most)
            finally:
                is_late = self.pool.give_place(limit)
        except UnmtaError as error:  # there was no place, so this attempt was not made
            call.tries.interrupted(error)
            raise
        except (aiohttp.ClientError, ConnectionBrokenError, OSError) as error:
            fault = translate(error, body, closed=self.pool.closed)
        except asyncio.CancelledError as error:
            # Closing, aiohttp cancels the look-up of a name, and with it calls nobody cancelled.
            if not is_late and (not self.pool.closed or is_cancelled()):
                if may_be_sent(body) and call.tries.changes_something:
                    logger.warning("%s was cancelled, and may be applied", request.operation.name)
                arrived.clear()  # it may hold a password
                raise error.with_traceback(None)  # noqa: B904 - aiohttp's frames hold the token
            fault = translate(TimeoutError(), body, closed=self.pool.closed)
        except Exception as error:  # noqa: BLE001 - a borrowed middleware's own, for the caller
            if not self.pool.closed:
                arrived.clear()
                raise error.with_traceback(None)  # noqa: B904 - aiohttp's frames hold the token
            fault = translate(error, body, closed=True)
        seconds, drifts = call.clock() - began, _NO_DRIFT
        if self.watches and response is not None and fault is None:
            drifts = differences(request.operation, response.status, arrived)
        ended = _result(call, response, arrived, fault)
        result, reply = ended  # at once, a type checker takes the error for a T
        failure = result if isinstance(result, UnmtaError) else None
        if failure is None and not self.listeners and not logger.isEnabledFor(logging.DEBUG):
            return result, None, drifts
        return result, _told(call, reply, failure, seconds), drifts

    async def _next(self, call: Call[T], attempt: Attempt, token: Secret) -> float | None:
        """Return the seconds until the next attempt, or None if the call is over."""
        error = attempt.error
        if error is None or call.tries.was_applied(error):
            return None
        if isinstance(error, AuthenticationError) and error.confirmed and not call.tries.renewed:
            call.tries.refused(error)
            call.tries.renewed = await self._renew(call, attempt, token)
            if call.tries.renewed:
                return 0.0
        now = call.clock()
        pause = call.tries.failed(error, call.deadline - now)
        if isinstance(error, RateLimitError):
            asked = min(error.retry_after or 0.0, self.retry.max_retry_after)
            self.pool.gate.close(now + max(pause or 0.0, asked))
        return pause

    async def _goes_on(self, call: Call[T], pause: float) -> bool:
        """Wait, and before a DELETE is sent again look what became of it; return whether it is."""
        await self.pool.pause(pause)
        look = call.request.operation.look
        if look is None or not call.tries.must_look:
            return True
        left = None if math.isinf(call.deadline) else max(call.deadline - call.clock(), 0.001)
        limits = attrs.evolve(call.limits, total=left)
        seen: Dated[Any] | UnmtaError
        try:
            seen = await self.send(look.dated, path=call.request.path_params, timeout=limits)
        except UnmtaError as error:
            seen = error
        finding = judge(look, seen, call.request.subject, call.clock() - call.began)
        call.tries.finding = finding
        return finding is Finding.OLDER

    async def _renew(self, call: Call[T], attempt: Attempt, token: Secret) -> bool:
        """Ask for another token after a 401; return whether there is one."""
        try:
            return await _in_time(self.pool.token.renew(token), call.deadline)
        except BaseException as error:
            if attempt.error is not None:
                call.tries.failed(attempt.error, 0.0)
            if isinstance(error, UnmtaError):
                call.tries.interrupted(error)
            self._report(attempt, None)
            raise

    def _report(self, attempt: Attempt, pause: float | None) -> None:
        logger.debug("%s", attempt)
        if pause is not None:
            attempt = attrs.evolve(attempt, retry_in=pause)
        for listener in self.listeners:
            try:
                listener(attempt)
            except Exception:  # the answer, perhaps with a password, is worth more than its report
                logger.exception("on_attempt failed")

    def _tell(self, drifts: Collection[Drift]) -> None:
        for watch in self.watches:
            for drift in watch.news(drifts):
                try:
                    watch.listener(drift)
                except Exception:  # as above
                    logger.exception("on_drift failed")


async def _in_time(asking: Awaitable[R], deadline: float) -> R:
    """Wait for the callable that gives tokens, no longer than the call may take."""
    bound = asyncio.timeout_at(None if math.isinf(deadline) else deadline)
    try:
        async with bound:
            return await asking
    except TimeoutError:
        if not bound.expired():
            raise  # the callable's own
        raise RequestTimeoutError("the callable that is to give the token took too long") from None


def _to_skip(request: Request[Any]) -> tuple[str, ...] | None:
    """Return the header that aiohttp adds where there is no content; it adds none to a GET."""
    return _NO_CONTENT if request.body is None and request.operation.method != "GET" else None


def _to_connect(limits: Timeout) -> aiohttp.ClientTimeout:
    """Return the bounds that aiohttp keeps: the others are ours."""
    return aiohttp.ClientTimeout(
        total=None,
        connect=limits.connect,
        ceil_threshold=math.inf,  # it would round up to whole seconds
    )


def _result(
    call: Call[T],
    response: aiohttp.ClientResponse | None,
    body: bytearray,
    fault: UnmtaError | None,
) -> tuple[T | UnmtaError, Reply | None]:
    """Return what an exchange came to, and the answer, if there is one."""
    operation, reply = call.request.operation, None
    result: T | UnmtaError
    if response is None:
        assert fault is not None  # noqa: S101 - what ended without an answer has failed
        result = fault
    else:
        reply = Reply(
            status=response.status,
            headers=response.headers,
            body=body,
            broken_by=fault,
        )
        result = decode(operation, reply, call.request.subject)
    if isinstance(result, UnmtaError):
        _bind(result, operation, call.request.path_params)
    return result, reply


def _told(
    call: Call[Any], reply: Reply | None, error: UnmtaError | None, seconds: float
) -> Attempt:
    """Return what may be told of an exchange."""
    operation = call.request.operation
    return Attempt(
        operation=operation.name,
        method=operation.method,
        route=operation.route,
        number=call.tries.number,
        seconds=seconds,
        status=None if reply is None else reply.status,
        request_id=None if reply is None else reply.request_id,
        error=error,
    )


def _finish(call: Call[T], result: T | UnmtaError) -> T:
    """Return the value of a call, or raise the error that ends it."""
    request = call.request
    if not isinstance(result, UnmtaError):
        call.tries.succeeded()
        return result
    if call.tries.was_applied(result):
        call.tries.succeeded()
        return cast("T", None)
    raise call.tries.final(result, request.identity, request.operation.identity)


def _bind(error: UnmtaError, operation: Operation[T], path: Mapping[str, str]) -> None:
    """Say on an error which call it ended."""
    error.operation = operation.name
    error.method = operation.method
    error.route = operation.route
    error.path_params = {name: str(value) for name, value in path.items()}

"""The HTTP side of the fake unMTA: routes, authentication, JSON in and out. It decides nothing.

A request goes through `edges`, from the outside in, to the handler of its operation. What is to
happen to requests or answers on the wire belongs there, and not into the state.
"""

import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from typing import cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from . import wire
from .checks import Body, Refusal
from .faults import FAULTS, Faults, InjectedFault
from .port import Port
from .replies import TOO_MANY_ATTEMPTS, Reply
from .rules import (
    ANSWER_UNKNOWN_ROUTE,
    ANSWER_WRONG_METHOD,
    AUTH_FIRST,
    AUTH_LOGIN_PAGE,
    REQUEST_NOT_JSON,
    RULES,
    obeys,
)
from .state import Answer, State
from .throttle import Throttle
from .verifier import Verifier
from .world import Json

BASE_PATH = "/api/v1"
MAX_BODY = 16 * 2**20
"""The largest request body that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API, its route, and the method of the state that answers it.

    The method is given the path's parameters in their order, and then the body if there is one.
    """

    name: str
    method: str
    path: str
    answer: Callable[..., Answer]

    @property
    def has_body(self) -> bool:
        """Whether the operation reads the request's body."""
        return self.method in {"POST", "PUT"}


_DOMAINS = "/clusters/{cluster}/domains"
_CREDENTIALS = "/clusters/{cluster}/credentials"

OPERATIONS = (
    Operation("clusters.list", "GET", "/clusters", State.list_clusters),
    Operation("mtas.list", "GET", "/clusters/{cluster}/mtas", State.list_mtas),
    Operation("domains.list", "GET", _DOMAINS, State.list_domains),
    Operation("domains.create", "POST", _DOMAINS, State.create_domain),
    Operation("domains.get", "GET", _DOMAINS + "/{domain}", State.get_domain),
    Operation("domains.delete", "DELETE", _DOMAINS + "/{domain}", State.delete_domain),
    Operation("credentials.list", "GET", _CREDENTIALS, State.list_credentials),
    Operation("credentials.create", "POST", _CREDENTIALS, State.create_credential),
    Operation("credentials.update", "PUT", _CREDENTIALS + "/{user}", State.update_credential),
    Operation("credentials.delete", "DELETE", _CREDENTIALS + "/{user}", State.delete_credential),
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that reached the API, and the status it was answered with.

    Attributes:
        operation: Such as `domains.create`, or None if no operation has the method and path.
        method: The HTTP method.
        path: As it arrived, with its percent-encoding and query.
        status: The HTTP status; None if nothing was answered.
        fault: The fault of the sandbox that hit it, if any.
    """

    operation: str | None
    method: str
    path: str
    status: int | None
    fault: str | None = None


_FAULT = web.RequestKey("fault", str)


def create_app(
    state: State,
    calls: deque[Call],
    faults: Faults,
    port: Port,
    *,
    throttle: Throttle | None = None,
    verifier: Verifier | None = None,
    load_zone: Callable[[str], None] | None = None,
) -> web.Application:
    """Return an app that serves a state, notes every call of the API, and breaks what it is told.

    Args:
        state: What it serves.
        calls: Where it notes calls.
        faults: What is to go wrong.
        port: Where it is served.
        throttle: What lets requests in, if not all may come in.
        verifier: What looks at the DNS, if the status of domains depends on it.
        load_zone: What publishes a zone file, if there is a name server for it.
    """
    edges = [
        _deliver_from(port),
        _note_in(calls),
        _stamp_by(state),
        *([_admit_by(throttle)] if throttle else []),
        _speak_json,
        _authenticate_by(state),
        _break_by(faults, state),
        _speak_json,  # a fault is given the answer to a refusal, too
        *([_look_by(verifier)] if verifier else []),
    ]
    app = web.Application(middlewares=edges, client_max_size=MAX_BODY)
    app[wire.HELD] = set()
    app.on_shutdown.append(wire.let_go)
    for operation in OPERATIONS:
        handler = _handler(state, operation)
        app.router.add_route(
            operation.method, BASE_PATH + operation.path, handler, name=operation.name
        )
    app.router.add_route("GET", "/__sandbox/rules", _show_rules)
    app.router.add_route("GET", "/login", _show_login_page)
    if load_zone:
        app.router.add_route("POST", "/__sandbox/dns", _publish_with(load_zone))
    return app


def _handler(state: State, operation: Operation) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        return _respond(*operation.answer(state, *await _arguments(request, operation)))

    return handle


async def _arguments(request: web.Request, operation: Operation) -> list[object]:
    arguments: list[object] = [*request.match_info.values()]
    if operation.has_body:
        arguments.append(await _read_body(request))
    return arguments


@obeys(REQUEST_NOT_JSON)
async def _read_body(request: web.Request) -> Body:
    content = await request.read()
    if not _is_json(request.content_type):
        return {}
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return cast("Body", body) if isinstance(body, dict) else {}


def _respond(status: int, body: Json | list[Json] | None) -> web.Response:
    if body is None:
        return web.Response(status=status)
    return web.Response(
        status=status, body=json.dumps(body).encode(), content_type="application/json"
    )


def _deliver_from(port: Port) -> Middleware:
    @web.middleware
    async def deliver(request: web.Request, handler: Handler) -> web.StreamResponse:
        with port.busy(request.protocol):
            try:
                response = await handler(request)
            except ConnectionError:  # the client is free to go while it speaks, too
                return wire.Nothing(keep_alive=False)
            if port.is_shut:
                response.force_close()
            return await wire.deliver(request, response)

    return deliver


def _note_in(calls: deque[Call]) -> Middleware:
    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        status = None
        try:
            response = await handler(request)
            status = _status_sent(response)
        finally:
            if _is_of_api(request):
                name, fault = request.match_info.route.name, request.get(_FAULT)
                calls.append(Call(name, request.method, request.raw_path, status, fault))
        return response

    return note


def _status_sent(response: web.StreamResponse) -> int | None:
    if isinstance(response, wire.Outgoing) and not response.is_begun:
        return None
    return response.status


def _stamp_by(state: State) -> Middleware:
    @web.middleware
    async def stamp(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Times in bodies are compared with this header, so both go by the same clock.
        response = await handler(request)
        response.headers[hdrs.DATE] = formatdate(state.clock.now(), usegmt=True)
        return response

    return stamp


def _admit_by(throttle: Throttle) -> Middleware:
    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_of_api(request):
            return await handler(request)
        admission = throttle.admit()
        response: web.StreamResponse
        if admission.retry_after:
            response = _respond(429, {"message": TOO_MANY_ATTEMPTS})
            response.headers[hdrs.RETRY_AFTER] = str(admission.retry_after)
        else:
            response = await handler(request)
        # A fault may have said something else.
        response.headers.setdefault("X-RateLimit-Limit", str(admission.limit))
        response.headers.setdefault("X-RateLimit-Remaining", str(admission.remaining))
        return response

    return admit


def _look_by(verifier: Verifier) -> Middleware:
    @web.middleware
    async def look(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.match_info.route.name in {"domains.list", "domains.get"}:
            await verifier.look(*request.match_info.values())
        return await handler(request)

    return look


@web.middleware
@obeys(ANSWER_UNKNOWN_ROUTE, ANSWER_WRONG_METHOD)
async def _speak_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return _respond(refusal.status, refusal.body)
    except web.HTTPException as error:
        response = _respond(error.status, {"message": error.reason})
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers[hdrs.ALLOW] = ",".join(sorted(error.allowed_methods))
        return response


@obeys(AUTH_FIRST, AUTH_LOGIN_PAGE)
def _authenticate_by(state: State) -> Middleware:
    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_of_api(request):
            try:
                state.authenticate(request.headers.get(hdrs.AUTHORIZATION))
            except Refusal:
                if _asks_for_page(request):
                    return web.Response(status=302, headers={hdrs.LOCATION: "/login"})
                raise
        return await handler(request)

    return authenticate


def _break_by(faults: Faults, state: State) -> Middleware:
    @web.middleware
    async def break_(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_of_api(request):
            return await handler(request)
        name = request.match_info.route.name
        injected = faults.match(name)
        if injected is None:
            response = await handler(request)
        else:
            response = await _break(request, handler, injected, faults, state)
        faults.note_answer(name)
        return response

    return break_


async def _break(
    request: web.Request, handler: Handler, injected: InjectedFault, faults: Faults, state: State
) -> web.StreamResponse:
    fault = FAULTS[injected.fault]
    if fault.reads:
        await request.read()
    real: web.StreamResponse = web.Response()
    match injected.deed:
        case "apply":
            real = await handler(request)
        case "postpone":
            faults.postpone(await _unanswered(request, state), injected.details["after"])
        case "revoke":
            state.revoke_token()
        case "leave":
            pass
    reply = fault.effect(_reply(request, real), injected.details)
    if reply is None:
        return real
    injected.hits += 1
    request[_FAULT] = injected.fault
    return _outgoing(reply)


async def _unanswered(request: web.Request, state: State) -> Callable[[], None]:
    """Return what does what a request asks for, when nobody waits for its answer any more."""
    operation = next(one for one in OPERATIONS if one.name == request.match_info.route.name)
    arguments = await _arguments(request, operation)

    def apply() -> None:
        with suppress(Refusal):
            operation.answer(state, *arguments)

    return apply


def _reply(request: web.Request, response: web.StreamResponse) -> Reply:
    body = response.body if isinstance(response, web.Response) else None
    content = body if isinstance(body, bytes) else b""
    return Reply(request.match_info.route.name, response.status, content, {**response.headers})


def _outgoing(reply: Reply) -> web.StreamResponse:
    if reply.send is None:
        response: web.StreamResponse = web.Response(status=reply.status or 200, body=reply.body)
    else:
        response = wire.Outgoing(reply.status, reply.body, reply.send)
    response.headers.update(reply.headers)
    return response


def _is_of_api(request: web.Request) -> bool:
    return f"{request.path}/".startswith(f"{BASE_PATH}/")


def _asks_for_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _is_json(content_type: str) -> bool:
    return "/json" in content_type or "+json" in content_type


async def _show_rules(_: web.Request) -> web.Response:
    rules = [{"id": rule.id, "rule": rule.statement, "source": rule.source} for rule in RULES]
    return _respond(200, rules)


def _publish_with(load_zone: Callable[[str], None]) -> Handler:
    async def publish(request: web.Request) -> web.Response:
        try:
            load_zone(await _text_of(request))
        except ValueError as error:
            return _respond(422, {"message": str(error)})
        return _respond(204, None)

    return publish


async def _text_of(request: web.Request) -> str:
    """Return the body as text.

    Raises:
        ValueError: It is not in its charset, or there is no such charset.
    """
    try:
        return await request.text()
    except LookupError as error:
        raise ValueError(str(error)) from None


async def _show_login_page(_: web.Request) -> web.Response:
    return web.Response(text="<h1>Log in to the unMTA sandbox</h1>\n", content_type="text/html")

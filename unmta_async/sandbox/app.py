"""The HTTP side of the fake unMTA: routes, authentication, JSON in and out. It decides nothing.

A request goes through `edges`, from the outside in, to the handler of its operation. What is to
happen to requests or answers on the wire belongs there, and not into the state.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from .checks import Body, Refusal
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
        status: The HTTP status.
    """

    operation: str | None
    method: str
    path: str
    status: int


def create_app(state: State, calls: deque[Call]) -> web.Application:
    """Return an app that serves a state and notes every call of the API."""
    edges = [_note_in(calls), _stamp_by(state), _speak_json, _authenticate_by(state)]
    app = web.Application(middlewares=edges, client_max_size=MAX_BODY)
    for operation in OPERATIONS:
        handler = _handler(state, operation)
        app.router.add_route(
            operation.method, BASE_PATH + operation.path, handler, name=operation.name
        )
    app.router.add_route("GET", "/__sandbox/rules", _show_rules)
    app.router.add_route("GET", "/login", _show_login_page)
    return app


def _handler(state: State, operation: Operation) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        arguments: list[object] = [*request.match_info.values()]
        if operation.has_body:
            arguments.append(await _read_body(request))
        return _respond(*operation.answer(state, *arguments))

    return handle


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


def _note_in(calls: deque[Call]) -> Middleware:
    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if _is_of_api(request):
            operation = request.match_info.route.name
            calls.append(Call(operation, request.method, request.raw_path, response.status))
        return response

    return note


def _stamp_by(state: State) -> Middleware:
    @web.middleware
    async def stamp(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Times in bodies are compared with this header, so both go by the same clock.
        response = await handler(request)
        response.headers[hdrs.DATE] = formatdate(state.clock.now(), usegmt=True)
        return response

    return stamp


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


def _is_of_api(request: web.Request) -> bool:
    return f"{request.path}/".startswith(f"{BASE_PATH}/")


def _asks_for_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _is_json(content_type: str) -> bool:
    return "/json" in content_type or "+json" in content_type


async def _show_rules(_: web.Request) -> web.Response:
    rules = [{"id": rule.id, "rule": rule.statement, "source": rule.source} for rule in RULES]
    return _respond(200, rules)


async def _show_login_page(_: web.Request) -> web.Response:
    return web.Response(text="<h1>Log in to the unMTA sandbox</h1>\n", content_type="text/html")

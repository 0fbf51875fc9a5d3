"""What goes over the wire: call -> request. Pure: nothing here waits, sends or knows aiohttp."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import quote, urlencode

import attrs
import msgspec
from yarl import URL

from ._convert import dumps, json_object
from ._hostname import a_label_form
from ._operation import DOT_SEGMENTS, Operation
from ._types import UNSET
from ._version import __version__
from .errors import UsageError, printable
from .secret import Secret

__all__ = ["Request", "encode"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_JSON: Final = "application/json"
_USER_AGENT: Final = f"unmta-async/{__version__}"
_OWN_HEADER: Final = re.compile(
    "accept|authorization|connection|content-(encoding|length|type)|expect|host|te|trailer"
    "|transfer-encoding|upgrade",
    re.IGNORECASE,
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")


@attrs.frozen(kw_only=True)
class Request(Generic[T_co]):
    """A call, ready to be sent as often as it takes. It holds no token."""

    operation: Operation[T_co]
    url: URL
    path_params: Mapping[str, str]
    body: bytes | None
    headers: Mapping[str, str]
    identity: tuple[str, ...]

    @property
    def subject(self) -> str | None:
        """The name of the resource that the call is about, as far as it says it."""
        named_in_body = len(self.identity) > len(self.path_params)
        named = named_in_body or self.operation.route.endswith("}")
        return self.identity[-1] if named and self.identity else None

    def headers_with(self, token: Secret) -> dict[str, str]:
        """Return all headers of an attempt."""
        headers = {
            "Accept": _JSON,
            "User-Agent": _USER_AGENT,
            **self.headers,
            "Authorization": f"Bearer {token.reveal()}",
        }
        if self.body is not None:
            headers["Content-Type"] = _JSON
        return headers

    @property
    def needs_fresh_connection(self) -> bool:
        """Whether the stakes are too high for a connection on which something may be left."""
        return self.operation.secret is not None


def encode(
    base_url: str,
    operation: Operation[T],
    path: Mapping[str, str],
    query: Mapping[str, object] | None,
    json: object,
    headers: Mapping[str, str] | None,
) -> Request[T]:
    """Make the request of a call.

    Raises:
        UsageError: A value cannot be sent.
    """
    path_params = {
        parameter.name: parameter.check(path[parameter.name]) for parameter in operation.path
    }
    url = base_url + operation.route
    for name, value in path_params.items():
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    if text := _query_string(_with_a_labels(operation, query or {})):
        url = f"{url}?{text}"
    body = _given(operation, json)
    return Request(
        operation=operation,
        url=URL(url, encoded=True),
        path_params=path_params,
        body=None if json is None else _body(body),
        headers=_check_headers(headers) if headers else {},
        identity=_identity(operation, path_params, body),
    )


def _query_string(query: Mapping[str, object]) -> str:
    """Return the text of a query: what is None is left out, what is a list is repeated."""
    pairs = [
        (name, _query_text(item))
        for name, value in query.items()
        if value is not None and value is not UNSET
        for item in _items(value)
        if item is not None
    ]
    with contextlib.suppress(UnicodeError):
        return urlencode(pairs, quote_via=quote)
    raise UsageError("the query has text that is not Unicode")


def _body(value: object) -> bytes:
    with contextlib.suppress(msgspec.MsgspecError, TypeError, ValueError):
        return dumps(value)
    raise UsageError("the body has a value that cannot be sent as JSON")


def _items(value: object) -> Sequence[object]:
    """Return a sequence as it is, and anything else, a string too, as the one item of a list."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return cast("Sequence[object]", value)
    return [value]


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _given(operation: Operation[Any], body: object) -> object:
    """Return a body with the fields that the caller gave: presence has a meaning for the API."""
    nullable = operation.nullable
    if nullable is None:
        return body
    given = {
        name: value
        for name, value in json_object(body).items()
        if value is not UNSET and (value is not None or name in nullable)
    }
    return _with_a_labels(operation, given)


def _with_a_labels(operation: Operation[Any], fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields with their domain names as they go over the wire."""
    named = operation.hostnames & fields.keys()
    return {**fields, **{name: _a_labels(fields[name]) for name in named}} if named else fields


def _a_labels(value: object) -> object:
    if isinstance(value, str):
        return a_label_form(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_a_labels(item) for item in cast("Sequence[object]", value)]
    return value


def _check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if _OWN_HEADER.fullmatch(str(name)):
            raise UsageError(f"the header {name} is set by the client itself")
        if not _HEADER_NAME.fullmatch(str(name)) or not _HEADER_VALUE.fullmatch(str(value)):
            raise UsageError(f"the header {printable(repr(name))} cannot be sent: use plain ASCII")
    return {name: str(value) for name, value in headers.items()}


def _identity(
    operation: Operation[Any], path_params: Mapping[str, str], body: object
) -> tuple[str, ...]:
    """Return the names of what a call is about, from the outside in.

    Raises:
        UsageError: It is about to make what no path could ever address.
    """
    name = json_object(body).get(operation.identity) if operation.identity else None
    if isinstance(name, str) and name in DOT_SEGMENTS:
        raise UsageError(f"{operation.identity}={name!r} could never be changed or deleted again")
    return (*path_params.values(), *(() if name is None else (str(name),)))

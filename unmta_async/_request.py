"""What goes over the wire: call -> request. Pure: nothing here waits, sends or knows aiohttp."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from string import ascii_letters, digits
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import quote

import attrs
import msgspec
from multidict import CIMultiDict
from yarl import URL

from ._convert import dumps, json_object, plain
from ._hostname import a_label_forms
from ._operation import DOT_SEGMENTS, JSON, Operation
from ._types import UNSET
from ._version import __version__
from .errors import UsageError, printable
from .secret import Secret

__all__ = ["Headers", "Request", "encode"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_USER_AGENT: Final = f"unmta-async/{__version__}"
_OWN_HEADER: Final = re.compile(
    "accept|authorization|connection|content-(encoding|length|type)|expect|host|te|trailer"
    "|transfer-encoding|upgrade",
    re.IGNORECASE,
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_UNRESERVED: Final = f"{ascii_letters}{digits}._~-"
_NO_HEADERS: Final[Mapping[str, str]] = {}


@attrs.define(kw_only=True, eq=False)  # a frozen one takes twice the time to make
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

    @property
    def needs_fresh_connection(self) -> bool:
        """Whether the stakes are too high for a connection on which something may be left."""
        return self.operation.secret is not None


class Headers:
    """The headers of requests: those that most of them have alike are made once for each token."""

    def __init__(self) -> None:
        self._token: Secret | None = None
        self._usual: dict[tuple[str, str | None], CIMultiDict[str]] = {}

    def of(self, request: Request[Any], token: Secret) -> Mapping[str, str]:
        """Return all headers of an attempt."""
        if token is not self._token:
            self._token, self._usual = token, {}
        operation = request.operation
        kind = operation.accepts, None if request.body is None else operation.sends
        if request.headers:
            return _headers_with(token, *kind, request.headers)
        usual = self._usual.get(kind)
        if usual is None:
            usual = self._usual[kind] = _headers_with(token, *kind, _NO_HEADERS)
        return usual


def _headers_with(
    token: Secret, accepts: str, sends: str | None, further: Mapping[str, str]
) -> CIMultiDict[str]:
    accept = JSON if accepts == JSON else f"{accepts}, {JSON}"  # JSON always: errors come in it
    headers = CIMultiDict({"Accept": accept, "User-Agent": _USER_AGENT})
    headers.update(further)
    headers["Authorization"] = f"Bearer {token.reveal()}"
    if sends is not None:
        headers["Content-Type"] = sends
    return headers


def encode(
    base_url: str,
    operation: Operation[T],
    path: Mapping[str, str],
    query: Mapping[str, object] | None,
    json: object,
    headers: Mapping[str, str] | None,
    header: Mapping[str, object] | None = None,
) -> Request[T]:
    """Make the request of a call.

    Raises:
        UsageError: A value cannot be sent.
    """
    path_params: dict[str, str] = {}
    url = base_url + operation.route
    for parameter in operation.path:
        name = parameter.name
        path_params[name] = value = parameter.check(path[name])
        url = url.replace(f"{{{name}}}", _quoted(value))
    if query and (text := _query_string(_with_a_labels(operation, query), operation.joined)):
        url = f"{url}?{text}"
    body = None if json is None else _given(operation, json)
    is_empty = json is None or (operation.optional_body and not body)
    return Request(
        operation=operation,
        url=URL(url, encoded=True),
        path_params=path_params,
        body=None if is_empty else _body(body),
        headers=_headers(header or {}, headers or {}) if header or headers else _NO_HEADERS,
        identity=_identity(operation, path_params, body),
    )


def _quoted(text: str) -> str:
    return quote(text, safe="") if text.strip(_UNRESERVED) else text


def _query_string(query: Mapping[str, object], joined: frozenset[str]) -> str:
    """Return the text of a query: what is None is left out, what is a list is repeated or joined.

    The commas that join are sent as they are; one within an item is quoted.
    """
    pairs: list[str] = []
    with contextlib.suppress(UnicodeError):
        for name, value in query.items():
            texts = [_quoted(text) for text in _texts(value)]
            together = [",".join(texts)] if texts and name in joined else texts
            pairs += [f"{_quoted(name)}={text}" for text in together]
        return "&".join(pairs)
    raise UsageError("the query has text that is not Unicode")


def _body(value: object) -> bytes:
    with contextlib.suppress(msgspec.MsgspecError, TypeError, ValueError):
        return dumps(value)
    raise UsageError("the body has a value that cannot be sent as JSON")


def _texts(value: object) -> list[str]:
    """Return the items of a list, or what is none as the only one, as text; None has no text."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    items = cast("Sequence[object]", value if is_list else [value])
    return [_text(item) for item in items if item is not None and item is not UNSET]


def _text(value: object) -> str:
    """Return a value outside of JSON as text, the way it is written in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | float):
        with contextlib.suppress(ValueError):
            return str(plain(value))
        raise UsageError(f"{value} cannot be sent")
    return str(value)


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
    named = {name: a_label_forms(fields[name]) for name in operation.hostnames if name in fields}
    return {**fields, **named} if named else fields


def _headers(own: Mapping[str, object], further: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers of a call: those that the operation has, and the caller's further ones."""
    headers = {
        name: _joined(name, texts) for name, value in own.items() if (texts := _texts(value))
    }
    taken = {name.lower() for name in headers}
    for name, value in further.items():
        if _OWN_HEADER.fullmatch(str(name)):
            raise UsageError(f"the header {name} is set by the client itself")
        if str(name).lower() in taken:
            raise UsageError(f"the header {name} is given twice; it is an argument of its own")
        headers[name] = str(value)
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(str(name)) or not _HEADER_VALUE.fullmatch(value):
            raise UsageError(f"the header {printable(repr(name))} cannot be sent: use plain ASCII")
    return headers


def _joined(name: str, texts: Sequence[str]) -> str:
    if len(texts) > 1 and any("," in text for text in texts):
        raise UsageError(f"the header {name} is a list, and no item of it may have a comma")
    return ",".join(texts)


def _identity(
    operation: Operation[Any], path_params: Mapping[str, str], body: object
) -> tuple[str, ...]:
    """Return the names of what a call is about, from the outside in.

    Raises:
        UsageError: It is about to make what no path could ever address.
    """
    name = json_object(body).get(operation.identity) if body and operation.identity else None
    if name is None:
        return tuple(path_params.values())
    if isinstance(name, str) and name in DOT_SEGMENTS:
        raise UsageError(f"{operation.identity}={name!r} could never be changed or deleted again")
    return (*path_params.values(), str(name))

"""What goes over the wire: call -> request. Pure: nothing here waits, sends or knows aiohttp."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import quote

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
_RESERVED: Final = re.compile(r"[^A-Za-z0-9._~-]")
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Request(msgspec.Struct, Generic[T_co], kw_only=True, eq=False):
    """A call, ready to be sent as often as it takes. It holds no token.

    Like all that is made for each call it is a struct: to make one takes a quarter of the time that
    another class takes.

    Attributes:
        operation: What is called.
        url: Where.
        path_params: The values in the path.
        body: What is sent, if anything.
        headers: Further headers of this call.
        new_name: The name in the body, of what the call is about to make.
    """

    operation: Operation[T_co]
    url: URL
    path_params: Mapping[str, str]
    body: bytes | None
    headers: Mapping[str, str]
    new_name: str | None

    @property
    def identity(self) -> tuple[str, ...]:
        """The names of what the call is about, from the outside in."""
        names = tuple(self.path_params.values())
        return names if self.new_name is None else (*names, self.new_name)

    @property
    def subject(self) -> str | None:
        """The name of the resource that the call is about, as far as it says it."""
        subject = self.operation.subject
        if self.new_name is not None or subject is None:
            return self.new_name
        return self.path_params[subject.name]

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
    path: Mapping[str, object],
    query: Mapping[str, object] | None,
    json: object,
    headers: Mapping[str, str] | None,
    header: Mapping[str, object] | None = None,
) -> Request[T]:
    """Make the request of a call.

    Raises:
        UsageError: A value cannot be sent.
    """
    path_params, url = _address(base_url, operation, path)
    text = _query_string(operation, query) if query else ""
    body, new_name = json, None
    if json is not None and operation.nullable is not None:
        body = fields = _given(json, operation.nullable, operation.hostnames)
        new_name = _new_name(fields, operation.identity)
    is_empty = json is None or (operation.optional_body and not body)
    return Request(
        operation=operation,
        url=URL(f"{url}?{text}", encoded=True) if text else url,
        path_params=path_params,
        body=None if is_empty else _body(body),
        headers=_headers(header or {}, headers or {}) if header or headers else _NO_HEADERS,
        new_name=new_name,
    )


def _address(
    base_url: str, operation: Operation[Any], path: Mapping[str, object]
) -> tuple[Mapping[str, str], URL]:
    """Return the values in the path as they go over the wire, and the URL without a query."""
    outer = [path[name] for name in operation.outer]
    try:
        folder = _folder(base_url, operation, *outer)
    except TypeError:  # what cannot be looked up is no string, and refused
        folder = _folder.__wrapped__(base_url, operation, *outer)
    subject = operation.subject
    if subject is None:
        return folder.path_params, folder.url
    name = subject.check(path[subject.name])
    url = folder.url.with_path(folder.path + _quoted(name), encoded=True)
    return {**folder.path_params, subject.name: name}, url


class _Folder(msgspec.Struct):
    """Where all is that a route leads to, but for the name at its end."""

    path_params: Mapping[str, str]
    url: URL
    path: str


@functools.lru_cache(maxsize=256)  # most calls are about the same few clusters
def _folder(base_url: str, operation: Operation[Any], *outer: object) -> _Folder:
    path_params: dict[str, str] = {}
    route = operation.route
    for parameter, value in zip(operation.path, outer, strict=False):
        path_params[parameter.name] = parameter.check(value)
        route = route.replace(parameter.place, _quoted(path_params[parameter.name]))
    base, path = _parsed(base_url)
    path += route.removesuffix(operation.subject.place) if operation.subject else route
    return _Folder(path_params, base.with_path(path, encoded=True), path)


@functools.lru_cache(maxsize=16)
def _parsed(base_url: str) -> tuple[URL, str]:
    """Parse what all URLs have alike once. Return it, and its path."""
    base = URL(base_url, encoded=True)
    return base, base.raw_path.rstrip("/")


def _quoted(text: str) -> str:
    return quote(text, safe="") if _RESERVED.search(text) else text


def _query_string(operation: Operation[Any], query: Mapping[str, object]) -> str:
    """Return the text of a query: what is None is left out, what is a list is repeated or joined.

    The commas that join are sent as they are; one within an item is quoted.
    """
    pairs: list[str] = []
    with contextlib.suppress(UnicodeError):
        for name, value in query.items():
            sent = a_label_forms(value) if name in operation.hostnames else value
            texts = [_quoted(text) for text in _texts(sent)]
            together = [",".join(texts)] if texts and name in operation.joined else texts
            pairs += [f"{_quoted(name)}={text}" for text in together]
        return "&".join(pairs)
    raise UsageError("the query has text that is not Unicode")


def _body(value: object) -> bytes:
    try:
        return dumps(value)
    except (msgspec.MsgspecError, TypeError, ValueError):
        pass  # of its text, and its frames, nothing may be shown
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


def _given(
    body: object, nullable: Collection[str], hostnames: Collection[str]
) -> Mapping[str, object]:
    """Return the fields of a body that the caller gave: presence has a meaning for the API.

    Domain names are as they go over the wire.
    """
    given: dict[str, object] = {}
    for name, value in json_object(body).items():
        if value is not UNSET and (value is not None or name in nullable):
            given[name] = a_label_forms(value) if name in hostnames else value
    return given


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


def _new_name(fields: Mapping[str, object], identity: str | None) -> str | None:
    """Return the name of what a call is about to make.

    Raises:
        UsageError: No path could ever address it.
    """
    name = None if identity is None else fields.get(identity)
    if name is None:
        return None
    if isinstance(name, str) and name in DOT_SEGMENTS:
        raise UsageError(f"{identity}={name!r} could never be changed or deleted again")
    return str(name)

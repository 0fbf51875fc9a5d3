"""What goes over the wire, and what comes back: call -> request, answer -> value or error.

Pure: nothing here awaits, sends or knows aiohttp.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import quote, urlencode

import attrs
import msgspec
from yarl import URL

from ._convert import ConversionError, Text, dumps, json_object, parse
from ._hostname import a_label_form, is_same_name
from ._operation import DOT_SEGMENTS, Answer, Dated, Enveloped, Operation
from ._types import UNSET
from .errors import (
    APIError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnmtaError,
    UsageError,
    ValidationError,
    printable,
)
from .secret import Secret

__all__ = ["Reply", "Request", "decode", "encode"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Call -> request.

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


# Answer -> value or error.


@attrs.frozen(kw_only=True)
class Reply:
    """An answer as it arrived.

    Attributes:
        status: The HTTP status.
        headers: The headers; names are found in any case.
        body: What arrived of the body, inflated.
        broken_by: Why that is not the whole of it, if it is not.
    """

    status: int
    headers: Mapping[str, str]
    body: Text = attrs.field(repr=False)
    broken_by: UnmtaError | None = None

    @property
    def request_id(self) -> str | None:
        """The server's name for the request, if it gave one."""
        name = self.headers.get("x-request-id") or self.headers.get("cf-ray")
        return printable(name) if name else None

    @property
    def date(self) -> datetime | None:
        """When the server says that it answered."""
        return _http_date(self.headers.get("date", ""))

    @property
    def content_type(self) -> str:
        """What the server calls the body, for messages."""
        return printable(self.headers.get("content-type", "no content type"))


_ERRORS: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: ValidationError,
    429: RateLimitError,
    503: ServiceUnavailableError,
}


def decode(operation: Operation[T], reply: Reply, subject: str | None = None) -> T | UnmtaError:
    """Return the value of an answer, or the error that it is.

    An error is returned, not raised, so that no traceback holds the body.

    Args:
        operation: What was called.
        reply: What came back.
        subject: The name of the resource that was asked for; an answer about another one is an
            error, and its password is not ours.
    """
    result = _read(operation, reply)
    if operation.identity and subject and not isinstance(result, UnmtaError):
        named = operation.name_of(result)
        if isinstance(named, str) and not is_same_name(named, subject):
            what = f"{reply.status}, about {printable(repr(named))} and not {subject!r}"
            return _unexpected(reply, what)
    # A refusal, 4xx, made nothing; what its body calls a password is none.
    if operation.secret and isinstance(result, UnmtaError) and not 400 <= reply.status < 500:
        result.password = _rescue(operation.secret, reply.body)
    if operation.dated and not isinstance(result, UnmtaError):
        return cast("T", Dated(result, reply.date))
    return result


def _read(operation: Operation[T], reply: Reply) -> T | UnmtaError:
    if reply.status >= 400:  # says enough, whatever became of its body
        return _read_failure(reply)
    if reply.broken_by is not None:
        return reply.broken_by
    if 200 <= reply.status < 300:
        return _read_success(operation, reply)
    target = reply.headers.get("location")
    to = f", a redirect to {printable(target)}, not followed" if target else ""
    return _unexpected(reply, f"{reply.status}{to}")


def _read_success(operation: Operation[T], reply: Reply) -> T | UnmtaError:
    try:
        value = operation.read(reply.body)
    except ConversionError as error:
        return _unexpected(reply, f"{reply.status}, but not what it promises: {error}")
    if operation.answer is not Answer.DATA:
        return cast("T", value)
    answer = cast("Enveloped[T]", value)
    if operation.is_list and answer.has_next_page:
        return _unexpected(reply, "one page, where the whole list was promised")
    return answer.data


def _unexpected(reply: Reply, what: str) -> UnexpectedResponseError:
    return UnexpectedResponseError(
        f"the server answered {what} ({reply.content_type}, {len(reply.body)} bytes)",
        status=reply.status,
        request_id=reply.request_id,
    )


def _rescue(name: str, body: Text) -> Secret | None:
    """Take a one-time secret out of an answer that is broken elsewhere."""
    with contextlib.suppress(ConversionError):
        value = json_object(parse(body)).get(name)
        if isinstance(value, str) and value:
            return Secret(value)
    field = re.escape(name.encode())
    found = re.search(rb'"' + field + rb'"\s*:\s*("(?:[^"\\]++|\\.)++")', body)
    with contextlib.suppress(msgspec.MsgspecError, ValueError):
        return Secret(msgspec.json.decode(found[1], type=str)) if found else None
    return None


def _read_failure(reply: Reply) -> APIError:
    body = _api_json(reply.body)
    kind = _ERRORS.get(reply.status) or (ServerError if reply.status >= 500 else APIError)
    details: dict[str, Any] = {}
    if issubclass(kind, RateLimitError | ServiceUnavailableError):
        details["retry_after"] = _retry_after(reply.headers)
    if issubclass(kind, ValidationError):
        details["errors"] = _field_errors(body.get("errors") if body else None)
    foreign = f"{_phrase(reply.status)} ({reply.content_type}, not the API's own JSON)"
    return kind(
        printable(body["message"] or _phrase(reply.status)) if body else foreign,
        status=reply.status,
        request_id=reply.request_id,
        confirmed=body is not None,
        **details,
    )


def _api_json(body: Text) -> Mapping[str, Any] | None:
    """Return the body of a refusal if it is the API's own: an object with a message."""
    try:
        data = json_object(parse(body))
    except ConversionError:
        return None
    return data if isinstance(data.get("message"), str) else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "an unassigned status"


def _field_errors(errors: object) -> dict[str, list[str]]:
    """Return the faults of a 422 by field; Laravel writes `[]` where there are none."""
    return {
        field: [str(text) for text in _items(texts)] for field, texts in json_object(errors).items()
    }


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, a number or a date; None if it makes no sense."""
    text = headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text, re.ASCII):
        return float(text)
    now = _http_date(headers.get("date", "")) or datetime.now(UTC)
    then = _http_date(text)
    return (then - now).total_seconds() if then and then > now else None


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)

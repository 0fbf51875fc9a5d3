"""What comes back over the wire: answer -> value or error.

Pure: nothing here waits or knows aiohttp.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast

import msgspec

from ._convert import ConversionError, Text, json_object, parse
from ._hostname import is_same_name
from ._operation import Dated, Operation, read_nothing
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
    ValidationError,
    printable,
)
from .secret import Secret

__all__ = ["Reply", "decode"]

T = TypeVar("T")


class Reply(msgspec.Struct, kw_only=True, eq=False):
    """An answer as it arrived.

    Attributes:
        status: The HTTP status.
        headers: The headers; names are found in any case.
        body: What arrived of the body, inflated.
        broken_by: Why that is not the whole of it, if it is not.
    """

    status: int
    headers: Mapping[str, str]
    body: Text
    broken_by: UnmtaError | None = None

    __repr__ = object.__repr__  # the body may hold a password

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
    def media_type(self) -> str:
        """The kind of the body, without parameters such as the charset."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

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
    if isinstance(result, UnmtaError):
        # A refusal, 4xx, made nothing; what its body calls a password is none.
        if operation.secret and not 400 <= reply.status < 500:
            result.password = _rescue(operation, operation.secret, reply.body, subject)
        return result
    if operation.identity and subject:
        named = operation.name_of(result)
        if isinstance(named, str) and not is_same_name(named, subject):
            what = f"{reply.status}, about {printable(repr(named))} and not {subject!r}"
            return _unexpected(reply, what)
    return cast("T", Dated(result, reply.date)) if operation.dated else result


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
    is_empty = reply.status in operation.empty
    if operation.is_raw and not is_empty and not fnmatchcase(reply.media_type, operation.accepts):
        return _unexpected(reply, f"{reply.status}, but not {operation.accepts}")
    read: Callable[[Text], Any] = read_nothing if is_empty else operation.read
    try:
        value = read(reply.body)
    except ConversionError as error:
        return _unexpected(reply, f"{reply.status}, but not what it promises: {error}")
    return cast("T", value)


def _unexpected(reply: Reply, what: str) -> UnexpectedResponseError:
    return UnexpectedResponseError(
        f"the server answered {what} ({reply.content_type}, {len(reply.body)} bytes)",
        status=reply.status,
        request_id=reply.request_id,
    )


def _rescue(operation: Operation[Any], name: str, body: Text, subject: str | None) -> Secret | None:
    """Take a one-time secret out of an answer that is broken elsewhere, unless it is another's."""
    with contextlib.suppress(ConversionError):
        answer = json_object(parse(body))
        named = json_object(answer.get("data")).get(operation.identity or "")
        if isinstance(named, str) and subject and not is_same_name(named, subject):
            return None
        value = answer.get(name)
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
    return {field: list(map(str, _listed(texts))) for field, texts in json_object(errors).items()}


def _listed(texts: object) -> list[object]:
    return cast("list[object]", texts) if isinstance(texts, list) else [texts]


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

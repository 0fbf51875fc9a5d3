"""Every error that this package raises. A leaf: it imports nothing but `Secret`.

UnmtaError
├── UsageError                  refused locally, nothing sent (also a ValueError)
├── ClientClosedError           closed, or of another event loop or process
├── TransportError              no usable answer arrived
│   ├── ConnectError            provably not sent
│   │   ├── ConnectTimeoutError (also a TimeoutError)
│   │   └── TLSError
│   ├── ConnectionLostError     sent, or perhaps sent, then the connection broke
│   └── RequestTimeoutError     (also a TimeoutError)
├── UnexpectedResponseError     an answer that cannot be vouched for
├── APIError                    any 4xx or 5xx
│   ├── AuthenticationError     401
│   ├── PermissionDeniedError   403
│   ├── NotFoundError           404
│   ├── ConflictError           409
│   ├── ValidationError         422
│   ├── RateLimitError          429
│   └── ServerError             5xx
│       └── ServiceUnavailableError  503
└── PasswordLostError           a credential whose password never reached us
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

from .secret import Secret

E = TypeVar("E", bound="UnmtaError")

__all__ = [
    "APIError",
    "AuthenticationError",
    "ClientClosedError",
    "ConflictError",
    "ConnectError",
    "ConnectTimeoutError",
    "ConnectionLostError",
    "NotFoundError",
    "PasswordLostError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTimeoutError",
    "ServerError",
    "ServiceUnavailableError",
    "TLSError",
    "TransportError",
    "UnexpectedResponseError",
    "UnmtaError",
    "UsageError",
    "ValidationError",
]

_LONGEST_QUOTE = 500


def printable(text: str) -> str:
    """Return a foreign text with its control characters escaped and its length bounded."""
    quoted = text[:_LONGEST_QUOTE]
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in quoted)
    return shown if len(text) <= _LONGEST_QUOTE else shown + "…"


class UnmtaError(Exception):
    """The base of every error raised here.

    It holds plain data only, never a live request, so it can be copied and pickled; pickling drops
    `.password`.

    Attributes:
        message: What was wrong, in one sentence.
        operation: The operation, such as "domains.create"; "" if there was none.
        method: Its HTTP method.
        route: Its path template, such as "/clusters/{cluster}/domains".
        path_params: The values that were to stand in the path.
        attempts: How often a request was tried.
        may_have_been_applied: Whether the server may have made the change all the same. False for
            reads and for whatever was refused locally.
        password: A one-time password rescued from an answer that was otherwise of no use.
    """

    advice: ClassVar[str] = ""
    _dropped = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.operation = ""
        self.method = ""
        self.route = ""
        self.path_params: Mapping[str, str] = {}
        self.attempts = 0
        self.may_have_been_applied = False
        self.password: Secret | None = None

    @property
    def next_step(self) -> str:
        """What to do next, in words."""
        if self.password is not None:
            return "A password came with the answer: store what `.password` holds, now."
        if self.may_have_been_applied:
            return "Look whether the change was made before you make it again."
        return self.advice

    def _headline(self) -> str:
        return self.message

    def __str__(self) -> str:
        where = f"{self.operation}: " if self.operation else ""
        tries = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        doubt = "[may have been applied]" if self.may_have_been_applied else ""
        headline = f"{where}{self._headline().removesuffix('.')}{self._dropped}{tries}"
        headline += "" if headline.endswith("?") else "."
        return " ".join(filter(None, (headline, self.next_step, doubt)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {**self.__dict__, "password": None}
        if self.password is not None:
            state["_dropped"] = " (its password was dropped by pickling)"
        return _restore, (type(self), self.args), state

    def __copy__(self) -> Self:
        clone = _restore(type(self), self.args)
        clone.__dict__.update(self.__dict__)
        return clone

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        clone = _restore(type(self), self.args)
        clone.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return clone


def _restore(kind: type[E], args: tuple[Any, ...]) -> E:
    error = kind.__new__(kind, *args)
    error.args = args  # those that are an OSError, too, leave it to __init__
    return error


class UsageError(UnmtaError, ValueError):
    """What was asked for makes no sense, or cannot be sent; it was not."""

    @property
    def next_step(self) -> str:
        """What to do next, in words; outside of a call the message says it all."""
        if self.may_have_been_applied or self.password is not None:
            return super().next_step
        if not self.operation:
            return ""
        return "Correct it and call again." if self.attempts else "Nothing was sent."


class ClientClosedError(UnmtaError):
    """The client is closed, or belongs to another event loop or process."""

    advice = "Make a client where you use it, and close it there."


class TransportError(UnmtaError):
    """No usable answer arrived."""

    advice = "Try again later."


class ConnectError(TransportError):
    """No connection came about, so nothing was sent."""

    advice = "Nothing was sent; check the base URL and the network."


class ConnectTimeoutError(ConnectError, TimeoutError):
    """No connection came about in time, or none of the client's became free."""

    advice = "Nothing was sent; check the base URL and the network, or allow more time."


class TLSError(ConnectError):
    """The server's certificate was not accepted, or TLS failed; never retried."""

    advice = "Nothing was sent; check the certificate, or pass an `ssl` context that trusts it."


class ConnectionLostError(TransportError):
    """The connection broke after the request was sent, or perhaps sent."""


class RequestTimeoutError(TransportError, TimeoutError):
    """No answer came in time."""

    advice = "Try again later, or allow more time with `timeout`."


class UnexpectedResponseError(UnmtaError):
    """An answer that cannot be vouched for: a redirect, or a success without the promised content.

    Attributes:
        status: The HTTP status.
        request_id: The server's name for the request (x-request-id, else cf-ray), if it gave one.
    """

    advice = "Check the base URL; if it is right, the API has changed."

    def __init__(self, message: str, *, status: int = 0, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class APIError(UnmtaError):
    """The API refused, or failed: any status of 400 and above.

    Attributes:
        status: The HTTP status.
        request_id: The server's name for the request (x-request-id, else cf-ray), if it gave one.
        confirmed: Whether the body was the API's own JSON, not the page of a proxy on the way.
    """

    advice = "Change the request before you make it again."

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        request_id: str | None = None,
        confirmed: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id
        self.confirmed = confirmed

    def _headline(self) -> str:
        return f"{self.status} {self.message}"


class AuthenticationError(APIError):
    """401: the token is wrong, or was revoked when a new one was made."""

    advice = "Check the token; a newly generated one revokes the one before it."


class PermissionDeniedError(APIError):
    """403: the token may not do this."""

    advice = "Use the token of a user who may do this."


class NotFoundError(APIError):
    """404: it does not exist, or the token may not see it."""

    advice = "Check the names and the base URL, and that the token may see the cluster."


class ConflictError(APIError):
    """409: the resource is in another state than the request supposes."""

    advice = "Look at the resource, then decide anew."


class ValidationError(APIError):
    """422: the request was refused.

    Attributes:
        errors: The fields with what is wrong about each; keys may be nested, such as "domains.0".
    """

    advice = "See `.errors`, and correct the request."

    def __init__(
        self,
        message: str,
        *,
        status: int = 422,
        request_id: str | None = None,
        confirmed: bool = False,
        errors: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, confirmed=confirmed)
        self.errors: dict[str, list[str]] = {
            field: list(texts) for field, texts in (errors or {}).items()
        }

    def _headline(self) -> str:
        faults = "; ".join(f"{field}: {' '.join(texts)}" for field, texts in self.errors.items())
        return f"{self.status} {printable(faults or self.message)}"


class _RetryAfterError(APIError):
    """A refusal that may say when to come back.

    Attributes:
        retry_after: Seconds until the API wants to be asked again; None if it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        request_id: str | None = None,
        confirmed: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id, confirmed=confirmed)
        self.retry_after = retry_after

    @property
    def next_step(self) -> str:
        """What to do next, in words."""
        if self.may_have_been_applied or self.retry_after is None:
            return super().next_step
        return f"Try again in {self.retry_after:g} s."


class RateLimitError(_RetryAfterError):
    """429: too many requests; this one was not applied."""

    advice = "Try again later, with fewer requests at a time."


class ServerError(APIError):
    """5xx: the API, or a proxy before it, failed."""

    advice = "Try again later."


class ServiceUnavailableError(_RetryAfterError, ServerError):
    """503: the API is down for a moment."""


class PasswordLostError(UnmtaError):
    """A credential exists, or may exist, whose password never reached us and cannot be asked for.

    Attributes:
        identity: The cluster and the user name.
        reason: What went wrong on the way.
    """

    advice = (
        "Look for the credential: if this call made it, delete it and create it anew; if it was "
        "there before, it is in use."
    )

    def __init__(
        self, message: str, *, identity: tuple[str, ...] = (), reason: UnmtaError | None = None
    ) -> None:
        super().__init__(message)
        self.identity = identity
        self.reason = reason

    @property
    def next_step(self) -> str:
        """What to do next, in words."""
        return self.advice

"""What can go wrong on the way to the API and back: the table of faults, and which are due.

A fault counts and hits requests that are authenticated; one that is not gets its 401. At each
request a table lookup decides what happens; `replies` says what goes out then, `wire` sends it.
"""

import asyncio
import math
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypedDict, Unpack, cast

from . import replies, wire
from .port import Port
from .replies import Details, Effect

FaultName = Literal[
    "refuse",
    "reset-before-reading",
    "reset-after-reading",
    "reset-after-applying",
    "close",
    "hang-before-headers",
    "hang-after-headers",
    "slow-body",
    "cut-body",
    "cut-chunk",
    "garbage",
    "unsolicited-answer",
    "late-commit",
    "late-delete",
    "token-revoked",
    "rate-limited",
    "html-429",
    "json-503",
    "html-503",
    "html-200",
    "html-302",
    "redirect-307",
    "redirect-308",
    "json-401",
    "html-401",
    "json-403",
    "html-403",
    "json-404",
    "html-404",
    "html-408",
    "json-409",
    "json-413",
    "json-419",
    "json-500",
    "html-500",
    "empty-500",
    "html-502",
    "html-504",
    "html-520",
    "no-data",
    "null-data",
    "wrong-types",
    "unknown-fields",
    "unknown-values",
    "missing-field",
    "other-resource",
    "next-page",
    "204-with-body",
    "empty-body",
    "wrong-content-type",
    "charset",
    "bom",
    "invalid-utf8",
    "nan",
    "duplicate-keys",
    "deep-nesting",
    "huge-body",
    "gzip-bomb",
]
"""The names of all faults; `FAULTS` says what each does."""

Deed = Literal["leave", "apply", "postpone", "revoke"]
"""What becomes of the state: nothing, what was asked for, that but later, or no token is left."""

ANY = "*"


class GivenDetails(TypedDict, total=False):
    """The details that a fault may be given; each has those that the table says.

    Attributes:
        retry_after: The header `Retry-After` as it is; None is none.
        seconds: How long it takes; None, for `refuse`, is until `clear`.
        size: Bytes of the body: after inflation, or of what is left of it (as in `body[:size]`).
        depth: How many arrays stand in one another.
        after: How many further requests are answered before the change is applied.
        location: The header `Location`.
        charset: What the body is said to be encoded in.
        field: What is missing; None is the first field.
    """

    retry_after: str | None
    seconds: float | None
    size: int | None
    depth: int
    after: int
    location: str
    charset: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can go wrong.

    Attributes:
        summary: What happens, in a line.
        effect: What it makes of the answer.
        deed: What becomes of the state, unless `add` was told.
        may_choose: Whether `add` may be told if the request is applied.
        only: The operations, or their last parts, that it makes sense for; none means all.
        details: What it can be given, and the defaults.
        reads: Whether the body of the request is read.
    """

    summary: str
    effect: Effect
    deed: Deed = "leave"
    may_choose: bool = False
    only: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict[str, object])
    reads: bool = True

    @property
    def applied(self) -> str:
        """Whether the request is applied, in a word or two."""
        if self.may_choose:
            return "no, or as told"
        return {"apply": "yes", "postpone": "later"}.get(self.deed, "no")

    def fits(self, operation: str | None) -> bool:
        """Whether it makes sense for an operation; None stands for a request of none."""
        return not self.only or (operation is not None and operation.endswith(self.only))


def _choosable(summary: str, effect: Effect, **details: object) -> Fault:
    """The request may have been applied or not; by default it was not."""
    return Fault(summary, effect, may_choose=True, details=details)


def _mangling(
    summary: str, effect: Effect, *, only: tuple[str, ...] = (), **details: object
) -> Fault:
    """The request is applied, and something is wrong with its answer."""
    return Fault(summary, effect, "apply", only=only, details=details)


def _html(status: int, title: str, **details: object) -> Fault:
    return _choosable(f"{status} with a page, `{title}`.", replies.html(status, title), **details)


def _json(status: int, message: str, **details: object) -> Fault:
    return _choosable(
        f"{status} with the API's own JSON, `{message}`.", replies.api(status, message), **details
    )


_ELSEWHERE = "https://elsewhere.invalid/api/v1/clusters"
_WITH_BODY = (".list", ".get", ".create", ".update")
_OF_ONE = (".get", ".create", ".update")
_WITH_STATUS = ("clusters.list", "domains.list", "domains.get", "domains.create")

FAULTS: Mapping[FaultName, Fault] = MappingProxyType(
    {
        # Connections.
        "refuse": Fault(
            "The port is closed, idle connections too, after nth-1 answers; then it opens again.",
            lambda reply, _: reply,
            details={"seconds": 0.5},
        ),
        "reset-before-reading": Fault(
            "RST, the request's body unread.", replies.unanswered(wire.reset), reads=False
        ),
        "reset-after-reading": _choosable("RST, the request read.", replies.unanswered(wire.reset)),
        "reset-after-applying": Fault(
            "RST, the request applied.", replies.unanswered(wire.reset), "apply"
        ),
        "close": _choosable("FIN instead of an answer.", replies.unanswered(wire.close)),
        "hang-before-headers": _choosable(
            "Nothing, until the client goes or the sandbox ends.", replies.unanswered(wire.hang)
        ),
        "hang-after-headers": _mangling(
            "The headers, and then nothing until the client goes or the sandbox ends.",
            replies.sent(wire.hang_after_headers),
        ),
        "slow-body": _mangling("The body comes bit by bit.", replies.slow, seconds=2.0),
        "cut-body": _mangling(
            "FIN in the body, by default half-way to its `Content-Length`.", replies.cut, size=None
        ),
        "cut-chunk": _mangling(
            "FIN where the last chunk of the body should come.", replies.sent(wire.cut_chunk)
        ),
        "garbage": _choosable(
            "Bytes that are no HTTP, and FIN.", replies.unanswered(wire.talk_garbage)
        ),
        "unsolicited-answer": _mangling(
            "The right answer, and soon a second one, of somebody else, that nobody asked for.",
            replies.followed_by_another,
            seconds=0.005,
        ),
        # The state.
        "late-commit": Fault(
            "504 with a page, and the request is applied later.",
            replies.html(504, "Gateway Time-out"),
            "postpone",
            only=(".create", ".update"),
            details={"after": 1},
        ),
        "late-delete": Fault(
            "504 with a page, and the request is applied later.",
            replies.html(504, "Gateway Time-out"),
            "postpone",
            only=(".delete",),
            details={"after": 1},
        ),
        "token-revoked": Fault(
            "The token is revoked for good: 401 from this request on.",
            replies.api(401, "Unauthenticated."),
            "revoke",
        ),
        # Answers of somebody else, or of the API in another mood.
        "rate-limited": _choosable(
            "429 with the API's own JSON, `Too Many Attempts.`, and its rate limit.",
            replies.api(
                429,
                replies.TOO_MANY_ATTEMPTS,
                X_RateLimit_Limit="60",
                X_RateLimit_Remaining="0",
            ),
            retry_after="1",
        ),
        "html-429": _html(429, "Too Many Requests", retry_after=None),
        "json-503": _json(503, "Service Unavailable", retry_after=None),
        "html-503": _html(503, "Service Temporarily Unavailable", retry_after=None),
        "html-200": _html(200, "Welcome"),
        "html-302": _choosable("302 to the login page.", replies.redirect(302), location="/login"),
        "redirect-307": _choosable(
            "307 to another origin.", replies.redirect(307), location=_ELSEWHERE
        ),
        "redirect-308": _choosable(
            "308 to another origin.", replies.redirect(308), location=_ELSEWHERE
        ),
        "json-401": _json(401, "Unauthenticated."),
        "html-401": _html(401, "Authorization Required"),
        "json-403": _json(403, "This action is unauthorized."),
        "html-403": _html(403, "Forbidden"),
        "json-404": _json(404, "Not Found"),
        "html-404": _html(404, "Not Found"),
        "html-408": _html(408, "Request Time-out"),
        "json-409": _json(409, "Conflict"),
        "json-413": _json(413, "Content Too Large"),
        "json-419": _json(419, "CSRF token mismatch."),
        "json-500": _json(500, "Server Error"),
        "html-500": _html(500, "Server Error"),
        "empty-500": _choosable("500 with nothing else.", replies.empty(500)),
        "html-502": _html(502, "Bad Gateway"),
        "html-504": _html(504, "Gateway Time-out"),
        "html-520": _html(520, "Web server is returning an unknown error"),
        # What the API says, changed. A refusal of the API goes out as it is.
        "no-data": _mangling("`data` is missing.", replies.data(replies.without_data)),
        "null-data": _mangling("`data` is null.", replies.data(replies.null_data)),
        "wrong-types": _mangling(
            "Each field of `data` has another type.",
            replies.data(replies.wrong_types),
            only=_WITH_BODY,
        ),
        "unknown-fields": _mangling(
            "There are more fields, in `data` and beside it.", replies.data(replies.unknown_fields)
        ),
        "unknown-values": _mangling(
            "`status` is `unheard-of`.",
            replies.data(replies.unknown_values),
            only=_WITH_STATUS,
        ),
        "missing-field": _mangling(
            "A field of each resource is missing, by default the first.",
            replies.data(replies.missing_field),
            only=_WITH_BODY,
            field=None,
        ),
        "other-resource": _mangling(
            "A valid answer about a resource of somebody else, with a password of its own.",
            replies.other_resource,
            only=_OF_ONE,
        ),
        "next-page": _mangling(
            "`links.next` and `meta` stand beside `data`.",
            replies.data(replies.next_page),
            only=(".list",),
        ),
        # How the API says it, changed.
        "204-with-body": _mangling("204, and a body all the same.", replies.body_with_204),
        "empty-body": _mangling("The status, and no body.", replies.no_body, only=_WITH_BODY),
        "wrong-content-type": _mangling(
            "The JSON is declared as `text/html`.", replies.content_type("text/html; charset=utf-8")
        ),
        "charset": _mangling(
            "The JSON is declared with another charset than it has.",
            replies.content_type("application/json; charset={}"),
            charset="utf-16",
        ),
        "bom": _mangling("A byte order mark stands in front.", replies.with_bom),
        "invalid-utf8": _mangling(
            "A string is not UTF-8.", replies.member(lambda _: b'"note": "\xff\xfe"')
        ),
        "nan": _mangling("A number is `NaN`.", replies.member(lambda _: b'"note": NaN')),
        "duplicate-keys": _mangling(
            "`data` and `password` come twice, null at first.",
            replies.member(lambda _: b'"data": null, "password": null'),
        ),
        "deep-nesting": _mangling(
            "Arrays stand in one another, beside `data`.",
            replies.member(
                lambda given: b'"note": ' + b"[" * given["depth"] + b"]" * given["depth"]
            ),
            depth=100_000,
        ),
        "huge-body": _mangling("The body is large.", replies.huge, size=64 * 2**20),
        "gzip-bomb": _mangling(
            "The body is small on the wire, and large when inflated.",
            replies.bomb,
            size=256 * 2**20,
        ),
    }
)
"""What each fault does. Those that change an answer take one without a body for `{}`, a 200."""

_NO_DETAILS = Details(
    retry_after=None, seconds=None, size=None, depth=0, after=0, location="", charset="", field=None
)


@dataclass(eq=False, slots=True)
class InjectedFault:
    """A fault that was added; it hits requests `nth` to `nth + times - 1` of its operation.

    Attributes:
        operation: The name of the operation, or `*`.
        fault: The name of the fault.
        nth: The first matching request that it hits; 1 is the first one after it was added.
        times: How many it hits in a row; None is all that follow.
        hits: How many it has hit so far.
    """

    operation: str
    fault: FaultName
    nth: int
    times: int | None
    deed: Deed = field(repr=False)
    details: Details = field(repr=False)
    hits: int = 0
    seen: int = field(default=0, repr=False)

    def matches(self, operation: str | None) -> bool:
        """Whether it counts requests of an operation; None stands for a request of none."""
        return self.operation in {ANY, operation} and FAULTS[self.fault].fits(operation)

    def closes_port(self) -> bool:
        """Whether, as one that closes the port, it is to do so now."""
        return not self.hits and self.seen >= self.nth - 1

    def is_due(self) -> bool:
        """Whether it hits the request that was seen last."""
        return self.nth <= self.seen and (self.times is None or self.seen < self.nth + self.times)

    def is_over(self) -> bool:
        """Whether it hits nothing any more."""
        last = math.inf if self.times is None else self.nth + self.times - 1
        return self.hits > 0 if self.fault == "refuse" else self.seen >= last


@dataclass(slots=True)
class _Postponed:
    apply: Callable[[], object]
    answers: int


class Faults:
    """What is to go wrong; it may be changed from any thread.

    All faults that match a request count it. Of those that are due the one that was added first
    hits. One that finds nothing in the answer that it could change has not hit, and the answer
    goes out as it is.
    """

    def __init__(self, operations: Iterable[str]) -> None:
        self._operations = (*operations, ANY)
        self._added: list[InjectedFault] = []
        self._postponed: list[_Postponed] = []
        self._lock = threading.Lock()
        self._port: Port | None = None

    def add(
        self,
        operation: str,
        fault: FaultName,
        *,
        nth: int = 1,
        times: int | None = 1,
        applied: bool | None = None,
        **details: Unpack[GivenDetails],
    ) -> InjectedFault:
        """Let something go wrong.

        Args:
            operation: What it happens to, such as `domains.create`; `*` is any request of the API.
            fault: A name of the table `FAULTS`.
            nth: The first matching request that it hits, counted from now.
            times: How many it hits in a row; None is all that follow.
            applied: Whether the request is applied, for those faults that leave it open.
            **details: What the fault can be given; see `GivenDetails`.

        Returns:
            The fault as it was added; its `hits` says how often it happened.

        Raises:
            ValueError: There is no such operation, fault or detail, or they do not go together.
        """
        _check_operation(operation, fault, self._operations)
        _check_window(fault, nth, times)
        deed = _chosen_deed(fault, applied)
        added = InjectedFault(operation, fault, nth, times, deed, _all_details(fault, details))
        with self._lock:
            self._added = [one for one in self._added if not one.is_over()] + [added]
        self._in_loop(self._shut_if_due)
        return added

    def clear(self) -> None:
        """Remove all faults and open the port; what was postponed stays postponed."""
        with self._lock:
            self._added.clear()
        self._in_loop(Port.reopen)

    def settle(self) -> None:
        """Apply all that was postponed, in its order."""
        self._apply(lambda _: True)

    # What the server asks, in the thread of its event loop.

    @contextmanager
    def at(self, port: Port) -> Generator[None]:
        """Serve from a port for as long as the context lasts; at its end nothing is left."""
        self._port = port
        self._shut_if_due(port)
        try:
            yield
        finally:
            self._port = None
            with self._lock:
                self._added.clear()
                self._postponed.clear()

    def match(self, operation: str | None) -> InjectedFault | None:
        """Count a request, and return the fault that is to hit it."""
        with self._lock:
            matching = [one for one in self._added if _is_wire(one) and one.matches(operation)]
            for one in matching:
                one.seen += 1
            return next((one for one in matching if one.is_due()), None)

    def postpone(self, apply: Callable[[], object], after: int) -> None:
        """Do something after so many requests, and the present one, have been answered."""
        with self._lock:
            self._postponed.append(_Postponed(apply, after + 1))

    def note_answer(self, operation: str | None) -> None:
        """Do what was to be done when a request is answered."""
        with self._lock:
            for one in self._added:
                one.seen += not _is_wire(one) and one.matches(operation)
            for postponed in self._postponed:
                postponed.answers -= 1
        self._apply(lambda postponed: postponed.answers <= 0)
        if self._port:
            self._shut_if_due(self._port)

    def _apply(self, is_due: Callable[[_Postponed], bool]) -> None:
        with self._lock:
            due = [one for one in self._postponed if is_due(one)]
            self._postponed = [one for one in self._postponed if one not in due]
        for one in due:
            one.apply()

    def _shut_if_due(self, port: Port) -> None:
        with self._lock:
            due = [one for one in self._added if not _is_wire(one) and one.closes_port()]
        for one in due:
            port.shut(one.details["seconds"])
            one.hits += 1

    def _in_loop(self, act: Callable[[Port], None]) -> None:
        """Do something with the port in the thread it belongs to, and wait until it is done."""
        port = self._port
        if port is None:
            return
        if not port.loop.is_running() or _running_loop() is port.loop:
            act(port)
            return

        async def do() -> None:
            act(port)

        asyncio.run_coroutine_threadsafe(do(), port.loop).result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _is_wire(one: InjectedFault) -> bool:
    """Whether a fault hits requests; the other kind closes the port."""
    return one.fault != "refuse"


# What `add` may be given.


def _check_operation(operation: str, fault: FaultName, known: Sequence[str]) -> None:
    if operation not in known:
        raise ValueError(f"there is no operation {operation!r}: use {', '.join(known)}")
    if fault not in FAULTS:
        raise ValueError(f"there is no fault {fault!r}: use {', '.join(FAULTS)}")
    entry = FAULTS[fault]
    if operation != ANY and not entry.fits(operation):
        fitting = ", ".join(name for name in known if entry.fits(name))
        raise ValueError(f"{fault} does not fit {operation}: use {fitting}")


def _check_window(fault: FaultName, nth: int, times: int | None) -> None:
    if not _is_count(nth) or nth < 1:
        raise ValueError(f"nth={nth!r} is no request: the next one is 1")
    if times is not None and (not _is_count(times) or times < 1):
        raise ValueError(f"times={times!r} is never: use 1 or more, or None for all that follow")
    if fault == "refuse" and times != 1:
        raise ValueError("refuse happens once: `seconds` says for how long")


def _chosen_deed(fault: FaultName, applied: bool | None) -> Deed:
    entry = FAULTS[fault]
    if applied is None:
        return entry.deed
    if entry.may_choose:
        return "apply" if applied else "leave"
    if entry.deed == "postpone" or applied != (entry.deed == "apply"):
        raise ValueError(
            f"applied={applied!r} does not go with {fault}: applied is {entry.applied}"
        )
    return entry.deed


def _all_details(fault: FaultName, given: GivenDetails) -> Details:
    known = FAULTS[fault].details
    for name, value in given.items():
        if name not in known:
            takes = f"use {', '.join(known)}" if known else "it takes none"
            raise ValueError(f"{fault} does not take {name!r}: {takes}")
        is_valid, wanted = _WANTED[name]
        if not (is_valid(value) or (value is None and _may_be_none(fault, name))):
            raise ValueError(f"{name}={value!r} is not {wanted}")
    return cast("Details", {**_NO_DETAILS, **known, **given})


def _may_be_none(fault: FaultName, name: str) -> bool:
    return (
        name == "retry_after"
        or (name == "seconds" and fault == "refuse")
        or (FAULTS[fault].details[name] is None)
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 0


def _is_header(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


_WANTED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "retry_after": (_is_header, "text for a header"),
    "seconds": (
        lambda value: isinstance(value, int | float) and 0 <= value < math.inf,
        "a number of seconds",
    ),
    "size": (lambda value: isinstance(value, int), "a number of bytes"),
    "depth": (_is_count, "a number of arrays"),
    "after": (_is_count, "a number of requests"),
    "location": (_is_header, "text for a header"),
    "charset": (_is_header, "text for a header"),
    "field": (lambda value: isinstance(value, str), "the name of a field"),
}

"""What the contract says of an operation: the vocabulary of the generated modules."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar, cast, get_origin, get_type_hints

import attrs
import msgspec

from ._convert import ConversionError, Text, attribute, json_object, parse, reader
from ._hostname import a_label_form, is_same_name
from .errors import UsageError, printable

__all__ = [
    "DOT_SEGMENTS",
    "JSON",
    "Answer",
    "Dated",
    "Effect",
    "Enveloped",
    "Look",
    "Operation",
    "PathParameter",
    "read_nothing",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

JSON: Final = "application/json"

DOT_SEGMENTS: Final = frozenset({".", ".."})
"""What addresses something else when it stands in a path, however it is quoted."""


class Answer(enum.Enum):
    """What of a successful answer is its value."""

    DATA = "what stands under `data`"
    WHOLE = "the whole object, for what stands beside `data`"
    NOTHING = "no content"
    TEXT = "text as it is"
    BYTES = "bytes as they are"
    ANYTHING = "whatever JSON there is"


class Effect(enum.Enum):
    """What a request does on the server, which decides whether it may be sent twice."""

    READ = "changes nothing"
    REPLACE = "sent twice, it does what once does"
    DELETE = "a second time could hit what somebody made anew, so one looks first"
    ONCE = "a second time fails, or does something else"
    CREATE_SECRET = "makes a password that only the lost answer held"


_EFFECTS: Final[Mapping[str, Effect]] = {
    "GET": Effect.READ,
    "HEAD": Effect.READ,
    "OPTIONS": Effect.READ,
    "PUT": Effect.REPLACE,
}


@attrs.frozen
class Enveloped(Generic[T]):
    """The body of a success: its value under `data`, and what pages have beside it."""

    data: T
    links: object = None
    meta: object = None
    next_page_url: object = None

    @property
    def has_next_page(self) -> bool:
        """Whether more pages follow, in any of the ways in which Laravel says it."""
        meta = json_object(self.meta)
        current, last = meta.get("current_page"), meta.get("last_page")
        if isinstance(current, int) and isinstance(last, int):
            return current < last
        return bool(self.next_link or meta.get("next_cursor"))

    @property
    def next_link(self) -> object:
        """The URL of the next page, if there is one; a paginator sent bare has it at the top."""
        return json_object(self.links).get("next") or self.next_page_url


class Dated(msgspec.Struct, Generic[T], frozen=True):
    """A value, and when the server says that it was so."""

    value: T
    date: datetime | None


class PathParameter(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A value in the path: its name, and the allow-list that a value has to match as a whole.

    Attributes:
        name: Its name in the route.
        pattern: A regular expression for what goes over the wire.
        max_length: The most characters of that.
        hostname: Whether it is a domain name, which goes over the wire in its A-label form.
    """

    name: str
    pattern: str
    max_length: int
    hostname: bool = False

    @cached_property
    def place(self) -> str:
        """What stands for its value in a route."""
        return f"{{{self.name}}}"

    @cached_property
    def _allows(self) -> Callable[[str], object]:
        return re.compile(self.pattern, re.ASCII).fullmatch

    def check(self, value: object) -> str:
        """Return a value as it goes over the wire.

        "", "." and ".." are refused whatever the pattern says: they address something else.

        Raises:
            UsageError: It cannot be sent.
        """
        sent = a_label_form(value) if self.hostname and isinstance(value, str) else value
        if (
            isinstance(sent, str)
            and 0 < len(sent) <= self.max_length
            and sent not in DOT_SEGMENTS
            and self._allows(sent)
        ):
            return sent
        raise UsageError(f"{self.name}={printable(repr(value))} is not valid in a path")


class Look(msgspec.Struct, frozen=True, eq=False, dict=True):
    """How to find out what became of a resource whose deletion is in doubt.

    Attributes:
        operation: What gets the resource by the same path, or lists all beside it.
        identity: Of a list, the field that names the resource.
        created: The field that says when the resource came to be.
    """

    operation: Operation[Any]
    identity: str | None = None
    created: str | None = None

    @cached_property
    def dated(self) -> Operation[Dated[Any]]:
        """The operation, made to tell the moment of its answer, too."""
        return attrs.evolve(self.operation, dated=True)

    def find(self, value: object, name: str | None) -> object:
        """Return the resource of a name that the operation's value shows, or None."""
        if self.identity is None or name is None:
            return value
        key = attrgetter(self.identity)
        same = [each for each in cast("Sequence[object]", value) if is_same_name(key(each), name)]
        exact = (each for each in same if key(each) == name)
        return next(exact, same[0] if same else None)


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Operation(Generic[T_co]):
    """One operation of the API. The generated modules list them.

    Attributes:
        name: Resource and method, such as "domains.create".
        method: The HTTP method.
        route: The path template.
        path: The parameters in it.
        answer: What of a successful answer is its value.
        returns: The type of that value.
        listed: Of a list, the field that names each item in the paths of others.
        statuses: The statuses that the contract has for it, 4 for all of 4XX; none if for all.
        empty: The statuses of success whose answer has no content, and the value None, where others
            have some.
        accepts: The media type of an answer's content.
        sends: The media type of the body.
        nullable: The fields of the body whose None is sent as null; any other None means "not
            given". None itself: the body is sent as it is.
        optional_body: Whether there is no body at all where none of its fields is given.
        joined: The fields of the query whose values, where there are several, are sent as one.
        identity: The field, in request and answer, that names the resource within its cluster.
        secret: The field of the answer that holds a one-time secret.
        hostnames: The fields of query and body that are domain names, or lists of them.
        look: Of a deletion, how to see whether it happened.
        dated: Whether the value comes as `Dated`.
    """

    name: str
    method: str
    route: str
    path: tuple[PathParameter, ...] = ()
    answer: Answer = Answer.DATA
    returns: Any = None
    listed: str | None = None
    statuses: frozenset[int] = frozenset()
    empty: frozenset[int] = frozenset()
    accepts: str = JSON
    sends: str = JSON
    nullable: frozenset[str] | None = frozenset()
    optional_body: bool = False
    joined: frozenset[str] = frozenset()
    identity: str | None = None
    secret: str | None = None
    hostnames: frozenset[str] = frozenset()
    look: Look | None = None
    dated: bool = False

    @cached_property
    def effect(self) -> Effect:
        """What it does on the server."""
        if self.secret:
            return Effect.CREATE_SECRET
        if self.method == "DELETE":
            return Effect.DELETE if self.look else Effect.ONCE
        return _EFFECTS.get(self.method, Effect.ONCE)

    @cached_property
    def read(self) -> Callable[[Text], Any]:
        """The function that reads the body of a success as its value; made at the first one.

        It raises `ConversionError` for anything else, one page of a list that has more among it.
        """
        several: Any = Enveloped
        match self.answer:
            case Answer.DATA if self.is_list:
                return _data_reader(_unpaged(reader(several[self.returns])))
            case Answer.DATA:
                return reader(self.returns, under="data")
            case Answer.WHOLE if self.is_list and self._hides_paging:
                return _unpaged(reader(self.returns), reader(Enveloped[object]))
            case Answer.WHOLE:
                return reader(self.returns)
            case Answer.NOTHING:
                return read_nothing
            case Answer.TEXT:
                return _read_text
            case Answer.BYTES:
                return bytes
            case Answer.ANYTHING:
                return _read_anything

    def name_of(self, value: object) -> object:
        """Return the name of the resource that an answer's value is about."""
        data = self.data_of(value) if self._is_whole else value
        model: Any = type(data)
        return getattr(data, attribute(model, self.identity or ""), None)

    def data_of(self, value: object) -> object:
        """Return what stands under `data` of an answer's value; it itself if there is no such."""
        if not self._is_whole:
            return value
        whole: Any = type(value)
        return getattr(value, attribute(whole, "data"), value)

    @cached_property
    def subject(self) -> PathParameter | None:
        """The parameter at the end of the path, which names what the call is about."""
        return self.path[-1] if self.route.endswith("}") else None

    @cached_property
    def outer(self) -> tuple[str, ...]:
        """The names of the other parameters in the path."""
        return tuple(each.name for each in self.path if each is not self.subject)

    @cached_property
    def is_list(self) -> bool:
        """Whether the answer is a list, which may be larger than others."""
        kind = self.returns
        if self._is_whole and get_origin(kind) is None:
            kind = get_type_hints(kind).get(attribute(kind, "data"))
        return get_origin(kind) is Sequence

    @cached_property
    def _is_whole(self) -> bool:
        return self.answer is Answer.WHOLE

    @cached_property
    def is_raw(self) -> bool:
        """Whether the content of an answer is no JSON."""
        return self.answer in (Answer.TEXT, Answer.BYTES)

    @property
    def _hides_paging(self) -> bool:
        """Whether the value has nothing of what tells of further pages."""
        if not attrs.has(self.returns):
            return False
        shown = {field.metadata.get("json", field.name) for field in attrs.fields(self.returns)}
        return not shown & {"links", "meta", "next_page_url"}


def _data_reader(read: Callable[[Text], Any]) -> Callable[[Text], Any]:
    return lambda body: read(body).data


def _unpaged(
    read: Callable[[Text], Any], read_paging: Callable[[Text], Enveloped[Any]] | None = None
) -> Callable[[Text], Any]:
    """Have what reads a list refuse one page of it.

    Args:
        read: Reads the list.
        read_paging: Reads what tells of further pages, if the list itself does not.
    """

    def read_whole(body: Text) -> object:
        value = read(body)
        paging = value if read_paging is None else read_paging(body)
        if paging.has_next_page:
            raise ConversionError("it is one page, and more follow")
        return value

    return read_whole


def _read_anything(body: Text) -> object:
    return parse(body) if body else None


def _read_text(body: Text) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ConversionError("it is not UTF-8 text") from None


def read_nothing(body: Text) -> None:
    """Read an answer without content. HTML is none: something else answered in place of the API."""
    _read_anything(body)

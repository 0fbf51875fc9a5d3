"""What the contract says of an operation: the vocabulary of the generated modules."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar, get_origin

import attrs

from ._convert import json_object, parse, reader
from .errors import UsageError, printable

__all__ = ["Answer", "Enveloped", "Operation", "PathParameter"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Answer(enum.Enum):
    """What of a successful answer is its value."""

    DATA = "what stands under `data`"
    WHOLE = "the whole object, for what stands beside `data`"
    NOTHING = "no content"
    ANYTHING = "whatever JSON there is"


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


@attrs.frozen
class PathParameter:
    """A value in the path: its name, and the allow-list that a value has to match as a whole."""

    name: str
    pattern: str
    max_length: int

    def check(self, value: object) -> str:
        """Return the value as it may stand in a path.

        "." and ".." are refused whatever the pattern says: they address something else.

        Raises:
            UsageError: It cannot be sent.
        """
        if (
            not isinstance(value, str)
            or value in {".", ".."}
            or len(value) > self.max_length
            or not re.fullmatch(self.pattern, value)
        ):
            shown = printable(repr(value))
            hint = "" if shown.isascii() else "; write an international name as xn--…"
            raise UsageError(f"{self.name}={shown} is not valid in a path{hint}")
        return value


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
        nullable: The fields of the body whose None is sent as null; any other None means "not
            given". None itself: the body is sent as it is.
        identity: The field, in request and answer, that names the resource within its cluster.
        secret: The field of the answer that holds a one-time secret.
    """

    name: str
    method: str
    route: str
    path: tuple[PathParameter, ...] = ()
    answer: Answer = Answer.DATA
    returns: Any = None
    nullable: frozenset[str] | None = frozenset()
    identity: str | None = None
    secret: str | None = None

    @cached_property
    def read(self) -> Callable[[bytes], Any]:
        """The function that reads the body of a success; made at the first one."""
        match self.answer:
            case Answer.DATA:
                return reader(Enveloped[self.returns])  # type: ignore[name-defined]
            case Answer.WHOLE:
                return reader(self.returns)
            case Answer.NOTHING:
                return _read_nothing
            case Answer.ANYTHING:
                return _read_anything

    def name_of(self, value: object) -> object:
        """Return the name of the resource that an answer's value is about."""
        if self.answer is Answer.WHOLE:
            fields = attrs.fields(self.returns)
            data = next((f.name for f in fields if f.metadata.get("json") == "data"), "data")
            value = getattr(value, data, None)
        return getattr(value, self.identity or "", None)

    @cached_property
    def is_list(self) -> bool:
        """Whether the answer is a list, which may be larger than others."""
        return get_origin(self.returns) is Sequence


def _read_anything(body: bytes) -> object:
    return parse(body) if body else None


def _read_nothing(body: bytes) -> None:
    """Read an answer without content. HTML is none: something else answered in place of the API."""
    _read_anything(body)

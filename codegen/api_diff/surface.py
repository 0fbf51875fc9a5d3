"""What a caller can see of the generated code, as values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import attrs

from .pytypes import Known, Type

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Alias", "Argument", "Doc", "Enumeration", "Field", "Method", "Model", "PathRule", "Schema",
    "Surface",
]  # fmt: skip


@attrs.frozen
class Doc:
    """The words on something, and why it is deprecated, if it is."""

    text: str
    deprecated: str | None = None


@attrs.frozen
class PathRule:
    """What a value in a path may look like."""

    pattern: str
    max_length: int
    is_hostname: bool

    def __str__(self) -> str:
        hostname = ", a host name" if self.is_hostname else ""
        return f"{self.pattern} with at most {self.max_length} characters{hostname}"

    def takes(self, value: str) -> bool:
        """Whether a value may be sent."""
        return len(value) <= self.max_length and re.fullmatch(self.pattern, value) is not None


@attrs.frozen(kw_only=True)
class Argument:
    """An argument of a method.

    Attributes:
        name: Its name.
        type: What it takes apart from a marker, or a None, that means "not given".
        default: The code of its default; None if it is required.
        none: What None means: "null", "not given", or nothing as it is not taken.
        is_positional: Whether it may be given without its name.
        sent: Where its value goes, under which name, and how, if that can be told.
        rule: What its value has to look like, for one in the path.
        doc: The words on it.
    """

    name: str
    type: Type
    default: str | None
    none: str
    is_positional: bool
    sent: str
    rule: PathRule | None
    doc: Doc

    def __str__(self) -> str:
        none = " | None" if self.none == "not given" else ""
        default = f" = {self.default}" if self.default is not None else ""
        return f"{self.name}: {self.type}{none}{default}"


@attrs.frozen(kw_only=True)
class Method:
    """A method of a resource.

    Attributes:
        resource: The resource that it is of.
        name: Its name.
        arguments: What it takes.
        returns: What it returns.
        http: Method and route; empty where it sends through another method.
        behaviour: What else is said of its operation, by key.
        doc: The words on it, without those on arguments.
    """

    resource: str
    name: str
    arguments: tuple[Argument, ...]
    returns: Type
    http: str
    behaviour: Mapping[str, str]
    doc: Doc

    @property
    def place(self) -> str:
        """How it is called, from the client on."""
        return f"{self.resource}.{self.name}"

    @property
    def request(self) -> str:
        """Method and route without the names of parameters, which nobody else sees."""
        return re.sub(r"{[^}]*}", "{}", self.http)


@attrs.frozen(kw_only=True)
class Field:
    """A field of a model; `default` is None if it is required, `json` its name on the wire."""

    name: str
    type: Type
    default: str | None
    json: str
    owner: str
    doc: Doc

    def __str__(self) -> str:
        default = f" = {self.default}" if self.default is not None else ""
        return f"{self.name}: {self.type}{default}"


@attrs.frozen(kw_only=True)
class Model:
    """A class of values, with the fields and methods that it has from its bases."""

    name: str
    bases: tuple[str, ...]
    fields: Mapping[str, Field]
    methods: Mapping[str, Type]
    doc: Doc


@attrs.frozen(kw_only=True)
class Enumeration:
    """A set of values; `members` are their expressions by name."""

    name: str
    bases: tuple[str, ...]
    members: Mapping[str, str]
    doc: Doc


@attrs.frozen(kw_only=True)
class Alias:
    """A name for a type."""

    name: str
    type: Type
    doc: Doc


Schema: TypeAlias = Model | Enumeration | Alias


@attrs.frozen(kw_only=True)
class Surface:
    """All that a caller can see of the generated code."""

    methods: Mapping[str, Method]
    resources: Mapping[str, Doc]
    schemas: Mapping[str, Schema]

    @property
    def known(self) -> Known:
        """What the names in annotations mean."""
        schemas = self.schemas.values()
        return Known(
            {each.name: each.type for each in schemas if isinstance(each, Alias)},
            {each.name: each.bases for each in schemas if not isinstance(each, Alias)},
        )

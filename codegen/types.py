"""What a value may be: the types that schemas are read as. Knows no JSON Schema."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Node

__all__ = [
    "Choice", "ListOf", "MapOf", "Named", "Nullable", "OneOf", "Scalar", "Type", "Value", "leaves",
    "narrowest", "not_null",
]  # fmt: skip

Value: TypeAlias = "str | int | float"
"""A value of an enum, or the only one; a bool is an int, as Python has it."""


class Scalar(enum.Enum):
    """A type without parts, by its name in the annotations of models; a host name is a `str`."""

    STRING = "str"
    INTEGER = "int"
    NUMBER = "float"
    BOOLEAN = "bool"
    TIMESTAMP = "Timestamp"
    DATE = "date"
    MASKED = "Secret"
    HOSTNAME = "idn-hostname"
    ANYTHING = "object"


@attrs.frozen
class Choice:
    """A set of values without a name of its own; where it has to be a class, it gets that name."""

    values: tuple[Value, ...]
    is_open: bool
    name: str = ""
    node: Node | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def scalar(self) -> Scalar:
        """What its values are."""
        return _SCALARS[type(self.values[0])]

    @property
    def constant(self) -> Value | None:
        """The one value, if there can be no other."""
        return self.values[0] if len(self.values) == 1 and not self.is_open else None


@attrs.frozen
class Named:
    """A class in `models`, for a schema that has a name or gets one from its place."""

    name: str
    node: Node = attrs.field(eq=False, repr=False)
    values: Scalar | None = None

    @property
    def is_enum(self) -> bool:
        """Whether it is a set of values."""
        return self.values is not None


@attrs.frozen
class ListOf:
    """An array."""

    item: Type


@attrs.frozen
class MapOf:
    """An object whose keys are not known before."""

    value: Type


@attrs.frozen
class Nullable:
    """A type, or null."""

    of: Type


@attrs.frozen
class OneOf:
    """One of several types, with a name in `models` if one of them is a model.

    An object that is none of them is kept as it came. Where the models have a property that tells
    them apart, that is the tag; its values say which.
    """

    options: tuple[Type, ...]
    name: str = ""
    tag: str = ""
    tags: tuple[tuple[Value, str], ...] = ()
    node: Node | None = attrs.field(default=None, eq=False, repr=False)


Type: TypeAlias = Scalar | Choice | Named | ListOf | MapOf | Nullable | OneOf

_SCALARS: Final[dict[type, Scalar]] = {
    str: Scalar.STRING,
    int: Scalar.INTEGER,
    float: Scalar.NUMBER,
    bool: Scalar.BOOLEAN,
}
_TEXTS: Final = frozenset({Scalar.TIMESTAMP, Scalar.DATE, Scalar.MASKED, Scalar.HOSTNAME})


def not_null(type_: Type) -> Type:
    """Return a type without its null."""
    return type_.of if isinstance(type_, Nullable) else type_


def leaves(type_: Type) -> Iterator[Scalar | Choice | Named]:
    """Go through the types without parts that a type is made of."""
    match type_:
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            yield from leaves(inner)
        case OneOf(options):
            for option in options:
                yield from leaves(option)
        case _:
            yield type_


def narrowest(one: Type, other: Type) -> Type | None:
    """Return the type of a value that is of both types; None if there is hardly any."""
    match one, other:
        case _ if one == other:
            return one
        case Nullable(inner), Nullable(also):
            both = narrowest(inner, also)
            return both and Nullable(both)
        case (Nullable(inner), also) | (also, Nullable(inner)):
            return narrowest(inner, also)
        case (Scalar.ANYTHING, also) | (also, Scalar.ANYTHING):
            return also
        case (Scalar.STRING, Scalar() as also) | (Scalar() as also, Scalar.STRING):
            return also if also in _TEXTS else None
        case (Choice() as choice, Scalar() as scalar) | (Scalar() as scalar, Choice() as choice):
            return choice if choice.scalar is scalar else None
        case Choice(), Choice():
            fewer, more = sorted((one, other), key=lambda each: len(each.values))
            return fewer if set(fewer.values) <= set(more.values) else None
        case _:
            return None

"""Small types that the generated code is written in. A leaf: it imports nothing of ours."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, overload

import attrs
import msgspec

__all__ = ["UNSET", "OpenEnum", "OpenIntEnum", "Tagged", "Timestamp", "Unset", "known"]

Timestamp: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware `datetime`; to a type checker a plain one. The decoder insists on a zone."""


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
"""Stands for "not given" where None is a value of its own and would be sent as null."""


@attrs.frozen(eq=False)
class Tagged:
    """In an annotation of one of several models: the key of the JSON that says which, and how.

    An object whose key says anything else is kept as it came.
    """

    key: str
    models: Mapping[str | int, Any]


@overload
def known(value: str) -> str: ...
@overload
def known(value: int) -> int: ...
def known(value: str | int) -> str | int:
    """Return a value that a set is known to have today, as it is.

    Without this, a type checker would take the known values for all there can be, and a comparison
    with another one for a mistake.
    """
    return value


class OpenEnum(enum.StrEnum):
    """A set of strings that may grow: a value unknown today becomes a member in passing.

    Such a member equals its string, survives `copy` and `pickle`, and is not listed by iteration.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member


class OpenIntEnum(enum.IntEnum):
    """A set of integers that may grow, in the way of `OpenEnum`."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = str(value)
        member._value_ = value
        return member

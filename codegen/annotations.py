"""Types -> Python annotations."""

from __future__ import annotations

from .schemas import Choice, ListOf, MapOf, Named, Nullable, Scalar, Type

__all__ = ["annotation", "argument_annotation"]


def annotation(type_: Type) -> str:
    """Return how a value of a type is annotated where it comes from an answer."""
    match type_:
        case Scalar.HOSTNAME:
            return "str"
        case Scalar():
            return str(type_.value)
        case Choice():
            raise TypeError("an enum in an answer has a name")
        case Named(name):
            return name
        case ListOf(item):
            return f"Sequence[{annotation(item)}]"
        case MapOf(value):
            return f"Mapping[str, {annotation(value)}]"
        case Nullable(inner):
            return f"{annotation(inner)} | None"


def argument_annotation(type_: Type) -> str:
    """Return how an argument is annotated: any `datetime` will do, and an enum's plain string."""
    match type_:
        case Scalar():
            return "datetime" if type_ is Scalar.TIMESTAMP else annotation(type_)
        case Choice(values, is_open):
            return "str" if is_open else f"Literal[{', '.join(repr(each) for each in values)}]"
        case Named(name):
            return f"{name} | str" if type_.is_enum else name
        case ListOf(item):
            return f"Sequence[{argument_annotation(item)}]"
        case MapOf(value):
            return f"Mapping[str, {argument_annotation(value)}]"
        case Nullable(inner):
            return f"{argument_annotation(inner)} | None"

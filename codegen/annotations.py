"""Types -> Python annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .types import Choice, ListOf, MapOf, Named, Nullable, OneOf, Scalar, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["annotation", "argument_annotation", "options"]

_KEPT = MapOf(Nullable(Scalar.ANYTHING))


def annotation(type_: Type) -> str:
    """Return how a value of a type is annotated where it comes from an answer."""
    match type_:
        case Scalar.HOSTNAME:
            return "str"
        case Scalar():
            return str(type_.value)
        case Choice():
            return type_.name if type_.constant is None else annotation(type_.scalar)
        case Named(name):
            return name
        case ListOf(item):
            return f"Sequence[{annotation(item)}]"
        case MapOf(value):
            return f"Mapping[str, {annotation(value)}]"
        case Nullable(inner):
            return annotation(inner) if inner is Scalar.ANYTHING else f"{annotation(inner)} | None"
        case OneOf():
            return type_.name or _union(map(annotation, options(type_)))


def argument_annotation(type_: Type) -> str:
    """Return how an argument is annotated: any `datetime` will do, and an enum's plain string."""
    match type_:
        case Scalar.TIMESTAMP:
            return "datetime"
        case Scalar.MASKED:
            return "Secret | str"
        case Scalar():
            return annotation(type_)
        case Choice(values, is_open):
            if is_open or type_.scalar is Scalar.NUMBER:
                return annotation(type_.scalar)
            return f"Literal[{', '.join(map(repr, values))}]"
        case Named(name):
            return f"{name} | {annotation(type_.values)}" if type_.values else name
        case ListOf(item):
            return f"Sequence[{argument_annotation(item)}]"
        case MapOf(value):
            return f"Mapping[str, {argument_annotation(value)}]"
        case Nullable(inner):
            printed = argument_annotation(inner)
            return printed if inner is Scalar.ANYTHING else f"{printed} | None"
        case OneOf():
            return type_.name or _union(map(argument_annotation, options(type_)))


def options(type_: OneOf) -> tuple[Type, ...]:
    """Return all that a value of one of several types may be, so also an object kept as it came."""
    has_model = any(isinstance(each, Named) and not each.is_enum for each in type_.options)
    is_kept = has_model and _KEPT not in type_.options
    return (*type_.options, _KEPT) if is_kept else type_.options


def _union(annotations: Iterable[str]) -> str:
    """Join annotations, none of them twice; `Status | str` is one of two."""
    return " | ".join(dict.fromkeys(_flat(annotations)))


def _flat(annotations: Iterable[str]) -> Iterator[str]:
    for each in annotations:
        yield from each.split(" | ") if "[" not in each else [each]

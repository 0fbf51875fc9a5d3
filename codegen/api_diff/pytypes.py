"""Annotations of the generated code as values, and which of them takes in which other."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["NONE", "Atom", "Known", "Type", "accepts", "names", "read", "renamed", "without"]

_SYNONYMS: Final = {"Timestamp": "datetime"}
# What values of a type may pass for, beside what the models derive from. A `bool` is no `int` here
# and a `datetime` no `date`: JSON and comparisons tell them apart.
_PASSES_FOR: Final[Mapping[str, tuple[str, ...]]] = {
    "int": ("float",),
    "IntEnum": ("int",),
    "OpenEnum": ("str",),
    "OpenIntEnum": ("int",),
    "StrEnum": ("str",),
}
_TOP: Final = frozenset({"Any", "object"})
_COVARIANT: Final = frozenset({"AsyncIterator", "Mapping", "Sequence"})


@attrs.frozen
class Atom:
    """A type that is no union; the value of a `Literal` goes by its JSON form."""

    name: str
    arguments: tuple[Type, ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.arguments))
        return f"{self.name}[{inner}]" if inner else self.name

    @property
    def value_of(self) -> str | None:
        """The type that this is a value of; None if it is no value."""
        if self.name in {"true", "false"}:
            return "bool"
        if self.name.startswith('"'):
            return "str"
        return "int" if self.name.lstrip("-").isdecimal() else None


@attrs.frozen
class Type:
    """A union of types; equal to another of the same members in any order."""

    members: tuple[Atom, ...] = attrs.field(eq=frozenset)

    def __str__(self) -> str:
        values = [_python(each) for each in self.members if each.value_of]
        literal = [f"Literal[{', '.join(values)}]"] if values else []
        return " | ".join(literal + [str(each) for each in self.members if not each.value_of])

    def __contains__(self, name: str) -> bool:
        return any(each.name == name for each in self.members)


NONE: Final = Type((Atom("None"),))


@attrs.frozen
class Known:
    """What names in annotations mean: what aliases stand for, and what classes derive from."""

    aliases: Mapping[str, Type]
    bases: Mapping[str, tuple[str, ...]]

    def spelled_out(self, type_: Type) -> tuple[Atom, ...]:
        """Return the members of a type with what its aliases stand for in their place."""
        found: dict[Atom, None] = {}
        waiting = list(type_.members)
        while waiting:
            atom = waiting.pop(0)
            if atom not in found:
                found[atom] = None
                waiting += self.aliases[atom.name].members if atom.name in self.aliases else ()
        return tuple(each for each in found if each.name not in self.aliases)


def read(node: ast.expr) -> Type:
    """Read an annotation as it stands in the code."""
    return Type(tuple(dict.fromkeys(_members(node))))


def accepts(wide: Type, narrow: Type, known: Known) -> bool:
    """Whether every value of the second type is one of the first."""
    return _accepts(wide, narrow, known, frozenset())


def without(type_: Type, *dropped: str) -> Type:
    """Return a union without some of its members."""
    return Type(tuple(each for each in type_.members if each.name not in dropped))


def names(types: Iterable[Type]) -> Iterator[str]:
    """Go through all names in some types."""
    for type_ in types:
        for each in type_.members:
            yield each.name
            yield from names(each.arguments)


def renamed(type_: Type, new: Mapping[str, str]) -> Type:
    """Return a type with other names in it."""
    return Type(
        tuple(
            Atom(new.get(each.name, each.name), tuple(renamed(a, new) for a in each.arguments))
            for each in type_.members
        )
    )


def _python(value: Atom) -> str:
    return value.name.capitalize() if value.value_of == "bool" else value.name


def _members(node: ast.expr) -> Iterator[Atom]:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _members(left)
            yield from _members(right)
        case ast.Constant(value=None):
            yield Atom("None")
        case ast.Constant(value=str(text)):
            yield from _members(ast.parse(text, mode="eval").body)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield Atom(_SYNONYMS.get(name, name))
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            yield from _subscript(name, inner.elts if isinstance(inner, ast.Tuple) else [inner])
        case _:
            yield Atom(ast.unparse(node))


def _subscript(name: str, inner: list[ast.expr]) -> Iterator[Atom]:
    match name:
        case "Annotated" | "Final":
            yield from _members(inner[0])
        case "Literal":
            yield from (Atom(json.dumps(ast.literal_eval(each))) for each in inner)
        case "Optional":
            yield from (*_members(inner[0]), Atom("None"))
        case "Union":
            yield from (atom for each in inner for atom in _members(each))
        case _:
            yield Atom(name, tuple(map(read, inner)))


def _accepts(wide: Type, narrow: Type, known: Known, trail: frozenset[tuple[Type, Type]]) -> bool:
    if wide == narrow or (wide, narrow) in trail:
        return True
    trail |= {(wide, narrow)}
    allowed = known.spelled_out(wide)
    return all(
        any(_fits(value, each, known, trail) for each in allowed)
        for value in known.spelled_out(narrow)
    )


def _fits(value: Atom, wide: Atom, known: Known, trail: frozenset[tuple[Type, Type]]) -> bool:
    if value == wide or wide.name in _TOP:
        return True
    if wide.name in _COVARIANT and value.name in {wide.name, *_pages_of(wide)}:
        pairs = zip(wide.arguments, value.arguments, strict=False)
        return all(_accepts(w, v, known, trail) for w, v in pairs)
    return any(_fits(Atom(each), wide, known, trail) for each in _bases(value, known))


def _pages_of(wide: Atom) -> tuple[str, ...]:
    return ("Page",) if wide.name == "Sequence" else ()


def _bases(value: Atom, known: Known) -> tuple[str, ...]:
    if value.value_of:
        return (value.value_of,)
    return (*_PASSES_FOR.get(value.name, ()), *known.bases.get(value.name, ()))

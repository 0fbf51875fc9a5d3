"""Two surfaces -> the changes from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from .changes import Change, Level
from .methods import compare_methods
from .pairing import new_names, reordered, reworded
from .pytypes import Known, renamed
from .schemas import compare_schemas
from .surface import Alias, Enumeration, Field, Method, Model, Schema, Surface

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["compare"]


def compare(before: Surface, after: Surface) -> list[Change]:
    """Return what changed, the worst first."""
    names = _new_names_of_schemas(before, after)
    renames = [_rename(old, new) for old, new in names.items()]
    before = _under_names(before, names)
    old, new = before.known, after.known
    known = Known({**old.aliases, **new.aliases}, {**old.bases, **new.bases})
    changes = [
        *renames,
        *compare_methods(before.methods, after.methods, known),
        *compare_schemas(before, after, known),
        *_compare_resources(before, after),
    ]
    return sorted(changes, key=lambda each: each.level)


def _rename(old: str, new: str) -> Change:
    places = f"models.{old}", f"models.{new}"
    return Change(Level.BREAKING, places[0], f"called `{places[1]}` now", *places, *places)


def _compare_resources(before: Surface, after: Surface) -> Iterator[Change]:
    for name, doc in before.resources.items():
        if name in after.resources:
            yield from reworded(name, doc, after.resources[name])
            methods = (
                [m.name for m in s.methods.values() if m.resource == name] for s in (before, after)
            )
            yield from reordered(Level.COSMETIC, name, *methods)


def _new_names_of_schemas(before: Surface, after: Surface) -> dict[str, str]:
    """Return the new names of schemas that are otherwise the same, by the old ones."""
    names: dict[str, str] = {}
    while found := new_names(before.schemas, after.schemas, _is_same):
        names |= found
        before = _under_names(before, found)
    return names


def _is_same(old: Schema, new: Schema) -> bool:
    """Whether two schemas of different names are otherwise the same."""
    old = _schema(old, {old.name: new.name})
    match old, new:
        case Model(), Model():
            same = [
                [(n, f.type, f.default, f.json) for n, f in each.fields.items()]
                for each in (old, new)
            ]
            return bool(old.fields) and same[0] == same[1] and old.bases == new.bases
        case Enumeration(), Enumeration():
            return old.members == new.members
        case Alias(), Alias():
            return old.type == new.type
        case _:
            return False


def _under_names(surface: Surface, names: Mapping[str, str]) -> Surface:
    """Return a surface with other names for some of its schemas, wherever they stand."""
    return attrs.evolve(
        surface,
        methods={place: _method(each, names) for place, each in surface.methods.items()},
        schemas={
            names.get(name, name): _schema(each, names) for name, each in surface.schemas.items()
        },
    )


def _method(method: Method, names: Mapping[str, str]) -> Method:
    arguments = (attrs.evolve(a, type=renamed(a.type, names)) for a in method.arguments)
    return attrs.evolve(method, arguments=tuple(arguments), returns=renamed(method.returns, names))


def _schema(schema: Schema, names: Mapping[str, str]) -> Schema:
    name = names.get(schema.name, schema.name)
    match schema:
        case Alias(type=type_):
            return attrs.evolve(schema, name=name, type=renamed(type_, names))
        case Enumeration():
            return attrs.evolve(schema, name=name)
        case Model(bases=bases, fields=fields, methods=methods):
            return attrs.evolve(
                schema,
                name=name,
                bases=tuple(names.get(each, each) for each in bases),
                fields={each: _field(field, names) for each, field in fields.items()},
                methods={each: renamed(type_, names) for each, type_ in methods.items()},
            )


def _field(field: Field, names: Mapping[str, str]) -> Field:
    owner = names.get(field.owner, field.owner)
    return attrs.evolve(field, type=renamed(field.type, names), owner=owner)

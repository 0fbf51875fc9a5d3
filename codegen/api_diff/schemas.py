"""Two versions of the models -> what changed for those who read them, or give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from ..naming import snake
from . import pytypes
from .changes import Change, Level
from .pairing import new_names, reordered, reworded
from .pytypes import Known, Type, accepts
from .surface import Alias, Enumeration, Field, Model, Schema, Surface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["compare_schemas"]

_BUILT: Final = "Code that builds one itself, such as a test, has to give it."


def compare_schemas(before: Surface, after: Surface, known: Known) -> Iterator[Change]:
    """Yield what changed from the old schemas to the new ones."""
    methods = before.methods.values()
    given = _reached(before, (a.type for each in methods for a in each.arguments))
    got = _reached(before, (each.returns for each in methods))
    for name, old in before.schemas.items():
        # What no method takes or returns comes by another way, such as a webhook.
        way = _Way(name in given, name in got or name not in given, known)
        yield from _compare(old, after.schemas.get(name), way)
    for name, new in after.schemas.items():
        if name not in before.schemas:
            yield Change(Level.ADDITIVE, f"models.{name}", "new", now=_kind(new))


@attrs.frozen
class _Way:
    """Whether values are given to the client or got from it, and what the names in types mean."""

    is_given: bool
    is_got: bool
    known: Known

    def judge(self, old: Type, new: Type) -> Level:
        """Return what it is to a caller that values are of another type."""
        comes, goes = accepts(old, new, self.known), accepts(new, old, self.known)
        if comes and goes:
            return Level.COSMETIC
        fits = (comes or not self.is_got) and (goes or not self.is_given)
        return Level.ADDITIVE if fits else Level.BREAKING


def _reached(surface: Surface, types: Iterable[Type]) -> set[str]:
    """Return the names of the schemas that types are made of, down to the last field."""
    reached: set[str] = set()
    waiting = set(pytypes.names(types))
    while waiting:
        name = waiting.pop()
        if name in reached or name not in surface.schemas:
            continue
        reached.add(name)
        match surface.schemas[name]:
            case Model(fields=fields, bases=bases):
                waiting |= {*bases, *pytypes.names(each.type for each in fields.values())}
            case Alias(type=type_):
                waiting |= set(pytypes.names([type_]))
            case Enumeration():
                pass
    return reached


def _kind(schema: Schema) -> str:
    match schema:
        case Model():
            return "a model"
        case Enumeration():
            return "an enum"
        case Alias(type=type_):
            return f"a name for {type_}"


def _compare(old: Schema, new: Schema | None, way: _Way) -> Iterator[Change]:
    place = f"models.{old.name}"
    match old, new:
        case _, None:
            code = f"# there is no `{place}`"
            yield Change(Level.BREAKING, place, "gone", _kind(old), "", place, code)
        case Model(), Model():
            yield from _model(place, old, new, way)
        case Enumeration(), Enumeration():
            yield from _enumeration(place, old, new)
        case Alias(), Alias():
            yield from _type(place, old.type, new.type, way)
            yield from reworded(place, old.doc, new.doc)
        case _:
            kinds = _kind(old), _kind(new)
            yield Change(Level.BREAKING, place, "another kind of thing", *kinds, place, place)


def _model(place: str, old: Model, new: Model, way: _Way) -> Iterator[Change]:
    yield from _bases(place, old, new, way)
    yield from _fields(place, old, new, way)
    for name, returns in old.methods.items():
        if name not in new.methods:
            yield Change(Level.BREAKING, f"{place}.{name}", "gone", f"{name}() -> {returns}")
        else:
            yield from _type(f"{place}.{name}", returns, new.methods[name], way)
    for name, returns in new.methods.items():
        if name not in old.methods:
            yield Change(Level.ADDITIVE, f"{place}.{name}", "new", now=f"{name}() -> {returns}")
    yield from reworded(place, old.doc, new.doc)


def _bases(place: str, old: Model, new: Model, way: _Way) -> Iterator[Change]:
    for base in old.bases:
        if base in way.known.bases and not accepts(_named(base), _named(new.name), way.known):
            what, code = f"no longer a `{base}`", f"isinstance({snake(old.name)}, models.{base})"
            was, now = ", ".join(old.bases), ", ".join(new.bases)
            yield Change(
                Level.BREAKING, place, what, was, now, f"{code}  # True", f"{code}  # False"
            )


def _named(name: str) -> Type:
    return Type((pytypes.Atom(name),))


def _fields(place: str, old: Model, new: Model, way: _Way) -> Iterator[Change]:
    names = new_names(old.fields, new.fields, _is_alike)
    for name, field in old.fields.items():
        other = new.fields.get(names.get(name, name))
        if _is_told_elsewhere(field, old, new):
            continue
        code = f"{snake(old.name)}.{name}"
        if other is None:
            after = f"# there is no `{code}`"
            yield Change(Level.BREAKING, f"{place}.{name}", "gone", str(field), "", code, after)
            continue
        after = f"{snake(old.name)}.{other.name}"
        if name in names:
            what = f"gone; `{other.name}` looks like its new name"
            was, now = str(field), str(other)
            yield Change(Level.BREAKING, f"{place}.{name}", what, was, now, code, after)
        for change in _field(f"{place}.{name}", field, other, way):
            yield attrs.evolve(change, before=code, after=after)
    for name, field in new.fields.items():
        is_new = name not in old.fields and name not in names.values()
        if is_new and not _is_told_elsewhere(field, new, old):
            yield _new_field(f"{place}.{name}", field, way)
    yield from reordered(Level.COSMETIC, place, old.fields, new.fields)


def _is_alike(old: Field, new: Field) -> bool:
    """Whether two fields may be one under two names: by their type, or their name in JSON."""
    return old.json == new.json or (old.type, old.default) == (new.type, new.default)


def _is_told_elsewhere(field: Field, model: Model, other: Model) -> bool:
    """Whether a field comes from a base that the other version of the model has, too."""
    return field.owner != model.name and field.owner in other.bases


def _new_field(place: str, field: Field, way: _Way) -> Change:
    if field.default is not None:
        return Change(Level.ADDITIVE, place, "new", now=str(field))
    if way.is_given:
        code = f"models.{field.owner}"
        calls = f"{code}(...)", f"{code}(..., {field.name}=...)"
        return Change(Level.BREAKING, place, "new, required", "", str(field), *calls)
    return Change(Level.ADDITIVE, place, "new", now=str(field), hint=_BUILT)


def _field(place: str, old: Field, new: Field, way: _Way) -> Iterator[Change]:
    was, now = str(old), str(new)
    none_differs = way.is_given and _none_differs(old, new)
    if none_differs:
        yield Change(Level.BREAKING, place, "None means something else", was, now)
    else:
        yield from _type(place, old.type, new.type, way)
    if old.default is None and new.default is not None and (way.is_given or old.type == new.type):
        yield Change(Level.ADDITIVE, place, "optional now", was, now)
    elif old.default is not None and new.default is None:
        level = Level.BREAKING if way.is_given else Level.ADDITIVE
        yield Change(level, place, "required now", was, now, hint="" if way.is_given else _BUILT)
    elif old.default != new.default and old.default and new.default and not none_differs:
        yield Change(Level.ADDITIVE, place, "another default", was, now)
    if old.json != new.json and old.name == new.name:
        yield Change(Level.ADDITIVE, place, "behaviour: another name in JSON", old.json, new.json)
    yield from reworded(place, old.doc, new.doc)


def _none_differs(old: Field, new: Field) -> bool:
    both = "None" in old.type and "None" in new.type
    return both and ("Unset" in old.type) != ("Unset" in new.type)


def _type(place: str, old: Type, new: Type, way: _Way) -> Iterator[Change]:
    if old == new:
        return
    what, hint = "another type", ""
    if "None" in new and "None" not in old:
        what = "may be None now"
    elif "None" in old and "None" not in new:
        what = "never None now"
    if "Secret" in new and "Secret" not in old:
        what, hint = "a secret now", "It prints as asterisks; `.reveal()` gives the value."
    elif "Secret" in old and "Secret" not in new:
        what, hint = "no secret any more", "It prints in the clear; there is no `.reveal()`."
    yield Change(way.judge(old, new), place, what, str(old), str(new), hint=hint)


def _enumeration(place: str, old: Enumeration, new: Enumeration) -> Iterator[Change]:
    if old.bases != new.bases:
        was, now = ", ".join(old.bases), ", ".join(new.bases)
        yield Change(Level.BREAKING, place, "values of another kind", was, now, place, place)
    names = new_names(old.members, new.members, lambda was, now: was == now)
    for name, value in old.members.items():
        code, other = f"{place}.{name}", names.get(name, name)
        was, after = f"{name} = {value}", f"{place}.{other}"
        if other not in new.members:
            after = f"# there is no `{code}`"
            yield Change(Level.BREAKING, code, "gone", was, "", code, after)
        elif (other, new.members[other]) != (name, value):
            what = "another value" if other == name else f"called `{other}` now"
            now = f"{other} = {new.members[other]}"
            yield Change(Level.BREAKING, code, what, was, now, code, after)
    for name, value in new.members.items():
        if name not in old.members and name not in names.values():
            yield Change(Level.ADDITIVE, f"{place}.{name}", "new", now=f"{name} = {value}")
    yield from reordered(Level.COSMETIC, place, old.members, new.members)
    yield from reworded(place, old.doc, new.doc)

"""The schemas that become names in `models`: those with a name, and those that get one by place."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from . import naming
from .docstrings import sentence
from .document import Document, Node, collect
from .objects import (
    Property,
    base_of,
    parts_of,
    read_additional,
    read_parts,
    refuse_in_part,
)
from .schemas import name_of, read_choice
from .types import Choice, Named, OneOf, Scalar, Type, Value, not_null
from .uses import Use, find_uses

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Alias",
    "Class",
    "Enumeration",
    "Model",
    "extension",
    "find_field",
    "read_classes",
]

# Exact types, since a bool is an int to Python.
_DEFAULTS: Final[Mapping[Scalar, tuple[type, ...]]] = {
    Scalar.STRING: (str,),
    Scalar.HOSTNAME: (str,),
    Scalar.INTEGER: (int,),
    Scalar.NUMBER: (int, float),
    Scalar.BOOLEAN: (bool,),
}


@attrs.frozen(kw_only=True)
class Model:
    """An object that becomes a class.

    Attributes:
        is_sent: Whether requests hold it: what is not given then has to be told from null.
    """

    name: str
    description: str
    base: str | None
    properties: tuple[Property, ...]
    additional: Type | None
    is_sent: bool = False

    def field_names(self, data: str = "data") -> list[str]:
        """Return the names of its fields; that of the property `data` may be another."""
        taken = {*naming.FIELD_NAMES_TAKEN, *(["additional"] if self.additional else [])}
        names = naming.field_names((each.name for each in self.properties), taken)
        if data == "data":
            return names
        return [
            naming.unique(data, {*taken, *names}) if each.name == "data" else name
            for each, name in zip(self.properties, names, strict=True)
        ]


@attrs.frozen(kw_only=True)
class Enumeration:
    """A set of strings or integers that becomes a class."""

    name: str
    description: str
    values: tuple[Value, ...]


@attrs.frozen(kw_only=True)
class Alias:
    """One of several types, under a name."""

    name: str
    description: str
    type: OneOf


Class: TypeAlias = Model | Enumeration | Alias


def read_classes(document: Document) -> tuple[Class, ...]:
    """Read all that becomes a name in `models`, in the order of the file.

    Raises:
        ContractError: Some are not supported; one problem for each.
    """
    return tuple(collect(partial(_make, use) for use in find_uses(document)))


def find_field(schema: Node, name: str) -> tuple[str, Property]:
    """Return the name of the field for a property of an object, and the property."""
    model = _read_model(schema, "", is_sent=False, is_received=True)
    for field, each in zip(model.field_names(), model.properties, strict=True):
        if each.name == name:
            return field, each
    base = base_of(schema)
    if base is None:
        schema.fail(f"there is no property `{name}`")
    return find_field(base, name)


def extension(schema: Node, key: str) -> str:
    """Return what an extension says of a class, which may have it from its base; "" if nothing."""
    schema = schema.follow()
    inherited = (extension(part, key) for _, part in schema.children("allOf"))
    return schema.text(key) or next(filter(None, inherited), "")


def _make(use: Use) -> Class:
    match use.type:
        case OneOf(name=name, node=schema) as type_:
            return Alias(name=name, description=_words_for(schema, name), type=type_)
        case Choice(values, name=name, node=schema):
            return Enumeration(name=name, description=_words_for(schema, name), values=values)
        case Named(name, schema) if use.type.is_enum:
            values = read_choice(schema).values
            return Enumeration(name=name, description=_words_for(schema, name), values=values)
        case Named(name, schema):
            return _read_model(schema, name, is_sent=use.is_sent, is_received=use.is_received)


def _read_model(schema: Node, name: str, *, is_sent: bool, is_received: bool) -> Model:
    base = base_of(schema)
    inherited = {part.pointer for part in parts_of(base)} if base else set[str]()
    parts = [part for part in parts_of(schema) if part.pointer not in inherited]
    for part in parts:
        refuse_in_part(part)
    properties = [each for each in read_parts(parts) if is_received or not each.is_read_only]
    if not is_sent:
        properties = [_defaulted(each) for each in properties if not each.is_write_only]
    else:
        properties = [_optional(each, is_received=is_received) for each in properties]
    return Model(
        name=name,
        description=_words_for(schema, name),
        base=name_of(base) if base else None,
        properties=tuple(properties),
        additional=read_additional(parts),
        is_sent=is_sent,
    )


def _defaulted(property_: Property) -> Property:
    """Make a default that Python can have the field's own; any other is told in its docstring."""
    type_, default = not_null(property_.type), property_.default
    if isinstance(type_, Scalar) and type(default) in _DEFAULTS.get(type_, ()):
        return property_
    return _told(property_)


def _optional(property_: Property, *, is_received: bool) -> Property:
    """Read a property of what is sent: a default is the server's, and stays untold to it."""
    in_one_direction = property_.is_read_only or (property_.is_write_only and is_received)
    is_required = property_.is_required and not in_one_direction
    return attrs.evolve(_told(property_), is_required=is_required)


def _told(property_: Property) -> Property:
    if property_.default is None or property_.is_required:
        return attrs.evolve(property_, default=None)
    description = f"{sentence(property_.description)} {property_.default!r} if not given.".strip()
    return attrs.evolve(property_, default=None, description=description)


def _words_for(schema: Node | None, name: str) -> str:
    """Return the words for a class; for one without any, its name as a sentence."""
    text = schema.text("description") if schema else ""
    text = text or " ".join(naming.words(name)).capitalize()
    if schema is not None and schema.value_at("deprecated") is True:
        return f"{sentence(text)}\n\nDeprecated."
    return text

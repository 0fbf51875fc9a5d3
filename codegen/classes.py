"""The named schemas -> the classes of `models`, and the properties of any object."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs

from . import naming
from .docstrings import summary
from .document import Document, Json, Node, collect
from .lint import all_properties
from .schemas import (
    ANNOTATIONS,
    CONSTRAINTS,
    Choice,
    Scalar,
    Type,
    is_enum,
    is_model,
    leaves,
    name_of,
    not_null,
    read_choice,
    read_type,
    refuse_other_keys,
    schema_named,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Enumeration",
    "Model",
    "Property",
    "extension",
    "find_field",
    "read_classes",
    "read_properties",
]

_MODEL_KEYS: Final = (
    ANNOTATIONS | CONSTRAINTS | {"additionalProperties", "allOf", "properties", "required", "type"}
)
# Exact types, since a bool is an int to Python.
_DEFAULTS: Final[Mapping[Scalar, tuple[type, ...]]] = {
    Scalar.STRING: (str,),
    Scalar.HOSTNAME: (str,),
    Scalar.INTEGER: (int,),
    Scalar.NUMBER: (int, float),
    Scalar.BOOLEAN: (bool,),
}


@attrs.frozen(kw_only=True)
class Property:
    """One property of an object."""

    node: Node
    name: str
    type: Type
    is_required: bool
    default: Json
    description: str


@attrs.frozen(kw_only=True)
class Model:
    """An object that becomes a class."""

    name: str
    description: str
    base: str | None
    properties: tuple[Property, ...]
    additional: Type | None

    def field_names(self, data: str = "data") -> list[str]:
        """Return the names of its fields; that of the property `data` may be another."""
        taken = {*naming.FIELD_NAMES_TAKEN, *(["additional"] if self.additional else [])}
        names: list[str] = []
        for each in self.properties:
            wanted = data if each.name == "data" else naming.snake(each.name)
            names.append(naming.unique(wanted, {*taken, *names}))
        return names


@attrs.frozen(kw_only=True)
class Enumeration:
    """A named set of strings that becomes a class."""

    name: str
    description: str
    values: tuple[str, ...]


def read_classes(document: Document) -> tuple[Model | Enumeration, ...]:
    """Read those of the named schemas that become classes, in the order of the file.

    Raises:
        ContractError: Some are not supported; one problem for each.
    """
    schemas = document.at("/components/schemas")
    makers = [partial(_read_class, *item) for item in schemas.items()] if schemas else []
    return tuple(made for made in collect(makers) if made is not None)


def read_properties(schema: Node, required: frozenset[str]) -> tuple[Property, ...]:
    """Read what stands under `properties`."""
    return tuple(
        Property(
            node=child,
            name=name,
            type=read_type(child),
            is_required=name in required,
            default=_default(child),
            description=child.text("description") or summary(child.follow().text("description")),
        )
        for name, child in schema.children("properties")
    )


def find_field(document: Document, class_name: str, name: str) -> tuple[str, Property]:
    """Return the name of the field for a property, and the property; its base may have it."""
    schema = schema_named(document, class_name)
    model = _read_model(class_name, schema)
    for field, each in zip(model.field_names(), model.properties, strict=True):
        if each.name == name:
            return field, each
    if model.base is None:
        schema.fail(f"there is no property `{name}`")
    return find_field(document, model.base, name)


def extension(schema: Node, key: str) -> str:
    """Return what an extension says of a class, which may have it from its base; "" if nothing."""
    schema = schema.follow()
    inherited = (extension(part, key) for _, part in schema.children("allOf"))
    return schema.text(key) or next(filter(None, inherited), "")


def _read_class(name: str, schema: Node) -> Model | Enumeration | None:
    if not (is_enum(schema) or is_model(schema)):
        read_type(schema)
        return None
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) or name in naming.CLASS_NAMES_TAKEN:
        schema.fail(f"`{name}` cannot be the name of a class here; rename the schema")
    if is_model(schema):
        return _read_model(name, schema)
    values = read_choice(schema).values
    return Enumeration(name=name, description=schema.text("description"), values=values)


def _read_model(name: str, schema: Node) -> Model:
    refuse_other_keys(schema, _MODEL_KEYS, where="in an object")
    if schema.value_at("type") not in {None, "object"}:
        schema["type"].fail("not supported: `properties` of anything but `type: object`")
    parts = [*_inline_parts(schema), schema]
    required = frozenset(each for part in parts for each in part.strings("required"))
    properties = tuple(each for part in parts for each in read_properties(part, required))
    base = _base(schema)
    _refuse_repeated(schema, properties, required, base)
    for each in properties:
        _refuse_unnamed_enum(each.node, each.type)
        _refuse_default(each)
    return Model(
        name=name,
        description=schema.text("description"),
        base=name_of(base) if base else None,
        properties=properties,
        additional=_additional(schema),
    )


def _inline_parts(schema: Node) -> Iterator[Node]:
    for _, part in schema.children("allOf"):
        if "$ref" not in part:
            keys = frozenset({"type", "properties", "required", "description"})
            refuse_other_keys(part, keys, where="in a part of `allOf`")
            yield part


def _base(schema: Node) -> Node | None:
    references = [part for _, part in schema.children("allOf") if "$ref" in part]
    if len(references) > 1:
        references[1].fail("not supported: a second `$ref` in `allOf`")
    for reference in references:
        refuse_other_keys(reference, frozenset({"$ref"}), where="beside `$ref` in `allOf`")
        target = reference.follow()
        if name_of(target) is None or not is_model(target):
            reference.fail("not supported: `allOf` with a `$ref` to anything but a named object")
        return target
    return None


def _refuse_repeated(
    schema: Node, properties: tuple[Property, ...], required: frozenset[str], base: Node | None
) -> None:
    inherited = frozenset(all_properties(base) if base else ())
    seen = {naming.snake(name) for name in inherited}
    for each in properties:
        if naming.snake(each.name) in seen:
            each.node.fail(f"not supported: `{each.name}` is defined in two parts of `allOf`")
    if len({each.name for each in properties}) < len(properties):
        schema.fail("not supported: a property that is defined in two parts of `allOf`")
    for name in sorted(required & inherited):
        schema.fail(f"not supported: `required` of the inherited property `{name}`")


def _refuse_unnamed_enum(schema: Node, type_: Type) -> None:
    if any(isinstance(leaf, Choice) for leaf in leaves(type_)):
        schema.fail("not supported: an enum without a name; move it to components/schemas")


def _refuse_default(property_: Property) -> None:
    if property_.default is None:
        return
    type_ = not_null(property_.type)
    if not isinstance(type_, Scalar) or type(property_.default) not in _DEFAULTS.get(type_, ()):
        property_.node["default"].fail("not supported: a default of this type")


def _default(schema: Node) -> Json:
    default = schema.get("default")
    return default.value if default else None


def _additional(schema: Node) -> Type | None:
    additional = schema.get("additionalProperties")
    if additional is None or additional.value is False:
        return None
    if additional.value is True:
        additional.fail("not supported: `additionalProperties` of any type")
    if "allOf" in schema:
        additional.fail("not supported: `additionalProperties` beside `allOf`")
    type_ = read_type(additional)
    _refuse_unnamed_enum(additional, type_)
    return type_

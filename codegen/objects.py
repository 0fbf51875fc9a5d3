"""Objects of the contract: their properties, and the parts that `allOf` makes them of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from . import naming
from .docstrings import summary
from .document import Json, Node
from .lint import all_properties
from .schemas import (
    ANNOTATIONS,
    CONSTRAINTS,
    is_model,
    name_of,
    object_parts,
    read_type,
    refuse_other_keys,
    required_of,
)
from .types import Type, narrowest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Property", "additional_schemas", "base_of", "parts_of", "read_additional", "read_object",
    "read_parts", "refuse_in_part",
]  # fmt: skip

_MODEL_KEYS: Final = (
    ANNOTATIONS
    | CONSTRAINTS
    | {"additionalProperties", "allOf", "properties", "required", "type", "unevaluatedProperties"}
)


@attrs.frozen(kw_only=True)
class Property:
    """One property of an object.

    Attributes:
        is_read_only: Whether it is in answers alone; it is no argument.
        is_write_only: Whether it is in requests alone.
    """

    node: Node
    name: str
    type: Type
    is_required: bool
    default: Json
    description: str
    is_read_only: bool = False
    is_write_only: bool = False


def read_object(schema: Node) -> tuple[Property, ...]:
    """Read the properties of an object, those of its parts by `allOf` included."""
    return read_parts(parts_of(schema))


def _properties(schema: Node, required: frozenset[str]) -> tuple[Property, ...]:
    """Read what stands under `properties`."""
    return tuple(
        Property(
            node=child,
            name=name,
            type=read_type(child),
            is_required=name in required,
            default=_default(child),
            description=_described(child),
            is_read_only=_flag(child, "readOnly"),
            is_write_only=_flag(child, "writeOnly"),
        )
        for name, child in schema.children("properties")
    )


def parts_of(schema: Node) -> list[Node]:
    """Return the schemas that an object is made of, each once, itself the last."""
    return list({part.pointer: part for part in object_parts(schema)}.values())


def base_of(schema: Node) -> Node | None:
    """Return the schema of the class that a class may be derived from: the one that it refers to.

    None if it changes what it would inherit; it is then made of all that it has.
    """
    references = [part.follow() for _, part in schema.children("allOf") if "$ref" in part]
    if len(references) != 1 or name_of(references[0]) is None or not is_model(references[0]):
        return None
    base = references[0]
    inherited = all_properties(base)
    behind = {part.pointer for part in parts_of(base)}
    own = [part for part in parts_of(schema) if part.pointer not in behind]
    names = {naming.snake(name) for part in own for name, _ in part.children("properties")}
    required = {name for part in own for name in part.strings("required")}
    is_changed = (
        not names.isdisjoint(map(naming.snake, inherited))
        or required & (inherited.keys() - required_of(base))
        or list(additional_schemas(parts_of(schema)))
    )
    return None if is_changed else base


def read_parts(parts: Iterable[Node]) -> tuple[Property, ...]:
    """Read the properties of several schemas that make one object."""
    parts = list(parts)
    required = frozenset(name for part in parts for name in part.strings("required"))
    merged: dict[str, Property] = {}
    for part in parts:
        for each in _properties(part, required):
            before = merged.get(each.name)
            merged[each.name] = _both(before, each) if before else each
    return tuple(merged.values())


def _both(one: Property, other: Property) -> Property:
    type_ = narrowest(one.type, other.type)
    if type_ is None:
        other.node.fail(f"not supported: `{other.name}` is of another type in two parts of `allOf`")
    return attrs.evolve(
        other,
        type=type_,
        default=one.default if other.default is None else other.default,
        description=other.description or one.description,
        is_read_only=one.is_read_only or other.is_read_only,
        is_write_only=one.is_write_only or other.is_write_only,
    )


def refuse_in_part(part: Node) -> None:
    """Refuse what an object, or a part of one, cannot be."""
    refuse_other_keys(part, _MODEL_KEYS, where="in an object")
    if not _is_object(part):
        part["type"].fail("not supported: an object that is not of `type: object`")
    for _, reference in part.children("allOf"):
        if "$ref" in reference:
            refuse_other_keys(reference, ANNOTATIONS | {"$ref"}, where="beside `$ref` in `allOf`")
    unevaluated = part.get("unevaluatedProperties")
    if unevaluated is not None and unevaluated.value is not False:
        unevaluated.fail("not supported: `unevaluatedProperties` of anything but false")


def _is_object(part: Node) -> bool:
    objects = (None, "object", ["object"], ["object", "null"], ["null", "object"])
    return part.value_at("type") in objects


def additional_schemas(parts: Iterable[Node]) -> Iterator[Node]:
    """Go through what the parts of an object say of properties with other names."""
    for part in parts:
        schema = part.get("additionalProperties")
        if schema is not None and schema.value is not False:
            yield schema


def read_additional(parts: Iterable[Node]) -> Type | None:
    """Return the type of properties with other names, or None if they are not kept."""
    found = [(schema, read_type(schema)) for schema in additional_schemas(parts)]
    if any(type_ != found[0][1] for _, type_ in found):
        found[-1][0].fail("not supported: `additionalProperties` of two types in one object")
    return found[0][1] if found else None


def _default(schema: Node) -> Json:
    default = schema.get("default") or schema.follow().get("default")
    return default.value if default else None


def _flag(schema: Node, key: str) -> bool:
    return schema.value_at(key) is True or schema.follow().value_at(key) is True


def _described(schema: Node) -> str:
    text = schema.text("description") or summary(schema.follow().text("description"))
    if _flag(schema, "deprecated"):
        text = f"Deprecated. {text}".strip()
    return text

"""Schemas of the contract -> types. Every `if` about JSON Schema is here and in `classes`.

A keyword is understood, or deliberately of no effect (constraints on what the server answers), or
refused by its name; none is dropped.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Document, Node

__all__ = [
    "ANNOTATIONS", "CONSTRAINTS", "Choice", "ListOf", "MapOf", "Named", "Nullable", "Scalar",
    "Type", "is_enum", "is_model", "leaves", "name_of", "not_null", "read_choice", "read_type",
    "refuse_other_keys", "schema_named",
]  # fmt: skip

_COMPONENTS: Final = "/components/schemas/"
ANNOTATIONS: Final = frozenset(
    {"$comment", "default", "description", "example", "examples", "title"}
)
# Not checked here: the server's 422 is the authority on requests, and an answer that breaks a
# constraint is still an answer.
CONSTRAINTS: Final = frozenset(
    {
        "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maxProperties", "maximum",
        "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "uniqueItems",
    }
)  # fmt: skip
_FREE: Final = ANNOTATIONS | CONSTRAINTS
_ENUM_KEYS: Final = frozenset({"enum", "x-extensible-enum"})


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


@attrs.frozen
class Choice:
    """A set of strings that has no name."""

    values: tuple[str, ...]
    is_open: bool


@attrs.frozen
class Named:
    """A class in `models`."""

    name: str
    is_enum: bool


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


Type: TypeAlias = Scalar | Choice | Named | ListOf | MapOf | Nullable

_TYPES: Final = {
    "string": Scalar.STRING,
    "integer": Scalar.INTEGER,
    "number": Scalar.NUMBER,
    "boolean": Scalar.BOOLEAN,
}
_FORMATS: Final = {
    "date-time": Scalar.TIMESTAMP,
    "date": Scalar.DATE,
    "password": Scalar.MASKED,
    "idn-hostname": Scalar.HOSTNAME,
}
# Strings of these formats stay `str`: the server says what is valid.
_PLAIN_FORMATS: Final = frozenset(
    {
        "double", "email", "float", "hostname", "idn-email", "int32", "int64", "ipv4", "ipv6",
        "iri", "uri", "uri-reference", "uuid",
    }
)  # fmt: skip


def read_type(schema: Node, trail: tuple[str, ...] = ()) -> Type:
    """Read the type of a value; the trail holds the schemas without a class that led here."""
    if schema.pointer in trail:
        schema.fail("not supported: a list or map that contains itself")
    trail = (*trail, schema.pointer)
    if "$ref" in schema:
        refuse_other_keys(schema, _FREE | {"$ref"}, where="beside `$ref`")
        return _named(schema.follow()) or read_type(schema.follow(), trail)
    if len(alternatives := _alternatives(schema)) > 0:
        return _read_nullable(schema, alternatives, trail)
    if "allOf" in schema:
        return _read_single_part(schema, trail)
    if is_enum(schema):
        return read_choice(schema)
    return _read_plain(schema, trail)


def name_of(schema: Node) -> str | None:
    """Return the name of a schema under `components/schemas`; None for any other."""
    name = schema.pointer.removeprefix(_COMPONENTS)
    return None if name == schema.pointer or "/" in name else name


def schema_named(document: Document, name: str) -> Node:
    """Return the schema under `components/schemas` that has a name."""
    return document.root["components"]["schemas"][name]


def not_null(type_: Type) -> Type:
    """Return a type without its null."""
    return type_.of if isinstance(type_, Nullable) else type_


def leaves(type_: Type) -> Iterator[Scalar | Choice | Named]:
    """Go through the types without parts that a type is made of."""
    match type_:
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            yield from leaves(inner)
        case _:
            yield type_


def refuse_other_keys(node: Node, keys: frozenset[str], *, where: str) -> None:
    """Refuse the contract if a node has keys that nothing reads; extensions are the lint's."""
    for key, child in node.items():
        if key not in keys and not key.startswith("x-"):
            child.fail(f"not supported {where}: `{key}`")


def _named(schema: Node) -> Named | None:
    name = name_of(schema)
    if name is None or not (is_enum(schema) or is_model(schema)):
        return None
    return Named(name, is_enum(schema))


def is_enum(schema: Node) -> bool:
    """Whether a schema is a set of values."""
    return "enum" in schema or "x-extensible-enum" in schema


def is_model(schema: Node) -> bool:
    """Whether a schema is an object whose properties are known."""
    return "properties" in schema or "allOf" in schema


def _alternatives(schema: Node) -> list[Node]:
    return [part for key in ("oneOf", "anyOf") for _, part in schema.children(key)]


def _read_nullable(schema: Node, alternatives: list[Node], trail: tuple[str, ...]) -> Type:
    """Read `anyOf: [X, {type: "null"}]`, which is how a reference is made nullable."""
    keys = frozenset({"anyOf", "oneOf"})
    refuse_other_keys(schema, ANNOTATIONS | keys, where="beside `anyOf`")
    others = [part for part in alternatives if part.value != {"type": "null"}]
    if len(others) != 1 or len(alternatives) != 2:
        key = "oneOf" if "oneOf" in schema else "anyOf"
        schema[key].fail(f"not supported: `{key}` of anything but one schema and null")
    inner = read_type(others[0], trail)
    return inner if isinstance(inner, Nullable) else Nullable(inner)


def _read_single_part(schema: Node, trail: tuple[str, ...]) -> Type:
    """Read `allOf: [X]`, which puts a description beside a reference, as 3.0 had it."""
    parts = [part for _, part in schema.children("allOf")]
    if len(parts) != 1 or "properties" in schema:
        schema.fail("not supported: an object without a name; move it to components/schemas")
    refuse_other_keys(schema, ANNOTATIONS | {"allOf"}, where="beside `allOf`")
    return read_type(parts[0], trail)


def read_choice(schema: Node) -> Choice:
    """Read a set of strings."""
    refuse_other_keys(schema, _FREE | _ENUM_KEYS | {"type"}, where="in an enum")
    if schema.value_at("type") != "string":
        schema.fail("not supported: an enum of anything but strings (`type: string`)")
    if "enum" in schema and "x-extensible-enum" in schema:
        schema.fail("`enum` and `x-extensible-enum` exclude each other")
    key = "enum" if "enum" in schema else "x-extensible-enum"
    for _, value in schema.children(key):
        if not isinstance(value.value, str):
            value.fail("not supported: an enum value that is not a string")
    values = schema.strings(key)
    if not values or len(set(values)) != len(values):
        schema[key].fail(f"`{key}` has to list one or more different strings")
    return Choice(values, is_open=key == "x-extensible-enum")


def _read_plain(schema: Node, trail: tuple[str, ...]) -> Type:
    names = schema.strings("type") or (schema.text("type"),)
    kinds = [name for name in names if name != "null"]
    if len(kinds) != 1 or not kinds[0]:
        schema.fail("not supported: a value that is not of exactly one type (beside null)")
    match kinds[0]:
        case "array":
            refuse_other_keys(schema, _FREE | {"type", "items"}, where="in an array")
            inner: Type = ListOf(read_type(schema["items"], trail))
        case "object":
            inner = _read_map(schema, trail)
        case kind:
            inner = _read_scalar(schema, kind)
    return Nullable(inner) if "null" in names else inner


def _read_map(schema: Node, trail: tuple[str, ...]) -> Type:
    if "properties" in schema:
        schema.fail("not supported: an object without a name; move it to components/schemas")
    refuse_other_keys(schema, _FREE | {"type", "additionalProperties"}, where="in a map")
    values = schema.get("additionalProperties")
    if values is None or isinstance(values.value, bool):
        schema.fail("not supported: an object without `properties` or a type for its values")
    return MapOf(read_type(values, trail))


def _read_scalar(schema: Node, kind: str) -> Scalar:
    refuse_other_keys(schema, _FREE | {"type", "format"}, where=f"in `type: {kind}`")
    if kind not in _TYPES:
        schema["type"].fail(f"not supported: the type `{kind}` alone")
    format_ = schema.text("format")
    if kind == "string" and format_ in _FORMATS:
        return _FORMATS[format_]
    if format_ and format_ not in _PLAIN_FORMATS:
        schema["format"].fail(f"not supported: the format `{format_}` of a {kind}")
    return _TYPES[kind]

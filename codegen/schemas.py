"""Schemas of the contract -> types. Every `if` about JSON Schema is here and in `classes`.

A keyword is understood, or deliberately of no effect (constraints on what the server answers), or
refused by its name; none is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .places import class_name, name_of
from .types import (
    Choice,
    ListOf,
    MapOf,
    Named,
    Nullable,
    OneOf,
    Scalar,
    Type,
    Value,
    not_null,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Node

__all__ = [
    "ANNOTATIONS", "CONSTRAINTS", "FORMATS", "is_enum", "is_model", "name_of", "object_parts",
    "read_choice", "read_type", "refuse_other_keys", "required_of",
]  # fmt: skip

ANNOTATIONS: Final = frozenset(
    {
        "$comment", "default", "deprecated", "description", "example", "examples", "externalDocs",
        "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
# Not checked here: the server's 422 is the authority on requests, and an answer that breaks a
# constraint is still an answer.
CONSTRAINTS: Final = frozenset(
    {
        "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maxProperties", "maximum",
        "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "uniqueItems",
    }
)  # fmt: skip
_FREE: Final = ANNOTATIONS | CONSTRAINTS
_ENUM_KEYS: Final = frozenset({"const", "enum", "x-extensible-enum"})
_UNION_KEYS: Final = ANNOTATIONS | {"anyOf", "discriminator", "oneOf", "type"}
_ENCODING: Final = frozenset({"contentEncoding", "contentMediaType"})
_NULL: Final = {"type": "null"}


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
FORMATS: Final = frozenset(_FORMATS) | {
    "base64", "base64url", "byte", "char", "decimal", "double", "duration", "email", "float",
    "hostname", "html", "idn-email", "int16", "int32", "int64", "int8", "ipv4", "ipv6", "iri",
    "iri-reference", "json-pointer", "markdown", "regex", "time", "uint16", "uint32", "uint64",
    "uint8", "uri", "uri-reference", "uri-template", "uuid",
}  # fmt: skip
"""What is known; strings of other formats than four stay `str`: the server says what is valid."""


def read_type(schema: Node, trail: tuple[str, ...] = ()) -> Type:
    """Read the type of a value; the trail holds the schemas without a class that led here."""
    if schema.value is True or schema.value == {}:
        return Nullable(Scalar.ANYTHING)
    if "$ref" in schema:
        refuse_other_keys(schema, _FREE | {"$ref"}, where="beside `$ref`")
        return read_type(schema.follow(), trail)
    if schema.pointer in trail:
        schema.fail("not supported: a list, map or union that contains itself")
    type_ = _read(schema, (*trail, schema.pointer))
    is_nullable = "null" in _type_names(schema) and not isinstance(type_, Nullable)
    return Nullable(type_) if is_nullable else type_


def refuse_other_keys(node: Node, keys: frozenset[str], *, where: str) -> None:
    """Refuse the contract if a node has keys that nothing reads; extensions are the lint's."""
    for key, child in node.items():
        if key not in keys and not key.startswith("x-"):
            child.fail(f"not supported {where}: `{key}`")


def is_enum(schema: Node) -> bool:
    """Whether a schema is a set of values."""
    return not _ENUM_KEYS.isdisjoint(schema.keys())


def is_model(schema: Node) -> bool:
    """Whether a schema is an object whose properties are known."""
    if "properties" in schema:
        return True
    parts = [part.follow() for _, part in schema.children("allOf")]
    # A single part is what a description was put beside, unless that has a name of its own.
    return (len(parts) > 1 or name_of(schema) is not None) and any(map(is_model, parts))


def object_parts(schema: Node) -> Iterator[Node]:
    """Go through the schemas that an object is made of by `allOf`, itself the last."""
    schema = schema.follow()
    for _, part in schema.children("allOf"):
        yield from object_parts(part)
    yield schema


def required_of(schema: Node) -> frozenset[str]:
    """Return the names of the properties that an object has to have."""
    return frozenset(name for part in object_parts(schema) for name in part.strings("required"))


def read_choice(schema: Node) -> Choice:
    """Read a set of values, which may be a single one."""
    refuse_other_keys(schema, _FREE | _ENUM_KEYS | {"type", "format"}, where="in an enum")
    keys = [key for key, _ in schema.items() if key in _ENUM_KEYS]
    if len(keys) > 1:
        schema.fail(f"`{keys[0]}` and `{keys[1]}` exclude each other")
    holder = schema[keys[0]]
    values = [holder] if keys[0] == "const" else [each for _, each in holder.items()]
    allowed = [each for each in _type_names(schema) if each != "null"]
    if len(allowed) > 1:
        schema["type"].fail("not supported: an enum of several types")
    some = tuple(_value(each, allowed) for each in values if each.value is not None)
    kinds = {type(each) for each in some}
    if not some or len(set(some)) != len(some):
        holder.fail(f"`{keys[0]}` has to list one or more different values")
    if len(kinds) > 1 or (not kinds <= {str, int} and (len(some) > 1 or keys[0][0] == "x")):
        holder.fail("not supported: an enum of anything but strings alone or integers alone")
    return Choice(some, keys[0] == "x-extensible-enum", class_name(schema), schema)


def _value(node: Node, allowed: list[str]) -> Value:
    value = node.value
    if not isinstance(value, str | int | float):
        node.fail("not supported: a value of an enum that is an array or an object")
    if allowed and type(value) not in _PYTHON[allowed[0]]:
        node.fail(f"not of the enum's type, which is `{allowed[0]}`")
    return value


_PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "array": (), "object": (),
}  # fmt: skip


def _type_names(schema: Node) -> tuple[str, ...]:
    return schema.strings("type") or (() if "type" not in schema else (schema.text("type"),))


def _read(schema: Node, trail: tuple[str, ...]) -> Type:
    if is_enum(schema):
        return _read_enum(schema)
    if is_model(schema):
        return Named(class_name(schema), schema)
    if "allOf" in schema:
        return _read_single_part(schema, trail)
    if "oneOf" in schema or "anyOf" in schema:
        return _read_union(schema, trail)
    return _read_plain(schema, trail)


def _read_enum(schema: Node) -> Type:
    has_null = any(each.value is None for key in _ENUM_KEYS for _, each in schema.children(key))
    if has_null and "type" in schema and "null" not in _type_names(schema):
        schema["type"].fail("there is null in the enum, and no null in its type")
    choice = read_choice(schema)
    is_class = name_of(schema) is not None and choice.scalar in {Scalar.STRING, Scalar.INTEGER}
    type_ = Named(choice.name, schema, choice.scalar) if is_class else choice
    return Nullable(type_) if has_null else type_


def _read_single_part(schema: Node, trail: tuple[str, ...]) -> Type:
    """Read `allOf: [X]`, which puts a description beside a reference, as 3.0 had it."""
    parts = [part for _, part in schema.children("allOf")]
    if len(parts) != 1:
        schema["allOf"].fail("not supported: `allOf` of anything but objects")
    refuse_other_keys(schema, _FREE | {"allOf"}, where="beside `allOf`")
    return read_type(parts[0], trail)


def _read_union(schema: Node, trail: tuple[str, ...]) -> Type:
    refuse_other_keys(schema, _UNION_KEYS, where="beside `oneOf` or `anyOf`")
    if "oneOf" in schema and "anyOf" in schema:
        schema.fail("not supported: `oneOf` and `anyOf` in one schema")
    parts = [part for key in ("oneOf", "anyOf") for _, part in schema.children(key)]
    types = [read_type(part, trail) for part in parts if part.value != _NULL]
    options = tuple(each for type_ in types for each in _options(type_))
    if not options:
        schema.fail("not supported: nothing but null")
    options = _without_repeated(options)
    type_ = options[0] if len(options) == 1 else _one_of(schema, options)
    has_null = len(types) < len(parts) or any(isinstance(each, Nullable) for each in types)
    return Nullable(type_) if has_null else type_


def _options(type_: Type) -> tuple[Type, ...]:
    """Return the types that a type adds to a union; one without a name is taken apart."""
    type_ = not_null(type_)
    return type_.options if isinstance(type_, OneOf) and not type_.name else (type_,)


def _without_repeated(options: tuple[Type, ...]) -> tuple[Type, ...]:
    """Leave out what other options say already: an integer is a number."""
    some = tuple(dict.fromkeys(options))
    return tuple(x for x in some if x is not Scalar.INTEGER or Scalar.NUMBER not in some)


def _one_of(schema: Node, options: tuple[Type, ...]) -> OneOf:
    models = [each for each in options if isinstance(each, Named) and not each.is_enum]
    if "discriminator" in schema:
        if len(models) != len(options):
            schema["discriminator"].fail("not supported: `discriminator` of anything but objects")
        tag, tags = _read_discriminator(schema["discriminator"], models)
    else:
        tag, tags = _implied_tag(models) if len(models) == len(options) else ("", ())
    has_name = bool(tag) or (bool(models) and name_of(schema) is not None)
    return OneOf(options, class_name(schema) if has_name else "", tag, tags, schema)


def _read_discriminator(
    node: Node, models: list[Named]
) -> tuple[str, tuple[tuple[Value, str], ...]]:
    refuse_other_keys(node, frozenset({"propertyName", "mapping"}), where="in a discriminator")
    tag, by_pointer = node.text("propertyName"), {each.node.pointer: each for each in models}
    tags: dict[Value, str] = {}
    for key, target in node.children("mapping"):
        name = str(target.value)
        pointer = name[1:] if name.startswith("#") else f"/components/schemas/{name}"
        if pointer not in by_pointer:
            target.fail("not supported: a `mapping` to a schema that is not among the options")
        tags[key] = by_pointer[pointer].name
    for each in models:
        own = _property(each.node, tag)
        if own is None:
            node.fail(f"the property `{tag}` is missing in {each.name}")
        for value in _own_values(each, own) if each.name not in tags.values() else ():
            if value in tags:
                node.fail(f"`{value}` stands for {tags[value]} and for {each.name}")
            tags[value] = each.name
    return tag, tuple(tags.items())


def _own_values(model: Named, tag: Node) -> tuple[Value, ...]:
    """Return what the tag of a model says where no mapping tells: its only values, or its name."""
    if not _closed_values(tag) and name_of(model.node) is None:
        model.node.fail("nothing tells the value of the discriminator for this option")
    return _closed_values(tag) or (model.node.pointer.rpartition("/")[2],)


def _implied_tag(models: list[Named]) -> tuple[str, tuple[tuple[Value, str], ...]]:
    """Find a required property that is another constant in each of several models."""
    required = frozenset[str].intersection(*(required_of(each.node) for each in models))
    for name in sorted(required):
        properties = [(each, _property(each.node, name)) for each in models]
        pairs = [
            [(value, each.name) for value in (_closed_values(node) if node else ())]
            for each, node in properties
        ]
        tags = [pair for some in pairs for pair in some]
        if all(pairs) and len({value for value, _ in tags}) == len(tags):
            return name, tuple(tags)
    return "", ()


def _property(schema: Node, name: str) -> Node | None:
    found = [part["properties"].get(name) for part in object_parts(schema) if "properties" in part]
    return next((each.follow() for each in reversed(found) if each), None)


def _closed_values(schema: Node) -> tuple[Value, ...]:
    if "const" in schema or "enum" in schema:
        return read_choice(schema).values
    return ()


def _read_plain(schema: Node, trail: tuple[str, ...]) -> Type:
    kinds = [name for name in _type_names(schema) if name != "null"]
    if not kinds:
        if "type" in schema:
            schema["type"].fail("not supported: nothing but null")
        refuse_other_keys(schema, ANNOTATIONS, where="without a `type`")
        return Nullable(Scalar.ANYTHING)
    if len(kinds) > 1:
        refuse_other_keys(schema, ANNOTATIONS | {"type"}, where="in a value of several types")
        options = _without_repeated(tuple(_read_scalar(schema, kind) for kind in kinds))
        return options[0] if len(options) == 1 else OneOf(options)
    match kinds[0]:
        case "array":
            refuse_other_keys(schema, _FREE | {"type", "items"}, where="in an array")
            return ListOf(read_type(schema["items"], trail))
        case "object":
            return _read_map(schema, trail)
        case kind:
            return _read_scalar(schema, kind)


def _read_map(schema: Node, trail: tuple[str, ...]) -> Type:
    keys = _FREE | {"type", "additionalProperties", "propertyNames"}
    refuse_other_keys(schema, keys, where="in a map")
    values = schema.get("additionalProperties")
    if values is not None and values.value is False:
        values.fail("not supported: an object that is always empty")
    return MapOf(read_type(values, trail) if values else Nullable(Scalar.ANYTHING))


def _read_scalar(schema: Node, kind: str) -> Scalar:
    keys = _FREE | {"type", "format"}
    keys = keys | _ENCODING if kind == "string" else keys
    refuse_other_keys(schema, keys, where=f"in `type: {kind}`")
    if kind not in _TYPES:
        schema["type"].fail(f"not supported: the type `{kind}` here")
    format_ = schema.text("format")
    if format_ == "binary":
        schema["format"].fail("not supported: the format `binary` within JSON; `byte` is base64")
    if format_ in _FORMATS and kind != "string":
        schema["format"].fail(f"not supported: the format `{format_}` of `type: {kind}`")
    return _FORMATS.get(format_, _TYPES[kind])

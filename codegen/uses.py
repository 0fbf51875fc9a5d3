"""Which schemas become names in `models`, and which way each goes: sent, received, or both."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import attrs

from .document import ContractError, Document, Node, collect
from .lint import all_properties
from .objects import additional_schemas, base_of, parts_of
from .schemas import is_model, read_type
from .structure import METHODS
from .types import Choice, ListOf, MapOf, Named, Nullable, OneOf, Type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ClassType", "Use", "find_uses"]

ClassType: TypeAlias = Named | Choice | OneOf
"""What becomes a name."""


@attrs.frozen
class Use:
    """A type that becomes a name. What nothing uses is as if it were received."""

    type: ClassType
    is_sent: bool
    is_received: bool


def find_uses(document: Document) -> tuple[Use, ...]:
    """Find all that becomes a name, in the order of the file.

    Raises:
        ContractError: Some are not supported, or two would have the same name.
    """
    schemas = document.at("/components/schemas")
    named = collect(partial(read_type, each) for _, each in schemas.items()) if schemas else []
    pushed = collect(partial(read_type, each) for each in _pushed(document.root))
    arguments = _tolerantly(_sent(document.root))
    # An enum without a name is a `Literal` there.
    sent = _within(each for each in _named_in(arguments) if not isinstance(each, Choice))
    received = _within([*_tolerantly(_received(document.root)), *pushed])
    found = _in_file_order(document, {**_within(named), **received, **sent})
    _refuse_same_names(found.values())
    return tuple(
        Use(type_, is_sent=at in sent, is_received=at in received or at not in sent)
        for at, type_ in found.items()
    )


def _operations(root: Node, key: str) -> Iterator[Node]:
    for _, item in root.children(key):
        yield from (node for method, node in item.follow().items() if method in METHODS)


def _json(holder: Node) -> Iterator[Node]:
    """Yield the schemas of what a body or an answer may hold."""
    for media, node in holder.follow().children("content"):
        if "json" in media and "schema" in node:
            yield node["schema"]


def _pushed(root: Node) -> Iterator[Node]:
    """Yield the schemas of what webhooks bring."""
    for operation in _operations(root, "webhooks"):
        if "requestBody" in operation:
            yield from _json(operation["requestBody"])


def _sent(root: Node) -> Iterator[Node]:
    """Yield the schemas of what requests hold; the properties of an object become arguments."""
    for operation in _operations(root, "paths"):
        for schema in _json(operation["requestBody"]) if "requestBody" in operation else ():
            is_object = is_model(schema.follow())
            yield from all_properties(schema).values() if is_object else [schema]


def _received(root: Node) -> Iterator[Node]:
    """Yield the schemas of what answers hold; of an envelope, what is in it."""
    for operation in _operations(root, "paths"):
        for status, answer in operation.children("responses"):
            for schema in _json(answer) if status.startswith("2") else ():
                inside = all_properties(schema) if is_model(schema.follow()) else {}
                is_envelope = inside.keys() in ({"data"}, {"data", "links", "meta"})
                yield inside["data"] if is_envelope else schema


def _tolerantly(schemas: Iterable[Node]) -> Iterator[Type]:
    """Read types, apart from those that cannot be read: whoever prints them says so."""
    for schema in schemas:
        with contextlib.suppress(ContractError):
            yield read_type(schema)


def _within(types: Iterable[Type]) -> dict[str, ClassType]:
    """Return by place all that becomes a name so that types can be printed, owners first."""
    found: dict[str, ClassType] = {}

    def add(types: Iterable[Type]) -> None:
        for each in _named_in(types):
            if each.node is not None and each.node.pointer not in found:
                found[each.node.pointer] = each
                add(_inner(each))

    add(types)
    return found


def _in_file_order(document: Document, found: dict[str, ClassType]) -> dict[str, ClassType]:
    """Sort what has a name as the file does; what has none is behind what it is in."""
    schemas = document.at("/components/schemas")
    places = [schema.pointer for _, schema in schemas.items()] if schemas else []
    order = {place: index for index, place in enumerate(places)}

    def owner(place: str) -> int:
        return order.get("/".join(place.split("/")[:4]), len(order))

    return {place: found[place] for place in sorted(found, key=owner)}


def _named_in(types: Iterable[Type]) -> Iterator[ClassType]:
    """Go through what the annotations of types name."""
    for type_ in types:
        match type_:
            case ListOf(inner) | MapOf(inner) | Nullable(inner):
                yield from _named_in([inner])
            case OneOf(options) if not type_.name:
                yield from _named_in(options)
            case Named() | OneOf():
                yield type_
            case Choice() if type_.constant is None:
                yield type_
            case _:
                pass


def _inner(type_: ClassType) -> Iterator[Type]:
    match type_:
        case OneOf(options):
            yield from options
        case Named(node=schema) if not type_.is_enum:
            base = base_of(schema)
            if base is not None:
                yield read_type(base)
            yield from _tolerantly(all_properties(schema).values())
            yield from _tolerantly(additional_schemas(parts_of(schema)))
        case _:
            pass


def _refuse_same_names(types: Iterable[ClassType]) -> None:
    taken: dict[str, Node] = {}
    for each in types:
        if each.node is not None and each.name in taken:
            first = taken[each.name]
            each.node.fail(
                f"a second class `{each.name}`, after the one for #{first.pointer} in line"
                f" {first.place.line}; rename the schema, or give it another `title`"
            )
        if each.node is not None:
            taken[each.name] = each.node

"""The success of an operation -> what its method returns: `Answer`.

Most answers of this API are objects with their value under `data`. What an answer may be is decided
here; anything else is refused by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import attrs

from . import naming
from .annotations import annotation
from .classes import extension
from .media import JSON, Media, taken
from .objects import read_object
from .schemas import (
    ANNOTATIONS,
    CONSTRAINTS,
    is_model,
    object_parts,
    read_type,
    refuse_other_keys,
    required_of,
)
from .types import ListOf, Named, Scalar, Type, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .arguments import Argument
    from .document import Node

__all__ = ["PAGE_PARAMETERS", "Answer", "read_answer"]

PAGE_PARAMETERS: Final = frozenset({"page", "cursor"})
"""What a page is asked for with."""
_ANSWER_KEYS: Final = frozenset({"description", "content", "headers"})
_ENVELOPE_KEYS: Final = (
    ANNOTATIONS | CONSTRAINTS | {"type", "properties", "required", "allOf", "additionalProperties"}
)


@attrs.frozen(kw_only=True)
class Answer:
    """What a method gives back, and what of the answer that is."""

    kind: Literal["DATA", "WHOLE", "NOTHING", "TEXT", "BYTES"]
    value: str
    description: str
    data: Type | None = None
    item: str | None = None
    identity: str | None = None
    secret: str | None = None
    renamed: str | None = None
    accepts: str = JSON
    empty: tuple[int, ...] = ()

    @property
    def returns(self) -> str:
        """What the method returns."""
        return f"{self.value} | None" if self.is_optional else self.value

    @property
    def body(self) -> str:
        """The type that the transport is to make of an answer with content."""
        return f"PageBody[{self.item}]" if self.item else self.value

    @property
    def operation(self) -> str:
        """The type that the transport gives back."""
        return f"{self.body} | None" if self.is_optional else self.body

    @property
    def is_optional(self) -> bool:
        """Whether an answer without content makes None of what is no None otherwise."""
        return bool(self.empty) and not self.value.endswith("| None")


def read_answer(operation: Node, query: Iterable[Argument]) -> Answer:
    """Read what an operation answers, which is a page where it can be asked for one."""
    successes = [
        (status, node.follow())
        for status, node in operation.children("responses")
        if re.fullmatch(r"2(\d\d|XX)", status)
    ]
    if not successes:
        operation["responses"].fail("not supported: responses without one of success, as `200`")
    for _, each in successes:
        refuse_other_keys(each, _ANSWER_KEYS, where="in an answer")
    full = [each for _, each in successes if _has_content(each)]
    empty = [(status, each) for status, each in successes if not _has_content(each)]
    if not full:
        return Answer(kind="NOTHING", value="None", description="")
    _refuse_different(full)
    answer = _read_content(full[0], query)
    if not empty:
        return answer
    for status, node in empty:
        if status == "2XX" or answer.item or answer.secret:
            node.fail("not supported: an answer without content beside a page, a secret or by 2XX")
    return attrs.evolve(answer, empty=tuple(int(status) for status, _ in empty))


def _has_content(answer: Node) -> bool:
    content = answer.get("content")
    return content is not None and bool(content.value)


def _refuse_different(answers: list[Node]) -> None:
    first, *others = [(taken(each), each) for each in answers]
    for media, node in others:
        same = [
            (each.kind, schema.follow().value if (schema := each.node.get("schema")) else None)
            for each in (first[0], media)
        ]
        if same[0] != same[1]:
            node.fail("not supported: two answers of success that differ in their content")


def _read_content(answer: Node, query: Iterable[Argument]) -> Answer:
    media, description = taken(answer), answer.text("description")
    if media.is_json:
        read = _read_json(media.node["schema"], description, query)
    else:
        read = _read_raw(media, description)
    return attrs.evolve(read, accepts=media.name if media.is_json else media.kind)


def _read_raw(media: Media, description: str) -> Answer:
    """Read an answer that is taken as it is: text, or bytes of whatever kind."""
    schema = media.node.get("schema")
    text = schema.follow().value_at("type") if schema else None
    if media.kind == "text/event-stream" or media.kind == "*/*" or text not in {None, "string"}:
        media.node.fail(f"not supported: the media type `{media.name}` of an answer here")
    if media.is_text:
        return Answer(kind="TEXT", value="str", description=description)
    return Answer(kind="BYTES", value="bytes", description=description)


def _read_json(schema: Node, description: str, query: Iterable[Argument]) -> Answer:
    properties = dict(_properties(schema)) if is_model(schema.follow()) else {}
    if "data" not in properties:
        return _bare_answer(schema, description)
    for part in object_parts(schema):
        refuse_other_keys(part, _ENVELOPE_KEYS, where="in an answer")
    data = properties["data"]
    if "data" not in required_of(schema):
        data.fail("not supported: an answer whose `data` is not `required`")
    beside = set(properties) - {"data"}
    if not beside:
        return _data_answer(data, description)
    if beside == {"links", "meta"}:
        return _page_answer(data, description, query)
    return _whole_answer(schema, data, description)


def _properties(schema: Node) -> Iterable[tuple[str, Node]]:
    for part in object_parts(schema):
        yield from part.children("properties")


def _bare_answer(schema: Node, description: str) -> Answer:
    """Read an answer that is its value itself."""
    type_ = read_type(schema)
    _refuse_loose(schema, type_)
    return Answer(
        kind="WHOLE",
        value=annotation(type_),
        description=description,
        data=type_,
        identity=_identity(schema, type_),
        secret=_secret(schema, type_),
    )


def _data_answer(data: Node, description: str) -> Answer:
    type_ = read_type(data)
    _refuse_loose(data, type_)
    return Answer(
        kind="DATA",
        value=annotation(type_),
        description=description,
        data=type_,
        identity=_identity(data, type_),
    )


def _page_answer(data: Node, description: str, query: Iterable[Argument]) -> Answer:
    type_ = read_type(data)
    if not isinstance(type_, ListOf):
        data.fail("not supported: `links` and `meta` beside `data` that is not an array")
    if not any(each.json_name in PAGE_PARAMETERS and each.default for each in query):
        data.fail("`links` and `meta` make this a page, but there is no optional parameter `page`")
    _refuse_loose(data, type_)
    item = annotation(type_.item)
    return Answer(
        kind="WHOLE", value=f"Page[{item}]", description=description, data=type_, item=item
    )


def _whole_answer(envelope: Node, data: Node, description: str) -> Answer:
    type_ = read_type(data)
    whole = read_type(envelope)
    return Answer(
        kind="WHOLE",
        value=annotation(whole),
        description=description,
        data=type_,
        identity=_identity(data, type_),
        secret=_secret(envelope, whole),
        renamed=_name_of_data(type_),
    )


def _secret(schema: Node, type_: Type) -> str | None:
    """Return the property that holds a one-time secret, beside what it is the secret of."""
    if not isinstance(type_, Named) or type_.is_enum:
        return None
    secrets = [each.name for each in read_object(schema) if Scalar.MASKED in leaves(each.type)]
    if len(secrets) > 1:
        schema.fail("not supported: two properties of `format: password` in one answer")
    return secrets[0] if secrets else None


def _name_of_data(type_: Type) -> str:
    match type_:
        case Named(name):
            return naming.snake(name)
        case ListOf(Named(name)):
            return naming.snake(naming.plural(name))
        case _:
            return "data"


def _identity(data: Node, type_: Type) -> str | None:
    """Return the property that names the resource."""
    return (extension(data, "x-identity") or None) if isinstance(type_, Named) else None


def _refuse_loose(data: Node, type_: Type) -> None:
    """Refuse a secret that no property holds: nothing would say where to find it."""
    if Scalar.MASKED in leaves(type_):
        data.fail("not supported: a secret that is not a property")

"""The success of an operation -> what its method returns: `Answer`.

Every answer of this API is an object with its value under `data`. What else an answer may be is
refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import attrs

from . import naming
from .annotations import annotation
from .arguments import json_schema
from .classes import extension, read_properties
from .schemas import (
    Choice,
    ListOf,
    Named,
    Nullable,
    Scalar,
    Type,
    leaves,
    name_of,
    read_type,
    refuse_other_keys,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .arguments import Argument
    from .document import Node

__all__ = ["Answer", "read_answer"]

_ENVELOPE_KEYS: Final = frozenset(
    {"type", "title", "description", "properties", "required", "example", "examples"}
)


@attrs.frozen(kw_only=True)
class Answer:
    """What a method gives back, and what of the answer that is."""

    kind: Literal["DATA", "WHOLE", "NOTHING"]
    returns: str
    description: str
    data: Type | None = None
    item: str | None = None
    identity: str | None = None
    secret: str | None = None
    renamed: str | None = None

    @property
    def body(self) -> str:
        """The type that the transport is to make of the answer."""
        return f"PageBody[{self.item}]" if self.item else self.returns


def read_answer(operation: Node, query: Sequence[Argument]) -> Answer:
    """Read what an operation answers, which is a page where it can be asked for one."""
    successes = [(s, node) for s, node in operation.children("responses") if s.startswith("2")]
    if len(successes) != 1:
        operation["responses"].fail("not supported: anything but one answer of success")
    status, reference = successes[0]
    if status == "2XX":
        reference.fail("not supported: the status `2XX`")
    answer = reference.follow()
    refuse_other_keys(answer, frozenset({"description", "content"}), where="in an answer")
    if "content" not in answer:
        return Answer(kind="NOTHING", returns="None", description="")
    envelope = json_schema(answer)
    return _read_envelope(envelope, answer.text("description"), query)


def _read_envelope(reference: Node, description: str, query: Sequence[Argument]) -> Answer:
    envelope = reference.follow()
    refuse_other_keys(envelope, _ENVELOPE_KEYS, where="in an answer")
    properties = envelope.get("properties")
    if properties is None or "data" not in properties:
        envelope.fail("not supported: an answer that is not an object with `data`")
    data = properties["data"]
    if "data" not in envelope.strings("required"):
        data.fail("not supported: an answer whose `data` is not `required`")
    beside = set(properties.keys()) - {"data"}
    if not beside:
        return _data_answer(data, description)
    if beside == {"links", "meta"}:
        return _page_answer(data, description, query)
    return _whole_answer(envelope, data, description)


def _data_answer(data: Node, description: str) -> Answer:
    type_ = read_type(data)
    if isinstance(type_, Nullable):
        data.fail("not supported: `data` that may be null")
    _refuse_loose(data, type_)
    return Answer(
        kind="DATA",
        returns=annotation(type_),
        description=description,
        data=type_,
        identity=_identity(data, type_),
    )


def _page_answer(data: Node, description: str, query: Sequence[Argument]) -> Answer:
    type_ = read_type(data)
    if not isinstance(type_, ListOf):
        data.fail("not supported: `links` and `meta` beside `data` that is not an array")
    if not any(each.json_name == "page" and each.default for each in query):
        data.fail("`links` and `meta` make this a page, but there is no optional parameter `page`")
    _refuse_loose(data, type_)
    item = annotation(type_.item)
    return Answer(
        kind="WHOLE", returns=f"Page[{item}]", description=description, data=type_, item=item
    )


def _whole_answer(envelope: Node, data: Node, description: str) -> Answer:
    name = name_of(envelope)
    if name is None:
        envelope.fail(
            "an answer with keys beside `data` needs a name; move it to components/schemas"
        )
    type_ = read_type(data)
    secrets = [
        each.name
        for each in read_properties(envelope, frozenset())
        if Scalar.MASKED in leaves(each.type)
    ]
    if len(secrets) > 1:
        envelope.fail("not supported: two properties of `format: password` in one answer")
    return Answer(
        kind="WHOLE",
        returns=name,
        description=description,
        data=type_,
        identity=_identity(data, type_),
        secret=secrets[0] if secrets else None,
        renamed=_name_of_data(type_),
    )


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
    """Refuse what has no runtime type that could be checked against."""
    for leaf in leaves(type_):
        if isinstance(leaf, Choice):
            data.fail("not supported: an enum without a name; move it to components/schemas")
        if leaf in {Scalar.MASKED, Scalar.TIMESTAMP, Scalar.DATE}:
            data.fail("not supported: a secret, a date or a time that is not a property")

"""What an answer has that the contract does not say. Pure: nothing here waits or sends.

The contract is known by what was generated from it: the models, and the statuses of an operation.
Only `on_drift` needs this; nothing of it runs otherwise.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import EnumType
from operator import itemgetter
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    TypeAlias,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from ._convert import ConversionError, Text, json_object, parse
from ._operation import Answer, Enveloped, Operation
from ._types import OpenEnum, OpenIntEnum, Tagged, Unset
from .errors import printable
from .options import Drift, DriftKind
from .secret import Secret

__all__ = ["Watch", "differences", "fields_of"]

_MOST: Final = 1000
"""Findings of one answer, and findings that one listener is told, at most."""
_EFFORT: Final = 5000
"""Times that one answer is noted for something, new or not, at most; each costs some 20 us."""
_SAMPLE: Final = 1000
"""Items of a list that are looked at: a caller waits for it."""
_LONGEST: Final = 64
"""Characters of a name or a value."""
_DEEPEST: Final = 5
"""Levels of an unknown field that are looked at."""
_WIDEST: Final = 30
"""Keys of an unknown object; with more it is taken for a map, whose keys are values."""

# A step is a piece of a path, or the class of the schema that begins here.
_Trail: TypeAlias = "tuple[_Trail, str | type] | None"
_Check: TypeAlias = "Callable[[object, _Trail, _Notes], None]"

_ITEM: Final = "[]"
_ENTRY: Final = ".*"


@attrs.frozen(eq=False)
class Watch:
    """A listener, and what it has heard."""

    listener: Callable[[Drift], object]
    _heard: set[Drift] = attrs.field(factory=set[Drift], init=False)

    def news(self, drifts: Collection[Drift]) -> list[Drift]:
        """Return what it has not heard yet, and remember that it will have."""
        new = [each for each in drifts if each not in self._heard][: _MOST - len(self._heard)]
        self._heard.update(new)
        return new


def differences(operation: Operation[Any], status: int, body: Text) -> Collection[Drift]:
    """Return what an answer has that the contract does not say, each once; it never fails."""
    try:
        data = parse(body) if body else None
    except ConversionError:  # another has answered, or the call says what is wrong
        return ()
    notes = _Notes(operation.name)
    if _is_undocumented(operation, status, data, is_empty=not body):
        notes.add("undocumented status", None, str(status))
    if body and 200 <= status < 300 and status not in operation.empty:
        with contextlib.suppress(RecursionError):  # what was found until then will do
            _compare(operation, data, notes)
    return notes.found


def _is_undocumented(
    operation: Operation[Any], status: int, data: object, *, is_empty: bool
) -> bool:
    """Whether the API itself gave a status that the contract does not have for the operation.

    A throttle may always answer, and failures are no part of a contract. What is not the API's own
    JSON comes from a proxy on the way.
    """
    documented = operation.statuses
    if not documented or not documented.isdisjoint({status, status // 100}):
        return False
    if 200 <= status < 300:
        return is_empty or isinstance(data, dict)
    is_own = isinstance(json_object(data).get("message"), str)
    return is_own and 400 <= status < 500 and status != 429


class _Notes:
    """Findings, each once."""

    def __init__(self, operation: str) -> None:
        self.found: dict[Drift, None] = {}
        self._operation = operation
        self._effort = 0

    def add(self, kind: DriftKind, trail: _Trail, seen: str = "") -> None:
        self._effort += 1
        if len(self.found) < _MOST and self._effort <= _EFFORT:
            path, schema, field = _place(trail)
            drift = Drift(
                operation=self._operation,
                path=path,
                kind=kind,
                seen=seen,
                schema=schema,
                field=field,
            )
            self.found[drift] = None

    def add_wrong(self, trail: _Trail, value: object) -> None:
        self.add("wrong type", trail, _json_type(value))

    def add_unknown(self, trail: _Trail, value: object, depth: int = 1) -> None:
        """Note an unknown field, and what is in it."""
        self.add("unknown field", trail, _json_type(value))
        if depth < _DEEPEST and self._effort <= _EFFORT:
            for step, inner in _parts(value):
                self.add_unknown((trail, step), inner, depth + 1)


def _place(trail: _Trail) -> tuple[str, str, str]:
    """Return the path, the innermost schema, and the path in that."""
    steps: list[str] = []
    schema = None
    behind = 0
    while trail is not None:
        trail, step = trail
        if isinstance(step, str):
            steps.append(step)
        elif schema is None:
            schema, behind = step.__name__, len(steps)
    path = _joined(steps)
    return (path, "", path) if schema is None else (path, schema, _joined(steps[:behind]))


def _joined(steps: list[str]) -> str:
    return "".join(reversed(steps)).removeprefix(".")


def _step(name: str) -> str:
    """Return the step to a field; a name that could be taken for something else is quoted."""
    if re.fullmatch(r"[\w-]+", name, re.ASCII) and len(name) <= _LONGEST:
        return f".{name}"
    return f"[{json.dumps(_quoted(name), ensure_ascii=False)}]"


def _quoted(value: str | int) -> str:
    text = str(value) if isinstance(value, str) or value.bit_length() <= 64 else "a huge integer"
    return printable(text[:_LONGEST]) + ("…" if len(text) > _LONGEST else "")


def _as_object(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _as_array(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


def _parts(value: object) -> Iterator[tuple[str, object]]:
    yield from ((_ITEM, item) for item in (_as_array(value) or ())[:_WIDEST])
    fields = _as_object(value) or {}
    for name, inner in fields.items():
        yield (_ENTRY if len(fields) > _WIDEST else _step(name)), inner


def _json_type(value: object) -> str:
    """Return the JSON type of a value, with the format of a string if it has a known one."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            format_ = _format(value)
            return f"string ({format_})" if format_ else "string"
        case list():
            return "array"
        case _:
            return "object"


def _format(text: str) -> str:
    if _is_date(text):
        return "date"
    if "T" in text and _is_time(text):
        return "date-time"
    with contextlib.suppress(ValueError):
        return f"ipv{ipaddress.ip_address(text).version}"
    return ""


def _is_time(value: object) -> bool:
    with contextlib.suppress(ValueError):
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    return False


def _is_date(value: object) -> bool:
    with contextlib.suppress(ValueError):
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    return False


# The comparison: one function for each type of the models, made at its first use.


def _compare(operation: Operation[Any], data: object, notes: _Notes) -> None:
    returns, envelope = operation.returns, {"data"}
    if get_origin(returns) is Enveloped:
        (returns,), envelope = get_args(returns), {"data", "links", "meta"}
    elif operation.answer is Answer.WHOLE:
        _check_of(returns)(data, None, notes)
        return
    elif operation.answer is not Answer.DATA:
        return
    fields = _as_object(data)
    if fields is None:
        notes.add_wrong(None, data)
        return
    for name, value in fields.items():
        if name == "data":
            _check_of(returns)(value, (None, ".data"), notes)
        elif name not in envelope:
            notes.add_unknown((None, _step(name)), value)
    if "data" not in fields:
        notes.add("missing field", (None, ".data"))


@functools.cache
def _check_of(of: Any) -> _Check:  # noqa: ANN401 - a type, in any of the forms of annotations
    origin, arguments = get_origin(of), get_args(of)
    if origin is Annotated:
        tagged = next((note for note in arguments[1:] if isinstance(note, Tagged)), None)
        return _check_tagged(tagged) if tagged else _check_of(arguments[0])
    if origin in {Union, UnionType}:
        return _check_union(arguments)
    if origin is Sequence:
        return _check_list(arguments[0])
    if origin is Mapping:
        return _check_map(arguments[1])
    if attrs.has(of):
        return _check_model(of)
    return _check_enum(of) if isinstance(of, EnumType) else _check_scalar(of)


_SCALARS: Final[Mapping[object, Callable[[object], bool]]] = {
    str: lambda value: isinstance(value, str),
    Secret: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
    int: lambda value: type(value) is int,
    float: lambda value: type(value) in {int, float},
    datetime: _is_time,
    date: _is_date,
}


def _is_anything(_: object) -> bool:
    return True


def _check_scalar(of: object) -> _Check:
    is_right = _SCALARS.get(of, _is_anything)

    def check(value: object, trail: _Trail, notes: _Notes) -> None:
        if not is_right(value):
            notes.add_wrong(trail, value)

    return check


def _check_enum(of: EnumType) -> _Check:
    known = frozenset(member.value for member in cast("type[OpenEnum | OpenIntEnum]", of))
    kind = str if issubclass(of, OpenEnum) else int

    def check(value: object, trail: _Trail, notes: _Notes) -> None:
        if type(value) is not kind:
            notes.add_wrong(trail, value)
        elif value not in known:
            notes.add("unknown value", (trail, of), _quoted(value))

    return check


def _check_list(item: object) -> _Check:
    check_item = _check_of(item)

    def check(value: object, trail: _Trail, notes: _Notes) -> None:
        items = _as_array(value)
        if items is None:
            notes.add_wrong(trail, value)
            return
        inside = (trail, _ITEM)
        for each in items[:_SAMPLE]:
            check_item(each, inside, notes)

    return check


def _check_map(entry: object) -> _Check:
    check_entry = _check_of(entry)

    def check(value: object, trail: _Trail, notes: _Notes) -> None:
        entries = _as_object(value)
        if entries is None:
            notes.add_wrong(trail, value)
            return
        inside = (trail, _ENTRY)
        for each in entries.values():
            check_entry(each, inside, notes)

    return check


@attrs.frozen
class Field:
    """A field of a model as the contract has it.

    Attributes:
        type: Its annotation.
        is_required: Whether an answer has to have it.
        owner: The class that it is inherited from, or the model itself.
    """

    type: Any
    is_required: bool
    owner: type


@functools.cache
def fields_of(model: Any) -> Mapping[str | None, Field]:  # noqa: ANN401 - a class of attrs
    """Return the fields of a model by their names in JSON; of other entries, by None."""
    hints = get_type_hints(model, include_extras=True)
    found: dict[str | None, Field] = {}
    for each in attrs.fields(model):
        owner = next(c for c in model.__mro__ if not _inherits(c, each.name))
        is_required = each.default is attrs.NOTHING
        name = None if each.metadata.get("additional") else each.metadata.get("json", each.name)
        found[name] = Field(hints[each.name], is_required, owner)
    return found


def _inherits(model: type, name: str) -> bool:
    return getattr(attrs.fields_dict(model)[name], "inherited", False)


def _check_model(model: Any) -> _Check:  # noqa: ANN401 - a class of attrs
    fields: dict[str, tuple[_Check, type, str]] = {}
    required: set[str] = set()
    others: list[_Check] = []

    def prepare() -> None:  # at the first value, since models may hold each other
        for name, field in fields_of(model).items():
            if name is None:
                others.append(_check_of(get_args(field.type)[1]))
            else:
                fields[name] = (_check_of(field.type), field.owner, _step(name))
                required.update({name} if field.is_required else ())

    def check(value: object, trail: _Trail, notes: _Notes) -> None:
        given = _as_object(value)
        if given is None:
            notes.add_wrong(trail, value)
            return
        if not fields and not others:
            prepare()
        for name, inner in given.items():
            if name in fields:
                check_inner, owner, step = fields[name]
                check_inner(inner, ((trail, owner), step), notes)
            elif others:
                others[0](inner, ((trail, model), _ENTRY), notes)
            else:
                notes.add_unknown(((trail, model), _step(name)), inner)
        for name in required - given.keys():
            _, owner, step = fields[name]
            notes.add("missing field", ((trail, owner), step))

    return check


def _check_tagged(tagged: Tagged) -> _Check:
    step = _step(tagged.key)

    def check(value: object, trail: _Trail, notes: _Notes) -> None:
        given = _as_object(value)
        if given is None:
            notes.add_wrong(trail, value)
        elif tagged.key not in given:
            notes.add("missing field", (trail, step))
        elif not isinstance(tag := given[tagged.key], str | int):
            notes.add_wrong((trail, step), tag)
        elif tag not in tagged.models:
            notes.add("unknown value", (trail, step), _quoted(tag))
        else:
            _check_of(tagged.models[tag])(given, trail, notes)

    return check


def _check_union(kinds: tuple[Any, ...]) -> _Check:
    """Compare with the type that a value fits best; of models, the one that knows most of it."""
    is_nullable = NoneType in kinds
    options = [kind for kind in kinds if kind not in {NoneType, Unset}]
    models = [kind for kind in options if attrs.has(kind)]

    def check(value: object, trail: _Trail, notes: _Notes) -> None:
        if value is None and is_nullable:
            return
        given = _as_object(value)
        if given is not None and models:
            best = max(models, key=lambda each: len(given.keys() & fields_of(each).keys()))
            _check_of(best)(given, trail, notes)
            return
        fits = _fitting(options, value)
        if not fits:
            notes.add_wrong(trail, value)
        else:
            _check_of(fits[0])(value, trail, notes)

    return check


def _fitting(kinds: list[Any], value: object) -> list[Any]:
    """Return the types that a value could be of, the one with the fewest findings first."""
    if len(kinds) == 1:
        return kinds
    fits: list[tuple[int, Any]] = []
    for kind in kinds:
        notes = _Notes("")
        _check_of(kind)(value, None, notes)
        if not any(each.kind == "wrong type" and not each.path for each in notes.found):
            fits.append((len(notes.found), kind))
    return [kind for _, kind in sorted(fits, key=itemgetter(0))]

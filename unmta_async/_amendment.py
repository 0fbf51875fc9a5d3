"""Findings -> what brings the contract up to date with them: a JSON merge patch, in YAML.

The contract itself is not read; the models say what it has to know.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from http import HTTPStatus
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

import attrs

from ._drift import fields_of
from ._generated import OPERATIONS, models
from ._operation import JSON, Answer, Operation
from ._types import OpenIntEnum
from .options import Drift, DriftKind
from .secret import Secret

__all__ = ["amendment"]

_Patch = dict[str, Any]

_HEADER: Final = """\
# What brings openapi/unmta.yaml up to date with what was seen. Merge it there: a list replaces the
# one before, null takes a key out. In a schema made by `allOf`, it goes to the part of its own.
"""
_SCALARS: Final[Mapping[object, _Patch]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    Secret: {"type": "string", "format": "password"},
}
_EXAMPLES: Final = {
    "date-time": "2025-01-15T10:30:00Z",
    "date": "2025-01-15",
    "ipv4": "203.0.113.20",
    "ipv6": "2001:db8::10",
}
_SECRET: Final = re.compile(r"password|passwd|secret|token|private|api_?key", re.IGNORECASE)
_STEP: Final = re.compile(r'\[\]|\["(?:[^"\\]|\\.)*"\]|\.?\*|\.?[\w-]+', re.ASCII)
_ITEM: Final = "[]"
_ENTRY: Final = "*"
# What YAML, 1.1 or 1.2, takes for nothing but text: within brackets, and on a line of its own.
_NO_TEXT: Final = r"(?!(?i:y|n|yes|no|on|off|true|false|null)$)"
_WORD: Final = re.compile(rf"{_NO_TEXT}[A-Za-z_$][\w-]*", re.ASCII)
_LINE: Final = re.compile(rf"{_NO_TEXT}[A-Za-z_$/]([\w/{{}}.,; -]*[\w}}.])?", re.ASCII)


class _CannotSayError(Exception):
    """A person has to decide what the contract should say."""


def amendment(drifts: Iterable[Drift]) -> str:
    """Return the patch for some findings, and as comments those that a person has to decide on."""
    by_subject: dict[tuple[str, ...], list[Drift]] = {}
    for each in drifts:
        by_subject.setdefault(_subject(each), []).append(each)
    patch: _Patch = {}
    undecided: list[str] = []
    for subject, found in by_subject.items():
        if any(other in by_subject for other in _same_of_bases(subject)):
            continue
        try:
            _AMEND[found[0].kind](patch, found)
        except _CannotSayError:
            undecided += [f"# To be decided: {each}\n" for each in found]
    ordered = dict(sorted(patch.items(), reverse=True))  # `paths`, then `components`
    text = "".join([*_lines(ordered, ""), *undecided])
    return _HEADER + text if text else ""


def _subject(drift: Drift) -> tuple[str, ...]:
    """Return what a finding has in common with those that change the same place of the contract."""
    owner = drift.schema or drift.operation
    match drift.kind:
        case "unknown field":
            return drift.kind, owner, _steps(drift.field)[0]
        case "missing field" if drift.schema:
            return drift.kind, owner
        case "undocumented status":
            return drift.kind, owner, drift.seen
        case _:
            return drift.kind, owner, drift.field


def _same_of_bases(subject: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what a class would inherit from its bases."""
    kind, owner, *rest = subject
    for base in getattr(models, owner, object).__mro__[1:]:
        yield (kind, base.__name__, *rest)


def _model(drift: Drift) -> Any:  # noqa: ANN401 - a class of attrs
    model = getattr(models, drift.schema, None)
    if model is None or not attrs.has(model):
        raise _CannotSayError
    return model


def _operation(drift: Drift) -> Operation[Any]:
    for each in OPERATIONS:
        if each.name == drift.operation:
            return each
    raise _CannotSayError


def _at(patch: _Patch, *keys: str) -> _Patch:
    for key in keys:
        patch = patch.setdefault(key, {})
    return patch


def _schema(patch: _Patch, drift: Drift) -> _Patch:
    """Return the part of the patch for the schema that a finding is about."""
    if drift.schema:
        return _at(patch, "components", "schemas", drift.schema)
    operation = _operation(drift)
    status = min(each for each in operation.statuses if 200 <= each < 300)
    return _at(_responses(patch, operation), str(status), "content", JSON, "schema")


def _responses(patch: _Patch, operation: Operation[Any]) -> _Patch:
    return _at(patch, "paths", operation.route, operation.method.lower(), "responses")


# What is changed, for each kind of finding.


@attrs.frozen
class _Shape:
    """What was seen of an unknown field: its JSON types, and what is in it."""

    types: dict[str, None] = attrs.field(factory=dict[str, None])
    parts: dict[str, _Shape] = attrs.field(factory=dict[str, "_Shape"])


def _add_field(patch: _Patch, found: Sequence[Drift]) -> None:
    whole = _Shape()
    for each in found:
        shape = whole
        for step in _steps(each.field):
            shape = shape.parts.setdefault(step, _Shape())
        shape.types[each.seen] = None
    ((name, shape),) = whole.parts.items()
    name = _name(name)
    operations = " and ".join(dict.fromkeys(each.operation for each in found))
    _at(_schema(patch, found[0]), "properties")[name] = {
        **_property(name, shape),
        "description": f"Not documented; seen in {operations}.",
    }


def _property(name: str, shape: _Shape) -> _Patch:
    schema = _typed(shape.types)
    kinds = schema.get("type", ())
    if "string" in kinds and _SECRET.search(name):
        schema["format"] = "password"
    elif example := _EXAMPLES.get(schema.get("format", "")):
        schema["examples"] = [example]
    parts = {step: part for step, part in shape.parts.items() if step not in {_ITEM, _ENTRY}}
    if "array" in kinds:
        schema["items"] = _property("", shape.parts.get(_ITEM, _Shape()))
    if "object" in kinds and parts:
        schema["properties"] = {_name(each): _property(_name(each), parts[each]) for each in parts}
    elif "object" in kinds and _ENTRY in shape.parts:
        schema["additionalProperties"] = _property("", shape.parts[_ENTRY])
    return schema


def _typed(seen: Iterable[str], *, is_nullable: bool = False) -> _Patch:
    """Return a schema for JSON types; without a type, which is anything, if they do not agree."""
    names = {each.partition(" ")[0] for each in seen}
    kinds = sorted(names - {"null", "integer" if "number" in names else ""})
    if not kinds or (len(kinds) > 1 and names & {"array", "object"}):
        return {}
    types = [*kinds, "null"] if is_nullable or "null" in names else kinds
    schema: _Patch = {"type": types if len(types) > 1 else types[0]}
    strings = [each for each in seen if each.startswith("string")]
    if kinds == ["string"] and len(strings) == 1 and "(" in strings[0]:
        schema["format"] = strings[0].removeprefix("string (").removesuffix(")")
    return schema


def _add_values(patch: _Patch, found: Sequence[Drift]) -> None:
    of = getattr(models, found[0].schema, None)
    if not isinstance(of, enum.EnumType) or not all(_is_exact(each.seen) for each in found):
        raise _CannotSayError
    new = dict.fromkeys(each.seen for each in found)
    values = [int(each) for each in new] if issubclass(of, OpenIntEnum) else [*new]
    known = [member.value for member in cast("type[enum.Enum]", of)]
    _schema(patch, found[0])["x-extensible-enum"] = [*known, *values]


def _loosen(patch: _Patch, found: Sequence[Drift]) -> None:
    missing = {each.field for each in found}
    model = _model(found[0])
    own = {n: each for n, each in fields_of(model).items() if n and each.owner is model}
    if not missing <= own.keys():
        raise _CannotSayError
    required = [n for n, each in own.items() if each.is_required and n not in missing]
    _schema(patch, found[0])["required"] = required or None


def _retype(patch: _Patch, found: Sequence[Drift]) -> None:
    place, of = _part(found[0])
    old, is_nullable = _without_null(of)
    seen = [each.seen for each in found]
    schema = _schema(patch, found[0])
    if seen == ["null"]:
        _at(schema, *place).update(_nullable(old))
        return
    _plain(old)  # what is several types today is for a person to change
    new = _typed(seen, is_nullable=is_nullable)
    new = {"type": new.get("type"), "format": new.get("format"), "examples": None}
    if _is_named(old):
        new |= {"$ref": None} | ({"anyOf": None, "oneOf": None} if is_nullable else {})
    elif get_origin(old) is Sequence:
        new["items"] = None
    elif get_origin(old) is Mapping:
        new["additionalProperties"] = None
    if new["type"] and "array" in new["type"]:
        new["items"] = {}
    _at(schema, *place).update(new)


def _part(drift: Drift) -> tuple[list[str], Any]:
    """Return where in its schema a value is described, and the annotation that came of it."""
    first, *further = _steps(drift.field)
    fields = fields_of(_model(drift))
    name = None if first == _ENTRY else _name(first)
    if name not in fields:
        raise _CannotSayError
    place, of = (["properties", name], fields[name].type) if name else ([], fields[None].type)
    for step in further if name else [first, *further]:
        of, _ = _without_null(of)
        if step not in {_ITEM, _ENTRY} or not get_args(of):
            raise _CannotSayError
        place.append("items" if step == _ITEM else "additionalProperties")
        of = get_args(of)[-1]
    return place, of


def _without_null(of: Any) -> tuple[Any, bool]:  # noqa: ANN401 - a type, as annotations have it
    """Return a type without its null, and whether it had one; what else it may be is kept."""
    if get_origin(of) is Annotated and get_args(of)[0] is datetime:
        return datetime, False
    if get_origin(of) not in {Union, UnionType}:
        return of, False
    kinds = [each for each in get_args(of) if each is not NoneType]
    only = _without_null(kinds[0])[0] if len(kinds) == 1 else of
    return only, NoneType in get_args(of)


def _is_named(of: object) -> bool:
    return isinstance(of, type) and (attrs.has(of) or isinstance(of, enum.EnumType))


def _plain(of: Any) -> _Patch:  # noqa: ANN401
    """Return the schema of a type that is one."""
    if _is_named(of):
        return {"$ref": f"#/components/schemas/{of.__name__}"}
    if get_origin(of) is Sequence:
        return {"type": "array", "items": _plain(get_args(of)[0])}
    if get_origin(of) is Mapping:
        return {"type": "object"}
    of, _ = _without_null(of)
    if of not in _SCALARS:
        raise _CannotSayError
    return _SCALARS[of]


def _nullable(of: Any) -> _Patch:  # noqa: ANN401
    if _is_named(of):
        return {"$ref": None, "anyOf": [_plain(of), {"type": "null"}]}
    return {"type": [_plain(of)["type"], "null"]}


def _add_status(patch: _Patch, found: Sequence[Drift]) -> None:
    operation, status = _operation(found[0]), int(found[0].seen)
    phrase = next((each.phrase for each in HTTPStatus if each == status), "Not documented")
    response: _Patch = {"description": f"{phrase}."}
    schema = _success(operation) if status < 300 else _MESSAGE
    if schema:
        response["content"] = {JSON: {"schema": schema}}
    _responses(patch, operation)[str(status)] = response


_MESSAGE: Final[_Patch] = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": "string"}},
}


def _success(operation: Operation[Any]) -> _Patch:
    """Return the schema of the answer of an operation, which one of another status has, too."""
    if operation.answer is Answer.NOTHING:
        return {}
    of = operation.returns
    if operation.answer is Answer.DATA:
        return {"type": "object", "required": ["data"], "properties": {"data": _plain(of)}}
    return _plain(of)


_AMEND: Final[Mapping[DriftKind, Callable[[_Patch, Sequence[Drift]], None]]] = {
    "unknown field": _add_field,
    "unknown value": _add_values,
    "missing field": _loosen,
    "wrong type": _retype,
    "undocumented status": _add_status,
}


# Paths.


def _steps(path: str) -> list[str]:
    """Take a path apart: names as they are or in brackets, items, and the entries of maps."""
    return [match[0].removeprefix(".") for match in _STEP.finditer(path)] or [""]


def _name(step: str) -> str:
    """Return the name that a step leads to."""
    name: str = json.loads(step[1:-1]) if step.startswith("[") else step
    if not name or not _is_exact(name):
        raise _CannotSayError
    return name


def _is_exact(text: str) -> bool:
    """Whether a text was neither cut nor escaped where it was found."""
    return not text.endswith("…") and "\\" not in text


# YAML, as much of it as is needed.


def _lines(patch: _Patch, indent: str) -> Iterator[str]:
    for key, value in patch.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{_text(key, _LINE)}:\n"
            yield from _lines(cast("_Patch", value), f"{indent}  ")
        else:
            yield f"{indent}{_text(key, _LINE)}: {_inline(cast('object', value), _LINE)}\n"


def _inline(value: object, plain: re.Pattern[str] = _WORD) -> str:
    match value:
        case str():
            return _text(value, plain)
        case dict():
            fields = cast("_Patch", value).items()
            return (
                f"{{{', '.join(f'{_text(key, _WORD)}: {_inline(each)}' for key, each in fields)}}}"
            )
        case list():
            return f"[{', '.join(map(_inline, cast('list[object]', value)))}]"
        case _:
            return json.dumps(value)


def _text(text: str, plain: re.Pattern[str]) -> str:
    return text if plain.fullmatch(text) else json.dumps(text, ensure_ascii=False)

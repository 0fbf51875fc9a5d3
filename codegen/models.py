"""Runs datamodel-code-generator: models -> the source text of their classes.

Through its public command line, with our templates. It is told every name and every default, so
that nothing it would choose by itself reaches the output, and the output is checked to be ours.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from . import naming
from .annotations import annotation, options
from .classes import Alias, Class, Enumeration, Model
from .docstrings import described, literal, prose, sentence
from .document import Json
from .objects import Property
from .types import Choice, ListOf, MapOf, Named, Nullable, OneOf, Scalar, Type, leaves, not_null

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["GeneratorError", "write_classes"]

TEMPLATES: Final = Path(__file__).parent / "templates" / "datamodel"
_OPTIONS: Final = (
    "--input-file-type=jsonschema",
    "--output-model-type=dataclasses.dataclass",
    "--target-python-version=3.11",
    "--output-datetime-class=datetime",
    "--formatters=builtin",
    "--class-name=The_Whole",  # which has a class, too, of a name that no other can have
    "--collapse-root-models",
    "--disable-warnings",
    "--field-constraints",
    "--field-include-all-keys",
    "--frozen-dataclasses",
    "--ignore-pyproject",
    "--keep-model-order",
    "--keyword-only",
    "--no-allow-remote-refs",
    "--strict-nullable",
    "--strict-refs",
    "--use-double-quotes",
    "--use-generic-container-types",
    "--use-schema-description",
)
# Where the tool takes a name from does not matter: its imports are left behind.
_NAME: Final = "unmta_async._types."
_SCALARS: Final[Mapping[Scalar, dict[str, Json]]] = {
    Scalar.STRING: {"type": "string"},
    Scalar.HOSTNAME: {"type": "string"},
    Scalar.INTEGER: {"type": "integer"},
    Scalar.NUMBER: {"type": "number"},
    Scalar.BOOLEAN: {"type": "boolean"},
    Scalar.DATE: {"type": "string", "format": "date"},
    Scalar.TIMESTAMP: {"type": "string", "customTypePath": f"{_NAME}Timestamp"},
    Scalar.MASKED: {"type": "string", "customTypePath": f"{_NAME}Secret"},
    Scalar.ANYTHING: {"type": "string", "customTypePath": f"{_NAME}object"},
}
# Printed by the templates; the text goes in afterwards, since the tool escapes descriptions.
_DOCSTRING: Final = '"""DOCSTRING"""'


class GeneratorError(Exception):
    """datamodel-code-generator failed, or did something else than it was told."""


def write_classes(schemas: Sequence[Class], renamed_data: Mapping[str, str]) -> list[str]:
    """Return the source text for each schema: classes, bases first, then what they are joined to.

    Args:
        schemas: What becomes classes.
        renamed_data: By model, the name that its property `data` gets.
    """
    aliases = {each.name: each for each in schemas if isinstance(each, Alias)}
    plans = [
        _plan(each, renamed_data.get(each.name, "data"))
        for each in schemas
        if not isinstance(each, Alias)
    ]
    classes = _parse(_run({plan.name: plan.definition for plan in plans})) if plans else {}
    if set(classes) != {plan.name for plan in plans}:
        raise GeneratorError(f"expected other classes than {sorted(classes)}")
    return [
        *(_checked(plan, classes[plan.name]) for plan in _bases_first(plans)),
        *(_alias(aliases[name]) for name in _inner_first(aliases)),
    ]


@attrs.frozen
class _Plan:
    """What the tool is told to make of a schema."""

    name: str
    base: str
    decorated: bool
    fields: tuple[tuple[str, str], ...]
    definition: Json
    docstring: str


@attrs.frozen
class _Class:
    """What the tool made: of each field its name and annotation."""

    source: str
    base: str
    decorated: bool
    fields: tuple[tuple[str, str], ...]


def _plan(schema: Model | Enumeration, data: str) -> _Plan:
    docstring = literal(described(schema.description, 4), 4)
    if isinstance(schema, Enumeration):
        members = tuple(naming.member_names(schema.values))
        is_text = isinstance(schema.values[0], str)
        definition: Json = {
            "type": "string" if is_text else "integer",
            "enum": list[Json](schema.values),
            "x-enum-varnames": list[Json](members),
        }
        fields = tuple((name, "") for name in members)
        base = "OpenEnum" if is_text else "OpenIntEnum"
        return _Plan(schema.name, base, False, fields, definition, docstring)
    annotated = dict(_fields(schema, data))
    definition = _object(schema.base, {name: each for name, (_, each) in annotated.items()})
    fields = tuple((name, _normal(printed)) for name, (printed, _) in annotated.items())
    return _Plan(schema.name, schema.base or "", True, fields, definition, docstring)


def _normal(expression: str) -> str:
    return ast.unparse(ast.parse(expression))


def _object(base: str | None, properties: dict[str, Json]) -> Json:
    own: Json = {
        "type": "object",
        "properties": properties,
        # To the tool every field is required, so that it keeps their order; `x-value` has defaults.
        "required": list[Json](properties),
    }
    if base is None:
        return own
    return {"allOf": [{"$ref": f"#/$defs/{base}"}, *([own] if properties else [])]}


def _fields(model: Model, data: str) -> Iterator[tuple[str, tuple[str, dict[str, Json]]]]:
    """Yield the fields by their Python names, which leaves the tool nothing to rename.

    Of each, how it is annotated, and how the tool is told so.
    """
    names = model.field_names(data)
    for each, name in zip(model.properties, names, strict=True):
        yield name, _field(each, name, is_sent=model.is_sent)
    if model.additional is not None:
        yield "additional", _additional(model, model.additional, names)


def _field(property_: Property, name: str, *, is_sent: bool) -> tuple[str, dict[str, Json]]:
    type_, default = property_.type, ""
    if not property_.is_required:
        default = repr(property_.default)
        if property_.default is None and not isinstance(type_, Nullable):
            type_ = Nullable(type_)
    elif is_sent:
        default = _only_value(type_)
    printed, definition = annotation(type_), _schema(type_)
    if is_sent and not property_.is_required and isinstance(property_.type, Nullable):
        printed, definition, default = *_or_unset(property_.type.of), "UNSET"
    metadata: dict[str, str | bool] = {} if name == property_.name else {"json": property_.name}
    if is_sent and property_.is_read_only:
        metadata["read_only"] = True
    if is_sent and Scalar.HOSTNAME in leaves(property_.type):
        metadata["hostname"] = True
    if metadata:
        first = f"default={default}, " if default else ""
        default = f"attrs.field({first}metadata={metadata!r})"
    extras = {"x-value": default, "x-docstring": _docstring(_words(property_))}
    return printed, {**definition, **extras}


def _or_unset(type_: Type) -> tuple[str, dict[str, Json]]:
    """Return the annotation of what may be null or missing, which says different things."""
    if type_ is Scalar.ANYTHING:
        return annotation(type_), _schema(type_)
    unset: Json = {"type": "string", "customTypePath": f"{_NAME}Unset"}
    either: dict[str, Json] = {"anyOf": [_schema(type_), unset, {"type": "null"}]}
    return f"{annotation(type_)} | Unset | None", either


def _only_value(type_: Type) -> str:
    return repr(type_.constant) if isinstance(type_, Choice) and type_.constant is not None else ""


def _words(property_: Property) -> str:
    """Return what the contract says of a property, with the one value that is known, if so."""
    only = _only_value(not_null(property_.type))
    if not only:
        return property_.description
    only = f"{only} or None" if isinstance(property_.type, Nullable) else f"Always {only}"
    return f"{sentence(property_.description)} {only}."


def _additional(model: Model, type_: Type, names: Sequence[str]) -> tuple[str, dict[str, Json]]:
    """Return the field for the values under other names, and with it what iteration yields."""
    definition: dict[str, Json] = {
        **_schema(MapOf(type_)),
        "x-value": (
            # Quoted, since that class may stand further down.
            f"attrs.field(factory=dict[str, {annotation(type_)!r}],"
            " metadata={'json': None, 'additional': True})"
        ),
        "x-docstring": _docstring("What stands under other names."),
    }
    if isinstance(type_, Named) and all(each.type == type_ for each in model.properties):
        definition["x-item"] = type_.name
        definition["x-named"] = [
            {"name": name, "is_required": each.is_required}
            for name, each in zip(names, model.properties, strict=True)
        ]
    return annotation(MapOf(type_)), definition


def _docstring(description: str) -> str:
    return literal(prose(sentence(description), indent=7), indent=4) if description else ""


def _schema(type_: Type) -> dict[str, Json]:
    match type_:
        case Scalar():
            return dict(_SCALARS[type_])
        case Choice() if type_.constant is not None:
            return dict(_SCALARS[type_.scalar])
        case Named(name) | Choice(name=name):
            return {"$ref": f"#/$defs/{name}"}
        case ListOf(item):
            return {"type": "array", "items": _schema(item)}
        case MapOf(value):
            return {"type": "object", "additionalProperties": _schema(value)}
        case Nullable(Scalar.ANYTHING):
            return _schema(Scalar.ANYTHING)
        case Nullable(inner):
            # Not `type: [..., "null"]`, of which the tool makes Any where the type is a map.
            return {"anyOf": [_schema(inner), {"type": "null"}]}
        case OneOf(name=name) if name:
            return {"type": "string", "customTypePath": f"{_NAME}{name}"}
        case OneOf():
            return {"anyOf": [_schema(each) for each in options(type_)]}


def _inner_first(aliases: Mapping[str, Alias]) -> list[str]:
    """Return the names of aliases, each behind those that it is made of."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for each in _aliases_in(OneOf(aliases[name].type.options)):
            add(each)
        ordered[name] = None

    for name in aliases:
        add(name)
    return list(ordered)


def _aliases_in(type_: Type) -> Iterator[str]:
    match type_:
        case OneOf(name=name) if name:
            yield name
        case OneOf(parts):
            for part in parts:
                yield from _aliases_in(part)
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            yield from _aliases_in(inner)
        case _:
            pass


def _alias(alias: Alias) -> str:
    """Return the definition of an alias. It stands below all classes, which it can name plainly."""
    one_of = alias.type
    value = annotation(OneOf(one_of.options))
    if one_of.tag:
        table = ", ".join(f"{value!r}: {name}" for value, name in one_of.tags)
        value = f"Annotated[{value}, Tagged({one_of.tag!r}, {{{table}}})]"
    docstring = literal(prose(sentence(alias.description), indent=3), 0)
    return f"{alias.name}: TypeAlias = {value}\n{docstring}"


def _run(definitions: dict[str, Json]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "schema.json"), Path(folder, "models.py")
        source.write_text(json.dumps(schema), encoding="utf-8")
        command = [sys.executable, "-m", "datamodel_code_generator", *_OPTIONS]
        places = [f"--input={source}", f"--output={target}", f"--custom-template-dir={TEMPLATES}"]
        result = subprocess.run(  # noqa: S603 -- our own interpreter, our own arguments
            [*command, *places], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise GeneratorError(f"datamodel-code-generator failed:\n{result.stderr.strip()}")
        return target.read_text(encoding="utf-8")


def _parse(source: str) -> dict[str, _Class]:
    """Take the classes out of the tool's module, and leave its header and imports behind."""
    lines = source.splitlines()
    return {
        node.name: _Class(
            source="\n".join(lines[_first_line(node) - 1 : node.end_lineno]),
            base=", ".join(map(ast.unparse, node.bases)),
            decorated=[ast.unparse(each) for each in node.decorator_list]
            == ["attrs.frozen(kw_only=True)"],
            fields=tuple(_fields_of(node)),
        )
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def _first_line(node: ast.ClassDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _fields_of(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotated):
                yield name, ast.unparse(annotated)
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name, ""
            case _:
                pass


def _checked(plan: _Plan, made: _Class) -> str:
    """Return the source of a class, if it is what was planned: a lost template is not reported."""
    wanted = (plan.base, plan.decorated, plan.fields)
    if (made.base, made.decorated, made.fields) != wanted:
        raise GeneratorError(f"datamodel-code-generator made something else of {plan.name}")
    return made.source.replace(_DOCSTRING, plan.docstring, 1)


def _bases_first(plans: Sequence[_Plan]) -> list[_Plan]:
    by_name = {plan.name: plan for plan in plans}
    ordered: dict[str, _Plan] = {}

    def add(plan: _Plan) -> None:
        if plan.base in by_name:
            add(by_name[plan.base])
        ordered[plan.name] = plan

    for plan in plans:
        add(plan)
    return list(ordered.values())

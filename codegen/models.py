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
from .annotations import annotation
from .classes import Enumeration, Model, Property
from .docstrings import described, literal, prose, sentence
from .document import Json
from .schemas import Choice, ListOf, MapOf, Named, Nullable, Scalar, Type

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
_SCALARS: Final[Mapping[Scalar, dict[str, Json]]] = {
    Scalar.STRING: {"type": "string"},
    Scalar.HOSTNAME: {"type": "string"},
    Scalar.INTEGER: {"type": "integer"},
    Scalar.NUMBER: {"type": "number"},
    Scalar.BOOLEAN: {"type": "boolean"},
    Scalar.DATE: {"type": "string", "format": "date"},
    Scalar.TIMESTAMP: {"type": "string", "customTypePath": "unmta_async._types.Timestamp"},
    Scalar.MASKED: {"type": "string", "customTypePath": "unmta_async.secret.Secret"},
}
# Printed by the templates; the text goes in afterwards, since the tool escapes descriptions.
_DOCSTRING: Final = '"""DOCSTRING"""'


class GeneratorError(Exception):
    """datamodel-code-generator failed, or did something else than it was told."""


def write_classes(
    schemas: Sequence[Model | Enumeration], renamed_data: Mapping[str, str]
) -> list[str]:
    """Return the source text of a class for each schema, bases first, else in the given order.

    Args:
        schemas: What becomes classes.
        renamed_data: By model, the name that its property `data` gets.
    """
    plans = [_plan(each, renamed_data.get(each.name, "data")) for each in schemas]
    classes = _parse(_run({plan.name: plan.definition for plan in plans}))
    if set(classes) != {plan.name for plan in plans}:
        raise GeneratorError(f"expected other classes than {sorted(classes)}")
    return [_checked(plan, classes[plan.name]) for plan in _bases_first(plans)]


@attrs.frozen
class _Plan:
    """What the tool is told to make of a schema."""

    name: str
    base: str
    decorated: bool
    fields: tuple[str, ...]
    definition: Json
    docstring: str


@attrs.frozen
class _Class:
    """What the tool made."""

    source: str
    base: str
    decorated: bool
    fields: tuple[str, ...]


def _plan(schema: Model | Enumeration, data: str) -> _Plan:
    docstring = literal(
        described(schema.description or " ".join(naming.words(schema.name)).capitalize(), 4), 4
    )
    if isinstance(schema, Enumeration):
        members = tuple(naming.member_names(schema.values))
        definition: Json = {
            "type": "string",
            "enum": list(schema.values),
            "x-enum-varnames": list(members),
        }
        return _Plan(schema.name, "OpenEnum", False, members, definition, docstring)
    properties = dict(_properties(schema, data))
    definition = _object(schema.base, properties)
    return _Plan(schema.name, schema.base or "", True, tuple(properties), definition, docstring)


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


def _properties(model: Model, data: str) -> Iterator[tuple[str, Json]]:
    """Yield the properties under their Python names, which leaves the tool nothing to rename."""
    names = model.field_names(data)
    for each, name in zip(model.properties, names, strict=True):
        yield name, _property(each, name)
    if model.additional is not None:
        yield "additional", _additional(model, model.additional, names)


def _property(property_: Property, name: str) -> Json:
    type_, default = property_.type, ""
    if not property_.is_required:
        default = repr(property_.default)
        if property_.default is None and not isinstance(type_, Nullable):
            type_ = Nullable(type_)
    if name != property_.name:
        first = f"default={default}, " if default else ""
        default = f"attrs.field({first}metadata={{'json': {property_.name!r}}})"
    return {**_schema(type_), "x-value": default, "x-docstring": _docstring(property_.description)}


def _additional(model: Model, type_: Type, names: Sequence[str]) -> Json:
    """Return the field for the values under other names, and with it what iteration yields."""
    schema: dict[str, Json] = {
        **_schema(MapOf(type_)),
        "x-value": (
            # Quoted, since that class may stand further down.
            f"attrs.field(factory=dict[str, '{annotation(type_)}'],"
            " metadata={'json': None, 'additional': True})"
        ),
        "x-docstring": _docstring("What stands under other names."),
    }
    if isinstance(type_, Named) and all(each.type == type_ for each in model.properties):
        schema["x-item"] = type_.name
        schema["x-named"] = [
            {"name": name, "is_required": each.is_required}
            for name, each in zip(names, model.properties, strict=True)
        ]
    return schema


def _docstring(description: str) -> str:
    return literal(prose(sentence(description), indent=7), indent=4) if description else ""


def _schema(type_: Type) -> dict[str, Json]:
    match type_:
        case Scalar():
            return dict(_SCALARS[type_])
        case Named(name):
            return {"$ref": f"#/$defs/{name}"}
        case ListOf(item):
            return {"type": "array", "items": _schema(item)}
        case MapOf(value):
            return {"type": "object", "additionalProperties": _schema(value)}
        case Nullable(inner):
            # Not `type: [..., "null"]`, of which the tool makes Any where the type is a map.
            return {"anyOf": [_schema(inner), {"type": "null"}]}
        case Choice():
            raise TypeError("an enum in a model has a name")


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
            fields=tuple(_field_names(node)),
        )
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def _first_line(node: ast.ClassDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _field_names(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name
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

"""What makes a document unfit to generate from, whatever the generator can do: errors and warnings.

What is valid OpenAPI, and only not supported here, is refused where it would be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from .docstrings import LONGEST_SUMMARY, summary
from .document import ContractError, Document, Node, Problem, step
from .schemas import FORMATS
from .structure import STRUCTURE, walk

__all__ = ["all_properties", "lint"]

_SCHEMA_KEYWORDS: Final = frozenset(STRUCTURE["schema"]) | frozenset(
    {
        "$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema",
        "$vocabulary", "const", "contentEncoding", "contentMediaType", "default",
        "dependentRequired", "deprecated", "description", "discriminator", "enum",
        "example", "examples", "exclusiveMaximum", "exclusiveMinimum", "externalDocs",
        "format", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum",
        "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf",
        "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly",
        "xml",
    }
)  # fmt: skip
_SUBSCHEMA: Final = re.compile("/(" + "|".join(map(re.escape, STRUCTURE["schema"])) + ")(/|$)")
_UPGRADE: Final = (
    'to make it 3.1: write `openapi: 3.1.0`, `type: [string, "null"]` for `nullable: true`, and'
    " `exclusiveMinimum: 1` for `minimum: 1` with `exclusiveMinimum: true`"
)
_EXTENSIONS: Final[Mapping[str, frozenset[str]]] = {
    "schema": frozenset({"x-created", "x-extensible-enum", "x-identity"}),
    "operation": frozenset({"x-method-name"}),
}


def lint(document: Document) -> list[Problem]:
    """Check a document and return the warnings.

    Raises:
        ContractError: It has errors; all of them, in the order of the file.
    """
    _require_version(document)
    # Each step relies on the ones before: nothing can be walked while a reference leads nowhere.
    _raise_errors(_references(document))
    _raise_errors(_invalid_schemas(document))
    _raise_errors(_invalid(document))
    # What is referred to may be there twice, at the same place.
    warnings = [*dict.fromkeys(_own_rules(document))]
    _raise_errors(problem for problem in warnings if not problem.is_warning)
    return sorted(warnings, key=_in_file_order)


def all_properties(schema: Node, seen: frozenset[str] = frozenset()) -> dict[str, Node]:
    """Return a schema's properties by name, those of its references and parts included."""
    schema = schema.follow()
    if schema.pointer in seen:
        schema.fail("`allOf` leads back to itself")
    seen |= {schema.pointer}
    found: dict[str, Node] = {}
    for _, part in schema.children("allOf"):
        found |= all_properties(part, seen)
    return found | dict(schema.children("properties"))


def _require_version(document: Document) -> None:
    root = document.root
    if "swagger" in root:
        root["swagger"].fail("this is a Swagger 2.0 document; convert it to OpenAPI 3.1")
    version = root.text("openapi")
    if not version:
        root.fail("this is not an OpenAPI document: `openapi: 3.1.0` is missing")
    if not re.fullmatch(r"3\.1\.\d+", version):
        root["openapi"].fail(f"OpenAPI {version} is not supported; {_UPGRADE}")


def _references(document: Document) -> Iterator[Problem]:
    for kind, node in walk(document):
        try:
            node.follow()
            if kind == "schema":
                all_properties(node)
        except ContractError as error:
            yield from error.problems


def _invalid_schemas(document: Document) -> Iterator[Problem]:
    """Check each schema by itself: the validator below tells no place within the document."""
    validator: Any = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    for kind, node in walk(document):
        if kind == "schema" and not _SUBSCHEMA.search(node.pointer):
            for error in validator.iter_errors(node.value):
                yield _located(node, error)
        if kind == "schema":
            yield from _pattern(node)


def _located(schema: Node, error: Any) -> Problem:  # noqa: ANN401 -- jsonschema has no types
    """Name the place of an error, and of several things that would have been right the first."""
    while error.context:
        error = error.context[0]
    return schema.document.problem(schema.pointer + _pointer(error.absolute_path), error.message)


def _pattern(schema: Node) -> Iterator[Problem]:
    try:
        re.compile(str(schema.value_at("pattern") or ""))
    except re.error as error:
        message = f"not a regular expression that Python knows: {error}"
        yield schema.document.problem(f"{schema.pointer}/pattern", message)


def _invalid(document: Document) -> Iterator[Problem]:
    for error in _validate(document):
        pointer, message = _pointer(error.absolute_path), error.message
        unknown = re.search(r"\((.+) (?:was|were) unexpected\)", message)
        names = re.findall(r"'([^']+)'", unknown[1]) if unknown else []
        yield from (document.problem(f"{pointer}/{step(n)}", f"unknown key `{n}`") for n in names)
        if not names:
            yield document.problem(pointer or _place(document, message, error.instance), message)


def _validate(document: Document) -> Iterator[Any]:
    """Yield the validator's errors, up to where it trips over what it has found itself."""
    errors = OpenAPIV31SpecValidator(cast("Any", document.data)).iter_errors()
    found = False
    while True:
        try:
            error = next(errors)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 -- its own, where it relies on the ones before
            if not found:
                document.root.fail(f"not valid OpenAPI: {error!r}")
            return
        found = True
        yield error


def _pointer(path: Iterable[str | int]) -> str:
    return "".join(f"/{step(str(each))}" for each in path)


def _place(document: Document, message: str, instance: object) -> str:
    """Find what the validator names in words only: an operation, or a default by its value."""
    found = re.search(r"'(\w+)' (?:operation )?in '(/[^']*)'", message)
    if found:
        return f"/paths/{step(found[2])}/{found[1]}"
    defaults = (node.get("default") for kind, node in walk(document) if kind == "schema")
    places = [node.pointer for node in defaults if node and node.value == instance]
    return min(places, default="")


def _own_rules(document: Document) -> Iterator[Problem]:
    for kind, node in walk(document):
        yield from _extensions(kind, node)
        if kind == "schema":
            yield from _schema(node)
        if kind == "operation" and not node.pointer.startswith("/webhooks/"):
            yield from _operation(node)
        yield from _first_line(kind, node)


def _extensions(kind: str, node: Node) -> Iterator[Problem]:
    known = _EXTENSIONS.get(kind, frozenset[str]())
    for key, child in node.items():
        if key.startswith("x-") and key not in known:
            message = f"nothing reads the extension `{key}` here"
            yield node.document.problem(child.pointer, message, is_warning=True)


def _first_line(kind: str, node: Node) -> Iterator[Problem]:
    """Warn of what will not fit in the first line of a docstring, where it has to."""
    key = {"operation": "summary", "tag": "description", "schema": "description"}.get(kind, "")
    is_part = kind == "schema" and not re.fullmatch("/components/schemas/[^/]+", node.pointer)
    length = len(summary(node.text(key))) if key in node and not is_part else 0
    if length > LONGEST_SUMMARY:
        message = (
            f"the first sentence has {length} characters; {LONGEST_SUMMARY} fit in a docstring"
        )
        yield node.document.problem(f"{node.pointer}/{key}", message, is_warning=True)


def _schema(schema: Node) -> Iterator[Problem]:
    wrong = schema.document.problem
    for key, child in schema.items():
        if key == "nullable":
            yield wrong(child.pointer, '`nullable` is of OpenAPI 3.0; add "null" to the `type`')
        elif key not in _SCHEMA_KEYWORDS and not key.startswith("x-"):
            yield wrong(child.pointer, f"unknown keyword `{key}`")
    yield from _format(schema)
    if "array" in _types(schema) and "items" not in schema and "prefixItems" not in schema:
        yield wrong(schema.pointer, "an array without `items`")
    known = all_properties(_whole(schema)) | all_properties(schema)
    for name in schema.strings("required"):
        if name not in known:
            yield wrong(f"{schema.pointer}/required", f"`required` names no property: `{name}`")
    for key in ("x-identity", "x-created"):
        if key in schema and schema.text(key) not in known:
            message = f"`{key}` names no property: `{schema.text(key)}`"
            yield wrong(f"{schema.pointer}/{key}", message)
    created = known.get(schema.text("x-created"))
    if created and created.follow().text("format") != "date-time":
        message = f"`{schema.text('x-created')}` is not of `format: date-time`"
        yield wrong(f"{schema.pointer}/x-created", message)


def _format(schema: Node) -> Iterator[Problem]:
    name = schema.text("format")
    if name not in {"", "binary", *FORMATS}:
        message = f"the format `{name}` is not known; it is read as if it were not there"
        yield schema.document.problem(f"{schema.pointer}/format", message, is_warning=True)


def _types(schema: Node) -> tuple[str, ...]:
    return schema.strings("type") or (str(schema.value_at("type")),)


def _whole(schema: Node) -> Node:
    """Return the schema that this is a part of by `allOf`, or itself: parts share properties."""
    parent, _, _ = schema.pointer.rpartition("/allOf/")
    return (parent and schema.document.at(parent)) or schema


def _operation(operation: Node) -> Iterator[Problem]:
    for key, what in (("tags", "a tag"), ("operationId", "an `operationId`")):
        if key not in operation:
            message = f"an operation without {what}: its name is taken from method and path"
            yield operation.document.problem(operation.pointer, message, is_warning=True)


def _raise_errors(problems: Iterator[Problem]) -> None:
    errors = sorted(problems, key=_in_file_order)
    if errors:
        raise ContractError(*dict.fromkeys(errors))


def _in_file_order(problem: Problem) -> tuple[int, str, str]:
    return problem.line, problem.pointer, problem.message

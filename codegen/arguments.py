"""Parameters and bodies of an operation -> the arguments of its method.

What a parameter or a body may be is decided here; anything else is refused by its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from . import naming
from .annotations import argument_annotation
from .classes import Property, read_properties
from .docstrings import sentence
from .schemas import (
    Choice,
    ListOf,
    Named,
    Nullable,
    Scalar,
    Type,
    leaves,
    not_null,
    read_type,
    refuse_other_keys,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .document import Json, Node

__all__ = [
    "Argument",
    "PathRule",
    "PathRules",
    "body_arguments",
    "json_schema",
    "path_argument",
    "query_arguments",
    "read_body",
]

_JSON: Final = "application/json"
_LONGEST_ID: Final = 255
_ANY_ID: Final = "[A-Za-z0-9+=,.@_-]+"  # as `client.request` has it
_PATH_SCALARS: Final = frozenset({Scalar.STRING, Scalar.HOSTNAME, Scalar.INTEGER})
_QUERY_SCALARS: Final = _PATH_SCALARS | {Scalar.NUMBER, Scalar.BOOLEAN}
_PARAMETER_KEYS: Final = frozenset(
    {"name", "in", "required", "description", "schema", "style", "explode", "example", "examples"}
)
_BODY_KEYS: Final = frozenset(
    {
        "type", "title", "description", "properties", "required", "example", "examples",
        "additionalProperties",
    }
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Argument:
    """An argument of a method, and the expression that is sent for it."""

    name: str
    json_name: str
    annotation: str
    default: str | None
    description: str
    value: str
    is_hostname: bool = False


@attrs.frozen
class PathRule:
    """A path parameter as it is checked before it is sent: a constant of `parameters`."""

    constant: str
    name: str
    pattern: str
    max_length: int
    is_hostname: bool


class PathRules:
    """The constants for path parameters: one for each rule, whatever its number of uses."""

    def __init__(self, names_taken: Iterable[str] = ()) -> None:
        self._names_taken = set(names_taken)
        self._by_key: dict[tuple[str, str, int, bool], PathRule] = {}

    @property
    def all(self) -> tuple[PathRule, ...]:
        """The rules seen so far, in the order of their first use."""
        return tuple(self._by_key.values())

    def of(self, parameter: Node) -> PathRule:
        """Return the rule for the values of a path parameter."""
        schema, name = parameter["schema"].follow(), parameter.text("name")
        longest = schema.get("maxLength")
        limit = longest.value if longest and isinstance(longest.value, int) else _LONGEST_ID
        is_hostname = read_type(parameter["schema"]) is Scalar.HOSTNAME
        key = (name, _pattern(schema), limit, is_hostname)
        if key not in self._by_key:
            same = sum(1 for known in self._by_key if known[0] == name)
            wanted = naming.constant(naming.snake(name))
            constant = naming.unique(f"{wanted}_{same + 1}" if same else wanted, self._names_taken)
            self._names_taken.add(constant)
            self._by_key[key] = PathRule(constant, *key)
        return self._by_key[key]


def path_argument(parameter: Node) -> Argument:
    """Read a path parameter, which keeps its name whatever else there is."""
    _refuse_styles(parameter, "simple", explode=False)
    name = naming.unique(naming.snake(parameter.text("name")), naming.ARGUMENT_NAMES_TAKEN)
    type_ = read_type(parameter["schema"])
    if type_ not in _PATH_SCALARS and not _is_enum(type_):
        parameter["schema"].fail(
            "not supported: a path parameter that is not a string or an integer"
        )
    return Argument(
        name=name,
        json_name=parameter.text("name"),
        annotation=argument_annotation(type_),
        default=None,
        description=_described(parameter),
        value=f"str({name})" if type_ is Scalar.INTEGER else name,
    )


def query_arguments(parameters: Iterable[Node], taken: Iterable[str]) -> tuple[Argument, ...]:
    """Read the query parameters of an operation."""
    names = {*taken, *naming.ARGUMENT_NAMES_TAKEN}
    arguments: list[Argument] = []
    for parameter in parameters:
        name = naming.unique(naming.snake(parameter.text("name")), names)
        names.add(name)
        arguments.append(_query_argument(parameter, name))
    return tuple(arguments)


def read_body(operation: Node) -> tuple[Property, ...] | None:
    """Return the properties of the body that an operation takes, or None if it takes none."""
    if "requestBody" not in operation:
        return None
    body = operation["requestBody"].follow()
    refuse_other_keys(body, frozenset({"description", "content", "required"}), where="in a body")
    schema = json_schema(body).follow()
    refuse_other_keys(schema, _BODY_KEYS, where="in a body")
    additional = schema.get("additionalProperties")
    if additional and additional.value is not False:
        additional.fail("not supported: `additionalProperties` in a body")
    if schema.value_at("type") != "object" or "properties" not in schema:
        schema.fail("not supported: a body that is not an object with `properties`")
    properties = read_properties(schema, frozenset(schema.strings("required")))
    if body.value_at("required") is not True and any(each.is_required for each in properties):
        body.fail("not supported: an optional body with required properties")
    for each in properties:
        _refuse_in_body(each)
    return properties


def body_arguments(properties: Sequence[Property], taken: Iterable[str]) -> tuple[Argument, ...]:
    """Return the arguments for the properties of a body."""
    names = {*taken, *naming.ARGUMENT_NAMES_TAKEN}
    arguments: list[Argument] = []
    for each in properties:
        name = naming.unique(naming.snake(each.name), names)
        names.add(name)
        arguments.append(_body_argument(each, name))
    return tuple(arguments)


def json_schema(holder: Node) -> Node:
    """Return the schema of the JSON that a body or an answer holds."""
    keys = frozenset({"schema", "example", "examples"})
    for media, node in holder.children("content"):
        if media != _JSON:
            node.fail(f"not supported: the media type `{media}`")
        refuse_other_keys(node, keys, where="in a media type")
    return holder["content"][_JSON]["schema"]


def _pattern(schema: Node) -> str:
    """Return the allow-list for a value in the path, which is to match as a whole."""
    if "enum" in schema:
        return "|".join(re.escape(value) for value in schema.strings("enum"))
    if schema.value_at("type") == "integer":
        return "-?[0-9]+"
    pattern = schema.text("pattern")
    if not pattern:
        return _ANY_ID
    if not (pattern.startswith("^") and pattern.endswith("$") and "|" not in pattern):
        schema["pattern"].fail("not supported: a `pattern` of a path parameter that is not `^…$`")
    return pattern[1:-1]


def _query_argument(parameter: Node, name: str) -> Argument:
    _refuse_styles(parameter, "form", explode=True)
    schema = parameter["schema"]
    type_ = read_type(schema)
    inner = type_.item if isinstance(type_, ListOf) else type_
    if not _is_enum(inner) and inner not in _QUERY_SCALARS:
        schema.fail(
            "not supported: a query parameter that is not a string, number, boolean or enum"
        )
    default, printed = schema.get("default"), argument_annotation(type_)
    is_required = parameter.value_at("required") is True
    return Argument(
        name=name,
        json_name=parameter.text("name"),
        annotation=printed if is_required else f"{printed} | None",
        default=None if is_required else "None",
        description=_with_default(_described(parameter), default.value if default else None),
        value=name,
        is_hostname=_is_hostname(type_),
    )


def _is_enum(type_: Type) -> bool:
    return isinstance(type_, Choice) or (isinstance(type_, Named) and type_.is_enum)


def _is_hostname(type_: Type) -> bool:
    """Whether a value is a domain name or a list of them, to be written as the wire has it."""
    value = not_null(type_)
    return (not_null(value.item) if isinstance(value, ListOf) else value) is Scalar.HOSTNAME


def _refuse_styles(parameter: Node, style: str, *, explode: bool) -> None:
    refuse_other_keys(parameter, _PARAMETER_KEYS, where="in a parameter")
    if parameter.text("style") not in {"", style}:
        parameter["style"].fail(f"not supported: the parameter style `{parameter.text('style')}`")
    given = parameter.get("explode")
    if given is not None and given.value is not explode:
        given.fail(f"not supported: `explode: {str(given.value).lower()}` here")


def _described(parameter: Node) -> str:
    return parameter.text("description") or _fallback(parameter.text("name"))


def _fallback(name: str) -> str:
    return f"The {' '.join(naming.words(name))}."


def _refuse_in_body(property_: Property) -> None:
    for leaf in leaves(property_.type):
        if leaf is Scalar.MASKED:
            property_.node.fail("not supported: `format: password` in a body")
        if isinstance(leaf, Named) and not leaf.is_enum:
            property_.node.fail("not supported: an object inside of a body")
        if leaf is Scalar.HOSTNAME and not _is_hostname(property_.type):
            property_.node.fail(
                "not supported: `format: idn-hostname` inside of a map or of a list in a list"
            )


def _body_argument(property_: Property, name: str) -> Argument:
    printed, default = argument_annotation(property_.type), None
    if not property_.is_required and isinstance(property_.type, Nullable):
        printed, default = f"{argument_annotation(property_.type.of)} | Unset | None", "UNSET"
    elif not property_.is_required:
        printed, default = f"{printed} | None", "None"
    description = property_.description or _fallback(property_.name)
    return Argument(
        name=name,
        json_name=property_.name,
        annotation=printed,
        default=default,
        description=_with_default(description, property_.default),
        value=name,
        is_hostname=_is_hostname(property_.type),
    )


def _with_default(description: str, default: Json) -> str:
    """Add what the server takes for a value that is not given. It is documentation, never sent."""
    return description if default is None else f"{sentence(description)} {default!r} if not given."

"""Parameters and bodies of an operation -> the arguments of its method.

What a parameter or a body may be is decided here; anything else is refused by its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from . import naming
from .annotations import argument_annotation
from .docstrings import sentence
from .media import Media
from .media import taken as taken_media
from .objects import Property, read_object
from .schemas import ANNOTATIONS, CONSTRAINTS, is_model, object_parts, read_type, refuse_other_keys
from .types import Choice, ListOf, Named, Nullable, Scalar, Type, leaves, not_null

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .document import Json, Node

__all__ = [
    "Argument",
    "Body",
    "PathRule",
    "PathRules",
    "body_arguments",
    "path_arguments",
    "read_body",
    "text_arguments",
]

_LONGEST_ID: Final = 255
_ANY_ID: Final = "[A-Za-z0-9+=,.@_-]+"  # as `client.request` has it
_PATH_SCALARS: Final = frozenset({Scalar.STRING, Scalar.HOSTNAME, Scalar.INTEGER, Scalar.DATE})
_TEXT_SCALARS: Final = _PATH_SCALARS | {Scalar.NUMBER, Scalar.BOOLEAN, Scalar.TIMESTAMP}
_PARAMETER_KEYS: Final = frozenset(
    {
        "name", "in", "required", "description", "deprecated", "schema", "style", "explode",
        "example", "examples",
    }
)  # fmt: skip
_STYLES: Final = {"path": "simple", "query": "form", "header": "simple"}
# What the client sets itself; the rest of the list is the caller's to set for a call.
_OWN_HEADERS: Final = re.compile(
    "accept|authorization|connection|content-(encoding|length|type)|expect|host|te|trailer"
    "|transfer-encoding|upgrade|user-agent|cookie",
    re.IGNORECASE,
)
_BODY_KEYS: Final = (
    ANNOTATIONS | CONSTRAINTS | {"type", "properties", "required", "additionalProperties", "allOf"}
)


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
    is_joined: bool = False


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
        schema, name = parameter["schema"], parameter.text("name")
        type_ = read_type(schema)
        limits = [each.value for each in _keyword(schema, "maxLength")]
        limit = min((each for each in limits if isinstance(each, int)), default=_LONGEST_ID)
        key = (name, _pattern(schema, type_), limit, type_ is Scalar.HOSTNAME)
        if key not in self._by_key:
            same = sum(1 for known in self._by_key if known[0] == name)
            wanted = naming.constant(naming.snake(name))
            constant = naming.unique(f"{wanted}_{same + 1}" if same else wanted, self._names_taken)
            self._names_taken.add(constant)
            self._by_key[key] = PathRule(constant, *key)
        return self._by_key[key]


@attrs.frozen(kw_only=True)
class Body:
    """What an operation sends: an object by its properties, or anything else as it is."""

    media_type: str
    is_required: bool
    type: Type | None = None
    description: str = ""
    properties: tuple[Property, ...] = ()

    @property
    def nullable(self) -> tuple[str, ...]:
        """The properties whose None is sent as null."""
        return tuple(each.name for each in self.properties if isinstance(each.type, Nullable))


def path_arguments(parameters: Iterable[Node]) -> tuple[Argument, ...]:
    """Read the path parameters, which keep their names whatever else there is."""
    names = set(naming.ARGUMENT_NAMES_TAKEN)
    arguments: list[Argument] = []
    for parameter in parameters:
        arguments.append(_path_argument(parameter, names))
        names.add(arguments[-1].name)
    return tuple(arguments)


def text_arguments(parameters: Iterable[Node], taken: Iterable[str]) -> tuple[Argument, ...]:
    """Read the parameters in query or header."""
    names = {*taken, *naming.ARGUMENT_NAMES_TAKEN}
    arguments: list[Argument] = []
    for parameter in parameters:
        arguments.append(_text_argument(parameter, names))
        names.add(arguments[-1].name)
    return tuple(arguments)


def read_body(operation: Node) -> Body | None:
    """Return what an operation takes as its body, or None if it takes none."""
    if "requestBody" not in operation:
        return None
    body = operation["requestBody"].follow()
    refuse_other_keys(body, frozenset({"content", "description", "required"}), where="in a body")
    media = taken_media(body)
    if not media.is_json:
        media.node.fail(f"not supported: the media type `{media.name}` of a body")
    schema, is_required = media.node["schema"], body.value_at("required") is True
    if not is_model(schema.follow()):
        return _whole_body(body, media, schema, is_required=is_required)
    for part in object_parts(schema):
        refuse_other_keys(part, _BODY_KEYS, where="in a body")
        additional = part.get("additionalProperties")
        if additional and additional.value is not False:
            additional.fail("not supported: `additionalProperties` in a body")
    properties = tuple(each for each in read_object(schema) if not each.is_read_only)
    for each in properties:
        _refuse_in_body(each.node, each.type)
    return Body(media_type=media.name, is_required=is_required, properties=properties)


def body_arguments(body: Body, taken: Iterable[str]) -> tuple[Argument, ...]:
    """Return the arguments for a body: one for each property, or one for all of it."""
    names = {*taken, *naming.ARGUMENT_NAMES_TAKEN}
    if body.type is not None:
        return (_whole_argument(body, body.type, naming.unique("body", names)),)
    arguments: list[Argument] = []
    for each in body.properties:
        name = naming.unique(naming.snake(each.name), names)
        names.add(name)
        arguments.append(_body_argument(each, name, is_required=body.is_required))
    return tuple(arguments)


def _whole_body(body: Node, media: Media, schema: Node, *, is_required: bool) -> Body:
    type_ = read_type(schema)
    if isinstance(type_, Nullable):
        schema.fail("not supported: a body that may be null")
    if any(leaf is Scalar.HOSTNAME for leaf in leaves(type_)):
        schema.fail("not supported: `format: idn-hostname` in a body that is not an object")
    _refuse_in_body(schema, type_)
    described = schema.text("description") or body.text("description") or "The body."
    return Body(media_type=media.name, is_required=is_required, type=type_, description=described)


def _whole_argument(body: Body, type_: Type, name: str) -> Argument:
    printed = argument_annotation(type_)
    return Argument(
        name=name,
        json_name="",
        annotation=printed if body.is_required else f"{printed} | None",
        default=None if body.is_required else "None",
        description=body.description,
        value=name,
    )


def _path_argument(parameter: Node, names: Iterable[str]) -> Argument:
    _refuse_styles(parameter)
    name = naming.unique(naming.snake(parameter.text("name")), names)
    type_ = read_type(parameter["schema"])
    if type_ not in _PATH_SCALARS and not _is_enum(type_):
        parameter["schema"].fail(
            "not supported: a path parameter that is not a string, an integer or a date"
        )
    is_text = type_ in {Scalar.STRING, Scalar.HOSTNAME} or _is_enum_of_strings(type_)
    return Argument(
        name=name,
        json_name=parameter.text("name"),
        annotation=argument_annotation(type_),
        default=None,
        description=_described(parameter),
        value=name if is_text else f"str({name})",
    )


def _keyword(schema: Node, key: str) -> list[Node]:
    """Return what stands under a key of a schema, of what it refers to and of its parts."""
    parts = [part for _, part in schema.children("allOf")]
    found = [schema[key]] if key in schema else []
    if "$ref" in schema:
        parts.append(schema.follow())
    return found + [each for part in parts for each in _keyword(part, key)]


def _pattern(schema: Node, type_: Type) -> str:
    """Return the allow-list for a value in the path, which is to match as a whole."""
    choices = [*_keyword(schema, "enum"), *_keyword(schema, "const")]
    if choices:
        values = [each.value for node in choices for _, each in node.items()]
        return "|".join(re.escape(str(value)) for value in values or [choices[0].value])
    if type_ is Scalar.INTEGER:
        return "-?[0-9]+"
    if type_ is Scalar.DATE:
        return "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    patterns = {each.value: each for each in _keyword(schema, "pattern")}
    if not patterns:
        return _ANY_ID
    (pattern, node), *more = patterns.items()
    if more:
        more[0][1].fail("not supported: a second `pattern` of one path parameter")
    if not isinstance(pattern, str) or not _is_anchored(pattern):
        node.fail("not supported: a `pattern` of a path parameter that is not `^…$`")
    return pattern[1:-1]


def _is_anchored(pattern: str) -> bool:
    """Whether a regular expression is for the whole of a value; `^a|b$` is not."""
    bare = re.sub(r"\\.", "", pattern)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    while (inner := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = inner
    return bare.startswith("^") and bare.endswith("$") and "|" not in bare


def _text_argument(parameter: Node, names: Iterable[str]) -> Argument:
    _refuse_styles(parameter)
    place, json_name, schema = parameter.text("in"), parameter.text("name"), parameter["schema"]
    if place == "header" and _OWN_HEADERS.fullmatch(json_name):
        parameter["name"].fail(f"the header `{json_name}` is set by the client itself")
    type_ = not_null(read_type(schema))
    inner = not_null(type_.item) if isinstance(type_, ListOf) else type_
    if not _is_enum(inner) and inner not in _TEXT_SCALARS:
        schema.fail(
            f"not supported: a {place} parameter that is not a string, number, boolean, date, time"
            " or enum, or a list of them"
        )
    if place == "header" and inner is Scalar.HOSTNAME:
        schema.fail("not supported: `format: idn-hostname` in a header")
    printed = argument_annotation(type_)
    is_required = parameter.value_at("required") is True
    name = naming.unique(naming.snake(json_name), names)
    explode = parameter.get("explode")
    default = next(iter(_keyword(schema, "default")), None)
    return Argument(
        name=name,
        json_name=json_name,
        annotation=printed if is_required else f"{printed} | None",
        default=None if is_required else "None",
        description=_with_default(_described(parameter), default.value if default else None),
        value=name,
        is_hostname=_is_hostname(type_),
        is_joined=explode is not None and explode.value is False and isinstance(type_, ListOf),
    )


def _is_enum(type_: Type) -> bool:
    return isinstance(type_, Choice) or (isinstance(type_, Named) and type_.is_enum)


def _is_enum_of_strings(type_: Type) -> bool:
    match type_:
        case Choice():
            return type_.scalar is Scalar.STRING
        case Named():
            return type_.values is Scalar.STRING
        case _:
            return False


def _is_hostname(type_: Type) -> bool:
    """Whether a value is a domain name or a list of them, to be written as the wire has it."""
    value = not_null(type_)
    return (not_null(value.item) if isinstance(value, ListOf) else value) is Scalar.HOSTNAME


def _refuse_styles(parameter: Node) -> None:
    keys = _PARAMETER_KEYS | {
        key for key in ("allowReserved", "allowEmptyValue") if parameter.value_at(key) is False
    }
    refuse_other_keys(parameter, keys, where="in a parameter")
    style = parameter.text("style")
    if style not in {"", _STYLES[parameter.text("in")]}:
        parameter["style"].fail(f"not supported: the parameter style `{style}`")


def _described(node: Node) -> str:
    words = node.text("description") or f"The {' '.join(naming.words(node.text('name')))}."
    return f"Deprecated. {words}" if node.value_at("deprecated") is True else words


def _refuse_in_body(node: Node, type_: Type) -> None:
    for leaf in leaves(type_):
        if leaf is Scalar.HOSTNAME and not _is_hostname(type_):
            node.fail(
                "not supported: `format: idn-hostname` inside of a map or of a list in a list"
            )


def _body_argument(property_: Property, name: str, *, is_required: bool) -> Argument:
    printed, default = argument_annotation(property_.type), None
    has_to_be_given = property_.is_required and is_required
    if not has_to_be_given and isinstance(property_.type, Nullable):
        printed, default = f"{argument_annotation(property_.type.of)} | Unset | None", "UNSET"
    elif not has_to_be_given:
        printed, default = f"{printed} | None", "None"
    words = property_.description or f"The {' '.join(naming.words(property_.name))}."
    if property_.is_required and not is_required:
        words = f"{sentence(words)} Needed if there is a body."
    return Argument(
        name=name,
        json_name=property_.name,
        annotation=printed,
        default=default,
        description=_with_default(words, property_.default),
        value=name,
        is_hostname=_is_hostname(property_.type),
    )


def _with_default(description: str, default: Json) -> str:
    """Add what the server takes for a value that is not given. It is documentation, never sent."""
    return description if default is None else f"{sentence(description)} {default!r} if not given."

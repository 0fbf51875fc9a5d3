"""The names of the output: words of the contract -> Python names. Knows no OpenAPI."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ARGUMENT_NAMES_TAKEN",
    "CLASS_NAMES_TAKEN",
    "FIELD_NAMES_TAKEN",
    "METHOD_NAMES_TAKEN",
    "RESOURCE_NAMES_TAKEN",
    "class_name",
    "constant",
    "fallback_method_name",
    "field_names",
    "has_partial_segment",
    "iterate_name",
    "member_names",
    "method_name",
    "model_name",
    "pascal",
    "path_names",
    "plural",
    "snake",
    "static_segments",
    "unique",
    "words",
]

# What the body of a generated method needs under its own name.
ARGUMENT_NAMES_TAKEN: Final = frozenset(
    {"self", "timeout", "headers", "first", "item", "send", "str"}
)

# An annotation below a field of that name would mean the field; `self` and `attrs` break the class.
FIELD_NAMES_TAKEN: Final = frozenset(
    {"self", "attrs", "bool", "date", "dict", "float", "int", "object", "str"}
)

# The same for a method, whose class has annotations too.
METHOD_NAMES_TAKEN: Final = FIELD_NAMES_TAKEN | {"bytes", "datetime", "deprecated"}

# What the generated modules import, and what they define beside models and resources.
CLASS_NAMES_TAKEN: Final = frozenset(
    {
        "Annotated", "Answer", "Any", "AsyncIterator", "Final", "Iterator", "Literal", "Look",
        "Mapping", "OpenEnum", "OpenIntEnum", "Operation", "Page", "PageBody", "PathParameter",
        "Resources", "Secret", "Sequence", "Tagged", "Timeout", "Timestamp", "Transport",
        "TypeAlias", "Unset",
    }
)  # fmt: skip

# Modules beside the resources', and what the client that carries the resources is made of.
RESOURCE_NAMES_TAKEN: Final = frozenset(
    {"models", "parameters", "transport", "close", "request", "with_options"}
)

_CONSTANTS_TAKEN: Final = frozenset({"OPERATIONS", "TYPE_CHECKING", "UNSET"})
_MEMBERS_TAKEN: Final = frozenset({"MRO", "NAME", "VALUE"})
_VERBS: Final = {"post": "create", "put": "update", "patch": "update", "delete": "delete"}


def words(text: str) -> list[str]:
    """Split a name of any style: `listDKIMKeys`, `list-dkim_keys` -> list, dkim, keys."""
    text = unicodedata.normalize("NFKC", text)  # as Python does with the names in its source
    text = re.sub(r"([A-Z]+)([A-Z][a-z])|([a-z0-9])([A-Z])", r"\1\3_\2\4", text)
    return [part.lower() for part in re.split(r"[\W_]+", text) if part]


def snake(text: str) -> str:
    """Return a name for a field, argument or module: no keyword, no underscore in front."""
    name = "_".join(words(text)) or "field"
    if not name.isidentifier():
        name = f"field_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def class_name(text: str) -> str:
    """Return the name of the class for a tag."""
    return "".join(word.capitalize() for word in words(text))


def pascal(text: str) -> str:
    """Return a name in the style of classes, as it is if it has that style.

    Capitals alone are the style of constants, which a class of that name would hide.
    """
    is_one = re.fullmatch(r"[A-Z][A-Za-z0-9]*", text) and not text.isupper()
    return text if is_one else class_name(text)


def model_name(text: str) -> str:
    """Return the name of the class for a schema; what is taken gets `Model` behind."""
    name = pascal(text)
    if not name.isidentifier():
        name = f"Model{name}"
    return f"{name}Model" if name in CLASS_NAMES_TAKEN or hasattr(builtins, name) else name


def constant(method: str) -> str:
    """Return the name of the constant that describes a method's operation."""
    name = method.rstrip("_").upper()
    return f"{name}_" if name in _CONSTANTS_TAKEN else name


def method_name(operation_id: str, tag: str) -> str:
    """Return the words of the id without those of the tag, in the singular or the plural."""
    own = {form for word in words(tag) for form in (word, plural(word))}
    rest = [word for word in words(operation_id) if not {word, plural(word)} & own]
    return snake("_".join(rest or words(operation_id)))


def fallback_method_name(http_method: str, route: str, tag: str) -> str:
    """Return a name for an operation without an id: a verb, and what the path ends in."""
    verb = _VERBS.get(http_method, "get" if route.endswith("}") else "list")
    return method_name("_".join([verb, *static_segments(route)[-1:]]), tag)


def static_segments(route: str) -> list[str]:
    """Return the parts of a path that are no parameters."""
    return [part for part in route.split("/") if part and "{" not in part]


def path_names(route: str) -> list[str]:
    """Return the names of the parameters in a path."""
    return re.findall(r"\{([^}]*)\}", route)


def has_partial_segment(route: str) -> bool:
    """Whether a parameter shares its segment of a path, as in `/files/{name}.json`."""
    return any("{" in part and not re.fullmatch(r"\{[^{}]*\}", part) for part in route.split("/"))


def iterate_name(method: str) -> str:
    """Return the name of what walks all pages of a method: `list_x` -> `iterate_x`."""
    return "_".join(["iterate", *(word for word in words(method) if word != "list")])


def field_names(json_names: Iterable[str], taken: Iterable[str]) -> list[str]:
    """Return the names of fields; of two that become one, that in the style of Python keeps it."""
    wanted = {name: snake(name) for name in json_names}
    names: dict[str, str] = {}
    for name in sorted(wanted, key=lambda each: each != wanted[each]):
        names[name] = unique(wanted[name], {*taken, *names.values()})
    return [names[name] for name in wanted]


def member_names(values: Iterable[str | float]) -> list[str]:
    """Return the upper-case names of an enum's members; equal ones get underscores behind."""
    names: list[str] = []
    for value in values:
        text = value if isinstance(value, str) else str(value).replace("-", "minus ")
        name = "_".join(words(text)).upper() or ("VALUE" if text else "EMPTY")
        name = name if name.isidentifier() else f"VALUE_{name}"
        names.append(unique(f"{name}_" if name in _MEMBERS_TAKEN else name, names))
    return names


def plural(name: str) -> str:
    """Return the name for several of something."""
    if re.search(r"[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search(r"(s|x|ch|sh)$", name) else f"{name}s"


def unique(name: str, taken: Iterable[str]) -> str:
    """Return the name with as many underscores behind as it takes to be none of the taken ones."""
    names = frozenset(taken)
    while name in names:
        name += "_"
    return name

"""A deletion, and the operations beside it -> how to see whether it has happened: `Look`.

No look is better than one that deceives: what needs more than the deletion was called with, or may
not show all, is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from .annotations import annotation
from .classes import extension, find_field
from .types import ListOf, Named, Nullable, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .operations import Method

__all__ = ["Look", "look_of"]


@attrs.frozen(kw_only=True)
class Look:
    """The operation to look with, and the fields of the resource that it shows."""

    constant: str
    identity: str | None = None
    created: str | None = None


def look_of(deletion: Method, others: Iterable[Method]) -> Look | None:
    """Return how to see whether a deletion has happened: by its own path, else in the list above.

    The others are those of the same tag, whose constants are in the same module.
    """
    if deletion.http_method != "DELETE" or deletion.query or deletion.sends:
        return None
    above, _, last = deletion.route.rpartition("/")
    known = [each for each in others if each.http_method == "GET" and _follows(each, deletion)]
    by_path = (_by_path(each) for each in known if each.route == deletion.route)
    in_list = (_in_list(each) for each in known if each.route == above and last.startswith("{"))
    return next((look for look in (*by_path, *in_list) if look), None)


def _follows(get: Method, deletion: Method) -> bool:
    """Whether what a deletion was called with is enough, and sure to be valid, for a GET."""
    return deletion.rules[: len(get.rules)] == get.rules and not any(
        each.default is None for each in get.keywords
    )


def _by_path(get: Method) -> Look | None:
    """Look at the resource itself, by what it shows; a list would be there without its items."""
    answer = get.answer
    if answer.data is None or isinstance(answer.data, ListOf | Nullable) or answer.is_optional:
        return None
    # Where the answer is more than the resource, the time of its making is further in.
    is_resource = answer.value == annotation(answer.data)
    created = _created(answer.data) if is_resource and isinstance(answer.data, Named) else None
    return Look(constant=get.constant, created=created)


def _in_list(get: Method) -> Look | None:
    """Look for the resource among all; a list that takes parameters may leave some out."""
    match get.answer.data:
        case ListOf(Named() as item) if not get.query and not get.answer.is_optional:
            is_list = get.answer.value == annotation(ListOf(item))
            identity = _identity(item) if is_list else None
        case _:
            return None
    look = Look(constant=get.constant, identity=identity, created=_created(item))
    return look if identity else None


def _identity(item: Named) -> str | None:
    """Return the field that names a resource, if it is always there to be compared with a path."""
    property_name = extension(item.node, "x-identity")
    if not property_name:
        return None
    field, property_ = find_field(item.node, property_name)
    is_text = property_.type in {Scalar.STRING, Scalar.HOSTNAME}
    return field if is_text and property_.is_required else None


def _created(resource: Named) -> str | None:
    """Return the field that tells when a resource came to be."""
    property_name = extension(resource.node, "x-created")
    return find_field(resource.node, property_name)[0] if property_name else None

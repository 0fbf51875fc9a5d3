"""Names: domain names as they go over the wire, and whether two names are one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import cast

import idna

from .errors import UsageError, printable

__all__ = ["a_label_form", "a_label_forms", "is_same_name"]


def a_label_form(name: str) -> str:
    """Return a domain name in lower case, its international labels as `xn--…` (UTS 46).

    Whether a name in ASCII makes sense is left to the API.

    Raises:
        UsageError: It has characters that no domain name can have.
    """
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode()
    except UnicodeError as error:
        wrong = printable(str(error))
    raise UsageError(f"{printable(repr(name))} is not a domain name: {wrong}")


def a_label_forms(value: object) -> object:
    """Return a domain name, or a list or map of such, in that form; anything else as it is."""
    if isinstance(value, str):
        return a_label_form(value)
    if isinstance(value, Mapping):
        named = cast("Mapping[object, object]", value)
        return {key: a_label_forms(each) for key, each in named.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return list(map(a_label_forms, cast("Sequence[object]", value)))
    return value


def is_same_name(shown: str, sent: str) -> bool:
    """Whether the name that an answer shows is the one that was sent."""
    if shown == sent or shown.casefold() == sent.casefold():
        return True
    with contextlib.suppress(UsageError):
        return not shown.isascii() and a_label_form(shown) == sent.casefold()
    return False

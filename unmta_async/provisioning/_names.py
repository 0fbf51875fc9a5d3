"""Names as they are compared: what two spellings of the same thing have in common."""

from __future__ import annotations

from contextlib import suppress

from .._hostname import a_label_form
from ..errors import UsageError
from .manifest._names import NameFault, address

__all__ = ["address_key", "domain_key"]


def domain_key(name: str) -> str:
    """Return what names of the same domain have in common; nonsense is returned as it is."""
    if name.isascii():  # nearly every one, of a hundred thousand perhaps
        return name.lower().removesuffix(".")
    with suppress(UsageError):
        return a_label_form(name).removesuffix(".")
    return name


def address_key(text: str) -> str:
    """Return what spellings of the same address or range have in common; likewise."""
    with suppress(NameFault):
        return address(text)
    return text

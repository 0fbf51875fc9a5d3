"""`Secret`: a string that does not show itself. A leaf: it imports nothing of ours."""

from __future__ import annotations

import hmac
from typing import Final, NoReturn, final

__all__ = ["MASK", "Secret"]

MASK: Final = "**********"
"""What stands for a secret wherever one is printed."""


@final
class Secret:
    """A string that prints as asterisks; `reveal()` gives the value.

    Two secrets are compared in constant time. A secret can be hashed and copied, not pickled, and
    `json.dumps` refuses it.
    """

    __slots__ = ("_value",)

    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """Return the value in the clear."""
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __format__(self, format_spec: str, /) -> str:
        return format(MASK, format_spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret cannot be changed; make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret cannot be changed; make a new one")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: pass on what reveal() gives, if that is meant")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")

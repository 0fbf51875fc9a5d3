"""What two rules for a value in a path make of it: found by trying, so with an example."""

from __future__ import annotations

import itertools
import re
import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .surface import PathRule

__all__ = ["only_taken_by"]

_CHARACTERS: Final = string.ascii_letters + string.digits + string.punctuation + " é"
# One of each kind that patterns tell apart.
_KINDS: Final = "aZ0-_.:@/"
_WORDS: Final = ("example.com", "a.example.com", "xn--bcher-kva.example", "203.0.113.5", "a" * 64)
_LONGEST: Final = 1024


def only_taken_by(rule: PathRule, other: PathRule) -> str | None:
    """Return a value that only the first of two rules takes, None if none was found."""
    tried = _candidates(rule, other)
    return next((each for each in tried if rule.takes(each) and not other.takes(each)), None)


def _candidates(rule: PathRule, other: PathRule) -> Iterator[str]:
    yield from _CHARACTERS
    yield from map("".join, itertools.product(_CHARACTERS, repeat=2))
    for length in (3, 4):
        yield from map("".join, itertools.product(_KINDS, repeat=length))
    yield from _WORDS
    for each in (rule, other):
        yield from (re.sub(r"\\(.)", r"\1", part) for part in each.pattern.split("|"))
    longest = (min(each.max_length, _LONGEST) for each in (rule, other))
    for length in (*range(1, 41), *longest):
        yield from (character * length for character in "a0Z")
        yield ("abc." * length)[:length].rstrip(".")

"""A change as those who call the client see it."""

from __future__ import annotations

import enum

import attrs

__all__ = ["Change", "Level"]


class Level(enum.IntEnum):
    """What a change is to a caller, the worst first."""

    BREAKING = 0
    ADDITIVE = 1
    COSMETIC = 2


@attrs.frozen
class Change:
    """One change.

    Attributes:
        level: What it is to a caller.
        place: Where it is, such as `domains.create(name)` or `models.Domain.status`.
        what: What happened there.
        was: The code, or the words, of before; empty if there was nothing.
        now: The same of now.
        before: How a caller wrote it.
        after: How to write it now.
        hint: What to know beside it.
    """

    level: Level
    place: str
    what: str
    was: str = ""
    now: str = ""
    before: str = ""
    after: str = ""
    hint: str = ""

"""What changes ask of the version, by the rule of CHANGELOG.md.

Semantic versioning, and before 1.0 a minor version may break callers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from .changes import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .changes import Change

__all__ = ["Verdict", "Version", "judge"]


@attrs.frozen(order=True)
class Version:
    """The three numbers of a version."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def read(cls, text: str) -> Version:
        """Read a version; what follows the numbers, as in `1.0.0rc1`, does not count.

        Raises:
            ValueError: It does not begin with a number.
        """
        match = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
        if match is None:
            raise ValueError(text)
        return cls(*(int(each or 0) for each in match.groups()))

    def after(self, level: Level) -> Version:
        """Return the least version that may bring changes of a level."""
        worst = level is Level.BREAKING
        if worst and self.major:
            return Version(self.major + 1, 0, 0)
        if worst or (level is Level.ADDITIVE and self.major):
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)


@attrs.frozen
class Verdict:
    """What the changes since a version ask for, and whether the present version is enough.

    Attributes:
        base: The version that they are compared with.
        now: The present version.
        asked: The least version for them.
        is_matched: Whether the breaks among them, if any, are told by the version.
    """

    base: Version
    now: Version
    asked: Version
    is_matched: bool


def judge(changes: Sequence[Change], base: Version, now: Version) -> Verdict:
    """Return what changes ask for; only a break insists on it."""
    level = min((each.level for each in changes), default=None)
    asked = base if level is None else base.after(level)
    return Verdict(base, now, asked, is_matched=level is not Level.BREAKING or now >= asked)

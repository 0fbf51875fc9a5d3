"""What a reader makes of a file: mappings, lists and strings, and where they stand in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from ._faults import Lines, Note

__all__ = ["DEEPEST", "Document", "Unreadable"]

DEEPEST: Final = 20
"""Mappings and lists within each other, at most; a manifest needs six."""


class Unreadable(Exception):  # noqa: N818 - a file that breaks off, as a reader tells it
    """A text that is not of its format, from some line on."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(line, message)
        self.line = line
        self.message = message


@attrs.frozen(kw_only=True)
class Document:
    """The content of a file.

    Attributes:
        tree: Mappings, lists, strings, booleans, numbers and None.
        lines: Gives the line of each key and value by its path. It is called only if there is
            something to say, and may read the text anew.
        faults: What the reader itself found.
    """

    tree: object
    lines: Callable[[], Lines]
    faults: Sequence[Note] = ()

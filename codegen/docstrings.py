"""The contract's words -> docstrings that keep to the line length. Knows no OpenAPI."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "LINE_LENGTH",
    "LONGEST_SUMMARY",
    "described",
    "entry",
    "hanging",
    "literal",
    "prose",
    "sentence",
    "summary",
]

LINE_LENGTH: Final = 100
# What fits in the first line of a method's docstring, which is the one that is in furthest.
LONGEST_SUMMARY: Final = LINE_LENGTH - 8 - len('"""')
_LIST_ITEM: Final = re.compile(r"\s*([-*+]|\d+[.)])\s")
_CODE: Final = re.compile(r"`[^`]*`")
_NO_BREAK: Final = "\0"


def literal(text: str, indent: int) -> str:
    """Return the literal of a docstring that starts at a column; later lines are indented to it."""
    prefix = "r" if "\\" in text else ""
    text = re.sub(r"\n{3,}", "\n\n", text.strip()).replace('"""', "'''")
    if text.endswith(('"', "\\")):
        text += " "  # which would run into the quotes that end the literal
    lines = [f"{' ' * indent}{line}".rstrip() for line in text.splitlines()]
    if len(lines) > 1:
        lines.append(" " * indent)
    body = "\n".join(lines).removeprefix(" " * indent)
    return f'{prefix}"""{body}"""'


def prose(text: str, indent: int) -> str:
    """Wrap paragraphs and lists for a docstring at a column."""
    width = LINE_LENGTH - indent
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join("\n".join(_wrap(paragraph, width)) for paragraph in paragraphs)


def described(text: str, indent: int) -> str:
    """Wrap a description for a docstring: its first sentence, a blank line, the rest."""
    first, rest = _split(text)
    quotes = 3 if rest else 6
    return f"{prose(first, indent + quotes)}\n\n{prose(rest, indent)}".strip()


def summary(text: str) -> str:
    """Return the first sentence of a description."""
    return _split(text)[0]


def entry(text: str, name: str, indent: int) -> str:
    """Return what a section such as `Args:` says of a name."""
    return hanging(f"{name}: {text}", indent, " " * 8)


def hanging(text: str, indent: int, rest: str = " " * 4) -> str:
    """Wrap a text of a section, its first line in by four columns, the others as told."""
    return "\n".join(_fill(sentence(text), LINE_LENGTH - indent, " " * 4, rest))


def sentence(text: str) -> str:
    """End a text with a full stop, unless it ends like a sentence already."""
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _split(text: str) -> tuple[str, str]:
    first, _, rest = text.strip().partition("\n\n")
    first = " ".join(first.split())
    match = re.match(r"(.+?[.!?])\s+(?=[^\W\d_a-z])(.*)", first)
    head, more = match.groups() if match else (first, "")
    return sentence(head), "\n\n".join(part for part in (more, rest) if part)


def _wrap(paragraph: str, width: int) -> Iterator[str]:
    """Wrap a paragraph; where it is a list, each item by itself."""
    items: list[str] = []
    for line in paragraph.splitlines():
        if items and not _LIST_ITEM.match(line):
            items[-1] += f" {line.strip()}"
        else:
            items.append(line.strip())
    for item in items:
        yield from _fill(item, width, "", "  " if _LIST_ITEM.match(item) else "")


def _fill(text: str, width: int, first: str, rest: str) -> list[str]:
    """Wrap a text between words; what stands in backticks is one word."""
    text = _CODE.sub(lambda match: match[0].replace(" ", _NO_BREAK), " ".join(text.split()))
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]

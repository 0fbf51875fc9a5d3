"""How help looks: headings, and two columns below each; no boxes, in the way of gh and hcloud."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

__all__ = ["Command", "Layout"]

_TITLES: Final = {"Parameters": "Options"}  # as cyclopts has it, and all others do
_INDENT: Final = 2
_GAP: Final = 2
_WIDEST_LABEL: Final = 26
_WIDEST: Final = 100


class Command(App):
    """A command of one word: its help is that of its function, once that is imported.

    Until then the tree has a line about it, which would otherwise take its place for good.
    """

    @property
    def help(self) -> str:
        """What the function says of itself."""
        return super().help

    @help.setter
    def help(self, value: str) -> None:
        pass


class Layout:
    """Draws a command's help; it is a `HelpFormatter`."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:  # noqa: ARG002
        """Draw a heading and what is below it."""
        if not panel.entries:
            return
        console.print()
        title = _text(panel.title)
        console.print(f"{_TITLES.get(title, title)}:", style="bold", highlight=False)
        rows = [(_label(entry, panel.format), _told(entry)) for entry in panel.entries]
        for line in _columns(rows, _width(console)):
            _print(console, line)

    def render_usage(self, console: Console, options: ConsoleOptions, usage: object) -> None:  # noqa: ARG002
        """Draw the line that says what to type."""
        _print(console, f"Usage: {_text(usage)}")

    def render_description(self, console: Console, options: ConsoleOptions, told: object) -> None:  # noqa: ARG002
        """Draw what the command does."""
        for paragraph in filter(None, _text(told).split("\n\n")):
            console.print()
            _print(console, textwrap.fill(paragraph, _width(console)))


def _width(console: Console) -> int:
    return min(console.width, _WIDEST)


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _text(shown: Any) -> str:  # noqa: ANN401 - what Rich can show
    """Return a text without style; cyclopts wraps most of them."""
    inner = getattr(shown, "primary_renderable", shown)
    return str(getattr(inner, "plain", inner) or "").strip()


def _label(entry: HelpEntry, kind: str) -> str:
    """Return what is typed: "-o, --output FORMAT", "FILE" or the name of a command."""
    if kind == "command":
        # Flags such as --help stand among the commands.
        return ", ".join((*entry.shorts, *entry.names))
    if entry.positional_label:
        return f"{entry.positional_label}{'...' if _is_list(entry) else ''}"
    names = ", ".join((*entry.shorts, *entry.names))
    return f"{names if entry.shorts else f'    {names}'} {entry.metavar or ''}".rstrip()


def _is_list(entry: HelpEntry) -> bool:
    return getattr(entry.type, "__origin__", None) in {list, tuple}


def _told(entry: HelpEntry) -> str:
    extras = [
        f"[{'|'.join(entry.choices)}]" if entry.choices else "",
        f"[default: {entry.default}]" if entry.default else "",
        f"[env: {', '.join(entry.env_var)}]" if entry.env_var else "",
    ]
    return " ".join(filter(None, (" ".join(_text(entry.description).split()), *extras)))


def _columns(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Yield lines: what is typed, and beside it, or below if it is long, what it means."""
    left = min(max(len(label) for label, _ in rows), _WIDEST_LABEL)
    margin = " " * (_INDENT + left + _GAP)
    for label, told in rows:
        lines = textwrap.wrap(told, width - len(margin), break_on_hyphens=False) or [""]
        if len(label) > left:
            yield " " * _INDENT + label
            yield from (margin + line for line in lines)
        else:
            yield f"{'':{_INDENT}}{label:{left + _GAP}}{lines[0]}".rstrip()
            yield from (margin + line for line in lines[1:])

"""Changes and a verdict -> what is printed: for people, for machines, for CHANGELOG.md."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Final

import attrs

from .changes import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .changes import Change
    from .versions import Verdict

__all__ = ["changelog", "machine_readable", "readable", "summary"]

_CHANGELOG_WIDTH: Final = 120


def summary(base: str, changes: Sequence[Change], verdict: Verdict) -> str:
    """Return how much changed since a base, and what that means for the version."""
    told = f"Since {base}: {_counts(changes)}."
    if not changes:
        return told
    if verdict.is_matched:
        return f"{told} That asks for {_asked(changes, verdict)}; the version is {verdict.now}."
    return (
        f"{told} Breaks ask for {verdict.asked}, and the version is {verdict.now}: raise it in"
        " pyproject.toml, or take the breaks back."
    )


def readable(base: str, changes: Sequence[Change], verdict: Verdict, width: int) -> str:
    """Return the report for a screen of so many columns."""
    blocks = [block for level in Level for block in _section(level, changes, width)]
    blocks.append(_filled(summary(base, changes, verdict), width))
    if entry := changelog(changes, verdict):
        blocks += ["For CHANGELOG.md:", entry]
    return "\n\n".join(blocks).rstrip("\n") + "\n"


def machine_readable(base: str, changes: Sequence[Change], verdict: Verdict) -> str:
    """Return the same as JSON."""
    data = {
        "base": base,
        "version": {
            "base": str(verdict.base),
            "now": str(verdict.now),
            "asked": str(verdict.asked),
            "matched": verdict.is_matched,
        },
        "changes": [
            {
                "class": each.level.name.lower(),
                "place": each.place,
                "what": each.what,
                "was": each.was,
                "is": each.now,
                "before": each.before,
                "after": each.after,
                "hint": each.hint,
            }
            for each in changes
        ],
        "changelog": changelog(changes, verdict),
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def changelog(changes: Sequence[Change], verdict: Verdict) -> str:
    """Return an entry for CHANGELOG.md, to be edited: each break with the code before and after."""
    told = [each for each in changes if each.level is not Level.COSMETIC]
    items = "\n".join("\n".join(_item(alike)) for alike in _alike(told))
    return f"## {max(verdict.now, verdict.asked)} (unreleased)\n\n{items}\n" if told else ""


def _counts(changes: Sequence[Change]) -> str:
    found = [(sum(each.level is level for each in changes), level.name.lower()) for level in Level]
    return ", ".join(f"{n} {name}" for n, name in found if n) or "nothing changed"


def _asked(changes: Sequence[Change], verdict: Verdict) -> str:
    is_additive = min(each.level for each in changes) is Level.ADDITIVE
    if is_additive and not verdict.base.major:
        return f"{verdict.asked} or {verdict.base.after(Level.BREAKING)}"
    return f"{verdict.asked}"


def _alike(changes: Sequence[Change]) -> list[list[Change]]:
    """Put together what happened to one argument of several methods."""
    groups: dict[Change, list[Change]] = {}
    for each in changes:
        _, bracket, argument = each.place.partition("(")
        key = attrs.evolve(each, place=argument if bracket else each.place, before="", after="")
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _section(level: Level, changes: Sequence[Change], width: int) -> Iterator[str]:
    of_level = [each for each in changes if each.level is level]
    if of_level:
        yield level.name.capitalize()
    for alike in _alike(of_level):
        yield "\n".join(_block(alike, width))


def _block(alike: Sequence[Change], width: int) -> Iterator[str]:
    change = alike[0]
    places = ", ".join(each.place for each in alike)
    yield _filled(f"{places}: {change.what}", width, "  ")
    for label, text in (("was", change.was), ("is", change.now)):
        if text:
            yield _filled(f"{label + ':':<5}{text}", width, "    ", " " * 9)
    if change.hint:
        yield _filled(change.hint, width, "    ")


def _item(alike: Sequence[Change]) -> Iterator[str]:
    change = alike[0]
    places = ", ".join(f"`{each.place}`" for each in alike)
    hint = f" {change.hint}" if change.hint else ""
    yield _filled(f"- {places}: {change.what}.{hint}", _CHANGELOG_WIDTH, "", "  ")
    if change.level is Level.BREAKING:
        yield "\n  ```python"
        yield from (f"  {line}" for line in _sample(change))
        yield "  ```\n"


def _sample(change: Change) -> tuple[str, str]:
    """Return the code before and after; where it is written the same, with what differs."""
    if change.before == change.after:
        was, now = f"before: {change.was or 'nothing'}", f"after: {change.now or 'nothing'}"
    else:
        was, now = "before", "after"
    if change.after.startswith("#"):
        return f"{change.before}  # {was}", change.after
    longest = max(len(change.before), len(change.after))
    return f"{change.before:<{longest}}  # {was}", f"{change.after:<{longest}}  # {now}"


def _filled(text: str, width: int, first: str = "", rest: str | None = None) -> str:
    """Wrap a text; what cannot be broken stays whole."""
    return textwrap.fill(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )

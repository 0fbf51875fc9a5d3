"""What two versions of anything named have in common: names, order and words."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Final, TypeVar

from ..docstrings import sentence
from .changes import Change, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .surface import Doc

__all__ = ["new_names", "reordered", "reworded"]

T = TypeVar("T")
# Words of an excerpt, before and from the first that differs.
_LEAD: Final = 3
_EXCERPT: Final = 9


def new_names(
    before: Mapping[str, T], after: Mapping[str, T], alike: Callable[[T, T], bool]
) -> dict[str, str]:
    """Return the new names of what is gone, by its old one: where just one new thing is alike."""
    gone = [name for name in before if name not in after]
    new = [name for name in after if name not in before]
    pairs = [(o, n) for o in gone for n in new if alike(before[o], after[n])]
    olds, news = [old for old, _ in pairs], [name for _, name in pairs]
    return {o: n for o, n in pairs if olds.count(o) == news.count(n) == 1}


def reordered(
    level: Level, place: str, before: Iterable[str], after: Iterable[str]
) -> Iterator[Change]:
    """Yield a change if the names that both have are in another order."""
    old, new = list(before), list(after)
    kept, now = [each for each in old if each in new], [each for each in new if each in old]
    if kept != now:
        yield Change(level, place, "another order", ", ".join(kept), ", ".join(now))


def reworded(place: str, old: Doc, new: Doc) -> Iterator[Change]:
    """Yield what changed in the words on a thing: where they part, and whether it is deprecated."""
    if bool(old.deprecated) != bool(new.deprecated):
        what = "deprecated" if new.deprecated else "no longer deprecated"
        yield Change(Level.ADDITIVE, place, what, hint=sentence(new.deprecated or ""))
    elif _unless_given(old) != _unless_given(new):
        was, now = _unless_given(old), _unless_given(new)
        yield Change(Level.ADDITIVE, place, "behaviour: another value unless it is given", was, now)
    elif old.text != new.text:
        yield Change(Level.COSMETIC, place, "other words", *_excerpts(old.text, new.text))


def _unless_given(doc: Doc) -> str:
    """Return the sentence about the API's own default; an argument that has one ends with it."""
    return "".join(re.findall(r"[^.]*[^ .] if not given\.", doc.text)[-1:]).strip()


def _excerpts(old: str, new: str) -> tuple[str, str]:
    """Return what two texts say where they part."""
    texts = (old.split(), new.split())
    same = takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False))
    start = max(0, len(list(same)) - _LEAD)
    was, now = (
        ("… " if start else "")
        + " ".join(words[start : start + _LEAD + _EXCERPT])
        + (" …" if len(words) > start + _LEAD + _EXCERPT else "")
        for words in texts
    )
    return was, now

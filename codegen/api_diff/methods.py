"""Two versions of the methods -> what changed for those who call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from .changes import Change, Level
from .pairing import new_names, reordered, reworded
from .path_rules import only_taken_by
from .pytypes import NONE, Known, accepts, without

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .surface import Argument, Method, PathRule

__all__ = ["compare_methods"]

_EVERYWHERE: Final = frozenset({"timeout", "headers"})
_NONE_MEANS: Final = {
    "null": "None is sent as null",
    "not given": "None means that it is not given",
    "": "None is not taken",
}
_BEHAVIOUR: Final = {
    "accepts": "behaviour: another media type is expected",
    "identity": "behaviour: the answer has to name the resource by another field",
    "look": "behaviour: a deletion in doubt is looked into by other fields",
    "sends": "behaviour: another media type is sent",
    "secret": "behaviour: another field is the secret that is shown once",
}
# Characters of a value that is shown whole.
_LONG: Final = 24


def compare_methods(
    before: Mapping[str, Method], after: Mapping[str, Method], known: Known
) -> Iterator[Change]:
    """Yield what changed from the old methods to the new ones, both given by place."""
    names = new_names(before, after, lambda old, new: bool(old.http) and old.request == new.request)
    for place, old in before.items():
        new = after.get(names.get(place, place))
        if new is None:
            code = f"# there is no `{place}`"
            yield Change(Level.BREAKING, place, "gone", _signature(old), "", _call(old), code)
            continue
        if place in names:
            what = f"called `{new.place}` now"
            yield _broken(place, what, _signature(old), _signature(new), _call(old), _call(new))
        yield from _compare(old, new, known)
    for place, new in after.items():
        if place not in before and place not in names.values():
            yield Change(Level.ADDITIVE, place, "new", now=_signature(new))


def _broken(place: str, what: str, *rest: str) -> Change:
    return Change(Level.BREAKING, place, what, *rest)


def _compare(old: Method, new: Method, known: Known) -> Iterator[Change]:
    yield from _returns(old, new, known)
    yield from _arguments(old, new, known)
    yield from _behaviour(old, new)
    yield from reworded(new.place, old.doc, new.doc)


def _returns(old: Method, new: Method, known: Known) -> Iterator[Change]:
    if old.returns == new.returns:
        return
    level = Level.ADDITIVE if accepts(old.returns, new.returns, known) else Level.BREAKING
    what, hint = "returns another type", ""
    if old.returns == NONE:
        level, what = Level.ADDITIVE, "returns something now"
    elif "None" in new.returns and "None" not in old.returns:
        what = "may return None now"
    elif level is Level.ADDITIVE and "Page" in new.returns:
        what, hint = "returns a page now", "Only the first page, where it was all: see `iterate`."
    elif level is Level.ADDITIVE:
        what = "returns a narrower type"
    was, now = str(old.returns), str(new.returns)
    yield Change(level, new.place, what, was, now, _call(old), _call(new), hint)


def _arguments(old: Method, new: Method, known: Known) -> Iterator[Change]:
    before = {each.name: each for each in old.arguments}
    after = {each.name: each for each in new.arguments}
    names = new_names(before, after, _is_alike)
    for name, argument in before.items():
        place, other = f"{new.place}({name})", after.get(names.get(name, name))
        calls = _call(old, argument), _call(new, other)
        if other is None:
            yield _broken(place, "gone", str(argument), "", *calls)
            continue
        if name in names:
            what = f"gone; `{other.name}` looks like its new name"
            yield _broken(place, what, str(argument), str(other), *calls)
        if argument.default is not None and other.default is None:
            calls = _call(old), _call(new)
        for change in _argument(place, argument, other, known):
            yield attrs.evolve(change, before=calls[0], after=calls[1])
        if _none_differs(argument, other):
            means = _NONE_MEANS[argument.none], _NONE_MEANS[other.none]
            calls = _calls_with_none(old, new, argument, other)
            yield _broken(place, "None means something else", *means, *calls)
    for name, argument in after.items():
        if name not in before and name not in names.values():
            yield _new_argument(old, new, argument)
    yield from _order(old, new)


def _is_alike(old: Argument, new: Argument) -> bool:
    """Whether two arguments may be one under two names: by what they take, and how."""
    return (old.type, old.default, old.none, old.is_positional) == (
        new.type, new.default, new.none, new.is_positional,
    )  # fmt: skip


def _new_argument(old: Method, new: Method, argument: Argument) -> Change:
    place, now = f"{new.place}({argument.name})", str(argument)
    if argument.default is not None:
        return Change(Level.ADDITIVE, place, "new, optional", now=now)
    return _broken(place, "new, required", "", now, _call(old), _call(new))


def _argument(place: str, old: Argument, new: Argument, known: Known) -> Iterator[Change]:
    """Yield what changed about one argument, apart from what None means."""
    was, now = str(old), str(new)
    if old.is_positional and not new.is_positional:
        yield _broken(place, "has to be given by its name", was, now)
    elif new.is_positional and not old.is_positional:
        yield Change(Level.ADDITIVE, place, "may be given without its name", was, now)
    if old.default is None and new.default is not None:
        yield Change(Level.ADDITIVE, place, "optional now", was, now)
    elif new.default is None and old.default is not None:
        yield _broken(place, "required now", was, now)
    elif old.default != new.default and old.none == new.none:
        yield Change(Level.ADDITIVE, place, "another default", was, now)
    apart = ("None",) if _none_differs(old, new) else ()
    if without(old.type, *apart) != without(new.type, *apart):
        yield _takes(place, old, new, known)
    elif old.rule and new.rule:
        yield from _rules(place, old.rule, new.rule)
    if old.sent != new.sent and old.sent and new.sent and old.name == new.name:
        yield Change(Level.ADDITIVE, place, "behaviour: sent otherwise", old.sent, new.sent)
    yield from reworded(place, old.doc, new.doc)


def _none_differs(old: Argument, new: Argument) -> bool:
    """Whether a caller who gave None says something else with it now, or nothing any more."""
    if old.none and new.none:
        return old.none != new.none
    return old.none == "not given" and new.default is not None


def _calls_with_none(old: Method, new: Method, was: Argument, now: Argument) -> tuple[str, str]:
    """Return a call with None, and what says the same or, if nothing does, what it is now."""
    left_out = was.none == "not given" and now.default is not None
    return _call(old, was, "None"), _call(new) if left_out else _call(new, now, "None")


def _takes(place: str, old: Argument, new: Argument, known: Known) -> Change:
    more, less = accepts(new.type, old.type, known), accepts(old.type, new.type, known)
    level, what = {
        (True, True): (Level.COSMETIC, "the same type in other words"),
        (True, False): (Level.ADDITIVE, "takes more"),
        (False, True): (Level.BREAKING, "takes less"),
        (False, False): (Level.BREAKING, "takes another type"),
    }[more, less]
    return Change(level, place, what, str(old), str(new))


def _rules(place: str, old: PathRule, new: PathRule) -> Iterator[Change]:
    """Yield how the values that may stand in the path differ, with an example if one was found."""
    if old == new:
        return
    refused, taken = only_taken_by(old, new), only_taken_by(new, old)
    if refused is not None:
        level, what, hint = Level.BREAKING, "refuses values", f"Refused now: {_short(refused)}."
    elif old.is_hostname and not new.is_hostname:
        level, what, hint = Level.BREAKING, "refuses values", "International names, for one."
    elif taken is not None:
        level, what, hint = Level.ADDITIVE, "takes more values", f"Taken now: {_short(taken)}."
    elif new.is_hostname and not old.is_hostname:
        level, what, hint = Level.ADDITIVE, "takes more values", "International names, for one."
    elif old.pattern == new.pattern and new.max_length < old.max_length:
        level, what, hint = Level.BREAKING, "refuses values", "Long ones."
    else:
        level, what = Level.COSMETIC, "another pattern"
        hint = "No value was found that only one of the two takes."
    yield Change(level, place, what, str(old), str(new), hint=hint)


def _short(value: str) -> str:
    return repr(value) if len(value) <= _LONG else f"{value[:9]!r}… ({len(value)} characters)"


def _order(old: Method, new: Method) -> Iterator[Change]:
    """Yield how the arguments stand otherwise; required keywords come first without being told."""
    place = f"{new.place}()"
    before, after = ([a.name for a in m.arguments if a.is_positional] for m in (old, new))
    yield from reordered(Level.BREAKING, place, before, after)
    for is_required in (True, False):
        before, after = (
            [
                a.name
                for a in m.arguments
                if not a.is_positional and (a.default is None) is is_required
            ]
            for m in (old, new)
        )
        yield from reordered(Level.COSMETIC, place, before, after)


def _behaviour(old: Method, new: Method) -> Iterator[Change]:
    """Yield what is sent or made of the answer otherwise, while the call is written the same."""
    if old.request != new.request and old.http and new.http:
        hint = "Calls stay as they are; tests that fake HTTP see it."
        what = "behaviour: another request"
        yield Change(Level.ADDITIVE, new.place, what, old.http, new.http, hint=hint)
    for key in dict.fromkeys((*old.behaviour, *new.behaviour)):
        was, now = old.behaviour.get(key, ""), new.behaviour.get(key, "")
        if was != now:
            yield Change(
                Level.ADDITIVE, new.place, _BEHAVIOUR.get(key, f"behaviour: `{key}`"), was, now
            )


def _signature(method: Method) -> str:
    """Return how a method is called, without what every method takes."""
    own = [each for each in method.arguments if each.name not in _EVERYWHERE]
    positional = [str(each) for each in own if each.is_positional]
    keywords = [str(each) for each in own if not each.is_positional]
    arguments = ", ".join(positional + (["*", *keywords] if keywords else []))
    return f"{method.name}({arguments}) -> {method.returns}"


def _call(method: Method, shown: Argument | None = None, value: str = "...") -> str:
    """Return a call with the arguments that it needs, and one to be shown with a value."""
    arguments = ", ".join(
        each.name if each.is_positional else f"{each.name}={value if each == shown else '...'}"
        for each in method.arguments
        if each.default is None or each == shown
    )
    how = "async for item in" if "AsyncIterator" in method.returns else "await"
    return f"{how} client.{method.place}({arguments})"

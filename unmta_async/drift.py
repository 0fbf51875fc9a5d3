"""What the live API does beyond the contract: `Drift`, and a survey of what the token may see.

A client made with `on_drift` tells each difference as it comes by. `survey` goes and looks: at
every list, and at one item of each kind, with GETs only.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar, cast

import attrs

from ._amendment import amendment
from ._convert import attribute, json_object
from ._generated import OPERATIONS
from ._operation import Operation
from ._pages import Page
from .client import UnmtaClient
from .errors import UnexpectedResponseError, UnmtaError
from .options import Drift, DriftKind

__all__ = ["Drift", "DriftKind", "DriftReport", "survey"]

K = TypeVar("K")
V = TypeVar("V")

_Values: TypeAlias = tuple[str, ...]
_PARAMETER: Final = re.compile(r"\{\w+\}")


@attrs.frozen(kw_only=True)
class DriftReport:
    """What a survey found. `str()` says it to people, `to_yaml()` to the contract.

    Attributes:
        findings: What the contract does not say, each once.
        looked_at: The operations that answered, and how often.
        not_looked_at: The other operations, and why.
    """

    findings: Sequence[Drift]
    looked_at: Mapping[str, int]
    not_looked_at: Mapping[str, str]

    def __str__(self) -> str:
        """The findings by operation, and what could not be looked at."""
        return "\n".join([*self._seen(), *self._unseen()])

    def to_yaml(self) -> str:
        """Return what brings openapi/unmta.yaml up to date with the findings; "" if nothing has to.

        It is a JSON merge patch, in YAML: what it has replaces what is there, null takes it out.
        """
        return amendment(self.findings)

    def _seen(self) -> Iterator[str]:
        by_operation = _grouped((each.operation, each) for each in self.findings)
        for name in dict.fromkeys([*self.looked_at, *by_operation]):
            count = self.looked_at.get(name, 0)
            answers = f" ({count} {'answer' if count == 1 else 'answers'})" if count else ""
            drifts = by_operation.get(name, [])
            yield f"{name}{answers}{'' if drifts else ': as the contract says'}"
            yield from _rows(drifts)

    def _unseen(self) -> Iterator[str]:
        reasons = ((reason, name) for name, reason in self.not_looked_at.items())
        for reason, names in _grouped(reasons).items():
            part = "in part " if self.looked_at.keys() & set(names) else ""
            yield f"{part}not looked at: {', '.join(names)} ({reason})"


def _rows(drifts: Sequence[Drift]) -> Iterator[str]:
    """Yield a line for each place, with all that was seen there."""
    width = max((len(each.path) + 2 for each in drifts if each.path), default=0)
    places = _grouped(((each.path, each.kind), each.seen) for each in drifts)
    for (path, kind), seen in places.items():
        what = f": {', '.join(seen)}" if any(seen) else ""
        yield f"  {path:{width if path else 0}}{kind}{what}"


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    found: dict[K, list[V]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


async def survey(client: UnmtaClient) -> DriftReport:
    """Look at all that the token may see, and return what of it the contract does not say.

    Every list is asked for, for each item of the outermost one: for each cluster. Of what lies
    deeper, and of what is got by its name, one is looked at. It sends GETs only, one after another.
    What cannot be got does not stop it; the report says so.
    """
    found = _Found()
    gets = [each for each in OPERATIONS if each.method == "GET"]
    for operation in sorted(gets, key=lambda each: (len(each.path), _is_item(each))):
        if needed := _needed(client, operation):
            found.not_looked_at[operation.name] = f"it needs {needed}"
        else:
            await _look(client, operation, found)
    changes = {each.name: "no GET" for each in OPERATIONS if each not in gets}
    return DriftReport(
        findings=tuple(found.findings),
        looked_at=found.looked_at,
        not_looked_at=found.not_looked_at | changes,
    )


@attrs.frozen
class _Found:
    """What a survey has found so far; of lists, by their route, what leads to each item."""

    findings: dict[Drift, None] = attrs.field(factory=dict[Drift, None])
    looked_at: dict[str, int] = attrs.field(factory=dict[str, int])
    not_looked_at: dict[str, str] = attrs.field(factory=dict[str, str])
    items: dict[str, list[_Values]] = attrs.field(factory=dict[str, list[_Values]])


def _is_item(operation: Operation[Any]) -> bool:
    return operation.route.endswith("}")


def _method(client: UnmtaClient, operation: Operation[Any]) -> tuple[Any, Any]:
    """Return the resource and its method, without what warns that it is deprecated."""
    resource, _, name = operation.name.partition(".")
    owner: Any = getattr(client, resource)
    return owner, inspect.unwrap(getattr(owner.__class__, name))


def _needed(client: UnmtaClient, operation: Operation[Any]) -> str:
    """Return the arguments that a survey has no values for."""
    _, method = _method(client, operation)
    parameters = inspect.signature(method).parameters.values()
    return ", ".join(
        each.name
        for each in parameters
        if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    )


async def _look(client: UnmtaClient, operation: Operation[Any], found: _Found) -> None:
    places = _places(operation, found.items)
    if not places:
        found.not_looked_at[operation.name] = f"there is no {operation.path[-1].name} to ask for"
    for values in places:
        # One that listens anew hears of everything again: a field may be null only here.
        heard: list[Drift] = []
        watched = client.with_options(on_drift=heard.append)
        try:
            items = await _call(watched, operation, values)
        except UnmtaError as error:
            if heard and isinstance(error, UnexpectedResponseError):
                items = await _raw(client, operation, values)
            else:
                reason = str(error).removeprefix(f"{operation.name}: ")
                found.not_looked_at[operation.name] = reason
                continue
        finally:
            found.findings.update(dict.fromkeys(heard))
        found.looked_at[operation.name] = found.looked_at.get(operation.name, 0) + 1
        names = (_name(operation, each) for each in items)
        known = found.items.setdefault(_template(operation.route), [])
        known += ((*values, name) for name in names if name)


async def _call(
    client: UnmtaClient, operation: Operation[Any], values: _Values
) -> Sequence[object]:
    """Return the items of a list, those of all its pages; nothing of what is none."""
    owner, method = _method(client, operation)
    value: object = await method(owner, *values)
    if isinstance(value, Page):
        return [each async for each in cast("Page[object]", value).walk()]
    return cast("Sequence[object]", operation.data_of(value)) if operation.is_list else ()


async def _raw(client: UnmtaClient, operation: Operation[Any], values: _Values) -> Sequence[object]:
    """Return the items of a list that cannot be read, as they came, for the names in them."""
    path = dict(zip((each.name for each in operation.path), values, strict=True))
    try:
        answer = await client.request("GET", operation.route, path=path)
    except UnmtaError:
        return ()
    data = json_object(answer).get("data")
    return cast("list[object]", data) if isinstance(data, list) else ()


def _places(operation: Operation[Any], items: Mapping[str, Sequence[_Values]]) -> Sequence[_Values]:
    """Return the values for the path of an operation, for each time that it is to be called."""
    if not operation.path:
        return [()]
    *_, last = _PARAMETER.finditer(operation.route)
    known = items.get(_template(operation.route[: last.start() - 1]), ())
    return known if len(operation.path) == 1 and not _is_item(operation) else known[:1]


def _template(route: str) -> str:
    return _PARAMETER.sub("{}", route)


def _name(operation: Operation[Any], item: object) -> str:
    """Return what an item of a list is called in the paths of others; "" if nothing says it."""
    key, model = operation.listed or "", cast("Any", type(item))
    raw = json_object(item).get(key)
    name: object = getattr(item, attribute(model, key), raw) if key else None
    return str(name) if isinstance(name, str | int) else ""

"""What the answers of name servers mean for a record that is wanted there. Nothing here asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from ..errors import printable
from ._judge import OK, Judgement, Status, is_dmarc, judge
from ._records import Record

__all__ = [
    "Clues",
    "Failure",
    "Finding",
    "Look",
    "Told",
    "conclude",
    "explain",
    "is_registry",
    "looks_in",
    "may_be_wildcard",
    "needs_clues",
    "verdict",
    "zone_of",
]


@attrs.frozen(kw_only=True)
class Finding:
    """What the authoritative name servers say of a record that a domain needs.

    Attributes:
        record: The record that is wanted.
        status: "unreachable" says that it could not be found out; every other one was seen.
        seen: The values that stand there, each in one piece.
        advice: What to do next, in words; "" if it is ok.
    """

    record: Record
    status: Status
    seen: tuple[str, ...] = ()
    advice: str = ""

    def __str__(self) -> str:
        told = f"{self.record.type} {self.record.fqdn} {self.status}"
        return printable(told) + (f": {self.advice}" if self.advice else "")


@attrs.frozen(kw_only=True)
class Look:
    """What one name server has at a name.

    Attributes:
        values: The values, in order.
        alias: Where a CNAME at the name leads; the values are those of that name then.
        zone: The zone that the name is in.
    """

    values: tuple[str, ...] = ()
    alias: str = ""
    zone: str = ""


@attrs.frozen
class Failure:
    """Why a server could not be asked, or gave no answer that counts."""

    reason: str


Told = Sequence[tuple[str, Look | Failure]]
"""What each server said, with its name. Where there is no server to ask, it is empty."""


@attrs.frozen(kw_only=True)
class Clues:
    """What was found around a record that is not there as it should be.

    Attributes:
        zone: The zone that the record belongs into.
        delegated: Whether that is a zone of the domain's owner.
        doubled: The name with the zone behind it once more, if the record stands there.
        misplaced: Where the record stands as if the domain were the zone, if it does.
        wildcard: Whether a wildcard answers in its place.
        inherited: The parent whose DMARC record counts meanwhile.
        policy: That record.
    """

    zone: str = ""
    delegated: bool = True
    doubled: str = ""
    misplaced: str = ""
    wildcard: bool = False
    inherited: str = ""
    policy: str = ""


def conclude(wanted: Record, told: Told) -> Finding:
    """Return what all servers together say."""
    looks = [(server, said) for server, said in told if isinstance(said, Look)]
    failures = [f"{server} {said.reason}" for server, said in told if isinstance(said, Failure)]
    if not told:
        return Finding(record=wanted, status="not-delegated", advice=_NOT_DELEGATED)
    if not looks:
        return Finding(record=wanted, status="unreachable", advice=_ask_again(failures))
    seen = tuple(dict.fromkeys(value for _, look in looks for value in look.values))
    judged = [(server, verdict(wanted, look)) for server, look in looks]
    status, advice = _worst([judgement for _, judgement in judged])
    if len({each for _, (each, _) in judged}) > 1:
        advice = _disagreement(judged) + ("" if _is_on_its_way(wanted, told) else f"; {advice}")
    if status != "ok" and failures:
        advice = f"{advice} ({'; '.join(failures)})"
    return Finding(record=wanted, status=status, seen=seen, advice=printable(advice))


_NOT_DELEGATED: Final = "no name server is responsible for the domain: have it delegated to some"


def _ask_again(failures: Sequence[str]) -> str:
    return printable(f"it could not be found out, so ask again later: {'; '.join(failures)}")


def needs_clues(wanted: Record, told: Told) -> bool:
    """Whether the servers answered, and what they said leaves open what happened."""
    return bool(looks_in(told)) and not _is_on_its_way(wanted, told)


def may_be_wildcard(finding: Finding) -> bool:
    """Whether the record may not be there, whatever stands in for it."""
    if is_dmarc(finding.record):
        return finding.status == "cname"  # a policy counts, wherever it comes from
    return finding.status != "missing"


def looks_in(told: Told) -> set[Look]:
    """Return the different answers that count."""
    return {said for _, said in told if isinstance(said, Look)}


def zone_of(told: Told) -> str:
    """Return the zone that was asked."""
    return next(look.zone for look in looks_in(told))


def _is_on_its_way(wanted: Record, told: Told) -> bool:
    """Whether one server at least has it right."""
    return any(verdict(wanted, look) == OK for look in looks_in(told))


def _worst(judged: Sequence[Judgement]) -> Judgement:
    return next((one for one in judged if one[0] != "ok"), OK)


def _disagreement(judged: Sequence[tuple[str, Judgement]]) -> str:
    """Say which server has what."""
    servers: dict[Status, list[str]] = {}
    for server, (status, _) in judged:
        servers.setdefault(status, []).append(server)
    said = ", ".join(f"{status} at {' and '.join(names)}" for status, names in servers.items())
    return f"the name servers disagree ({said}), so wait until all are up to date"


def verdict(wanted: Record, look: Look) -> Judgement:
    """Return what one server's answer means, and what to do about it."""
    status, advice = judge(wanted, look.values)
    # A policy that is there by way of an alias is to be kept as any other.
    if not look.alias or status == "ok" or (is_dmarc(wanted) and status != "missing"):
        return status, advice
    there = "without an answer" if status == "missing" else f"whose answer is {status}"
    return "cname", (
        f"a CNAME leads to {_bare(look.alias)}, {there}: "
        "remove it and publish the record in its place, or put the record right where it leads"
    )


def explain(finding: Finding, clues: Clues) -> Finding:
    """Return a finding that takes into account what was found around the record."""
    if clues.wildcard:
        advice = (
            "publish it; what is answered now comes from a wildcard, which it takes precedence over"
        )
        finding = attrs.evolve(finding, status="missing", advice=advice)
    if finding.status != "missing":
        return finding
    if not clues.delegated:
        return attrs.evolve(finding, status="not-delegated", advice=_NOT_DELEGATED)
    where = f"as {_within(finding.record.fqdn, clues.zone)} in the zone {_bare(clues.zone)}"
    if clues.doubled:
        advice = f"it stands at {_bare(clues.doubled)}: enter it {where}"
        return attrs.evolve(finding, status="doubled-name", advice=printable(advice))
    advice = f"{finding.advice}, {where}"
    if clues.misplaced:
        advice = f"it stands at {_bare(clues.misplaced)}, where it does not count: {advice}"
    if clues.inherited:
        advice += f"; until then the record of {_bare(clues.inherited)} counts: {clues.policy}"
    return attrs.evolve(finding, advice=printable(advice))


def is_registry(zone: str) -> bool:
    """Whether a zone is one that domains are registered in, as far as its name tells."""
    labels = _bare(zone).split(".")
    under_country = len(labels) == 2 and len(labels[1]) == 2
    return len(labels) == 1 or (under_country and labels[0] in _REGISTRIES)


# There is a public list of them, too long and too short-lived to be kept here.
_REGISTRIES: Final = frozenset(
    ("ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ltd", "ne", "net", "nom", "or", "org")
)


def _within(fqdn: str, zone: str) -> str:
    name = _bare(fqdn).removesuffix(f".{_bare(zone)}")
    return "@" if name == _bare(zone) else name


def _bare(name: str) -> str:
    return name.lower().removesuffix(".")

"""What the answers of name servers mean for a record that is wanted there. Nothing here asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from ..errors import printable
from ._judge import Judgement, Status, is_dmarc, is_test, judge
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
    "is_within",
    "look_alike",
    "looks_in",
    "may_be_wildcard",
    "needs_clues",
    "registered_name",
    "verdict",
    "zone_of",
]


@attrs.frozen(kw_only=True)
class Finding:
    """What the authoritative name servers say of a record that a domain needs.

    Attributes:
        record: The record that is wanted.
        status: "unreachable" says that it could not be found out; every other one was seen.
            "missing" says that every server that answered has none, and "ok" that each of them has
            it right.
        seen: The values that stand there, each in one piece.
        advice: What to do next, in words; "" if it is ok.
        note: What is worth knowing of a record that is ok: which servers gave no answer, and that
            a DKIM key is marked as a test. "" if there is nothing, and if it is not ok.
    """

    record: Record
    status: Status
    seen: tuple[str, ...] = ()
    advice: str = ""
    note: str = ""

    def __str__(self) -> str:
        told = printable(f"{self.record.type} {self.record.fqdn} {self.status}")
        told += f" ({self.note})" if self.note else ""
        return told + (f": {self.advice}" if self.advice else "")


@attrs.frozen(kw_only=True)
class Look:
    """What one name server has at a name.

    Attributes:
        values: The values, in order.
        alias: Where a CNAME at the name leads; the values are those of that name then.
        zone: The zone that the name is in.
        circular: Whether aliases lead from there to where they came from.
    """

    values: tuple[str, ...] = ()
    alias: str = ""
    zone: str = ""
    circular: bool = False


@attrs.frozen
class Failure:
    """Why a server could not be asked, or gave no answer that counts.

    Attributes:
        reason: It, as what the server does.
        for_good: Whether asking again later would not help: there is no such server.
    """

    reason: str
    for_good: bool = False


Told = Sequence[tuple[str, Look | Failure]]
"""What each server said, with its name. Where there is no server to ask, it is empty."""


@attrs.frozen(kw_only=True)
class Clues:
    """What was found around a record that is not there as it should be.

    Attributes:
        zone: The zone that the record belongs into.
        delegated: Whether that is a zone below those that domains are registered in.
        own: Whether that zone is the domain, or below it, and so surely of the domain's owner.
        doubled: The name with the zone behind it once more, if the record stands there.
        misplaced: Where the record stands as if the domain were the zone, if it does.
        wildcard: Whether a wildcard answers in its place.
        inherited: The organizational domain whose DMARC record counts meanwhile.
        policy: That record.
    """

    zone: str = ""
    delegated: bool = True
    own: bool = True
    doubled: str = ""
    misplaced: str = ""
    wildcard: bool = False
    inherited: str = ""
    policy: str = ""


def conclude(wanted: Record, told: Told) -> Finding:
    """Return what all servers together say, in whatever order they are listed."""
    told = sorted(told, key=str)
    looks = [(server, said) for server, said in told if isinstance(said, Look)]
    failures = [(server, said) for server, said in told if isinstance(said, Failure)]
    if not looks:
        return _conclude_from_failures(wanted, failures)
    seen = tuple(dict.fromkeys(value for _, look in looks for value in look.values))
    status, advice = _together([(server, verdict(wanted, look)) for server, look in looks])
    if status == "ok":
        note = _noted(is_test(wanted, seen), failures)
        return Finding(record=wanted, status=status, seen=seen, note=printable(note))
    if failures:
        unless = "unless it is there: " if status == "missing" else ""
        advice = f"{advice} ({unless}{_said(failures)})"
    return Finding(record=wanted, status=status, seen=seen, advice=printable(advice))


_NOT_DELEGATED: Final = "no name server is responsible for the domain: have it delegated to some"


def _conclude_from_failures(wanted: Record, failures: Sequence[tuple[str, Failure]]) -> Finding:
    if not failures:
        return Finding(record=wanted, status="not-delegated", advice=_NOT_DELEGATED)
    if all(failure.for_good for _, failure in failures):
        advice = f"correct the delegation, which leads to nobody: {_said(failures)}"
        return Finding(record=wanted, status="not-delegated", advice=printable(advice))
    advice = f"it could not be found out, so ask again later: {_said(failures)}"
    return Finding(record=wanted, status="unreachable", advice=printable(advice))


def _said(failures: Sequence[tuple[str, Failure]]) -> str:
    return "; ".join(f"{server} {failure.reason}".strip() for server, failure in failures)


def _noted(test: bool, failures: Sequence[tuple[str, Failure]]) -> str:
    mark = "t=y marks it as a test: take that out when all is well" if test else ""
    return "; ".join(filter(None, [mark, _said(failures)]))


_ORDER: Final[Sequence[Status]] = (
    *("multiple", "differs", "truncated", "quoted", "cname", "missing", "ok"),
)
"""Which of several judgements counts: what a server has counts more than that another has not."""


def _together(judged: Sequence[tuple[str, Judgement]]) -> Judgement:
    """Return what single judgements make together.

    Where servers disagree, nothing is to be published: who has nothing may be who is behind.
    """
    statuses = {status for _, (status, _) in judged}
    status, advice = min((each for _, each in judged), key=lambda each: _ORDER.index(each[0]))
    if len(statuses) == 1:
        return status, advice
    if status == "missing":
        return "differs", _disagreement(judged)
    if status == "cname" or "ok" in statuses:
        return status, _disagreement(judged)
    return status, f"{_disagreement(judged)}; {advice}"


def needs_clues(wanted: Record, told: Told) -> bool:
    """Whether the servers answered as one, and what they said leaves open what happened."""
    statuses = {verdict(wanted, look)[0] for look in looks_in(told)}
    return len(statuses) == 1 and "ok" not in statuses


def may_be_wildcard(finding: Finding) -> bool:
    """Whether the record may not be there, whatever stands in for it."""
    if is_dmarc(finding.record):
        return finding.status == "cname"  # a policy counts, wherever it comes from
    return finding.status != "missing"


def looks_in(told: Told) -> list[Look]:
    """Return the different answers that count, in an order of their own."""
    return sorted({said for _, said in told if isinstance(said, Look)}, key=str)


def look_alike(some: Told, others: Told) -> bool:
    """Whether the same is answered in two places, which may be in different zones."""
    one, other = ({(look.values, look.alias) for look in looks_in(told)} for told in (some, others))
    return one == other


def zone_of(told: Told) -> str:
    """Return the zone that answered; of several, the one furthest down."""
    return max((look.zone for look in looks_in(told)), key=lambda zone: zone.count("."))


def _disagreement(judged: Sequence[tuple[str, Judgement]]) -> str:
    """Say which server has what."""
    servers: dict[Status, list[str]] = {}
    for server, (status, _) in judged:
        servers.setdefault(status, []).append(server)
    said = ", ".join(f"{status} at {' and '.join(names)}" for status, names in servers.items())
    return f"the name servers disagree ({said}), so wait until all are up to date"


def verdict(wanted: Record, look: Look) -> Judgement:
    """Return what one server's answer means, and what to do about it."""
    if look.circular:
        return "cname", (
            f"a CNAME leads to {_bare(look.alias)}, which leads back to itself: "
            "remove it and publish the record in its place"
        )
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
    where = _where(finding.record, clues)
    if clues.doubled:
        advice = f"it stands at {_bare(clues.doubled)}: enter it {where}"
        return attrs.evolve(finding, status="doubled-name", advice=printable(advice))
    advice = f"{finding.advice}, {where}"
    if clues.misplaced:
        advice = f"it stands at {_bare(clues.misplaced)}, where it does not count: {advice}"
    if clues.inherited:
        advice += f"; until then the record of {_bare(clues.inherited)} counts: {clues.policy}"
    return attrs.evolve(finding, advice=printable(advice))


def _where(record: Record, clues: Clues) -> str:
    """Say where to enter a record, and what is wrong if the zone is somebody else's."""
    zone = _bare(clues.zone)
    where = f"as {_within(record.fqdn, zone)} in the zone {zone}"
    if clues.own or clues.doubled or clues.misplaced:
        return where
    return f"{where}; if {zone} is not your zone, the domain is not delegated yet"


def is_registry(zone: str) -> bool:
    """Whether a zone is one that domains are registered in, as far as its name tells."""
    labels = _bare(zone).split(".")
    under_country = len(labels) == 2 and len(labels[1]) == 2
    return len(labels) == 1 or (under_country and labels[0] in _REGISTRIES)


def is_within(zone: str, domain: str) -> bool:
    """Whether a zone is a domain, or below it."""
    return f".{_bare(zone)}".endswith(f".{_bare(domain)}")


# There is a public list of them, too long and too short-lived to be kept here.
_REGISTRIES: Final = frozenset(
    ("ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ltd", "ne", "net", "nom", "or", "org")
)


def registered_name(domain: str) -> str:
    """Return the domain that a domain belongs to, as far as names tell which are registered.

    That is the organizational domain of RFC 7489, 3.2, whose DMARC record counts for those without.
    """
    *_, parent = [domain, *_parents(domain)]
    return parent


def _parents(domain: str) -> Iterator[str]:
    while not is_registry(domain := domain.partition(".")[2]):
        yield domain


def _within(fqdn: str, zone: str) -> str:
    name = _bare(fqdn).removesuffix(f".{_bare(zone)}")
    return "@" if name == _bare(zone) else name


def _bare(name: str) -> str:
    return name.lower().removesuffix(".")

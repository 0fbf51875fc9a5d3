"""What a manifest wishes, what exists and what stands in the DNS, compared: `audit`.

Nothing here changes anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from ..errors import printable
from ..models import Domain, DomainStatus
from ._details import first_detail, get_detail
from ._live import Live, read_live
from ._words import counted
from ._workers import unordered
from .plan import Action, Verb, compare, missing_domains, users_alike

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

    from ..client import UnmtaClient
    from ..dns import Checker, Finding
    from .manifest import Manifest

__all__ = ["AuditFinding", "Problem", "Report", "audit"]

Problem: TypeAlias = str
"""What is wrong: see `AuditFinding`."""

_PROBLEMS: Final[Mapping[Verb, Problem]] = {
    "create": "missing",
    "delete": "unexpected",
    "update": "differs",
}
# Domains looked up at a time; each is some questions to name servers.
_DOMAINS_AT_A_TIME: Final = 32


@attrs.frozen(kw_only=True)
class AuditFinding:
    """One thing that is not as it should be.

    Attributes:
        cluster: The id of the cluster.
        kind: "domain", "credential", or "record" for one that is to stand in the DNS.
        target: The domain name, the user, or the record's type and name in full.
        problem: "missing", "unexpected" (it exists, and nobody wishes it), "differs" (a credential
            is good for something else than is wished), "not-verified"; of a record, what
            `dns.check` calls it.
        detail: What it is about, in words.
    """

    cluster: str
    kind: Literal["domain", "credential", "record"]
    target: str
    problem: Problem
    detail: str = ""

    def __str__(self) -> str:
        detail = f": {printable(self.detail)}" if self.detail else ""
        return f"{self.kind} {printable(self.target)} {self.problem}{detail}"


@attrs.frozen(kw_only=True)
class Report:
    """What an audit found.

    `str(report)` is for people, `to_json()` for programs.

    Attributes:
        findings: By cluster, kind and name.
        warnings: What is legal, and hardly meant.
        checked: How many domains, credentials and records were looked at.
    """

    findings: tuple[AuditFinding, ...]
    warnings: tuple[str, ...]
    checked: Mapping[str, int]

    def __str__(self) -> str:
        lines: list[str] = []
        for cluster, group in groupby(self.findings, key=lambda finding: finding.cluster):
            lines += [f"Cluster {cluster}", *(f"  {finding}" for finding in group), ""]
        if self.warnings:
            lines += [*(f"Warning: {warning}" for warning in self.warnings), ""]
        number = len(self.findings)
        found = counted(number, "finding") if number else "All as it should be"
        parts = [counted(count, kind.removesuffix("s")) for kind, count in self.checked.items()]
        return "\n".join([*lines, f"{found}: {', '.join(parts)}."])

    def to_json(self) -> str:
        """Return the report as JSON; `version` changes if its form does."""
        whole = {
            "version": 1,
            "checked": dict(self.checked),
            "findings": [attrs.asdict(finding) for finding in self.findings],
            "warnings": self.warnings,
        }
        return json.dumps(whole, indent=2, ensure_ascii=False)


async def audit(
    client: UnmtaClient, manifest: Manifest, *, dns: bool = False, resolver: Resolver | None = None
) -> Report:
    """Compare a manifest with what exists and, if asked, with what stands in the DNS.

    It takes two list calls for each cluster, and with `dns` one more call: the lists have the keys,
    one domain shows the rest. The records are those of domains that are wished and exist.

    Args:
        client: The client to use.
        manifest: What is wished.
        dns: Ask the authoritative name servers, too; needs the extra `dns`.
        resolver: As for `dns.check`.

    Raises:
        NotFoundError: A cluster does not exist, or the token may not see it.
        UnmtaError: What exists could not be listed.
        UsageError: `dns` is asked for, and dnspython is not installed.
    """
    checker = _checker(resolver) if dns else None
    live = await read_live(client, manifest.clusters)
    findings = [*_differences(compare(manifest, live, prune=True))]
    checked = {"domains": _count(live, "domains"), "credentials": _count(live, "credentials")}
    wanted = {each: _wanted(manifest, live[each], each) for each in manifest.clusters}
    for cluster, domains in wanted.items():
        findings += _unverified(cluster, domains)
    if checker is not None:
        checked["records"] = 0
        for cluster, domains in wanted.items():
            seen = await _look_up(client, checker, cluster, domains)
            checked["records"] += len(seen)
            findings += [wrong for finding in seen for wrong in _wrong(cluster, finding)]
    return Report(
        findings=tuple(sorted(findings, key=_order)),
        warnings=(
            *manifest.warnings,
            *missing_domains(manifest, live),
            *users_alike(manifest, live),
        ),
        checked=checked,
    )


async def _look_up(
    client: UnmtaClient, checker: Checker, cluster: str, domains: Sequence[Domain]
) -> list[Finding]:
    """Return what the name servers say of each record of a cluster's domains."""
    template = await first_detail(client, cluster, domains)
    if template is None:
        return []

    async def look(domain: Domain) -> list[Finding]:
        return await checker.check(await get_detail(client, cluster, domain, template))

    async with aclosing(unordered(look, domains, _DOMAINS_AT_A_TIME)) as found:
        return [finding async for findings in found for finding in findings]


def _checker(resolver: Resolver | None) -> Checker:
    from ..dns import Checker  # needs the extra, which is needed by nothing else here

    return Checker(resolver=resolver)


def _differences(actions: Iterable[Action]) -> Iterator[AuditFinding]:
    for action in actions:
        if action.verb == "unchanged":
            continue
        lines = (line for change in action.changes for line in change.lines())
        yield AuditFinding(
            cluster=action.cluster,
            kind=action.kind,
            target=action.target,
            problem=_PROBLEMS[action.verb],
            detail=", ".join(lines) if action.verb == "update" else "",
        )


def _wanted(manifest: Manifest, live: Live, cluster: str) -> list[Domain]:
    """Return the domains of a cluster that are wished and exist."""
    names = manifest.clusters[cluster].domains or ()
    return [live.domains[name] for name in names if name in live.domains]


def _unverified(cluster: str, domains: Iterable[Domain]) -> Iterator[AuditFinding]:
    for domain in domains:
        if domain.status != DomainStatus.VERIFIED:
            yield AuditFinding(
                cluster=cluster,
                kind="domain",
                target=domain.name,
                problem="not-verified",
                detail=f"its status is {domain.status}",
            )


def _wrong(cluster: str, finding: Finding) -> Iterator[AuditFinding]:
    if finding.status != "ok":
        yield AuditFinding(
            cluster=cluster,
            kind="record",
            target=f"{finding.record.type} {finding.record.fqdn}",
            problem=finding.status,
            detail=finding.advice,
        )


def _count(live: Mapping[str, Live], kind: Literal["domains", "credentials"]) -> int:
    return sum(len(getattr(each, kind)) for each in live.values())


def _order(finding: AuditFinding) -> tuple[str, int, str, str]:
    kinds = ("domain", "record", "credential")
    return finding.cluster, kinds.index(finding.kind), finding.target, finding.problem

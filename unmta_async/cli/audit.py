"""`unmta audit`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import attrs

from ..provisioning import AuditFinding
from ..provisioning import audit as compare
from .failures import DONE, FAILED
from .layout import Command
from .manifests import ManifestFile, Wished, read_manifest
from .options import Common
from .output import View, show
from .resolvers import Resolver, resolver_of
from .session import connected

if TYPE_CHECKING:
    from ..provisioning import Report

__all__ = ["audit"]

_FINDINGS: Final = View[AuditFinding](
    columns={
        "cluster": lambda it: it.cluster,
        "kind": lambda it: it.kind,
        "target": lambda it: it.target,
        "problem": lambda it: it.problem,
        "detail": lambda it: it.detail,
    },
    record=attrs.asdict,
)

audit = Command(
    name="audit",
    help_epilogue="""\
Exit codes: 0 all is as it should be; 1 something is not, or could not be looked
at; 2 wrong usage, or a faulty manifest.

Examples:
  $ unmta audit clusters.yaml
  $ unmta audit clusters.yaml --dns
  $ unmta audit clusters.yaml --dns --output json > report.json
  $ unmta export | unmta audit - --dns""",
)


@audit.default
async def audit_(
    file: ManifestFile,
    /,
    *,
    dns: bool = False,
    resolver: Resolver = None,
    wished: Wished = Wished(),
    common: Common = Common(),
) -> int:
    """Compare a manifest with what exists and, if asked, with what stands in the DNS.

    What is wished and missing, what exists and is not wished, what differs, and what is not
    verified is shown. Nothing is changed.

    Args:
        file: The manifest.
        dns: Ask the authoritative name servers for the records, too.
        resolver: The resolver to begin with; this machine's if not given.
        wished: How to read the manifest.
        common: The common options.
    """
    asked = resolver_of(resolver) if dns else None
    async with connected(common) as client:
        manifest = await read_manifest(client, file, wished)
        report = await compare(client, manifest, dns=dns, resolver=asked)
    _show(report, common)
    return FAILED if report.findings else DONE


def _show(report: Report, common: Common) -> None:
    if common.output == "table":
        sys.stdout.write(f"{report}\n")
    elif common.output == "json":
        sys.stdout.write(f"{report.to_json()}\n")
    else:
        show(report.findings, _FINDINGS, common.output)

"""`unmta drift`."""

from __future__ import annotations

import json
import sys
from typing import Final

import attrs

from ..drift import Drift, survey
from .failures import DONE, USAGE, CommandError
from .layout import Command
from .options import Common
from .output import View, show
from .session import connected

__all__ = ["drift"]

_DRIFTS: Final = View[Drift](
    columns={
        "operation": lambda it: it.operation,
        "path": lambda it: it.path,
        "kind": lambda it: it.kind,
        "seen": lambda it: it.seen,
    },
    record=attrs.asdict,
)

drift = Command(
    name="drift",
    help_epilogue="""\
Exit codes: 0 the API was looked at, whatever was found; 1 it could not be.

Examples:
  $ unmta drift
  $ unmta drift --yaml > amendment.yaml
  $ unmta drift --output jsonl | jq -r .path""",
)


@drift.default
async def drift_(*, yaml: bool = False, common: Common = Common()) -> int:
    """Show what the answers of the API have that its contract does not say.

    Every list is asked for, and one thing of each kind. It only reads, and shows no values other
    than unknown words, such as a new status.

    Args:
        yaml: Write what brings the contract up to date: a JSON merge patch for openapi/unmta.yaml.
        common: The common options.
    """
    if yaml and common.output != "table":
        raise CommandError("give --yaml or --output, and not both", USAGE)
    async with connected(common) as client:
        report = await survey(client)
    if not report.looked_at and not report.findings:
        reason = next((why for why in report.not_looked_at.values() if why != "no GET"), "")
        raise CommandError(f"nothing could be looked at: {reason}")
    if yaml:
        sys.stdout.write(report.to_yaml())
    elif common.output == "table":
        sys.stdout.write(f"{report}\n")
    elif common.output == "json":
        sys.stdout.write(f"{json.dumps(attrs.asdict(report), indent=2)}\n")
    else:
        show(report.findings, _DRIFTS, common.output)
    return DONE

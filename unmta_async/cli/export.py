"""`unmta export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from ..provisioning import Manifest
from .files import check_writable, write_atomically
from .layout import Command
from .manifests import check_suffix, written
from .options import Access
from .output import note
from .session import connected

__all__ = ["export"]

_Format: TypeAlias = Literal["yaml", "json"]

export = Command(
    name="export",
    help_epilogue="""\
Examples:
  $ unmta export
  $ unmta export clusters.yaml
  $ unmta export --cluster a1b2c3d4 --format json | jq .
  $ unmta export clusters.yaml && unmta plan clusters.yaml""",
)


@export.default
async def export_(
    file: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    /,
    *,
    cluster: Annotated[tuple[str, ...], Parameter(alias="-c", metavar="ID")] = (),
    format: Annotated[  # noqa: A002 - its name
        _Format | None, Parameter(alias=("--output", "-o"), metavar="FORMAT")
    ] = None,
    common: Access = Access(),
) -> None:
    """Write what exists as a manifest: the domains and the credentials of all clusters.

    `unmta plan` finds nothing to do for it. Passwords are not among it: the API shows them once.

    Args:
        file: The file to write, .yaml or .json; standard output if not given.
        cluster: The id of a cluster, if not all are meant; may be given more than once.
            UNMTA_CLUSTER is not taken for it.
        format: What to write; else as the name of FILE says, or YAML.
        common: The common options.
    """
    target = file if file is not None and str(file) != "-" else None
    if target is not None and format is None:
        check_suffix(target)
    check_writable(target)
    async with connected(common) as client:
        manifest = await Manifest.from_live(client, *cluster)
    for warning in manifest.warnings:
        note(f"warning: {warning}", quiet=common.quiet)
    text = written(manifest, Path(f"live.{format}" if format else target or "live.yaml"))
    if target is None:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    else:
        write_atomically(target, text)
        note(f"{manifest} written to {target}.", quiet=common.quiet)

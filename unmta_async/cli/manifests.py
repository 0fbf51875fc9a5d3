"""Manifests as commands read them, from a file or standard input, and what is left of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast, get_args

import attrs
from cyclopts import Parameter

from .failures import USAGE, CommandError
from .files import read_bytes

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..provisioning import Action, Manifest

__all__ = ["ManifestFile", "Wished", "check_suffix", "left_over", "read_manifest", "written"]

ManifestFormat: TypeAlias = Literal["yaml", "json", "csv", "txt"]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Wished:
    """What every command knows that reads a manifest.

    Attributes:
        format: The format of FILE, where its name does not tell; of standard input "yaml" (which
            JSON is, too) if not given.
        cluster: The cluster that FILE is about, where it does not say: plain lines, and CSV without
            a column "cluster". Else UNMTA_CLUSTER, or the only one.
    """

    format: Annotated[ManifestFormat | None, Parameter(metavar="FORMAT")] = None
    cluster: Annotated[str | None, Parameter(alias="-c", metavar="ID")] = None


def _no_option(_kind: object, value: str) -> None:
    if value.startswith("-") and value != "-":
        raise ValueError("there is no such option")


ManifestFile: TypeAlias = Annotated[
    str,
    Parameter(
        help="The manifest: YAML, JSON, CSV or plain lines of domain names; - is standard input.",
        allow_leading_hyphen=True,  # of "-" alone
        validator=_no_option,
    ),
]


async def read_manifest(client: UnmtaClient, file: str, wished: Wished) -> Manifest:
    """Read a manifest; the cluster of one that names none is asked for if need be.

    Raises:
        ManifestError: Something is wrong with it; it lists everything that is.
        CommandError: Its format, or its cluster, is not known.
    """
    from ..provisioning import Manifest

    form = _format(file, wished)
    content = read_bytes(file)
    return Manifest.parse(
        content,
        format=form,
        name="<stdin>" if file == "-" else file,
        cluster=await _cluster(client, wished.cluster, form, content),
    )


def _format(file: str, wished: Wished) -> ManifestFormat:
    if wished.format is not None:
        return wished.format
    suffix = "yaml" if file == "-" else Path(file).suffix.lower().removeprefix(".")
    suffix = "yaml" if suffix == "yml" else suffix
    if suffix not in get_args(ManifestFormat):
        known = ", ".join(get_args(ManifestFormat))
        raise CommandError(
            f"{file}: its name does not tell its format: give --format, one of {known}", USAGE
        )
    return cast("ManifestFormat", suffix)


async def _cluster(
    client: UnmtaClient, given: str | None, form: ManifestFormat, content: bytes
) -> str | None:
    if given is not None and form in {"yaml", "json"}:
        raise CommandError("such a manifest names its clusters itself: leave --cluster out", USAGE)
    if given is not None or not _needs_cluster(form, content):
        return given
    from .options import InCluster
    from .session import chosen_cluster

    options = InCluster(cluster=os.environ.get("UNMTA_CLUSTER") or None)
    return await chosen_cluster(client, options)


def _needs_cluster(form: ManifestFormat, content: bytes) -> bool:
    if form == "csv":
        heads = content.removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
        return not any(b"cluster" in head.lower() for head in heads)
    return form == "txt"


def check_suffix(file: Path) -> None:
    """Refuse a name that a manifest cannot be written to.

    Raises:
        CommandError: Its suffix tells neither YAML nor JSON.
    """
    if file.suffix.lower() not in {".yaml", ".yml", ".json"}:
        raise CommandError(f"{file}: use a name that ends in .yaml or .json", USAGE)


def written(manifest: Manifest, file: Path) -> str:
    """Return a manifest in the form that a file's name tells."""
    return manifest.to_json() if file.suffix.lower() == ".json" else manifest.to_yaml()


def left_over(manifest: Manifest, actions: Iterable[Action]) -> Manifest:
    """Return the part of a manifest that actions are about; deletions are about none."""
    from ..provisioning import ClusterSpec, Manifest

    left = {(it.cluster, it.kind, it.target) for it in actions if it.verb != "delete"}
    specs = {
        cluster: ClusterSpec(
            # Of what nothing is left nothing is said: none would be wished otherwise.
            domains=[it for it in spec.domains or () if (cluster, "domain", it) in left] or None,
            credentials=[
                it for it in spec.credentials or () if (cluster, "credential", it.user) in left
            ]
            or None,
        )
        for cluster, spec in manifest.clusters.items()
    }
    return Manifest({cluster: spec for cluster, spec in specs.items() if spec != ClusterSpec()})

"""The wished state of clusters: their domains, and their credentials.

Built in Python, read from a file, or written down from what exists. Nothing here changes anything.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from ...errors import UsageError
from .._workers import unordered
from ._dump import json_text, yaml_text
from ._faults import MOST_FAULTS, ManifestError, ManifestFault, Notes, Place, placed
from ._files import Format, Source, format_of, read_bytes, read_source
from ._specs import CheckedClusters, ClusterSpec, CredentialSpec, check, kind_of
from ._tree import specs_of

if TYPE_CHECKING:
    from ...client import UnmtaClient
    from ...models import Credential

__all__ = ["ClusterSpec", "CredentialSpec", "Manifest", "ManifestError", "ManifestFault"]

_LISTED_AT_A_TIME = 8


def _checked(clusters: Mapping[str, ClusterSpec]) -> CheckedClusters:
    if isinstance(clusters, CheckedClusters):
        return clusters
    return _settled(clusters, Notes(), Place())


def _settled(clusters: Mapping[str, ClusterSpec], notes: Notes, place: Place) -> CheckedClusters:
    """Check clusters, and raise everything that is wrong; `notes` may have something already.

    Raises:
        ManifestError: Something is wrong.
    """
    normal = check(clusters, notes)
    if notes.faults:
        raise ManifestError(placed(notes.faults, place))
    return CheckedClusters(normal, map(str, placed(notes.warnings, place)))


def _warnings_of(manifest: Manifest) -> tuple[str, ...]:
    return cast("CheckedClusters", manifest.clusters).warnings


@attrs.frozen
class Manifest:
    """What one or more clusters are to have.

    Domain names are in lower case, as A-labels and without a dot at the end; addresses are in their
    one form; every list is sorted. So manifests that wish for the same are equal.

    Attributes:
        clusters: For the id of each cluster what it is to have.
        warnings: What is allowed and yet odd, one sentence each. It is not compared.

    Raises:
        ManifestError: Something is wrong; it lists everything that is.
    """

    clusters: Mapping[str, ClusterSpec] = attrs.field(converter=_checked)
    warnings: tuple[str, ...] = attrs.field(
        init=False, eq=False, default=attrs.Factory(_warnings_of, takes_self=True)
    )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        cluster: str | None = None,
        format: Format | None = None,  # noqa: A002 - its name in every such function
    ) -> Manifest:
        """Read a manifest from a file.

        Args:
            path: The file, in UTF-8: YAML (`.yaml`, `.yml`), JSON (`.json`), CSV with a header
                (`.csv`), or domain names one per line (`.txt`).
            cluster: The cluster that the file is about, if the file itself does not say: plain
                lines, and CSV without a column `cluster`.
            format: "yaml", "json", "csv" or "txt", for a file whose name does not tell.

        Raises:
            ManifestError: The file cannot be read, `cluster` is missing or in the way, or something
                is wrong in the file; it lists everything that is, with lines.
            UsageError: The format is not known, the path is no name of a file, or PyYAML is not
                installed.
        """
        name = _name_of(path)
        found = format_of(name, format)
        return cls.parse(read_bytes(Path(name)), format=found, name=name, cluster=cluster)

    @classmethod
    def parse(
        cls,
        text: str | bytes,
        *,
        format: Format,  # noqa: A002 - its name in every such function
        name: str = "<stdin>",
        cluster: str | None = None,
    ) -> Manifest:
        """Read a manifest from text, or from bytes in UTF-8.

        Args:
            text: The content of a file.
            format: "yaml", "json", "csv" or "txt" for domain names one per line.
            name: What to call it in messages.
            cluster: As in `load`.

        Raises:
            ManifestError: Something is wrong; it lists everything that is, with lines.
            UsageError: The format is not known, it is no text, or PyYAML is not installed.
        """
        _refuse_other_than_text(text)
        source = read_source(Source(text, format_of(name, format), name, cluster))
        notes = Notes([*source.faults[:MOST_FAULTS]])
        clusters = specs_of(source.tree, notes)
        return cls(_settled(clusters, notes, Place(name, source.lines)))

    @classmethod
    async def from_live(cls, client: UnmtaClient, *clusters: str) -> Manifest:
        """Write down what exists, with two list calls for each cluster.

        What the server has is taken as it is. What a manifest may not say, an empty list of allowed
        domains for instance, is named in `warnings`: written to a file, it would not load.

        Args:
            client: The client to use.
            clusters: The ids of the clusters; all that the token may see if none is given.

        Raises:
            UnmtaError: Something could not be listed.
        """
        ids = clusters or [cluster.id for cluster in await client.clusters.list()]

        async def read(cluster: str) -> tuple[str, ClusterSpec]:
            return cluster, await _live_cluster(client, cluster)

        reading = unordered(read, dict.fromkeys(ids), _LISTED_AT_A_TIME)
        async with aclosing(reading) as found:
            specs = {cluster: spec async for cluster, spec in found}
        return cls(_as_they_are(dict(sorted(specs.items()))))

    def to_yaml(self) -> str:
        """Return it as YAML that `load` reads, sorted."""
        return yaml_text(self.clusters)

    def to_json(self) -> str:
        """Return it as JSON that `load` reads, sorted."""
        return json_text(self.clusters)

    def __str__(self) -> str:
        specs = self.clusters.values()
        parts = [_counted(len(specs), "cluster")]
        for kind in ("domain", "credential"):
            lists = [getattr(spec, f"{kind}s") for spec in specs]
            if spoken_of := [names for names in lists if names is not None]:
                parts.append(_counted(sum(map(len, spoken_of)), kind))
        return ", ".join(parts)


def _name_of(path: object) -> str:
    name: object = path
    if isinstance(path, os.PathLike):
        name = cast("os.PathLike[str]", path).__fspath__()
    if isinstance(name, str):
        return name
    raise UsageError(f"path= is {kind_of(name)}; give the name of a file, a str or a Path")


def _refuse_other_than_text(text: object) -> None:
    if not isinstance(text, str | bytes):
        raise UsageError(f"text is {kind_of(text)}; give the content of a file, str or bytes")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


async def _live_cluster(client: UnmtaClient, cluster: str) -> ClusterSpec:
    domains = await client.domains.list(cluster)
    credentials = await client.credentials.list(cluster)
    return ClusterSpec(
        domains=[domain.name for domain in domains],
        credentials=[_live_credential(credential) for credential in credentials],
    )


def _live_credential(live: Credential) -> CredentialSpec:
    return CredentialSpec(
        user=live.user,
        domains=None if live.allow_all_domains else live.domains,
        allowed_ips=None if live.allow_all_ips else live.allowed_ips,
    )


def _as_they_are(live: Mapping[str, ClusterSpec]) -> CheckedClusters:
    """Return what exists in normal form; what is wrong by our rules is no reason to fail."""
    notes = Notes(most=math.inf)
    normal = check(live, notes)
    refused = (
        f"{fault}; it is so on the server, and a manifest that says it does not load"
        for fault in placed(notes.faults, Place())
    )
    return CheckedClusters(normal, [*refused, *map(str, placed(notes.warnings, Place()))])

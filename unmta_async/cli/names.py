"""Domain names from the command line and from files, and files of what is left to do."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ..errors import UsageError, printable
from ..provisioning import ClusterSpec, Manifest, ManifestError
from .files import read_bytes, write_atomically
from .options import InCluster

__all__ = ["checked_names", "for_cluster", "read_names", "write_left"]

_STDIN: Final = "-"
_ANY: Final = "any"  # a manifest speaks of a cluster, and these names of none


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names from the command line in normal form, each once, in their order.

    Raises:
        UsageError: One of them is no domain name; it tells of all that are none.
    """
    normal: dict[str, None] = {}
    faults: list[str] = []
    for name in names:
        try:
            manifest = Manifest({_ANY: ClusterSpec(domains=(name,))})
        except ManifestError as error:
            faults += [fault.message for fault in error.faults]
        else:
            normal.update(dict.fromkeys(manifest.clusters[_ANY].domains or ()))
    if faults:
        raise UsageError("\n".join(faults))
    return tuple(normal)


def read_names(file: Path) -> tuple[str, ...]:
    """Return the domain names in a file, one in each line, in normal form; "-" is stdin.

    An empty file names nothing: it is what a run leaves that has nothing left to do.

    Raises:
        ManifestError: Something in it is no domain name; it tells of each with its line.
        OSError: It cannot be read.
    """
    text = read_bytes(file)
    if not any(line.partition(b"#")[0].strip() for line in text.splitlines()):
        return ()
    name = "<stdin>" if str(file) == _STDIN else str(file)
    manifest = Manifest.parse(text, format="txt", name=name, cluster=_ANY)
    return manifest.clusters[_ANY].domains or ()


def write_left(file: Path | None, left: Mapping[str, str]) -> None:
    """Write names with a comment each, in place of what is in the file, as a whole or not at all.

    Args:
        file: Where to; nothing happens without.
        left: The names, and what is to be said of each.

    Raises:
        OSError: It cannot be written.
    """
    if file is None:
        return
    text = "".join(f"{name}  # {printable(told)}\n" for name, told in left.items())
    write_atomically(file, text)


def for_cluster(options: InCluster) -> str:
    """Return what a command has to have at its end to mean the same cluster; perhaps nothing."""
    if options.cluster is None or options.cluster == os.environ.get("UNMTA_CLUSTER"):
        return ""
    return f" --cluster {shlex.quote(options.cluster)}"

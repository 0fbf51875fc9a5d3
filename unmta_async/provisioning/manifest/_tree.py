"""From what a file says, mappings, lists and strings, to the values of a manifest.

The names themselves are left to the checks that manifests made in Python go through, too.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final, cast

from ...errors import printable
from ._faults import MOST_FAULTS, Notes, Path
from ._names import quoted
from ._specs import ClusterSpec, CredentialSpec, kind_of

__all__ = ["did_you_mean", "specs_of"]

_TOP_KEYS: Final = ("clusters",)
_CLUSTER_KEYS: Final = ("domains", "credentials")
_CREDENTIAL_KEYS: Final = ("domains", "allow_all_domains", "allowed_ips", "allow_all_ips")


def specs_of(tree: object, notes: Notes) -> dict[str, ClusterSpec]:
    """Return the clusters that a file speaks of; what is wrong is noted and left out."""
    top = _mapping(tree, (), "a manifest is a mapping with the key clusters", notes)
    if top is None:
        return {}
    _refuse_unknown_keys(top, _TOP_KEYS, (), notes)
    if "clusters" not in top:
        if not notes.faults:
            notes.fault((), "the key clusters is missing; everything stands below it")
        return {}
    path = ("clusters",)
    clusters = _mapping(top["clusters"], path, "write each cluster's id as a key", notes)
    return {
        cluster: _cluster(value, (*path, cluster), notes)
        for cluster, value in (clusters or {}).items()
    }


def _cluster(value: object, path: Path, notes: Notes) -> ClusterSpec:
    wished = _mapping(value, path, "write domains and credentials below it", notes) or {}
    _refuse_unknown_keys(wished, _CLUSTER_KEYS, path, notes)
    return ClusterSpec(
        domains=_list(wished, "domains", "write [] for none", path, notes),
        credentials=_credentials(wished, path, notes),
    )


def _credentials(
    wished: Mapping[str, object], path: Path, notes: Notes
) -> list[CredentialSpec] | None:
    if "credentials" not in wished:
        return None
    path = (*path, "credentials")
    users = _mapping(wished["credentials"], path, "write each user as a key", notes)
    return [_credential(user, value, (*path, user), notes) for user, value in (users or {}).items()]


def _credential(user: str, value: object, path: Path, notes: Notes) -> CredentialSpec:
    given = _mapping(value, path, "write domains or allow_all_domains: true below it", notes)
    if given is None:
        return CredentialSpec(user=user)
    _refuse_unknown_keys(given, _CREDENTIAL_KEYS, path, notes)
    return CredentialSpec(
        user=user,
        domains=_restriction(given, "domains", "allow_all_domains", path, notes),
        allowed_ips=_restriction(given, "allowed_ips", "allow_all_ips", path, notes),
    )


def _restriction(
    given: Mapping[str, object], items: str, switch: str, path: Path, notes: Notes
) -> list[str] | None:
    """Return the items that a credential is restricted to; None if it is not."""
    allows_all = given.get(switch)
    if switch in given and not isinstance(allows_all, bool):
        notes.fault((*path, switch), f"{switch} is {_said(allows_all)}; write true or false")
        return None
    if items in given:
        if allows_all:
            notes.fault((*path, switch), f"both {items} and {switch}: true; take one out")
        return _list(given, items, "name them", path, notes)
    if allows_all is False:
        notes.fault((*path, switch), f"{switch}: false asks for {items}; name them")
    elif allows_all is None and switch == "allow_all_domains":
        user = quoted(str(path[-1]))
        notes.fault(path, f"the credential {user} needs {items} or {switch}: true")
    return None


def _list(
    given: Mapping[str, object], key: str, if_none: str, path: Path, notes: Notes
) -> list[str] | None:
    """Return a list with whatever items it has, which are checked later."""
    value = given.get(key)
    if key not in given or isinstance(value, list):
        return cast("list[str] | None", value)
    path = (*path, key)
    if isinstance(value, str):
        item = printable(value.strip())
        notes.fault(path, f"{key} is a single string; write a list: {key}: [{item}]")
    elif value is None:
        notes.fault(path, f"{key} has no value; {if_none}, or leave the key out")
    else:
        notes.fault(path, f"{key} is {kind_of(value)}; write a list")
    return None


def _mapping(value: object, path: Path, advice: str, notes: Notes) -> Mapping[str, object] | None:
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value)
    name = quoted(str(path[-1])) if path else "it"
    if value is None and path:
        notes.fault(path, f"{name} has no value; {advice}, or leave it out")
    else:
        notes.fault(path, f"{name} is {kind_of(value)}; {advice}")
    return None


def _refuse_unknown_keys(
    given: Mapping[str, object], known: Collection[str], path: Path, notes: Notes
) -> None:
    unknown = (key for key in given if key not in known)
    for key in islice(unknown, MOST_FAULTS):
        notes.fault((*path, key), f"unknown key {quoted(key)}{did_you_mean(key, known)}")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return what to append to "unknown …": the nearest of the known words, or all of them."""
    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there is {', '.join(known)}"


def _said(value: object) -> str:
    return quoted(value) if isinstance(value, str) else kind_of(value)

"""The values of a manifest, and the checks that bring them to their normal form.

Where they come from, a file or Python, makes no difference here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import cast

import attrs

from ...errors import printable
from ._faults import Notes, Path
from ._names import NameFault, address, cluster_id, domain_name, quoted, user_name

__all__ = ["CheckedClusters", "ClusterSpec", "CredentialSpec", "check", "kind_of"]

_MOST_NAMED = 3
_IN_YAML = "in YAML, yes, no, on and off are true and false, too"


def _as_tuple(value: object) -> object:
    """Return a list as a tuple, a string as its only item; nonsense is left to the checks."""
    if isinstance(value, str):
        return (value,)
    return tuple(cast("Iterable[object]", value)) if _is_list(value) else value


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, Mapping | bytes)


def _texts(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return cast("tuple[str, ...] | None", _as_tuple(value))


def _credentials(value: Iterable[CredentialSpec] | None) -> tuple[CredentialSpec, ...] | None:
    return cast("tuple[CredentialSpec, ...] | None", _as_tuple(value))


@attrs.frozen(kw_only=True)
class CredentialSpec:
    """What a credential is to be good for.

    Attributes:
        user: The SMTP user name.
        domains: The domains that it may send from; None for all of the cluster, later ones too.
        allowed_ips: The addresses and CIDR ranges that it may connect from; None for all.
    """

    user: str
    domains: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)
    allowed_ips: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)


@attrs.frozen(kw_only=True)
class ClusterSpec:
    """What a cluster is to have.

    Attributes:
        domains: The names of its domains; None if nothing is said of them, () for none.
        credentials: Its credentials; None if nothing is said of them, () for none.
    """

    domains: tuple[str, ...] | None = attrs.field(default=None, converter=_texts)
    credentials: tuple[CredentialSpec, ...] | None = attrs.field(
        default=None, converter=_credentials
    )


class CheckedClusters(Mapping[str, ClusterSpec]):
    """Clusters that went through the checks, sorted, and what was odd about them."""

    def __init__(self, specs: Mapping[str, ClusterSpec], warnings: Iterable[str] = ()) -> None:
        self._specs = dict(sorted(specs.items()))
        self.warnings = tuple(warnings)

    def __getitem__(self, cluster: str) -> ClusterSpec:
        return self._specs[cluster]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __hash__(self) -> int:
        return hash(tuple(self._specs.items()))

    def __repr__(self) -> str:
        return repr(self._specs)


def kind_of(value: object) -> str:
    """Return what a value is, in the words of the files."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int | float):
        return "a number"
    return "a string" if isinstance(value, str) else f"a {type(value).__name__}"


def check(clusters: object, notes: Notes) -> dict[str, ClusterSpec]:
    """Return the clusters in normal form, every list sorted and each of its items once.

    What is wrong is noted, and stays as it is as far as it can stay.
    """
    if not isinstance(clusters, Mapping):
        notes.fault(("clusters",), f"{kind_of(clusters)}; give a mapping of ids to ClusterSpec")
        return {}
    normal: dict[str, ClusterSpec] = {}
    for cluster, spec in cast("Mapping[object, object]", clusters).items():
        path = ("clusters", str(cluster))
        _checked(cluster, cluster_id, "the id of a cluster", path, notes)
        if isinstance(spec, ClusterSpec):
            normal[str(cluster)] = _normal_cluster(spec, path, notes)
        else:
            notes.fault(path, f"{kind_of(spec)}; give a ClusterSpec")
    _warn_of_shared_domains(normal, notes)
    return normal


def _normal_cluster(spec: ClusterSpec, path: Path, notes: Notes) -> ClusterSpec:
    domains, credentials = spec.domains, spec.credentials
    if domains is not None:
        domains = _normal_list(domains, _DOMAINS, (*path, "domains"), notes, notes.fault)
    path = (*path, "credentials")
    if credentials is not None:
        credentials = _normal_credentials(credentials, path, notes)
        _warn_of_users_alike(credentials, path, notes)
    return ClusterSpec(domains=domains, credentials=credentials)


def _normal_credentials(
    credentials: object, path: Path, notes: Notes
) -> tuple[CredentialSpec, ...]:
    if not isinstance(credentials, tuple):
        notes.fault(path, f"{kind_of(credentials)}; give a list of CredentialSpec")
        return ()
    normal: dict[str, CredentialSpec] = {}
    for position, spec in enumerate(cast("tuple[object, ...]", credentials)):
        if not isinstance(spec, CredentialSpec):
            notes.fault((*path, position), f"{kind_of(spec)}; give a CredentialSpec")
            continue
        user = str(spec.user)
        own = (*path, user)
        _checked(spec.user, user_name, "a user", own, notes)
        if user in normal:
            notes.fault(own, f"the user {quoted(user)} is there already; take one out")
        normal[user] = _normal_credential(spec, own, notes)
    return tuple(normal[user] for user in sorted(normal))


def _normal_credential(spec: CredentialSpec, path: Path, notes: Notes) -> CredentialSpec:
    return CredentialSpec(
        user=str(spec.user),
        domains=_normal_restriction(spec.domains, _DOMAINS, (*path, "domains"), notes),
        allowed_ips=_normal_restriction(
            spec.allowed_ips, _ADDRESSES, (*path, "allowed_ips"), notes
        ),
    )


def _normal_restriction(
    values: object, kind: _Kind, path: Path, notes: Notes
) -> tuple[str, ...] | None:
    if values is None:
        return None
    if values == ():
        notes.fault(path, kind.if_none)
    return _normal_list(values, kind, path, notes, notes.warn)


@attrs.frozen
class _Kind:
    """What the items of a list are."""

    rule: Callable[[str], str]
    meant: str
    if_none: str


_DOMAINS = _Kind(
    domain_name,
    "a domain name",
    "a credential for no domain at all; name its domains, or say allow_all_domains: true "
    "(in Python, domains=None)",
)
_ADDRESSES = _Kind(
    address,
    "an IP address",
    "a credential for no address at all; name its addresses, or leave allowed_ips out to allow "
    "all (in Python, allowed_ips=None)",
)


def _normal_list(
    values: object,
    kind: _Kind,
    path: Path,
    notes: Notes,
    note_again: Callable[[Path, str, Path], None],
) -> tuple[str, ...]:
    if not isinstance(values, tuple):
        notes.fault(path, f"{kind_of(values)}; give a list")
        return ()
    seen: dict[str, int] = {}
    wrong: set[str] = set()
    for position, value in enumerate(cast("tuple[object, ...]", values)):
        own = (*path, position)
        name = _checked(value, kind.rule, kind.meant, own, notes)
        if name is None:
            wrong |= {value} if isinstance(value, str) else set()
        elif name in seen:
            again = f"{quoted(str(value))} is there already; take one out"
            note_again(own, again, (*path, seen[name]))
        else:
            seen[name] = position
    return tuple(sorted(wrong.union(seen)))


def _checked(
    value: object, rule: Callable[[str], str], meant: str, path: Path, notes: Notes
) -> str | None:
    """Return a value in its normal form; None if it has none, which is noted."""
    if not isinstance(value, str):
        notes.fault(path, f"{_shown(value)} is not {meant}; {_instead_of(value)}")
        return None
    try:
        return rule(value)
    except NameFault as fault:
        notes.fault(path, str(fault))
        return None


def _shown(value: object) -> str:
    """Return what no string is, with its value if that is short."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):
            return f"the number {value:.15g}"
    return kind_of(value)


def _instead_of(value: object) -> str:
    """Return what to do about a value that should be a string."""
    if isinstance(value, bool):
        return f"put the word in quotes ({_IN_YAML})"
    if value is None:
        return "write one, or take the item out"
    if isinstance(value, int | float):
        return "write a text, in quotes"
    return "write one text for each"


def _warn_of_users_alike(credentials: Sequence[CredentialSpec], path: Path, notes: Notes) -> None:
    alike: dict[str, str] = {}
    for spec in credentials:
        other = alike.setdefault(spec.user.lower(), spec.user)
        if other != spec.user:
            notes.warn(
                (*path, spec.user),
                f"the users {quoted(other)} and {quoted(spec.user)} differ in case only",
            )


def _warn_of_shared_domains(clusters: Mapping[str, ClusterSpec], notes: Notes) -> None:
    first: dict[str, str] = {}
    shared: dict[tuple[str, str], list[str]] = {}
    for cluster, spec in clusters.items():
        for name in spec.domains or ():
            other = first.setdefault(name, cluster)
            if other != cluster:
                shared.setdefault((other, cluster), []).append(name)
    for (other, cluster), names in shared.items():
        notes.warn(
            ("clusters", cluster, "domains"),
            f"{_some(names)} in the clusters {printable(other)} and {printable(cluster)}: each has "
            "a key of its own, and two keys at one selector are undefined (RFC 6376, 3.6.2.2)",
        )


def _some(names: Sequence[str]) -> str:
    """Return the names, or the first of them and how many more there are."""
    shown = ", ".join(map(quoted, names[:_MOST_NAMED]))
    left = len(names) - _MOST_NAMED
    return f"{shown} and {left:,} more" if left > 0 else shown

"""What it takes to get from what exists to what a manifest wishes: `make_plan`, `Plan`, `Action`.

Nothing here changes anything.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import attrs

from ..errors import printable
from ..models import Credential
from ._live import Live, read_live
from ._names import address_key, domain_key
from .manifest import ClusterSpec, CredentialSpec, Manifest

if TYPE_CHECKING:
    from ..client import UnmtaClient

__all__ = [
    "Action",
    "Change",
    "Kind",
    "Plan",
    "Verb",
    "compare",
    "make_plan",
    "missing_domains",
    "users_alike",
]

Kind: TypeAlias = Literal["domain", "credential"]
Verb: TypeAlias = Literal["create", "update", "delete", "unchanged"]
Value: TypeAlias = bool | tuple[str, ...] | None

_SIGNS: Final[Mapping[Verb, str]] = {"create": "+", "update": "~", "delete": "-", "unchanged": " "}


@attrs.frozen
class Change:
    """What an action makes of one field.

    Attributes:
        field: The field, as the API names it.
        before: Its value before; None if there was none.
        after: Its value after.
    """

    field: str
    before: Value
    after: Value

    def lines(self) -> Iterator[str]:
        """Yield it for people: a flag as a whole, of a list what comes and what goes."""
        before = set(self.before if isinstance(self.before, tuple) else ())
        if isinstance(self.after, tuple):
            yield from (f"{self.field}: + {item}" for item in sorted({*self.after} - before))
            gone = before.difference(self.after)
            yield from (f"{self.field}: - {printable(item)}" for item in sorted(gone))
        else:
            was = "" if self.before is None else f"{json.dumps(self.before)} -> "
            yield f"{self.field}: {was}{json.dumps(self.after)}"


@attrs.frozen(kw_only=True)
class Action:
    """What is to be done about one domain or credential.

    Attributes:
        kind: "domain" or "credential".
        cluster: The id of its cluster.
        target: The domain name, or the user.
        verb: "create", "update", "delete" or "unchanged".
        changes: The fields that it sets; a domain has none.
    """

    kind: Kind
    cluster: str
    target: str
    verb: Verb
    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        # The name of what exists is foreign text.
        return f"{_SIGNS[self.verb]} {self.kind} {printable(self.target)}"

    def flag(self, field: str) -> bool | None:
        """Return what it sets a flag to; None if it leaves it alone."""
        value = self._after(field)
        return value if isinstance(value, bool) else None

    def listed(self, field: str) -> tuple[str, ...] | None:
        """Return what it sets a list to; None if it leaves it alone."""
        value = self._after(field)
        return value if isinstance(value, tuple) else None

    def is_done(self, found: Credential) -> bool:
        """Whether a credential is as this action wants it."""
        return all(
            _current(found, change.field) == _as_set(change.after) for change in self.changes
        )

    def _after(self, field: str) -> Value:
        return next((change.after for change in self.changes if change.field == field), None)


@attrs.frozen
class Plan:
    """The actions that lead from what exists to what is wished.

    `str(plan)` is for people, `to_json()` for programs. The same manifest and the same live state
    give the same plan.

    Attributes:
        actions: By cluster, kind and name; what stays as it is among them.
        warnings: What is legal, and hardly meant.
    """

    actions: tuple[Action, ...]
    warnings: tuple[str, ...] = ()

    @property
    def pending(self) -> tuple[Action, ...]:
        """The actions that change something."""
        return tuple(action for action in self.actions if action.verb != "unchanged")

    @property
    def counts(self) -> dict[Verb, int]:
        """How many actions there are of each verb."""
        found = Counter(action.verb for action in self.actions)
        return {verb: found[verb] for verb in _SIGNS}

    def __str__(self) -> str:
        deleted = [action for action in self.pending if action.verb == "delete"]
        lines = [*_paragraphs([action for action in self.pending if action.verb != "delete"])]
        if deleted:
            lines += ["To be deleted, which cannot be undone:", "", *_paragraphs(deleted)]
        if self.warnings:
            lines += [*(f"Warning: {warning}" for warning in self.warnings), ""]
        return "\n".join([*lines, _summary(self.counts)])

    def to_json(self) -> str:
        """Return the plan as JSON; `version` changes if its form does."""
        whole = {
            "version": 1,
            "counts": self.counts,
            "actions": [_plain(action) for action in self.actions],
            "warnings": self.warnings,
        }
        return json.dumps(whole, indent=2, ensure_ascii=False)


async def make_plan(client: UnmtaClient, manifest: Manifest, *, prune: bool = False) -> Plan:
    """Compare a manifest with what exists; nothing is changed.

    It takes two list calls for each cluster of the manifest, or one where the manifest speaks of
    domains or of credentials only. Clusters that it does not name are not looked at.

    Args:
        client: The client to use.
        manifest: What is wished.
        prune: Delete what exists and is not wished, of the kinds that the manifest speaks of.

    Raises:
        NotFoundError: A cluster does not exist, or the token may not see it.
        UnmtaError: What exists could not be listed.
    """
    live = await read_live(client, manifest.clusters)
    return Plan(
        tuple(compare(manifest, live, prune=prune)),
        (
            *manifest.warnings,
            *missing_domains(manifest, live, prune=prune),
            *users_alike(manifest, live),
        ),
    )


def compare(manifest: Manifest, live: Mapping[str, Live], *, prune: bool) -> Iterator[Action]:
    """Yield what it takes to get from what exists to what is wished."""
    for cluster, wished in sorted(manifest.clusters.items()):
        yield from _domain_actions(cluster, wished, live[cluster], prune=prune)
        yield from _credential_actions(cluster, wished, live[cluster], prune=prune)


def missing_domains(
    manifest: Manifest, live: Mapping[str, Live], *, prune: bool = False
) -> Iterator[str]:
    """Yield a warning for each domain that a wished credential names and its cluster lacks."""
    for cluster, wished in sorted(manifest.clusters.items()):
        if wished.domains is None:
            continue
        there = set(wished.domains) | (set[str]() if prune else set(live[cluster].domains))
        for spec in wished.credentials or ():
            for name in sorted(set(spec.domains or ()) - there):
                yield (
                    f"the credential {spec.user} may send from {name}, which is not among the "
                    f"domains of the cluster {cluster}; add it there, or correct the name"
                )


def users_alike(manifest: Manifest, live: Mapping[str, Live]) -> Iterator[str]:
    """Yield a warning for each credential that differs from a wished one in case only."""
    for cluster, wished in sorted(manifest.clusters.items()):
        for user in sorted(_alike(wished, live[cluster])):
            yield (
                f"the cluster {cluster} has a credential {printable(user)}, which differs from a "
                f"wished one in case only; it is left alone: rename the wished one, or delete it "
                f"by hand"
            )


def _alike(wished: ClusterSpec, live: Live) -> set[str]:
    """Return the live users that the API may take for a wished one: it is not known to tell case.

    Deleting one of them might leave neither.
    """
    users = {spec.user for spec in wished.credentials or ()}
    folded = {user.casefold() for user in users}
    return {user for user in live.credentials if user not in users and user.casefold() in folded}


def _domain_actions(
    cluster: str, wished: ClusterSpec, live: Live, *, prune: bool
) -> Iterator[Action]:
    """Yield an action for each domain, in the order of names."""
    if wished.domains is None:
        return
    unwished = live.domains.keys() - set(wished.domains) if prune else set[str]()
    for name in sorted((*wished.domains, *unwished)):  # a manifest's are sorted already
        verb: Verb = "unchanged" if name in live.domains else "create"
        if name in unwished:
            yield Action(
                kind="domain", cluster=cluster, target=live.domains[name].name, verb="delete"
            )
        else:
            yield Action(kind="domain", cluster=cluster, target=name, verb=verb)


def _credential_actions(
    cluster: str, wished: ClusterSpec, live: Live, *, prune: bool
) -> Iterator[Action]:
    """Yield an action for each credential, in the order of users."""
    if wished.credentials is None:
        return
    specs = {spec.user: spec for spec in wished.credentials}
    unwished = live.credentials.keys() - _alike(wished, live) if prune else set[str]()
    for user in sorted(specs.keys() | unwished):
        verb, changes = _difference(specs.get(user), live.credentials.get(user))
        yield Action(kind="credential", cluster=cluster, target=user, verb=verb, changes=changes)


def _difference(
    wished: CredentialSpec | None, found: Credential | None
) -> tuple[Verb, tuple[Change, ...]]:
    if wished is None:
        return "delete", ()
    if found is None:
        return "create", _first_values(wished)
    changes = (*_domain_changes(wished, found), *_address_changes(wished, found))
    return ("update" if changes else "unchanged"), changes


def _first_values(wished: CredentialSpec) -> tuple[Change, ...]:
    changes: list[Change] = []
    if wished.domains is None:
        changes.append(Change("allow_all_domains", None, True))
    else:
        changes.append(Change("domains", None, wished.domains))
    if wished.allowed_ips is not None:
        # On creation the list alone may restrict nothing.
        changes.append(Change("allow_all_ips", None, False))
        changes.append(Change("allowed_ips", None, wished.allowed_ips))
    return tuple(changes)


def _domain_changes(wished: CredentialSpec, found: Credential) -> list[Change]:
    present = None if found.allow_all_domains else tuple(map(domain_key, found.domains))
    return _field_changes("allow_all_domains", "domains", present, wished.domains)


def _address_changes(wished: CredentialSpec, found: Credential) -> list[Change]:
    present = None if found.allow_all_ips else tuple(map(address_key, found.allowed_ips))
    return _field_changes("allow_all_ips", "allowed_ips", present, wished.allowed_ips)


def _field_changes(
    flag: str, listing: str, present: tuple[str, ...] | None, wished: tuple[str, ...] | None
) -> list[Change]:
    """Return what changes about a flag and the list that holds where it is off; None is on."""
    changes: list[Change] = []
    if (present is None) != (wished is None):
        changes.append(Change(flag, present is None, wished is None))
    if wished is not None and (present is None or set(present) != set(wished)):
        changes.append(Change(listing, present, wished))
    return changes


def _paragraphs(actions: Sequence[Action]) -> Iterator[str]:
    """Yield lines for people: a heading for each cluster, a line for each action and field."""
    for cluster, group in groupby(actions, key=lambda action: action.cluster):
        yield f"Cluster {cluster}"
        for action in group:
            yield f"  {action}"
            for change in action.changes:
                yield from (f"      {line}" for line in change.lines())
        yield ""


def _summary(counts: Mapping[Verb, int]) -> str:
    if not any(counts[verb] for verb in ("create", "update", "delete")):
        return f"Nothing to do: {counts['unchanged']:,} as wished."
    return (
        f"Plan: {counts['create']:,} to create, {counts['update']:,} to update, "
        f"{counts['delete']:,} to delete, {counts['unchanged']:,} unchanged."
    )


def _current(found: Credential, field: str) -> bool | frozenset[str]:
    match field:
        case "domains":
            return frozenset(map(domain_key, found.domains))
        case "allowed_ips":
            return frozenset(map(address_key, found.allowed_ips))
        case "allow_all_domains":
            return found.allow_all_domains
        case _:
            return found.allow_all_ips


def _as_set(value: Value) -> bool | frozenset[str] | None:
    return frozenset(value) if isinstance(value, tuple) else value


def _plain(action: Action) -> dict[str, object]:
    return {
        "cluster": action.cluster,
        "kind": action.kind,
        "target": action.target,
        "verb": action.verb,
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after}
            for change in action.changes
        ],
    }

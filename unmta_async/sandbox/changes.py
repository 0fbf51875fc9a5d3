"""Everything that can happen to the world, as values that know how they are done.

Whether a change may happen is decided before, in `state`. Applying one checks nothing, so that
replaying a file repeats what happened.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

from . import keys
from .rules import (
    AUTH_ONE_TOKEN,
    CREDENTIAL_DELETE,
    DOMAIN_DELETE,
    DOMAIN_NEW_KEY,
    DOMAIN_NO_CASCADE,
    DOMAIN_PENDING,
    UPDATE_KEEPS,
    UPDATE_TIME,
    obeys,
)
from .world import Cluster, Credential, Domain, Restriction, World, fold, make_mtas


class Change(Protocol):
    """Something that happened at a moment `at`; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def at(self) -> float:
        """When it happened, in seconds since 1970."""
        ...

    def apply(self, world: World) -> None:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True)
class TokenIssued:
    """The account has a new token, its only one."""

    at: float

    @obeys(AUTH_ONE_TOKEN)
    def apply(self, world: World) -> None:
        """Do it."""
        world.token_number += 1
        world.token = keys.token(world.seed, world.token_number)
        world.token_is_active = True


@dataclass(frozen=True, slots=True)
class TokenRevoked:
    """The account has no token any more."""

    at: float

    def apply(self, world: World) -> None:
        """Do it."""
        world.token_is_active = False


@dataclass(frozen=True, slots=True)
class ClusterAdded:
    """There is a new cluster with this many MTAs."""

    at: float
    cluster: str
    mtas: int
    region: str
    max_message_rate: str | None

    def apply(self, world: World) -> None:
        """Do it."""
        mtas = tuple(make_mtas(world.seed, self.cluster, self.mtas))
        world.add(Cluster(self.cluster, mtas, self.max_message_rate, self.at, self.region))


@dataclass(frozen=True, slots=True)
class DomainAdded:
    """A cluster has a new domain; its key follows from the seed."""

    at: float
    cluster: str
    name: str
    due: float | None

    @obeys(DOMAIN_PENDING, DOMAIN_NEW_KEY)
    def apply(self, world: World) -> None:
        """Do it."""
        cluster = world.clusters[self.cluster]
        generation = cluster.deleted_domains[self.name]
        key = keys.dkim_public_key(world.seed, self.cluster, self.name, generation)
        cluster.domains[fold(self.name)] = Domain(self.name, key, self.at, self.at, due=self.due)


@dataclass(frozen=True, slots=True)
class StatusSet:
    """A domain was given a status by command, which ends what the policy had in mind for it."""

    at: float
    cluster: str
    name: str
    status: str

    def apply(self, world: World) -> None:
        """Do it."""
        domain = world.clusters[self.cluster].domains[self.name]
        domain.status, domain.updated, domain.due = self.status, self.at, None


@dataclass(frozen=True, slots=True)
class DomainDeleted:
    """A domain is gone."""

    at: float
    cluster: str
    name: str

    @obeys(DOMAIN_DELETE, DOMAIN_NO_CASCADE)
    def apply(self, world: World) -> None:
        """Do it."""
        cluster = world.clusters[self.cluster]
        del cluster.domains[self.name]
        cluster.deleted_domains[self.name] += 1


@dataclass(frozen=True, slots=True)
class CredentialCreated:
    """A cluster has a new credential."""

    at: float
    cluster: str
    user: str
    password_hash: str
    allow_all_domains: bool
    domains: list[str]
    allow_all_ips: bool
    allowed_ips: list[str]

    def apply(self, world: World) -> None:
        """Do it."""
        world.clusters[self.cluster].credentials[self.user] = Credential(
            self.user,
            self.password_hash,
            Restriction(self.allow_all_domains, self.domains),
            Restriction(self.allow_all_ips, self.allowed_ips),
            self.at,
            self.at,
        )


@dataclass(frozen=True, slots=True)
class CredentialUpdated:
    """A credential has these restrictions now."""

    at: float
    cluster: str
    user: str
    allow_all_domains: bool
    domains: list[str]
    allow_all_ips: bool
    allowed_ips: list[str]

    @obeys(UPDATE_KEEPS, UPDATE_TIME)
    def apply(self, world: World) -> None:
        """Do it."""
        credential = world.clusters[self.cluster].credentials[self.user]
        credential.domains = Restriction(self.allow_all_domains, self.domains)
        credential.ips = Restriction(self.allow_all_ips, self.allowed_ips)
        credential.updated = self.at


@dataclass(frozen=True, slots=True)
class CredentialDeleted:
    """A credential is gone."""

    at: float
    cluster: str
    user: str

    @obeys(CREDENTIAL_DELETE)
    def apply(self, world: World) -> None:
        """Do it."""
        cluster = world.clusters[self.cluster]
        del cluster.credentials[self.user]
        cluster.deleted_users[self.user] += 1


_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        TokenIssued,
        TokenRevoked,
        ClusterAdded,
        DomainAdded,
        StatusSet,
        DomainDeleted,
        CredentialCreated,
        CredentialUpdated,
        CredentialDeleted,
    )
}


def to_json(change: Change) -> dict[str, Any]:
    """Return a change in its form for the state file."""
    data: dict[str, Any] = {"change": type(change).__name__}
    for field in fields(change):
        data[field.name] = getattr(change, field.name)
    return data


def from_json(data: dict[str, Any]) -> Change:
    """Return the change that `to_json` was given.

    Raises:
        KeyError: There is no such kind of change.
        TypeError: It lacks a field, or has one too many.
    """
    values = dict(data)
    change: Change = _KINDS[values.pop("change")](**values)
    return change

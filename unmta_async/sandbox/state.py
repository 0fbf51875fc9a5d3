"""The state machine of the fake unMTA: a method per operation, and commands for the rest.

Pure: no I/O, no waiting; the clock and the seed are handed in. An operation returns a status and a
body, or raises the Refusal that holds them. It decides, and then makes one change, which `record`
is told before it is applied.
"""

import functools
import hmac
import math
import re
import threading
from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec, TypeVar

from . import keys
from .changes import (
    Change,
    ClusterAdded,
    CredentialCreated,
    CredentialDeleted,
    CredentialUpdated,
    DomainAdded,
    DomainDeleted,
    StatusSet,
    TokenIssued,
    TokenRevoked,
)
from .checks import (
    DOMAINS,
    IPS,
    Body,
    Errors,
    Refusal,
    changed_restriction,
    domain_faults,
    new_restriction,
    required_text,
    user_faults,
)
from .clock import Clock
from .rules import (
    ANSWER_DATA,
    ANSWER_NOT_FOUND,
    AUTH_BEARER,
    AUTH_NO_EXPIRY,
    CLUSTER_LIST,
    CREDENTIAL_DELETE,
    DOMAIN_CASE,
    DOMAIN_DELETE,
    DOMAIN_DNS,
    DOMAIN_PATH_CASE,
    DOMAIN_RECORDS,
    DOMAIN_STATUS,
    DOMAIN_UNIQUE,
    MTA_LIST,
    PASSWORD_HASHED,
    PASSWORD_ONCE,
    REQUEST_CLUSTER_FIRST,
    USER_CASE,
    USER_UNIQUE,
    obeys,
)
from .world import PENDING, REGION, VERIFIED, Cluster, Credential, Domain, Json, World, fold

Answer = tuple[int, Json | None]
Verification = Literal["manual", "immediate", "dns"] | float

DEFAULT_SEED = 1

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _atomic(
    method: Callable[Concatenate["State", _P], _R],
) -> Callable[Concatenate["State", _P], _R]:
    """Let one thread at a time into the state: a test may use it while the server does."""

    @functools.wraps(method)
    def locked(self: "State", /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class State:
    """A fake unMTA account.

    Args:
        seed: What keys, passwords and tokens are made from.
        clock: The time it goes by.
        verification: When a domain turns verified by itself: "manual" is never, "immediate" from
            the first look after its creation, a number that many seconds later, "dns" when
            `confirm` is told that its key is in the DNS.
        began: When the first clusters were made, in seconds since 1970; now, unless told.
    """

    def __init__(
        self,
        *,
        seed: int = DEFAULT_SEED,
        clock: Clock | None = None,
        verification: Verification = "manual",
        began: float | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.record: Callable[[Change], None] | None = None
        self._delay = verification_delay(verification)
        self._world = World(seed=seed, began=self.clock.now() if began is None else began)

    # The operations of the API.

    @_atomic
    @obeys(CLUSTER_LIST, ANSWER_DATA)
    def list_clusters(self) -> Answer:
        """Answer with all clusters."""
        return 200, {"data": [cluster.show() for cluster in self._world.clusters.values()]}

    @_atomic
    @obeys(MTA_LIST, ANSWER_DATA)
    def list_mtas(self, cluster: str) -> Answer:
        """Answer with a cluster's MTAs."""
        found = self._cluster(cluster)
        return 200, {"data": [mta.show(found.created) for mta in found.mtas]}

    @_atomic
    @obeys(DOMAIN_RECORDS, ANSWER_DATA)
    def list_domains(self, cluster: str) -> Answer:
        """Answer with a cluster's domains, oldest first, without their DNS records."""
        domains = self._cluster(cluster).domains.values()
        now = self.clock.now()
        for domain in domains:
            domain.settle(now)
        return 200, {"data": [domain.show() for domain in domains]}

    @_atomic
    @obeys(DOMAIN_UNIQUE, DOMAIN_CASE, DOMAIN_RECORDS)
    def create_domain(self, cluster: str, body: Body) -> Answer:
        """Add a domain and answer with it."""
        domains = self._cluster(cluster).domains
        errors = Errors()
        name = required_text(body, "name", errors) or ""
        for fault in domain_faults(name) if name else ():
            errors.add("name", fault)
        if fold(name) in domains:
            errors.add("name", "has already been taken")
        errors.refuse_if_any()
        now = self.clock.now()
        due = None if self._delay is None else now + self._delay
        self._make(DomainAdded(now, cluster, fold(name), due))
        return 201, {"data": domains[fold(name)].show_detail()}

    @_atomic
    @obeys(DOMAIN_RECORDS, DOMAIN_PATH_CASE)
    def get_domain(self, cluster: str, domain: str) -> Answer:
        """Answer with a domain and its DNS records."""
        return 200, {"data": self._domain(cluster, domain).show_detail()}

    @_atomic
    @obeys(DOMAIN_DELETE, DOMAIN_PATH_CASE)
    def delete_domain(self, cluster: str, domain: str) -> Answer:
        """Delete a domain."""
        name = self._domain(cluster, domain).name
        self._make(DomainDeleted(self.clock.now(), cluster, name))
        return 204, None

    @_atomic
    @obeys(ANSWER_DATA)
    def list_credentials(self, cluster: str) -> Answer:
        """Answer with a cluster's credentials, oldest first, without their passwords."""
        credentials = self._cluster(cluster).credentials.values()
        return 200, {"data": [credential.show() for credential in credentials]}

    @_atomic
    @obeys(USER_UNIQUE, USER_CASE, PASSWORD_ONCE)
    def create_credential(self, cluster: str, body: Body) -> Answer:
        """Add a credential and answer with it and its password."""
        found = self._cluster(cluster)
        errors = Errors()
        user = required_text(body, "user", errors) or ""
        for fault in user_faults(user) if user else ():
            errors.add("user", fault)
        if user in found.credentials:
            errors.add("user", "has already been taken")
        domains = new_restriction(body, DOMAINS, errors)
        ips = new_restriction(body, IPS, errors)
        errors.refuse_if_any()
        password = keys.password(self._world.seed, cluster, user, found.deleted_users[user])
        kept = keys.password_hash(password)
        restrictions = domains.everything, domains.listed, ips.everything, ips.listed
        self._make(CredentialCreated(self.clock.now(), cluster, user, kept, *restrictions))
        return 201, {"data": found.credentials[user].show(), "password": password}

    @_atomic
    @obeys(USER_CASE)
    def update_credential(self, cluster: str, user: str, body: Body) -> Answer:
        """Change what a credential is good for and answer with it."""
        credential = self._credential(cluster, user)
        errors = Errors()
        domains = changed_restriction(body, DOMAINS, credential.domains, errors)
        ips = changed_restriction(body, IPS, credential.ips, errors)
        errors.refuse_if_any()
        restrictions = domains.everything, domains.listed, ips.everything, ips.listed
        self._make(CredentialUpdated(self.clock.now(), cluster, user, *restrictions))
        return 200, {"data": credential.show()}

    @_atomic
    @obeys(CREDENTIAL_DELETE, USER_CASE)
    def delete_credential(self, cluster: str, user: str) -> Answer:
        """Delete a credential."""
        self._credential(cluster, user)
        self._make(CredentialDeleted(self.clock.now(), cluster, user))
        return 204, None

    # What the dashboard, the DNS and the mail servers do to a real account.

    @_atomic
    @obeys(AUTH_BEARER, AUTH_NO_EXPIRY)
    def authenticate(self, authorization: str | None) -> None:
        """Refuse an `Authorization` header that does not hold the active token."""
        world = self._world
        if not world.token_is_active or not _carries(authorization, world.token):
            raise Refusal(401, {"message": "Unauthenticated."})

    @property
    def token(self) -> str:
        """The token that was issued last, revoked or not."""
        return self._world.token

    @_atomic
    def issue_token(self) -> str:
        """Return a new token, which revokes the one before."""
        self._make(TokenIssued(self.clock.now()))
        return self._world.token

    @_atomic
    def use_token(self, token: str) -> None:
        """Make this the active token; it is not recorded."""
        self._world.token = token
        self._world.token_is_active = True

    @_atomic
    def revoke_token(self) -> None:
        """Leave the account without a token."""
        self._make(TokenRevoked(self.clock.now()))

    @_atomic
    def add_cluster(
        self,
        cluster: str,
        *,
        mtas: int = 1,
        max_message_rate: str | None = None,
        region: str = REGION,
    ) -> None:
        """Add a cluster to the account.

        Raises:
            ValueError: The id is taken, or is not made of letters, digits, `_` and `-`.
        """
        if cluster in self._world.clusters or not re.fullmatch("[A-Za-z0-9_-]{1,64}", cluster):
            raise ValueError(f"{cluster!r} cannot be the id of a new cluster")
        self._make(ClusterAdded(self.clock.now(), cluster, mtas, region, max_message_rate))

    @_atomic
    def add_domain(self, cluster: str, name: str, *, status: str = PENDING) -> None:
        """Add a domain under the API's own rules, and give it a status.

        Raises:
            Refusal: The API would have refused it.
        """
        self.create_domain(cluster, {"name": name})
        if status != PENDING:
            self.set_status(cluster, name, status)

    @_atomic
    @obeys(DOMAIN_STATUS)
    def set_status(self, cluster: str, name: str, status: str) -> None:
        """Give a domain a status, one that is not known today included.

        Raises:
            Refusal: There is no such domain.
        """
        domain = self._domain(cluster, name)
        self._make(StatusSet(self.clock.now(), cluster, domain.name, status))

    def verify(self, cluster: str, name: str) -> None:
        """Turn a domain verified, as if unMTA had found its DNS records."""
        self.set_status(cluster, name, VERIFIED)

    def unverify(self, cluster: str, name: str) -> None:
        """Turn a domain pending again; nobody knows whether the real unMTA does that."""
        self.set_status(cluster, name, PENDING)

    @_atomic
    def pending(self, cluster: str, name: str | None = None) -> dict[str, str]:
        """Return the DKIM keys of a cluster's pending domains, or of one; there need be none."""
        found = self._world.clusters.get(cluster)
        domains = found.domains if found else {}
        chosen = domains.values() if name is None else filter(None, [domains.get(fold(name))])
        return {domain.name: domain.key for domain in chosen if domain.status == PENDING}

    @_atomic
    @obeys(DOMAIN_DNS)
    def confirm(self, cluster: str, name: str, key: str) -> None:
        """Turn a domain verified whose key was found in the DNS, if it is pending with it still."""
        if self.pending(cluster, name).get(fold(name)) == key:
            self.verify(cluster, name)

    @_atomic
    @obeys(PASSWORD_HASHED)
    def check_password(self, cluster: str, user: str, password: str) -> bool:
        """Return whether an SMTP client could sign in with this password."""
        found = self._world.clusters.get(cluster)
        credential = found.credentials.get(user) if found else None
        kept = credential.password_hash if credential else ""
        return hmac.compare_digest(kept, keys.password_hash(password))

    # Bringing back what happened.

    @_atomic
    def replay(self, change: Change) -> None:
        """Make a change that happened before, without recording it anew."""
        change.apply(self._world)
        self.clock.catch_up(change.at)

    def _make(self, change: Change) -> None:
        # What could not be recorded has not happened.
        if self.record:
            self.record(change)
        change.apply(self._world)

    @obeys(ANSWER_NOT_FOUND, REQUEST_CLUSTER_FIRST)
    def _cluster(self, identity: str) -> Cluster:
        return _found(self._world.clusters.get(identity))

    def _domain(self, cluster: str, name: str) -> Domain:
        domain = _found(self._cluster(cluster).domains.get(fold(name)))
        domain.settle(self.clock.now())
        return domain

    def _credential(self, cluster: str, user: str) -> Credential:
        return _found(self._cluster(cluster).credentials.get(user))


def _carries(authorization: str | None, token: str) -> bool:
    """Whether an `Authorization` header has a token; HTTP takes its scheme in any case."""
    scheme, _, value = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and value == token


def _found(resource: _R | None) -> _R:
    if resource is None:
        raise Refusal(404, {"message": "Not Found"})
    return resource


def verification_delay(verification: Verification) -> float | None:
    """Return after how many seconds a domain turns verified, or None for never.

    Raises:
        ValueError: It is no such policy.
    """
    if verification in {"manual", "dns"}:
        return None
    if verification == "immediate":
        return 0.0
    if isinstance(verification, str) or not 0 <= verification < math.inf:
        raise ValueError(
            'verification is "manual", "immediate", "dns" or a number of seconds, '
            f"not {verification!r}"
        )
    return float(verification)

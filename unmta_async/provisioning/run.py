"""Carry out a plan: `apply`. What is to be done was decided in `plan`.

The server is the journal for domains, a store for the passwords of credentials; so a run can be
made again at any time, after a crash too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final, Literal

import attrs

from ..errors import (
    AuthenticationError,
    PasswordLostError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    UnmtaError,
    UsageError,
)
from ..models import Credential, Domain, DomainDetail
from ..options import RetryPolicy
from ._creating import create_stored
from ._live import list_credentials, list_domains
from ._names import domain_key
from ._patience import Patience, StopRun
from ._runs import conduct, workers_for
from .domains import Doubt, is_confirmed, look_for, may_exist, says_missing
from .plan import Action, Kind, Plan, Verb
from .progress import Listener, Meter
from .stores import StoreError

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from .stores import PasswordStore

__all__ = ["ActionOutcome", "apply"]

# A later phase may need what an earlier one makes: a credential the domains that it names.
_PHASES: Final[tuple[frozenset[tuple[Kind, Verb]], ...]] = (
    frozenset({("domain", "unchanged"), ("credential", "unchanged"), ("domain", "create")}),
    frozenset({("credential", "create"), ("credential", "update")}),
    frozenset({("credential", "delete")}),
    frozenset({("domain", "delete")}),
)


@attrs.frozen(kw_only=True)
class ActionOutcome:
    """What became of one action.

    Attributes:
        action: The action.
        status: "created", "updated" and "deleted" are what the action asked for; "existed" and
            "absent" say that it was so already when it came to it; "unchanged" that there was
            nothing to do; "skipped" that it was not tried, for the reason in `error`.
        resource: The domain or the credential as it is now, where an answer showed it. Passwords
            are in the store.
        error: What went wrong, if it failed or was skipped.
    """

    action: Action
    status: Literal[
        "created", "updated", "deleted", "existed", "absent", "unchanged", "failed", "skipped"
    ]
    resource: Domain | DomainDetail | Credential | None = None
    error: UnmtaError | None = None

    def __str__(self) -> str:
        """One line for a log."""
        what = f"{self.status}: {self.action.kind} {self.action.target} of {self.action.cluster}"
        return what if self.error is None else f"{what}: {self.error}"


async def apply(
    client: UnmtaClient,
    plan: Plan,
    *,
    store: PasswordStore | None = None,
    concurrency: int = 16,
    timeout: float | None = None,
    stop: asyncio.Event | None = None,
    on_progress: Listener | None = None,
) -> AsyncGenerator[ActionOutcome, None]:
    """Carry out a plan; yield an outcome for each action as it happens.

    Domains are created before the credentials that may name them; whatever is to be deleted goes
    last. A failure ends its own action only; a confirmed 403 ends its cluster, whose other actions
    are skipped. Updates send the fields that change. An action that may or may not have been
    carried out has its outcome at the end, when one more list call for each cluster tells.

    A password is durable in the store before its credential is reported as created. A credential
    whose creation was once begun and whose password never arrived, in this run or in an earlier
    one, fails with a `PasswordLostError`; `recreate_lost` makes it anew.

    If the API wants to be left alone for longer than the client waits by itself, the whole run
    pauses, and goes on.

    To stop early, set `stop`: nothing more is begun, what is in flight has its outcome, and the
    run ends. Cancelled, or left by way of `contextlib.aclosing`, it waits for what is in flight,
    ten seconds at most, without telling of it; cancelled again, it ends at once, apart from
    credentials on their way into the store. To go on, make a plan and apply it.

    Args:
        client: The client to use.
        plan: What to do, as `make_plan` returns it.
        store: Where the passwords of new credentials go; needed if the plan has any.
        concurrency: Actions in flight at a time; the client's `max_connections` bounds it.
        timeout: Seconds that the run may take; what is in flight then ends by itself. None is no
            bound.
        stop: Ends the run softly when it is set.
        on_progress: A plain function, called with a `Progress` after each action that changes
            something or fails, and when the API asks for a pause.

    Raises:
        AuthenticationError: The API itself said 401: the token was revoked.
        StoreError: The store failed; nothing more was begun. Each credential that was created has
            an outcome that failed, with its password in `error.password`.
        ExceptionGroup: The same, if the run was left before these outcomes could be told.
        RateLimitError: The API asked for a pause longer than the run may take, or for one after
            another with nothing going through.
        ServiceUnavailableError: The same.
        RunTimeoutError: The run's time is over.
        UsageError: The plan creates credentials and there is no store; or `concurrency` is less
            than 1.
    """
    workers = workers_for(client, concurrency)
    if store is None and (new := sum(map(_needs_store, plan.actions))):
        raise UsageError(f"the plan creates {new} credentials: give a store for their passwords")
    lost = await _lost(store, plan)
    meter = Meter(on_progress, sum(_counts(action, lost) for action in plan.actions))
    patience = Patience(timeout, meter.pause)
    if on_progress is not None or store is not None:
        client = patience.watched(client)
    run = _Run(client, store, patience, lost)
    phases = (_each(plan.actions, phase) for phase in _PHASES)
    async with aclosing(conduct(run, phases, workers, stop)) as outcomes:
        async for outcome in outcomes:
            if _counts(outcome.action, lost):
                meter.count(failed=outcome.error is not None)
            yield outcome


class _Run:
    """What one run knows: the store and what it has lost, the refused clusters, the doubts."""

    def __init__(
        self,
        client: UnmtaClient,
        store: PasswordStore | None,
        patience: Patience,
        lost: frozenset[tuple[str, str]],
    ) -> None:
        self.patience = patience
        self._client = client
        # What makes a password is not broken off, so it must not wait: the run does that.
        self._unwaiting = client.with_options(retry=RetryPolicy(throttle_attempts=1))
        self._store = store
        self._lost = lost
        self._refused: dict[str, PermissionDeniedError] = {}
        self._present: dict[str, Mapping[str, Credential] | UnmtaError] = {}
        self._listing = asyncio.Lock()
        self._doubts: list[tuple[Action, UnmtaError]] = []

    async def attempt(self, item: Action) -> ActionOutcome | None:
        """Carry out an action; return its outcome, or None if it is in doubt."""
        lost = self._lost_error(item)
        if item.verb == "unchanged":
            return _failed(item, lost) if lost else ActionOutcome(action=item, status="unchanged")
        refusal = self._refused.get(item.cluster)
        if refusal is not None:
            return ActionOutcome(action=item, status="skipped", error=refusal)
        try:
            outcome = await self.patience.call(lambda: self._perform(item))
        except UnmtaError as error:
            outcome = self._assess(item, error)
        if outcome is not None and lost is not None:
            return await self._with_loss(outcome, lost)
        return outcome

    async def settle(self) -> list[ActionOutcome]:
        """Return the outcomes of the actions in doubt, as one list call for each kind tells.

        Raises:
            StopRun: The run is over.
        """
        found: dict[tuple[str, Kind], Mapping[str, Domain | Credential] | None] = {}
        for action, _ in self._doubts:
            if (place := (action.cluster, action.kind)) not in found:
                found[place] = await self._look(*place)
        outcomes = [
            _settled(action, error, found[action.cluster, action.kind])
            for action, error in self._doubts
        ]
        for outcome in outcomes:
            if self._lost_error(outcome.action) is not None:
                await self._forget(outcome)
        return outcomes

    def unsettled(self) -> list[ActionOutcome]:
        """Return the actions in doubt as failed."""
        return [_failed(action, error) for action, error in self._doubts]

    async def _perform(self, action: Action) -> ActionOutcome | None:
        cluster, target = action.cluster, action.target
        match action.kind, action.verb:
            case "domain", "create":
                return await self._create_domain(action)
            case "domain", _:
                await self._client.domains.delete(cluster, target)
            case _, "create":
                return await self._create_credential(action)
            case _, "delete":
                await self._client.credentials.delete(cluster, target)
            case _:
                return await self._update_credential(action)
        return ActionOutcome(action=action, status="deleted")

    async def _create_domain(self, action: Action) -> ActionOutcome | None:
        try:
            created = await self._client.domains.create(action.cluster, name=action.target)
        except UnmtaError as error:
            if not may_exist(error):
                raise
            found = await look_for(self._client, action.cluster, action.target, error)
        else:
            return ActionOutcome(action=action, status="created", resource=created)
        if isinstance(found, Doubt):
            self._doubts.append((action, found.error))
            return None
        return ActionOutcome(
            action=action, status=found.status, resource=found.domain, error=found.error
        )

    async def _create_credential(self, action: Action) -> ActionOutcome:
        assert self._store is not None  # noqa: S101 - a plan that needs one was refused
        if action.target in await self._users(action.cluster):
            raise self._lost_error(action) or _outdated(action)
        created = await create_stored(
            self._unwaiting,
            self._store,
            action.cluster,
            user=action.target,
            domains=action.listed("domains"),
            allowed_ips=action.listed("allowed_ips"),
            patience=self.patience,
        )
        return ActionOutcome(action=action, status="created", resource=created.credential)

    async def _update_credential(self, action: Action) -> ActionOutcome:
        updated = await self._client.credentials.update(
            action.cluster,
            action.target,
            allow_all_domains=action.flag("allow_all_domains"),
            domains=action.listed("domains"),
            allow_all_ips=action.flag("allow_all_ips"),
            allowed_ips=action.listed("allowed_ips"),
        )
        return ActionOutcome(action=action, status="updated", resource=updated)

    async def _users(self, cluster: str) -> Mapping[str, Credential]:
        """Return a cluster's credentials as they were when the first was about to be created.

        The look that the plan rests on may be long past.
        """
        async with self._listing:
            if cluster not in self._present:
                try:
                    self._present[cluster] = await list_credentials(self._client, cluster)
                except (RateLimitError, ServiceUnavailableError):
                    raise  # later, perhaps
                except UnmtaError as error:
                    self._present[cluster] = error
        found = self._present[cluster]
        if isinstance(found, UnmtaError):
            raise found
        return found

    def _lost_error(self, action: Action) -> PasswordLostError | None:
        """Return what is to be said of a credential whose password an earlier run has lost."""
        if not _is_lost(action, self._lost):
            return None
        identity = (action.cluster, action.target)
        return PasswordLostError(
            "an earlier run began to create {1} in {0}, and its password never arrived; "
            "`recreate_lost` makes it anew, `withdraw` of the store forgets it".format(*identity),
            identity=identity,
        )

    async def _with_loss(self, outcome: ActionOutcome, lost: PasswordLostError) -> ActionOutcome:
        """Return the outcome of an action on a credential whose password was lost before."""
        if outcome.status == "updated":
            return attrs.evolve(outcome, status="failed", error=lost)
        await self._forget(outcome)
        return outcome

    async def _forget(self, outcome: ActionOutcome) -> None:
        """Let the store forget a loss that does not matter any more: the credential is gone."""
        if self._store is None or outcome.status not in {"deleted", "absent"}:
            return
        try:
            await self._store.withdraw(outcome.action.cluster, outcome.action.target)
        except StoreError as error:
            self.patience.stop(error)

    def _assess(self, action: Action, error: UnmtaError) -> ActionOutcome | None:
        """Return the outcome of an action that failed, or None while it is in doubt."""
        if is_confirmed(error, AuthenticationError):
            self.patience.stop(error)
            raise StopRun
        if isinstance(error, StoreError):
            self.patience.stop(error)
            return _failed(action, error)
        if error.password is not None:  # of a broken answer; it is in the store
            return ActionOutcome(action=action, status="created")
        if isinstance(error, PermissionDeniedError) and error.confirmed:
            self._refused[action.cluster] = error
        is_gone = action.verb == "delete" and says_missing(error)
        if is_gone or (error.may_have_been_applied and not isinstance(error, PasswordLostError)):
            self._doubts.append((action, error))
            return None
        return _failed(action, error)

    async def _look(self, cluster: str, kind: Kind) -> Mapping[str, Domain | Credential] | None:
        """Return what a cluster has of a kind; None if nobody can tell."""
        with suppress(UnmtaError):
            if kind == "domain":
                return await self.patience.call(lambda: list_domains(self._client, cluster))
            return await self.patience.call(lambda: list_credentials(self._client, cluster))
        return None


def _settled(
    action: Action, error: UnmtaError, found: Mapping[str, Domain | Credential] | None
) -> ActionOutcome:
    """Return the outcome of an action in doubt, after a look."""
    if found is None:
        return _failed(action, error)
    key = domain_key(action.target) if action.kind == "domain" else action.target
    resource = found.get(key)
    if action.verb == "delete" and resource is None:
        return ActionOutcome(action=action, status="absent" if says_missing(error) else "deleted")
    if action.verb == "create" and resource is not None:
        return ActionOutcome(action=action, status="existed", resource=resource)
    if action.verb == "update" and isinstance(resource, Credential) and action.is_done(resource):
        return ActionOutcome(action=action, status="updated", resource=resource)
    return _failed(action, error)


def _failed(action: Action, error: UnmtaError) -> ActionOutcome:
    return ActionOutcome(action=action, status="failed", error=error)


def _outdated(action: Action) -> UsageError:
    return UsageError(
        f"the credential {action.target} has appeared in {action.cluster} since the plan was made; "
        f"make a new one"
    )


def _counts(action: Action, lost: frozenset[tuple[str, str]]) -> bool:
    """Whether an action is a part of the progress: it changes something, or is bound to fail."""
    return action.verb != "unchanged" or _is_lost(action, lost)


def _is_lost(action: Action, lost: frozenset[tuple[str, str]]) -> bool:
    # A domain may have the name of a user.
    return action.kind == "credential" and (action.cluster, action.target) in lost


def _needs_store(action: Action) -> bool:
    return action.kind == "credential" and action.verb == "create"


async def _lost(store: PasswordStore | None, plan: Plan) -> frozenset[tuple[str, str]]:
    """Return the credentials whose creation was once begun, and whose password never arrived."""
    if store is None or all(action.kind != "credential" for action in plan.actions):
        return frozenset()
    return frozenset((intent.cluster, intent.user) for intent in await store.lost())


def _each(actions: Iterable[Action], phase: frozenset[tuple[Kind, Verb]]) -> Iterator[Action]:
    for action in actions:
        if (action.kind, action.verb) in phase:
            yield action

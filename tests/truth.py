"""What truly happened at a sandbox: each request and each change, in order, and whose it was."""

from __future__ import annotations

import contextvars
import dataclasses
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

from aiohttp import web

from unmta_async.sandbox import Sandbox, keys, server
from unmta_async.sandbox.changes import (
    Change,
    CredentialCreated,
    CredentialDeleted,
    CredentialUpdated,
    DomainAdded,
    DomainDeleted,
    StatusSet,
)

TAG = "X-Call"
CLUSTERS = ("a1b2c3d4", "e5f6g7h8")

CREATIONS = (DomainAdded, CredentialCreated)
DELETIONS = (DomainDeleted, CredentialDeleted)
_OF_RESOURCES = (*CREATIONS, *DELETIONS, CredentialUpdated, StatusSet)
_THROTTLED = {"json-503"}


@dataclasses.dataclass(eq=False)
class Exchange:
    """A request that reached the API, who sent it (a tag, None for a look), and what came of it."""

    by: str | None
    operation: str | None
    arrived: int
    status: int | None = None
    fault: str | None = None

    @property
    def is_put_off(self) -> bool:
        """Whether the API itself said: not now."""
        return self.status == 429 or self.fault in _THROTTLED

    @property
    def is_refused(self) -> bool:
        """Whether the answer said: not done. One that was applied all the same is a lie."""
        refused = self.status is not None and 300 <= self.status < 500 and self.status != 408
        return refused or self.is_put_off


@dataclasses.dataclass(eq=False)
class Deed:
    """A change of a resource, the request behind it (None: somebody else), and what was before."""

    moment: int
    change: Any
    exchange: Exchange | None
    before: Moment

    @property
    def subject(self) -> tuple[str, str, str]:
        """What it changed: kind, cluster and name."""
        change = self.change
        if hasattr(change, "user"):
            return "credential", change.cluster, change.user
        return "domain", change.cluster, change.name

    @property
    def is_honest(self) -> bool:
        """Whether the answer to its request did not deny it."""
        return self.exchange is not None and not self.exchange.is_refused


@dataclasses.dataclass(frozen=True)
class Moment:
    """All domains and credentials at a moment, as the API shows them."""

    domains: dict[str, list[dict[str, Any]]]
    details: dict[tuple[str, str], dict[str, Any]]
    credentials: dict[str, list[dict[str, Any]]]

    def credential(self, cluster: str, user: str) -> dict[str, Any] | None:
        shown = self.credentials.get(cluster, [])
        return next((each for each in shown if each["user"] == user), None)

    def has(self, kind: str, cluster: str, name: str) -> bool:
        if kind == "domain":
            return (cluster, name) in self.details
        return self.credential(cluster, name) is not None


class Truth:
    """The witness.

    Attributes:
        exchanges: The requests that arrived, in order.
        deeds: The changes of domains and credentials, in order.
        passwords: Every password that was issued.
        tokens: Every token that was valid.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.deeds: list[Deed] = []
        self.passwords: list[str] = []
        self.tokens: set[str] = set()
        self.clock = 0
        self._plans: list[tuple[int, Callable[[], object]]] = []
        self._current = contextvars.ContextVar[Exchange | None]("exchange", default=None)

    def attach(self, sandbox: Sandbox) -> None:
        """Hear of all that changes from now on."""
        self._sandbox = sandbox
        self._state = sandbox.state
        self.tokens.add(sandbox.token)
        sandbox.state.record = self._record
        postpone = sandbox.faults.postpone

        def postpone_in_context(apply: Callable[[], object], after: int) -> None:
            postpone(functools.partial(contextvars.copy_context().run, apply), after)

        sandbox.faults.postpone = postpone_in_context  # type: ignore[method-assign]

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def plan(self, after: int, act: Callable[[], object]) -> None:
        """Let something happen when so many requests have been handled, before their answers."""
        self._plans.append((after, act))

    def now(self) -> Moment:
        state = self._state
        domains = {each: state.list_domains(each)[1]["data"] for each in CLUSTERS}
        return Moment(
            domains,
            {
                (cluster, shown["name"]): state.get_domain(cluster, shown["name"])[1]["data"]
                for cluster, all_shown in domains.items()
                for shown in all_shown
            },
            {each: state.list_credentials(each)[1]["data"] for each in CLUSTERS},
        )

    def moments(self, since: int) -> list[Moment]:
        """Return every state of things from then until now."""
        return [deed.before for deed in self.deeds if deed.moment > since] + [self.now()]

    def deeds_of(self, tag: str) -> list[Deed]:
        return [deed for deed in self.deeds if deed.exchange and deed.exchange.by == tag]

    def requests_of(self, tag: str) -> list[Exchange]:
        return [each for each in self.exchanges if each.by == tag]

    def since(self, moment: int) -> list[Exchange]:
        return [each for each in self.exchanges if each.arrived > moment]

    def birth(self, deed: Deed) -> int:
        """Return when that came to be which a deletion hit."""
        return max(
            each.moment
            for each in self.deeds
            if each.moment < deed.moment
            and isinstance(each.change, CREATIONS)
            and each.subject == deed.subject
        )

    def middleware(self) -> Any:
        @web.middleware
        async def note(request: web.Request, handler: Any) -> web.StreamResponse:
            exchange = Exchange(
                request.headers.get(TAG), request.match_info.route.name, self.tick()
            )
            self.exchanges.append(exchange)
            self._current.set(exchange)
            try:
                response: web.StreamResponse = await handler(request)
                noted = self._sandbox.calls[-1]
                exchange.status, exchange.fault = noted.status, noted.fault
            finally:
                self._current.set(None)
                self.tick()
                self._carry_out()
            return response

        return note

    def _carry_out(self) -> None:
        due = [act for after, act in self._plans if after <= 1]
        self._plans = [(after - 1, act) for after, act in self._plans if after > 1]
        for act in due:
            act()

    def _record(self, change: Change) -> None:
        if isinstance(change, _OF_RESOURCES):
            self.deeds.append(Deed(self.tick(), change, self._current.get(), self.now()))
        if isinstance(change, CredentialCreated):
            generation = self._state._world.clusters[change.cluster].deleted_users[change.user]
            password = keys.password(
                self._state._world.seed, change.cluster, change.user, generation
            )
            assert keys.password_hash(password) == change.password_hash
            self.passwords.append(password)


@asynccontextmanager
async def witnessed(**options: Any) -> AsyncIterator[tuple[Sandbox, Truth]]:
    """Run a sandbox, and give it and the truth about it."""
    truth, create_app = Truth(), server.create_app

    def create_watched(*arguments: Any, **options: Any) -> web.Application:
        app = create_app(*arguments, **options)
        app.middlewares.insert(1, truth.middleware())
        return app

    with mock.patch.object(server, "create_app", create_watched):
        sandbox = Sandbox(**options)
        async with sandbox:
            truth.attach(sandbox)
            yield sandbox, truth


class Tagged:
    """A client, or a part of it, each call of which is made with the same further options."""

    def __init__(self, target: object, **options: Any) -> None:
        self._target = target
        self._options = options

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name == "with_options":
            return lambda **options: Tagged(found(**options), **self._options)
        if callable(found):
            return functools.partial(found, **self._options)
        if isinstance(found, int):
            return found
        return Tagged(found, **self._options)

"""Where a case is played: a furnished sandbox, somebody who calls it, and the truth beside them."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import trustme

from unmta_async import (
    PasswordLostError,
    RetryPolicy,
    Timeout,
    UnmtaClient,
    UnmtaError,
    to_dict,
)
from unmta_async.models import CreatedCredential
from unmta_async.sandbox import Call, Sandbox, keys
from unmta_async.sandbox.replies import PASSWORD_OF_SOMEBODY_ELSE

from .cases import Case, operation_hit

CLUSTER, ELSEWHERE = "a1b2c3d4", "e5f6g7h8"
DOMAIN, USER = "it.example.com", "it"
BYSTANDERS = (("aside.example.com", "aside"), ("spare.example.com", "spare"))
ALLOWED_IPS = ["192.0.2.1"]

PASSWORD = keys.password(1, CLUSTER, USER, 0)
"""The password of the credential that is made in a case; the sandbox makes them from its seed."""

EFFECTS = {
    "GET": "get domain",
    "list": "list domains",
    "PUT": "update credential",
    "DELETE": "delete domain",
    "DELETE new": "delete domain",
    "DELETE credential": "delete credential",
    "DELETE new credential": "delete credential",
    "POST": "create domain",
    "POST credential": "create credential",
}

_PATIENCE = 10.0  # seconds that an attempt may take
_IMPATIENCE = 0.2  # where nothing will come
_PATIENCE_WITH_IT_ALL = 30.0


@dataclass
class Told:
    """What somebody who called was told.

    Attributes:
        claim: Whether they were told that it is done, or not applied; else it is unknown.
        value: What they were given, as JSON.
        password: The password that they were given, with the value or with the error.
        is_lost: Whether they were told that a password is lost.
        error: The exception that told them.
    """

    claim: Literal["done", "not applied", "unknown"]
    value: Any = None
    password: str | None = None
    is_lost: bool = False
    error: BaseException | None = None


# What a `Contender` opens for a `Scene`.
Caller = Callable[[str], Awaitable[Told]]
"""Make a call of a name, and return what one was told."""


class Contender(Protocol):
    """Somebody who can call a sandbox."""

    def __call__(self, scene: Scene) -> AbstractAsyncContextManager[Caller]:
        """Open a client of a scene's sandbox."""
        ...


State = dict[tuple[str, str, str], dict[str, Any]]
"""All resources, by cluster, kind and name."""


@dataclass
class Run:
    """What happened in a case."""

    case: Case
    told: Told
    before: State
    after: State
    changes: list[Any]
    calls: list[Call]
    hits: list[int]
    asked: int
    secrets: tuple[str, ...]
    log: str
    leftovers: list[str] = field(default_factory=list)

    @property
    def target(self) -> tuple[str, str, str]:
        """The resource that the call is about."""
        return target_of(self.case.call)


@dataclass
class Scene:
    """A sandbox in which things are about to go wrong, and how to call it."""

    case: Case
    sandbox: Sandbox
    secrets: list[str]
    asked: int = 0

    @property
    def seconds(self) -> float:
        """How long an attempt may take."""
        return _IMPATIENCE if self.case.hangs else _PATIENCE

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What trusts the sandbox, if it speaks TLS."""
        return trusting() if self.case.tls else None

    async def renew(self) -> str:
        """Give a token, another one each time but the first."""
        self.asked += 1
        if self.asked > 1:
            self.secrets.append(self.sandbox.issue_token())
        return self.sandbox.token

    @property
    def refuses(self) -> bool:
        """Whether the port is closed for a while."""
        return any(one.fault == "refuse" for one in self.case.faults)

    def an_attempt_failed(self) -> None:
        """Open the port again, if it was closed for one attempt only."""
        if self.refuses and not any("seconds" in one.details for one in self.case.faults):
            self.sandbox.faults.clear()


def target_of(call: str) -> tuple[str, str, str]:
    """Return the resource that a call is about."""
    kind = EFFECTS[call].split()[1].rstrip("s")
    return CLUSTER, kind, DOMAIN if kind == "domain" else USER


# The truth.


def state_of(sandbox: Sandbox) -> State:
    """Return all that a sandbox holds."""
    found: State = {}
    for cluster in (CLUSTER, ELSEWHERE):
        for kind, listed in (
            ("domain", sandbox.state.list_domains(cluster)),
            ("credential", sandbox.state.list_credentials(cluster)),
        ):
            resources: Any = (listed[1] or {})["data"]
            for one in resources:
                found[cluster, kind, one["name" if kind == "domain" else "user"]] = one
    return found


def furnish(sandbox: Sandbox, call: str) -> list[str]:
    """Put into a sandbox what a call needs, and bystanders; return the passwords."""
    state, passwords = sandbox.state, [PASSWORD]

    def add(cluster: str, domain: str, user: str) -> None:
        state.add_domain(cluster, domain)
        _, made = state.create_credential(cluster, {"user": user, "allow_all_domains": True})
        passwords.append((made or {})["password"])

    for domain, user in BYSTANDERS:
        add(CLUSTER, domain, user)
    add(ELSEWHERE, DOMAIN, USER)
    is_new = call.startswith("DELETE new")
    if is_new:
        sandbox.clock.advance(3600)
    if not call.startswith("POST"):
        add(CLUSTER, DOMAIN, USER)
    if not is_new:
        sandbox.clock.advance(3600)
    return passwords


# The play.


async def play(case: Case, contender: Contender) -> Run:
    """Let somebody make the call of a case while things go wrong."""
    tasks, files = asyncio.all_tasks(), open_files()
    with listening() as log:
        run = await _play(case, contender)
    run.log = "\n".join(log)
    run.leftovers = await leftovers(tasks, files)
    return run


async def _play(case: Case, contender: Contender) -> Run:
    async with Sandbox(ssl=serving() if case.tls else None) as sandbox:
        passwords = furnish(sandbox, case.call)
        scene = Scene(case, sandbox, [sandbox.token, *passwords, PASSWORD_OF_SOMEBODY_ELSE])
        async with contender(scene) as call:
            await call("a call to begin with")  # so that there is a connection to reuse
            injected = inject(scene)
            if case.first:
                await in_time(call(case.first))
            if case.first or scene.refuses:
                await settle()
            before, changes = state_of(sandbox), record(sandbox)
            sandbox.calls.clear()
            told = await in_time(call(case.call))
            sandbox.faults.settle()
            return Run(
                case=case,
                told=told,
                before=before,
                after=state_of(sandbox),
                changes=changes,
                calls=[*sandbox.calls],
                hits=[one.hits for one in injected],
                asked=scene.asked,
                secrets=tuple(dict.fromkeys(scene.secrets)),
                log="",
            )


async def settle() -> None:
    """Let come what may come on idle connections."""
    for _ in range(3):
        await asyncio.sleep(0.01)


async def in_time(call: Awaitable[Told]) -> Told:
    """Return what a call tells; if it does not end, it tells nothing."""
    try:
        async with asyncio.timeout(_PATIENCE_WITH_IT_ALL) as bound:
            return await call
    except TimeoutError:
        if not bound.expired():
            raise
        return Told("unknown", error=HungError())


class HungError(Exception):
    """A call has not ended."""


def inject(scene: Scene) -> list[Any]:
    """Add the faults of a case."""
    return [
        scene.sandbox.faults.add(
            operation_hit(one, scene.case.first or scene.case.call),
            one.fault,  # type: ignore[arg-type]
            nth=one.nth,
            times=one.times,
            applied=one.applied,
            **one.details,  # type: ignore[arg-type]
        )
        for one in scene.case.faults
    ]


def record(sandbox: Sandbox) -> list[Any]:
    """Return a list that each change from now on is put into."""
    changes: list[Any] = []
    sandbox.state.record = changes.append
    return changes


# What is left behind.


def open_files() -> set[str]:
    """Return what files and sockets this process has open, where the system tells."""
    found: set[str] = set()
    for entry in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):
            found.add(f"{entry.name}: {entry.readlink()}")
    return {one for one in found if "/proc/" not in one}  # but for the listing itself


async def leftovers(tasks: set[asyncio.Task[Any]], files: set[str]) -> list[str]:
    """Return the tasks and files that were not there before, once the dust has settled."""
    for _ in range(50):
        left = [repr(task) for task in asyncio.all_tasks() - tasks]
        left += open_files() - files
        if not left:
            break
        await asyncio.sleep(0.01)
    return left


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(f"{record.getMessage()} {vars(record)!r}")


@contextmanager
def listening() -> Iterator[list[str]]:
    """Hear everything that the client logs."""
    heard: list[str] = []
    listener, logger = _Listener(heard), logging.getLogger("unmta_async")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(listener)
    try:
        yield heard
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)


# TLS.


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def serving() -> ssl.SSLContext:
    """Return what serves https at 127.0.0.1 with a certificate that `trusting` trusts."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority().issue_cert("127.0.0.1").configure_cert(context)
    return context


@cache
def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


# Our own client.


CALLS: Mapping[str, Callable[[UnmtaClient], Awaitable[Any]]] = {
    "a call to begin with": lambda client: client.clusters.list(),
    "GET": lambda client: client.domains.get(CLUSTER, DOMAIN),
    "list": lambda client: client.domains.list(CLUSTER),
    "PUT": lambda client: client.credentials.update(CLUSTER, USER, allowed_ips=ALLOWED_IPS),
    "DELETE": lambda client: client.domains.delete(CLUSTER, DOMAIN),
    "DELETE credential": lambda client: client.credentials.delete(CLUSTER, USER),
    "DELETE new": lambda client: client.domains.delete(CLUSTER, DOMAIN),
    "DELETE new credential": lambda client: client.credentials.delete(CLUSTER, USER),
    "POST": lambda client: client.domains.create(CLUSTER, name=DOMAIN),
    "POST credential": lambda client: client.credentials.create(
        CLUSTER, user=USER, allow_all_domains=True
    ),
    "first GET": lambda client: client.domains.get(CLUSTER, "spare.example.com"),
    "first list": lambda client: client.domains.list(CLUSTER),
    "first PUT": lambda client: client.credentials.update(CLUSTER, "spare", allow_all_ips=True),
    "first DELETE": lambda client: client.domains.delete(CLUSTER, "spare.example.com"),
    "first POST": lambda client: client.domains.create(CLUSTER, name="more.example.com"),
    "first POST credential": lambda client: client.credentials.create(
        CLUSTER, user="more", allow_all_domains=True
    ),
}


@asynccontextmanager
async def ours(scene: Scene) -> AsyncIterator[Caller]:
    """Call with the client of this package, fast, and otherwise as it is by default."""
    client = scene.sandbox.client(
        retry=RetryPolicy(backoff=0),
        timeout=Timeout(attempt=scene.seconds),
        max_list_body=16 * 2**20,
        ssl=scene.tls,
        on_attempt=lambda attempt: attempt.error and scene.an_attempt_failed(),
        **({"token": scene.renew} if scene.case.renews else {}),
    )

    async def call(name: str) -> Told:
        try:
            value = await CALLS[name](client)
        except UnmtaError as error:
            return tell_error(error)
        return tell_value(value)

    async with client:
        yield call


def tell_value(value: object) -> Told:
    """Return what a value tells."""
    if isinstance(value, CreatedCredential):
        return Told("done", to_dict(value.credential), value.password.reveal())
    if isinstance(value, list | tuple):
        return Told("done", [to_dict(one) for one in value])
    return Told("done", None if value is None else to_dict(value))


def tell_error(error: UnmtaError) -> Told:
    """Return what an error tells."""
    return Told(
        "unknown" if error.may_have_been_applied else "not applied",
        password=None if error.password is None else error.password.reveal(),
        is_lost=isinstance(error, PasswordLostError),
        error=error,
    )

"""Random programs of calls, faults and other people: nothing that the client says is false.

`UNMTA_EXAMPLES=5000 pytest -s tests/test_programs_under_fault.py` runs more programs than usual.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import aiohttp
import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import CREDENTIAL, Act, Scripted, answer, failure, until
from test_secrecy import shown
from truth import CLUSTERS, CREATIONS, DELETIONS, TAG, Deed, Moment, Tagged, Truth, witnessed

from unmta_async import (
    APIError,
    ClientClosedError,
    ConnectTimeoutError,
    NotFoundError,
    PasswordLostError,
    RateLimitError,
    RequestTimeoutError,
    RetryPolicy,
    Secret,
    Timeout,
    UnexpectedResponseError,
    UnmtaClient,
    UnmtaError,
    UsageError,
    ValidationError,
)
from unmta_async.provisioning import (
    Outcome,
    _patience,
    ensure_domain,
    ensure_domain_absent,
    provision_domains,
)
from unmta_async.sandbox import FAULTS, Refusal, Sandbox, keys
from unmta_async.sandbox.changes import CredentialUpdated
from unmta_async.sandbox.replies import PASSWORD_OF_SOMEBODY_ELSE

EXAMPLES = int(os.environ.get("UNMTA_EXAMPLES", "250"))
PLACES = 3
RETRY = RetryPolicy(backoff=0, max_retry_after=0.01)
PATIENT, HASTY = Timeout(attempt=10), Timeout(attempt=0.04)

# Names that a caller may use, and how the API shows them.
NAMES = {
    "a.com": "a.com",
    "A.com": "a.com",
    "xn--bcher-kva.de": "xn--bcher-kva.de",
    "bücher.de": "xn--bcher-kva.de",
    "BÜCHER.de": "xn--bcher-kva.de",
    "b.test": "b.test",
}
USERS = ["app", "App", "a+b@c", "new"]
RESTRICTIONS: list[dict[str, Any]] = [
    {"allow_all_domains": True},
    {"domains": ["A.com"]},
    {"domains": ["a.com", "bücher.de"], "allowed_ips": ["192.0.2.0/24"]},
    {"allow_all_domains": False},
]

COUNT: Counter[str] = Counter()


@pytest.fixture(autouse=True, scope="module")
def short_pauses():
    """Let a run pause for no longer than it must."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_patience, "_LEAST_SECONDS", 0.001)
        patch.setattr(_patience, "_FIRST_SECONDS", 0.001)
        yield


# Programs.


class Do(NamedTuple):
    """A call of the client."""

    verb: str
    cluster: str
    name: Any = None
    body: dict[str, Any] | None = None


class Break(NamedTuple):
    """A fault of the sandbox."""

    operation: str
    fault: Any
    options: dict[str, Any]


class Meddle(NamedTuple):
    """What somebody else does, at once or when so many requests have been handled."""

    act: str
    cluster: str = CLUSTERS[0]
    name: str = ""
    after: int = 0


class Control(NamedTuple):
    """What happens between calls."""

    act: str


Step = Do | Break | Meddle | Control

OF_CLUSTERS = ("mtas.list", "domains.list", "credentials.list")
OF_DOMAINS = (
    "domains.get",
    "domains.create",
    "domains.delete",
    "ensure_domain",
    "ensure_domain_absent",
)
OPERATIONS = [
    "clusters.list",
    *OF_CLUSTERS,
    *OF_DOMAINS[:3],
    "credentials.create",
    "credentials.update",
    "credentials.delete",
]

clusters = st.sampled_from([CLUSTERS[0]] * 5 + [CLUSTERS[1]] * 2 + ["nowhere"])
names, users = st.sampled_from([*NAMES, "a.com"]), st.sampled_from(USERS)


def steps(kind: Callable[..., Step], *parts: Any) -> st.SearchStrategy[Any]:
    """Draw steps; a part that is no strategy is one of several."""
    drawn = [
        part if isinstance(part, st.SearchStrategy) else st.sampled_from(part) for part in parts
    ]
    return st.tuples(*drawn).map(lambda values: kind(*values))


changes_of_users = steps(
    Do, ["credentials.create", "credentials.update"], clusters, users, RESTRICTIONS
)
calls = st.one_of(
    steps(Do, ["clusters.list"], [""]),
    steps(Do, OF_CLUSTERS, clusters),
    steps(Do, OF_DOMAINS, clusters, names),
    steps(Do, OF_DOMAINS, clusters, names),
    changes_of_users,
    changes_of_users,
    steps(Do, ["credentials.delete"], clusters, users),
    steps(Do, ["provision_domains"], clusters, st.lists(names, max_size=4)),
)

DETAILS: dict[str, st.SearchStrategy[Any]] = {
    "retry_after": st.sampled_from([None, "0", "0.005", "3600", "soon", "-1"]),
    "depth": st.sampled_from([1, 10, 2000, 20_000]),
    "after": st.integers(0, 3),
    "location": st.sampled_from(["/login", "https://elsewhere.invalid/", ""]),
    "charset": st.sampled_from(["utf-16", "latin-1", "no-such-charset"]),
    "field": st.sampled_from([None, "created_at", "name", "user"]),
    "size": st.integers(0, 100_000),
}
SECONDS = {
    "refuse": st.sampled_from([0, 0.005, None]),
    "slow-body": st.sampled_from([0, 0.02]),
    "unsolicited-answer": st.sampled_from([0, 0.002]),
}


def details(fault: str) -> st.SearchStrategy[dict[str, Any]]:
    given = {name: DETAILS.get(name, st.nothing()) for name in FAULTS[cast("Any", fault)].details}
    if "seconds" in given:
        given["seconds"] = SECONDS[fault]
    if fault == "cut-body":
        given["size"] = st.none() | st.integers(0, 600) | st.integers(-20, -1)
    return st.fixed_dictionaries({}, optional=given)


def is_slow(fault: str) -> bool:
    return fault.startswith("hang")


LOST = ["reset-before-reading", "reset-after-reading", "reset-after-applying", "close", "garbage"]
LOST += ["cut-body", "cut-chunk", "late-commit", "late-delete", "html-408", "json-500", "empty-500"]
LOST += ["html-500", "html-502", "html-503", "html-504", "html-520"]
POISONING = ["unsolicited-answer", "204-with-body", "other-resource"]
PUT_OFF = ["rate-limited", "html-429", "json-503", "json-503"]
SLOW = [
    "hang-before-headers",
    "hang-after-headers",
    "slow-body",
    "huge-body",
    "gzip-bomb",
    "refuse",
]
REFUSING = ["token-revoked"]
REFUSING += [name for name in FAULTS if re.search(r"-(30\d|40[134]|409|41\d)$", name)]
SORTED = {*LOST, *POISONING, *PUT_OFF, *SLOW, *REFUSING}
MANGLED = [name for name in FAULTS if name not in SORTED]
SORTS = [LOST] * 4 + [MANGLED, PUT_OFF] * 2 + [POISONING, REFUSING, SLOW]


@st.composite
def faults(draw: st.DrawFn, operations: list[str]) -> Break:
    """Draw a fault that makes sense for one of these operations."""
    operation = draw(st.sampled_from(operations))
    fitting = [[name for name in sort if FAULTS[name].fits(operation)] for sort in SORTS]
    fault = draw(st.sampled_from(draw(st.sampled_from(fitting))))
    options = {"nth": draw(st.sampled_from([1, 1, 1, 1, 2]))} | draw(details(fault))
    if fault != "refuse" and not is_slow(fault):
        options["times"] = draw(st.sampled_from([1, 1, 1, 2, None]))
    if FAULTS[fault].may_choose:
        options["applied"] = draw(st.booleans())
    return Break(draw(st.sampled_from([operation, operation, "*"])), fault, options)


def test_every_fault_is_of_a_sort():
    """The programs know all faults that there are."""
    assert set(FAULTS) >= SORTED
    assert MANGLED


OF_DOMAIN = ["add domain", "delete domain", "renew domain", "verify domain"]
OF_USER = ["add user", "delete user", "renew user"]
OF_ALL = ["new token", "close", "cancel"]
moments = st.sampled_from([0, 1, 1, 2, 3])
controls = steps(Control, ["advance", "advance", "new token", "reopen", "clear", "settle"])


def meddling(call: Do) -> st.SearchStrategy[Meddle]:
    """Draw what somebody else does, most often to what a call is about."""
    cluster = call.cluster if call.cluster in CLUSTERS else CLUSTERS[0]
    given = call.name if isinstance(call.name, str) else "a.com"
    if call.verb.startswith("credentials"):
        to_it = steps(Meddle, OF_USER, [cluster], [given if given in USERS else USERS[0]], moments)
    else:
        to_it = steps(Meddle, OF_DOMAIN, [cluster], [NAMES[given]], moments)
    return st.one_of(
        to_it,
        to_it,
        steps(Meddle, OF_DOMAIN, CLUSTERS, ["a.com", "xn--bcher-kva.de"], moments),
        steps(Meddle, OF_USER, CLUSTERS, users, moments),
        steps(Meddle, OF_ALL, [""], [""], [1, 2, 3]),
    )


USED = {
    "ensure_domain": ["domains.create", "domains.get"],
    "ensure_domain_absent": ["domains.delete", "domains.get", "clusters.list"],
    "provision_domains": ["domains.list", "domains.create", "domains.get"],
    "domains.delete": ["domains.delete", "domains.get"],
    "credentials.delete": ["credentials.delete", "credentials.list"],
}


@st.composite
def scenes(draw: st.DrawFn) -> list[Step]:
    """Draw a call, and before it what is to go wrong and what else is to happen."""
    call = draw(calls)
    operations = USED.get(call.verb, [call.verb])
    scene: list[Step] = [draw(controls) for _ in range(draw(st.sampled_from([0, 0, 1])))]
    scene += [draw(faults(operations)) for _ in range(draw(st.sampled_from([0, 1, 1, 2])))]
    scene += [draw(meddling(call)) for _ in range(draw(st.sampled_from([0, 0, 1, 2])))]
    return [*scene, call]


TIGHT = {
    "domains.create": ("domains.get", ["bücher.de"]),
    "domains.delete": ("domains.get", ["a.com", "bücher.de"]),
    "credentials.create": ("credentials.list", ["a+b@c", "new"]),
    "credentials.delete": ("credentials.list", USERS),
}


def hits(operation: str, sort: list[str]) -> st.SearchStrategy[Break]:
    """Draw a fault of a sort that hits the next request, which is applied or not."""

    def with_choice(fault: Any) -> st.SearchStrategy[Break]:
        applied = [{"applied": True}, {"applied": False}] if FAULTS[fault].may_choose else [{}]
        return st.sampled_from(applied).map(lambda options: Break(operation, fault, options))

    fitting = [fault for fault in sort if FAULTS[cast("Any", fault)].fits(operation)]
    return st.sampled_from(fitting).flatmap(with_choice)


@st.composite
def tight_spots(draw: st.DrawFn) -> list[Step]:
    """Draw what is rare by itself: a change, its answer lost, and somebody about the same thing."""
    operation = draw(st.sampled_from([*TIGHT]))
    look, subjects = TIGHT[operation]
    cluster, name = draw(st.sampled_from(CLUSTERS)), draw(st.sampled_from(subjects))
    kind = "domain" if look == "domains.get" else "user"

    def somebody(act: str, after: int) -> Meddle:
        return Meddle(f"{act} {kind}", cluster, NAMES.get(name, name), after)

    sort = draw(st.sampled_from([LOST, LOST, PUT_OFF, MANGLED, POISONING]))
    spot: list[Step] = [somebody("add", 0)] if operation.endswith("delete") else []
    spot += [Control("advance"), Control("clear"), draw(hits(operation, sort))]
    if draw(st.booleans()):
        spot.append(draw(hits(look, draw(st.sampled_from([LOST, MANGLED, ["html-404"]])))))
    if draw(st.booleans()):
        act = draw(st.sampled_from(["add", "delete", "renew", "renew"]))
        spot.append(somebody(act, draw(st.integers(1, 2))))
    return [*spot, Do(operation, cluster, name, RESTRICTIONS[0] if kind == "user" else None)]


programs = (
    st.integers(1, 8)
    .flatmap(lambda n: st.lists(scenes() | tight_spots(), min_size=n, max_size=n))
    .map(lambda found: [step for scene in found for step in scene])
)


# Running them.


@attrs.define
class Told:
    """A call that is over, and what the client said.

    Attributes:
        since: The moment before it.
        is_raced: Whether an answer that nobody asked for came while a request was under way, which
            nobody can tell from the right one.
    """

    step: Do
    tag: str
    since: int
    truth: Truth
    value: Any = None
    error: BaseException | None = None
    is_raced: bool = False

    @property
    def key(self) -> str:
        name = self.step.name
        return NAMES.get(name, name) if isinstance(name, str) else ""

    @property
    def subject(self) -> tuple[str, str, str]:
        kind = "credential" if self.step.verb.startswith("credentials") else "domain"
        return kind, self.step.cluster, self.key

    @property
    def deeds(self) -> list[Deed]:
        return self.truth.deeds_of(self.tag)

    @property
    def honest_deeds(self) -> list[Deed]:
        """What it did, but for what the server did and denied."""
        return [deed for deed in self.deeds if deed.is_honest]

    @property
    def moments(self) -> list[Moment]:
        return self.truth.moments(self.since)

    @property
    def faults(self) -> set[str | None]:
        return {each.fault for each in self.truth.since(self.since)}

    def ever(self, is_so: Callable[[Moment], object]) -> bool:
        return any(map(is_so, self.moments))

    def ever_had(self) -> bool:
        return self.ever(lambda moment: moment.has(*self.subject))

    def ever_lacked(self) -> bool:
        return self.ever(lambda moment: not moment.has(*self.subject))


async def perform(client: Any, step: Do) -> Any:
    """Make a call and return what the client says."""
    cluster, name = step.cluster, step.name
    match step.verb:
        case "clusters.list":
            return await client.clusters.list()
        case "mtas.list":
            return await client.mtas.list(cluster)
        case "domains.list":
            return await client.domains.list(cluster)
        case "domains.create":
            return await client.domains.create(cluster, name=name)
        case "domains.get":
            return await client.domains.get(cluster, name)
        case "domains.delete":
            return await client.domains.delete(cluster, name)
        case "credentials.list":
            return await client.credentials.list(cluster)
        case "credentials.create":
            return await client.credentials.create(cluster, user=name, **step.body or {})
        case "credentials.update":
            return await client.credentials.update(cluster, name, **step.body or {})
        case "credentials.delete":
            return await client.credentials.delete(cluster, name)
        case "ensure_domain":
            return await ensure_domain(client, cluster, name)
        case "ensure_domain_absent":
            return await ensure_domain_absent(client, cluster, name)
    assert step.verb == "provision_domains"
    outcomes: list[Outcome | UnmtaError] = []
    try:
        # A run would wait for an hour, if the API asked for it.
        run = provision_domains(client, cluster, name, concurrency=2, timeout=10)
        async for outcome in run:
            outcomes.append(outcome)
    except UnmtaError as error:
        outcomes.append(error)
    return outcomes


class Player:
    """Runs one program with one client, and checks what the client says."""

    def __init__(self, sandbox: Sandbox, truth: Truth) -> None:
        self.sandbox = sandbox
        self.truth = truth
        self.told: list[Told] = []
        self.client = self.open()
        self.closing: asyncio.Task[None] | None = None
        self.calling: asyncio.Task[Any] | None = None
        self.slow: list[Any] = []

    def open(self) -> UnmtaClient:
        return UnmtaClient(
            token=self.token,
            base_url=self.sandbox.base_url,
            retry=RETRY,
            max_connections=PLACES,
            max_body=256 * 2**10,
            max_list_body=80 * 2**10,
        )

    async def token(self) -> str:
        """Return the token; where it was revoked, somebody has made a new one by now."""
        if not self.sandbox.state._world.token_is_active:
            self.new_token()
        return self.sandbox.token

    def new_token(self) -> None:
        self.truth.tokens.add(self.sandbox.issue_token())

    async def play(self, step: Step) -> None:
        COUNT[type(step).__name__] += 1
        match step:
            case Do():
                await self.call(step)
            case Break():
                added = self.sandbox.faults.add(step.operation, step.fault, **step.options)
                self.slow += [added] * is_slow(step.fault)
            case Meddle(after=0):
                self.meddle(step)
            case Meddle():
                self.truth.plan(step.after, lambda: self.meddle(step))
            case Control():
                await self.control(step.act)

    async def control(self, act: str) -> None:
        if act == "advance":
            self.sandbox.clock.advance(60)
        elif act == "new token":
            self.new_token()
        elif act == "reopen":
            await self.client.close()
            self.client = self.open()
        elif act == "clear":
            self.sandbox.faults.clear()
            self.slow.clear()
        else:
            self.sandbox.faults.settle()

    def meddle(self, step: Meddle) -> None:
        """Do what somebody else does; the API's rules hold for them, too."""
        state, place = self.sandbox.state, (step.cluster, step.name)
        body: dict[str, Any] = {"user": step.name, "allow_all_domains": True}
        acts: dict[str, list[Callable[[], object]]] = {
            "add domain": [lambda: state.add_domain(*place)],
            "delete domain": [lambda: state.delete_domain(*place)],
            "verify domain": [lambda: state.verify(*place)],
            "add user": [lambda: state.create_credential(step.cluster, body)],
            "delete user": [lambda: state.delete_credential(*place)],
            "new token": [self.new_token],
            "close": [self.close_now],
            "cancel": [lambda: self.calling and self.calling.cancel()],
        }
        acts["renew domain"] = acts["delete domain"] + acts["add domain"]
        acts["renew user"] = acts["delete user"] + acts["add user"]
        for act in acts[step.act]:
            try:
                act()
            except Refusal:
                COUNT["meddling in vain"] += 1

    def close_now(self) -> None:
        if self.calling is not None and self.closing is None:
            self.closing = asyncio.create_task(self.client.close())

    async def call(self, step: Do) -> None:
        tag = str(len(self.told))
        told = Told(step, tag, self.truth.tick(), self.truth)
        is_hasty = any(not fault.hits for fault in self.slow)
        client = Tagged(self.client, headers={TAG: tag}, timeout=HASTY if is_hasty else PATIENT)
        self.calling = asyncio.create_task(perform(client, step))
        (result,) = await asyncio.gather(self.calling, return_exceptions=True)
        self.calling = None
        if isinstance(result, BaseException):
            told.error = result
        else:
            told.value = result
        self.told.append(told)
        told.is_raced = await self.let_the_unasked_come(told)
        if self.closing is not None:
            await self.closing
            self.closing, self.client = None, self.open()
        for law in LAWS:
            law(told)
        assert self.client._transport.pool._places.free == PLACES
        COUNT["requests"] += len(self.truth.since(told.since))
        COUNT["requests that a fault hit"] += sum(
            each.fault is not None for each in self.truth.since(told.since)
        )
        COUNT["calls that failed"] += isinstance(result, UnmtaError)

    async def let_the_unasked_come(self, told: Told) -> bool:
        """Wait for answers that nobody asked for; return whether one may have met a request."""
        requests = self.truth.since(told.since)
        unasked = [each for each in requests if each.fault == "unsolicited-answer"]
        if unasked:
            for seconds in (0.01, 0.001, 0.001):
                await asyncio.sleep(seconds)
        return any(each is not requests[-1] for each in unasked)

    async def end(self) -> None:
        """See that everything works again, and that nothing is left."""
        self.sandbox.faults.clear()
        self.sandbox.faults.settle()
        self.truth._plans.clear()
        self.new_token()
        await asyncio.sleep(0.002)
        listed = await asyncio.gather(
            *(self.client.domains.list(CLUSTERS[n % 2]) for n in range(PLACES + 1))
        )
        now = self.truth.now()
        for n, domains in enumerate(listed):
            assert plain(domains) == now.domains[CLUSTERS[n % 2]]
        await self.client.close()
        for told in self.told:  # what was put off may have come since
            for law in LAWS_OF_DEEDS:
                law(told)


def plain(value: Any) -> Any:
    """Return a value of the client as the API shows it."""
    if isinstance(value, list | tuple):
        return [*map(plain, value)]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if attrs.has(type(value)):
        fields = attrs.asdict(value, recurse=False)
        fields.pop("additional", None)
        return {name: plain(field) for name, field in fields.items()}
    return value


# The laws. Those of deeds are looked at again at the end.


def law_only_what_was_asked(told: Told) -> None:
    """A call changes only what it names, and only in the way it names."""
    verb = told.step.verb
    if verb == "provision_domains":
        subjects = {("domain", told.step.cluster, NAMES[name]) for name in told.step.name}
    else:
        subjects = {told.subject}
    kinds: tuple[type[Any], ...] = ()
    if verb.endswith(("create", "ensure_domain", "provision_domains")):
        kinds = CREATIONS
    elif verb.endswith(("delete", "absent")):
        kinds = DELETIONS
    elif verb.endswith("update"):
        kinds = (CredentialUpdated,)
    for deed in told.deeds:
        assert isinstance(deed.change, kinds)
        assert deed.subject in subjects


def law_no_doubt_no_deed(told: Told) -> None:
    """An error without doubt is one of a call that did nothing."""
    error = told.error
    if isinstance(error, UnmtaError) and not error.may_have_been_applied:
        assert told.honest_deeds == []
        kinds = {NotFoundError: DELETIONS, ValidationError: CREATIONS}.get(type(error), ())
        denied = [deed for deed in told.deeds if isinstance(deed.change, kinds)]
        assert not any(deed.exchange and deed.exchange.fault == "json-503" for deed in denied), (
            "the API contradicted its own 503, and the client believes both"
        )


def law_once(told: Told) -> None:
    """What is not the same twice as once is done once at most, for each name that was given."""
    made = Counter(deed.subject for deed in told.honest_deeds if isinstance(deed.change, CREATIONS))
    given = [told.key]
    if told.step.verb == "provision_domains":
        given = [NAMES[name] for name in told.step.name]
    assert all(times <= given.count(name) for (_, _, name), times in made.items())


def law_nothing_made_anew_is_deleted(told: Told) -> None:
    """A DELETE in doubt is not sent again against what came to be since, as far as a look tells."""
    requests = [
        each for each in told.truth.requests_of(told.tag) if str(each.operation).endswith("delete")
    ]
    for deed in told.deeds:
        if not isinstance(deed.change, DELETIONS) or deed.exchange is None:
            continue
        born, sent = told.truth.birth(deed), deed.exchange.arrived
        for doubtful in requests:
            if doubtful.is_refused or not doubtful.arrived < born < sent:
                continue
            looks = [
                each.arrived
                for each in told.truth.exchanges
                if each.by is None and doubtful.arrived < each.arrived < sent
            ]
            assert looks, "sent again without a look"
            assert looks[-1] < born, "what was deleted had been made anew"


LAWS_OF_DEEDS = [
    law_only_what_was_asked,
    law_no_doubt_no_deed,
    law_once,
    law_nothing_made_anew_is_deleted,
]


def law_errors_are_ours(told: Told) -> None:
    """All that is raised is ours, can be printed and pickled, and shows no secret."""
    error = told.error
    if error is None or isinstance(error, asyncio.CancelledError):
        return
    assert isinstance(error, UnmtaError), repr(error)
    assert not isinstance(error, UsageError)
    assert str(error).isprintable()
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    if error.password is None:
        assert str(again) == str(error)
    pages = shown(error)
    for secret in (*told.truth.tokens, *told.truth.passwords, PASSWORD_OF_SOMEBODY_ELSE):
        assert secret not in pages


def law_attempts_are_counted(told: Told) -> None:
    """No more requests arrive than the client says that it sent."""
    error = told.error
    if isinstance(error, UnmtaError):
        arrived = [
            each
            for each in told.truth.requests_of(told.tag)
            if each.operation == error.operation or error.operation == ""
        ]
        assert len(arrived) <= error.attempts


def law_in_doubt_not_again(told: Told) -> None:
    """What is not the same twice is sent again only if the API said that it was not done."""
    sent: dict[str, list[Any]] = {}
    if told.step.verb == "provision_domains":
        return
    for each in told.truth.requests_of(told.tag):
        if str(each.operation).endswith("create"):
            sent.setdefault(str(each.operation), []).append(each)
    for requests in sent.values():
        for each in requests[:-1]:
            assert each.status == 401 or each.is_put_off


def law_what_nothing_hit_is_understood(told: Told) -> None:
    """An answer that cannot be vouched for is one that a fault hit, not one that was left over."""
    error = told.error.reason if isinstance(told.error, PasswordLostError) else told.error
    if isinstance(error, UnexpectedResponseError) and not told.is_raced:
        assert told.faults != {None}


def law_refusals_are_real(told: Told) -> None:
    """A status on an error is one that the API did answer with, and what it says was so."""
    error = told.error
    if not isinstance(error, APIError) or told.is_raced:
        return
    answered = told.truth.since(told.since)
    if isinstance(error, RateLimitError) and error.attempts == 0:
        answered = told.truth.exchanges
    assert error.status in {each.status for each in answered}
    honest = not told.faults & {"json-404", "late-delete", "late-commit"}
    if isinstance(error, NotFoundError) and error.confirmed and told.step.name and honest:
        assert told.ever_lacked()
    if isinstance(error, ValidationError) and "taken" in str(error):
        assert told.ever_had()


def law_passwords(told: Told) -> None:
    """A password that arrived is at hand, and none that is at hand is somebody else's."""
    given = told.value.password if told.step.verb == "credentials.create" and told.value else None
    error = told.error
    if isinstance(error, UnmtaError) and error.password is not None:
        given = error.password
    made = [deed for deed in told.deeds if deed.subject[0] == "credential"]
    made = [deed for deed in made if isinstance(deed.change, CREATIONS)]
    if given is not None:
        assert isinstance(given, Secret)
        assert keys.password_hash(given.reveal()) in [deed.change.password_hash for deed in made]
        return
    for deed in made:
        check_that_it_never_arrived(told, deed)


ARRIVES = {
    None,
    "bom",
    "charset",
    "cut-chunk",
    "deep-nesting",
    "duplicate-keys",
    "invalid-utf8",
    "missing-field",
    "nan",
    "no-data",
    "null-data",
    "slow-body",
    "unknown-fields",
    "unsolicited-answer",
    "wrong-content-type",
    "wrong-types",
}


def check_that_it_never_arrived(told: Told, deed: Deed) -> None:
    error, exchange = told.error, deed.exchange
    if isinstance(error, asyncio.CancelledError):
        return  # whoever cancels a create may lose its answer
    assert isinstance(error, UnmtaError)
    assert exchange is not None
    if exchange.is_put_off:
        # The API may have said 503 and created it: then the name is taken.
        taken = isinstance(error, ValidationError) and "user" in error.errors
        assert not taken, "the password was lost without a word"
    elif not exchange.is_refused:
        assert isinstance(error, PasswordLostError)
        assert error.may_have_been_applied
        ended = RequestTimeoutError | ConnectTimeoutError | ClientClosedError
        if not isinstance(error.reason, ended):
            assert exchange.fault not in ARRIVES, "a password that arrived was lost"


def law_values_were_true(told: Told) -> None:
    """What a call returns was so at some moment while it was under way, unless the API lied."""
    lied = told.is_raced and told.step.verb.endswith(("list", "delete"))
    lied |= "json-404" in told.faults and told.step.verb.endswith(("delete", "absent"))
    if told.error is not None or lied:
        return
    CHECKS[told.step.verb](told)


def seen(told: Told, value: Any) -> Any:
    """Return a value as the API shows it, but for a status that a fault made up."""
    data = plain(value)
    return mask(data) if "unknown-values" in told.faults else data


def mask(data: Any) -> Any:
    if isinstance(data, list):
        return [*map(mask, data)]
    return data | {"status": "?"} if isinstance(data, dict) and "status" in data else data


def check_shown(told: Told, value: Any, truly: Callable[[Moment], Any]) -> None:
    data = seen(told, value)
    masked = "unknown-values" in told.faults
    assert told.ever(lambda m: data == (mask(truly(m)) if masked else truly(m)))


def check_clusters(told: Told) -> None:
    answer = told.truth._state.list_clusters()[1]
    check_shown(told, told.value, lambda _: answer and answer["data"])


def check_mtas(told: Told) -> None:
    answer = told.truth._state.list_mtas(told.step.cluster)[1]
    check_shown(told, told.value, lambda _: answer and answer["data"])


def check_domains(told: Told) -> None:
    check_shown(told, told.value, lambda moment: moment.domains[told.step.cluster])


def check_credentials(told: Told) -> None:
    check_shown(told, told.value, lambda moment: moment.credentials[told.step.cluster])


def check_domain(told: Told) -> None:
    check_is_domain(told, told.value, told.step.name)


def check_is_domain(told: Told, value: Any, name: str) -> None:
    place = (told.step.cluster, NAMES[name])
    if hasattr(value, "dns_records"):
        check_shown(told, value, lambda moment: moment.details.get(place))
    else:
        check_shown(
            told, [value], lambda m: [d for d in m.domains[place[0]] if d["name"] == place[1]]
        )


def check_created(told: Told) -> None:
    (deed,) = told.honest_deeds
    assert isinstance(deed.change, CREATIONS)
    check_domain(told)


def check_created_credential(told: Told) -> None:
    (deed,) = told.honest_deeds
    assert isinstance(deed.change, CREATIONS)
    place = (told.step.cluster, told.step.name)
    check_shown(told, told.value.credential, lambda moment: moment.credential(*place))
    password = told.value.password.reveal()
    assert keys.password_hash(password) == deed.change.password_hash


def check_updated(told: Told) -> None:
    assert told.deeds
    check_shown(
        told, told.value, lambda moment: moment.credential(told.step.cluster, told.step.name)
    )


def check_deleted(told: Told) -> None:
    assert told.value is None
    check_gone(told)


def check_gone(told: Told) -> None:
    requests = told.truth.since(told.since)
    moments = told.truth.moments(requests[0].arrived)
    assert any(not moment.has(*told.subject) for moment in moments)
    if [each.by for each in requests] == [told.tag]:
        assert told.deeds, "said to be deleted, and was not"


def check_absent(told: Told) -> None:
    if told.value:
        check_gone(told)
    else:
        assert told.ever_lacked()
        assert told.honest_deeds == []


def check_ensured(told: Told) -> None:
    check_outcome(told, told.value)
    assert told.value.status != "failed"


def check_outcome(told: Told, outcome: Outcome) -> None:
    if outcome.status == "created":
        assert made_by(told, NAMES[outcome.name]), "said to be created, and was not"
    if outcome.status == "failed":
        assert outcome.error is not None
        assert outcome.domain is None
    else:
        assert outcome.error is None
        check_is_domain(told, outcome.domain, outcome.name)


def check_provisioned(told: Told) -> None:
    raised = [each for each in told.value if isinstance(each, UnmtaError)]
    outcomes = [each for each in told.value if isinstance(each, Outcome)]
    asked = Counter(told.step.name)
    answered = Counter(outcome.name for outcome in outcomes)
    assert answered <= asked
    assert raised or answered == asked
    for outcome in outcomes:
        if not told.is_raced or outcome.status == "created":
            check_outcome(told, outcome)
    for error in (*raised, *(each.error for each in outcomes if each.error)):
        law_errors_are_ours(attrs.evolve(told, value=None, error=error))
    for key in {NAMES[name] for name in told.step.name}:
        about = [each for each in outcomes if NAMES[each.name] == key]
        made = made_by(told, key)
        assert sum(each.status == "created" for each in about) <= len(made)
        silent = all(each.status == "failed" and not in_doubt(each) for each in about)
        assert not (made and silent and not raised), "nothing was said of what was created"


def made_by(told: Told, key: str) -> list[Deed]:
    return [deed for deed in told.honest_deeds if deed.subject[2] == key]


def in_doubt(outcome: Outcome) -> bool:
    return outcome.error is not None and outcome.error.may_have_been_applied


CHECKS: dict[str, Callable[[Told], None]] = {
    "clusters.list": check_clusters,
    "mtas.list": check_mtas,
    "domains.list": check_domains,
    "domains.create": check_created,
    "domains.get": check_domain,
    "domains.delete": check_deleted,
    "credentials.list": check_credentials,
    "credentials.create": check_created_credential,
    "credentials.update": check_updated,
    "credentials.delete": check_deleted,
    "ensure_domain": check_ensured,
    "ensure_domain_absent": check_absent,
    "provision_domains": check_provisioned,
}

LAWS = [
    *LAWS_OF_DEEDS,
    law_errors_are_ours,
    law_attempts_are_counted,
    law_in_doubt_not_again,
    law_refusals_are_real,
    law_what_nothing_hit_is_understood,
    law_passwords,
    law_values_were_true,
]


# The test.


def furnish(sandbox: Sandbox) -> None:
    """Let there be something that is not of today."""
    state, cluster = sandbox.state, CLUSTERS[0]
    state.add_domain(cluster, "a.com")
    for user in USERS[:2]:
        state.create_credential(cluster, {"user": user, "allow_all_domains": True})
    sandbox.clock.advance(3600)


async def run(program: list[Step]) -> None:
    before = asyncio.all_tasks()
    async with witnessed() as (sandbox, truth):
        furnish(sandbox)
        player = Player(sandbox, truth)
        try:
            for step in program:
                await player.play(step)
            await player.end()
        except BaseException as error:
            error.add_note(f"the program was {program!r}")
            if player.told:
                error.add_note(f"the last call was {player.told[-1]!r}")
            raise
        finally:
            await player.client.close()
        server = sandbox.faults._port._server
        async with asyncio.timeout(5):
            await until(lambda: not server.connections)
    assert asyncio.all_tasks() == before


@pytest.fixture(scope="module", autouse=True)
def count() -> Iterator[None]:
    """Say with `-s` how much was run."""
    yield
    sys.stdout.write(f"\n{dict(COUNT)}\n")


FOUND: dict[str, list[Step]] = {
    "a user made anew, beside an old one of the same name in another case": [
        Break("credentials.delete", "reset-before-reading", {}),
        Meddle("renew user", CLUSTERS[0], "app", 1),
        Do("credentials.delete", CLUSTERS[0], "app"),
    ],
    "a deletion that comes late, a 401, and somebody who makes it anew": [
        Break("domains.delete", "late-delete", {"after": 2}),
        Break("domains.delete", "token-revoked", {"nth": 2}),
        Meddle("add domain", CLUSTERS[0], "a.com", 3),
        Do("domains.delete", CLUSTERS[0], "a.com"),
    ],
    "a name twice, whose domain somebody deletes meanwhile": [
        Meddle("delete domain", CLUSTERS[0], "xn--bcher-kva.de", 2),
        Do("provision_domains", CLUSTERS[0], ["xn--bcher-kva.de", "xn--bcher-kva.de"]),
    ],
}


@pytest.mark.parametrize("name", FOUND)
async def test_a_program_that_once_failed(name):
    """Nothing that the client said was false."""
    await run(FOUND[name])


async def test_closing_a_client_just_as_a_part_of_an_answer_arrives(monkeypatch):
    """The call ends with `ClientClosedError`, and the password that arrived is on it."""
    closing: list[asyncio.Task[None]] = []
    feed = aiohttp.StreamReader.feed_data

    def feed_and_close(self: aiohttp.StreamReader, *data: object) -> object:
        fed = feed(self, *data)
        closing.append(asyncio.create_task(client.close()))
        return fed

    monkeypatch.setattr(aiohttp.StreamReader, "feed_data", feed_and_close)
    begun = answer(201, {"password": "pw", "data": CREDENTIAL})[:-20]
    async with Scripted((begun, Act.HANG)) as server:
        client = server.client()
        call = client.credentials.create(CLUSTERS[0], user="webapp", allow_all_domains=True)
        error = await failure(call)
        await asyncio.gather(*closing)
    assert isinstance(error, ClientClosedError)
    assert error.may_have_been_applied
    assert error.password == Secret("pw")


@given(programs)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
def test_programs(program):
    """Nothing that the client said was false."""
    COUNT["programs"] += 1
    began = time.perf_counter()
    asyncio.run(run(program))
    COUNT["milliseconds"] += int(1000 * (time.perf_counter() - began))

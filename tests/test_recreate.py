"""Credentials whose passwords were lost: made anew if they are ours for sure, else left alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from scripted import until

from unmta_async import (
    APIError,
    AuthenticationError,
    NotFoundError,
    PasswordLostError,
    RetryPolicy,
    Secret,
    ServerError,
    UsageError,
)
from unmta_async.provisioning import _patience
from unmta_async.provisioning.recreate import Recreation, recreate_lost
from unmta_async.provisioning.stores import Intent, JsonlStore, StoreError

CLUSTER, OTHER, USER = "a1b2c3d4", "e5f6g7h8", "webapp"
WRONG = "wrong"


@pytest.fixture
async def store(tmp_path):
    async with JsonlStore(tmp_path / "passwords") as store:
        yield store


@pytest.fixture
async def client(sandbox):
    async with sandbox.client(retry=RetryPolicy.none()) as client:
        yield client


async def lose(client, store, sandbox, user=USER, cluster=CLUSTER, *, seen_absent=True, **options):
    """Create a credential whose password is lost on the way."""
    await store.prepare(cluster, user, seen_absent=seen_absent)
    sandbox.faults.add("credentials.create", "reset-after-applying")
    with pytest.raises(PasswordLostError):
        await client.credentials.create(
            cluster, user=user, **(options or {"allow_all_domains": True})
        )
    sandbox.calls.clear()


async def recreate(client, store):
    return [outcome async for outcome in recreate_lost(client, store)]


def operations(sandbox):
    return [call.operation for call in sandbox.calls]


async def is_good(sandbox, store, user=USER, cluster=CLUSTER):
    password = await store.reveal(cluster, user)
    return password is not None and sandbox.state.check_password(cluster, user, password.reveal())


async def lost(store):
    return [intent.user for intent in await store.lost()]


async def test_a_lost_credential_is_made_anew_and_its_password_stored(client, store, sandbox):
    await lose(client, store, sandbox)
    [before] = await client.credentials.list(CLUSTER)
    sandbox.calls.clear()
    assert await recreate(client, store) == [
        Recreation(cluster=CLUSTER, user=USER, status="recreated", credential=before)
    ]
    assert await is_good(sandbox, store)
    assert await lost(store) == []
    assert operations(sandbox) == [f"credentials.{name}" for name in ("list", "delete", "create")]
    sandbox.calls.clear()
    assert await recreate(client, store) == []
    assert not sandbox.calls


@pytest.mark.parametrize(
    "restrictions",
    [
        {"allow_all_domains": True},
        {"domains": ["one.example.com", "two.example.com"]},
        {"allow_all_domains": True, "allow_all_ips": False, "allowed_ips": ["192.0.2.0/24", "::1"]},
        {"domains": ["one.example.com"], "allow_all_ips": False, "allowed_ips": ["192.0.2.1"]},
    ],
)
async def test_it_may_do_again_what_it_might(client, store, sandbox, restrictions):
    for name in ("one.example.com", "two.example.com"):
        await client.domains.create(CLUSTER, name=name)
    await lose(client, store, sandbox, **restrictions)
    (before,) = await client.credentials.list(CLUSTER)
    assert [outcome.status for outcome in await recreate(client, store)] == ["recreated"]
    (after,) = await client.credentials.list(CLUSTER)
    for name in ("allow_all_domains", "domains", "allow_all_ips", "allowed_ips"):
        assert getattr(after, name) == getattr(before, name)


async def test_each_is_looked_at_just_before_it_is_deleted(client, store, sandbox):
    for cluster in (CLUSTER, OTHER):
        for user in "abc":
            await lose(client, store, sandbox, user, cluster)
    outcomes = await recreate(client, store)
    assert [outcome.status for outcome in outcomes] == ["recreated"] * 6
    steps = [f"credentials.{step}" for step in ("list", "delete", "create")]
    assert operations(sandbox) == steps * 6
    for outcome in outcomes:
        assert await is_good(sandbox, store, outcome.user, outcome.cluster)


# What is left alone.


async def refusal(client, store, sandbox):
    """Return why a credential was left alone, having seen that it was."""
    (outcome,) = await recreate(client, store)
    assert outcome.status == "refused"
    assert isinstance(outcome.error, UsageError)
    assert set(operations(sandbox)) == {"credentials.list"}
    assert await lost(store) == [USER]
    assert f"{CLUSTER} / {USER} is not deleted" in str(outcome.error)
    assert "delete it and apply the manifest again" in str(outcome.error)
    assert "`withdraw`" in str(outcome.error)
    return str(outcome.error)


async def test_what_may_have_been_there_before_is_left_alone(client, store, sandbox):
    await lose(client, store, sandbox, seen_absent=False)
    assert "may have been there before" in await refusal(client, store, sandbox)


class Holding:
    """A store that has these intents, and would fail at anything else."""

    def __init__(self, *intents):
        self.intents = intents

    async def lost(self):
        return self.intents


def intended(seconds, *, last=0.0):
    """Return an intent that was prepared so many seconds from now, the last time later."""
    first = datetime.now(UTC) + timedelta(seconds=seconds)
    return Intent(CLUSTER, USER, True, first, first + timedelta(seconds=last))


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        ({"seconds": 120}, "older than the intent"),
        ({"seconds": -600}, "more than five minutes after the intent"),
        ({"seconds": -6 * 3600, "last": 3 * 3600}, "more than five minutes after the intent"),
    ],
)
async def test_what_somebody_else_must_have_made_is_left_alone(client, sandbox, intent, why):
    intent = intended(**intent)
    await client.credentials.create(CLUSTER, user=USER, allow_all_domains=True)
    sandbox.calls.clear()
    assert why in await refusal(client, Holding(intent), sandbox)


@pytest.mark.parametrize(
    "intent", [{"seconds": 5}, {"seconds": -240}, {"seconds": -6 * 3600, "last": 6 * 3600}]
)
async def test_clocks_may_differ_and_requests_may_wait(client, sandbox, intent):
    class ReachedError(Exception):
        pass

    class Stops(Holding):
        async def prepare(self, cluster, user, *, seen_absent=False):
            raise ReachedError

    await client.credentials.create(CLUSTER, user=USER, allow_all_domains=True)
    with pytest.raises(ReachedError):
        await recreate(client, Stops(intended(**intent)))


async def test_what_is_not_there_stays_lost_for_it_may_come(client, store, sandbox):
    await store.prepare(CLUSTER, USER, seen_absent=True)
    assert await recreate(client, store) == [
        Recreation(cluster=CLUSTER, user=USER, status="absent")
    ]
    assert operations(sandbox) == ["credentials.list"]
    assert await lost(store) == [USER]


async def test_users_that_differ_in_case_are_two(client, store, sandbox):
    await store.prepare(CLUSTER, USER, seen_absent=True)
    await client.credentials.create(CLUSTER, user=USER.upper(), allow_all_domains=True)
    assert [outcome.status for outcome in await recreate(client, store)] == ["absent"]


# What fails.


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("json-500", ServerError), ("html-502", ServerError), ("html-401", AuthenticationError)],
)
async def test_what_cannot_be_looked_at_fails_alone(client, store, sandbox, fault, kind):
    for user in "ab":
        await lose(client, store, sandbox, user)
    await lose(client, store, sandbox, USER, OTHER)
    sandbox.faults.add("credentials.list", fault)
    outcomes = await recreate(client, store)
    assert [outcome.status for outcome in outcomes] == ["failed", "recreated", "recreated"]
    assert isinstance(outcomes[0].error, kind)


async def test_an_unknown_cluster_fails_alone(client, store, sandbox):
    await store.prepare("gone", USER, seen_absent=True)
    (outcome,) = await recreate(client, store)
    assert outcome.status == "failed"
    assert isinstance(outcome.error, NotFoundError)


@pytest.mark.parametrize("fault", ["html-504", "reset-after-applying", "late-delete"])
async def test_a_deletion_in_doubt_is_no_leave_to_create(client, store, sandbox, fault):
    await lose(client, store, sandbox)
    sandbox.faults.add("credentials.delete", fault)
    sandbox.faults.add("credentials.list", "html-502", nth=2)  # so that the client's look fails
    (outcome,) = await recreate(client, store)
    assert outcome.status == "failed"
    assert outcome.error.may_have_been_applied
    assert "credentials.create" not in operations(sandbox)
    assert await lost(store) == [USER]


@pytest.mark.parametrize("fault", ["json-500", "reset-after-applying"])
async def test_a_creation_in_doubt_leaves_the_intent(client, store, sandbox, fault):
    """Whatever became of it, the next attempt knows as much as this one."""
    await lose(client, store, sandbox)
    await lose(client, store, sandbox, "z")
    sandbox.faults.add("credentials.create", fault)
    outcomes = await recreate(client, store)
    assert [outcome.status for outcome in outcomes] == ["deleted", "recreated"]
    (intent,) = await store.lost()
    assert (intent.user, intent.seen_absent) == (USER, True)
    (again,) = await recreate(client, store)
    if again.status == "recreated":
        assert await is_good(sandbox, store)
    else:
        assert again.status == "absent"
        assert not sandbox.state.check_password(CLUSTER, USER, WRONG)


@pytest.mark.parametrize("operation", ["list", "delete", "create"])
@pytest.mark.parametrize("fault", ["json-503", "rate-limited"])
async def test_an_api_that_wants_to_be_left_alone_is(
    client, store, sandbox, monkeypatch, operation, fault
):
    monkeypatch.setattr(_patience, "_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(_patience, "_LEAST_SECONDS", 0.01)
    await lose(client, store, sandbox)
    sandbox.faults.add(f"credentials.{operation}", fault, retry_after=None)
    assert [outcome.status for outcome in await recreate(client, store)] == ["recreated"]
    assert await is_good(sandbox, store)


async def test_a_password_of_a_broken_answer_is_stored_and_counts(client, store, sandbox):
    await lose(client, store, sandbox)
    sandbox.faults.add("credentials.create", "missing-field")
    (outcome,) = await recreate(client, store)
    assert (outcome.status, outcome.error) == ("recreated", None)
    assert await is_good(sandbox, store)
    assert await lost(store) == []


@pytest.mark.parametrize("fault", ["json-409", "json-403"])
async def test_no_more_are_deleted_when_making_one_anew_is_refused(client, store, sandbox, fault):
    """What the deleted one was good for is told: nobody else knows it any more."""
    for user in "ab":
        await lose(client, store, sandbox, user, domains=["one.example.com"])
    sandbox.faults.add("credentials.create", fault, times=None)
    outcomes = []
    with pytest.raises(APIError):
        await collect(outcomes, recreate_lost(client, store))
    [outcome] = outcomes
    assert outcome.status == "deleted"
    assert outcome.credential.domains == ["one.example.com"]
    assert [each.user for each in await client.credentials.list(CLUSTER)] == ["b"]
    assert await lost(store) == ["a", "b"]


async def collect(outcomes, run):
    async for outcome in run:
        outcomes.append(outcome)


async def test_what_somebody_makes_meanwhile_is_not_deleted(client, store, sandbox):
    """It was absent, or another one, when the run began."""
    for user in "ab":
        await lose(client, store, sandbox, user)
    run = recreate_lost(client, store)
    assert (await anext(run)).user == "a"
    await client.credentials.delete(CLUSTER, "b")
    sandbox.clock.advance(600)
    theirs = await client.credentials.create(CLUSTER, user="b", allow_all_domains=True)
    assert (await anext(run)).status == "refused"
    assert sandbox.state.check_password(CLUSTER, "b", theirs.password.reveal())


@pytest.mark.parametrize("operation", ["list", "delete", "create"])
async def test_a_revoked_token_stops_all(client, store, sandbox, operation):
    for user in "ab":
        await lose(client, store, sandbox, user)
    sandbox.faults.add(f"credentials.{operation}", "json-401", times=None)
    with pytest.raises(AuthenticationError):
        await recreate(client, store)
    assert operations(sandbox)[-1] == f"credentials.{operation}"
    assert operations(sandbox).count(f"credentials.{operation}") == 1
    assert await lost(store) == ["a", "b"]


class Failing:
    """A store that fails at one thing."""

    def __init__(self, store, step):
        self._store = store
        self._step = step

    def __getattr__(self, name):
        if name != self._step:
            return getattr(self._store, name)

        async def fail(*args, **options):
            raise StoreError("the disk is full")

        return fail


@pytest.mark.parametrize("step", ["lost", "prepare", "store"])
async def test_a_store_that_fails_stops_all(client, store, sandbox, step):
    for user in "ab":
        await lose(client, store, sandbox, user)
    with pytest.raises(StoreError, match="the disk is full") as caught:
        await recreate(client, Failing(store, step))
    done = ["credentials.list", "credentials.delete", "credentials.create"]
    assert operations(sandbox) == done[: {"lost": 0, "prepare": 1, "store": 3}[step]]
    if step == "store":
        password = caught.value.password
        assert isinstance(password, Secret)
        assert sandbox.state.check_password(CLUSTER, "a", password.reveal())


# Breaking off.


async def test_a_cancelled_run_stores_what_it_has_created(client, store, sandbox):
    for user in "ab":
        await lose(client, store, sandbox, user)
    reached = asyncio.Event()

    class Slow(Failing):
        async def store(self, *args):
            reached.set()
            await asyncio.sleep(0.05)
            await self._store.store(*args)

    task = asyncio.create_task(recreate(client, Slow(store, "")))
    await reached.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await lost(store) == ["b"]
    assert await is_good(sandbox, store, "a")
    assert operations(sandbox).count("credentials.create") == 1


async def test_a_crash_between_deleting_and_creating_leaves_the_intent(client, store, sandbox):
    await lose(client, store, sandbox)
    sandbox.faults.add("credentials.delete", "hang-before-headers", applied=True)
    task = asyncio.create_task(recreate(client, store))
    await until(lambda: "credentials.delete" in operations(sandbox))
    task.cancel()
    await asyncio.wait([task])
    assert await client.credentials.list(CLUSTER) == []
    (intent,) = await store.lost()
    assert (intent.user, intent.seen_absent) == (USER, True)
    assert [outcome.status for outcome in await recreate(client, store)] == ["absent"]

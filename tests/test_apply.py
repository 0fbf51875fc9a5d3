"""Carrying out a plan: an outcome for each action, and whatever goes wrong stays where it is."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from scripted import until

from unmta_async import (
    AuthenticationError,
    PasswordLostError,
    PermissionDeniedError,
    RetryPolicy,
    Secret,
    UsageError,
    models,
)
from unmta_async.provisioning import (
    ClusterSpec,
    CredentialSpec,
    JsonlStore,
    Manifest,
    StoreError,
    apply,
    make_plan,
)

CLUSTER = "a1b2c3d4"
OTHER = "e5f6g7h8"


@pytest.fixture
async def store(tmp_path):
    async with JsonlStore(tmp_path / "passwords.jsonl") as store:
        yield store


def wish(domains=(), users=(), cluster=CLUSTER):
    return {
        cluster: ClusterSpec(
            domains=domains,
            credentials=[u if isinstance(u, CredentialSpec) else spec(u) for u in users],
        )
    }


def spec(user, domains=None, ips=None):
    return CredentialSpec(user=user, domains=domains, allowed_ips=ips)


def numbered(count):
    return [f"d{n}.example.com" for n in range(count)]


async def run(client, clusters, *, prune=False, **options):
    plan = await make_plan(client, Manifest(clusters), prune=prune)
    return [outcome async for outcome in apply(client, plan, **options)]


async def collect(outcomes, running):
    async for outcome in running:
        outcomes.append(outcome)


def statuses(outcomes):
    return {outcome.action.target: outcome.status for outcome in outcomes}


def operations(sandbox, *, changing=True):
    return [c.operation for c in sandbox.calls if not changing or c.method != "GET"]


async def holds(store, sandbox, user, cluster=CLUSTER):
    """Whether the store has the password of a credential, and it is the right one."""
    password = await store.reveal(cluster, user)
    return password is not None and sandbox.state.check_password(cluster, user, password.reveal())


# What is done.


async def test_after_it_all_is_as_wished(client, sandbox, store):
    await client.domains.create(CLUSTER, name="old.example.com")
    await client.credentials.create(CLUSTER, user="old", allow_all_domains=True)
    await client.credentials.create(CLUSTER, user="batch", allow_all_domains=True)
    clusters = wish(
        ["a.example.com"],
        ["webapp", spec("batch", ["a.example.com"]), spec("office", ["a.example.com"], ["::1"])],
    )
    outcomes = await run(client, clusters, prune=True, store=store)
    assert statuses(outcomes) == {
        "a.example.com": "created",
        "webapp": "created",
        "office": "created",
        "batch": "updated",
        "old": "deleted",
        "old.example.com": "deleted",
    }
    assert not (await make_plan(client, Manifest(clusters), prune=True)).pending
    assert all([await holds(store, sandbox, user) for user in ("webapp", "office")])


async def test_what_is_unchanged_has_an_outcome_and_costs_nothing(client, sandbox):
    await run(client, wish(numbered(3)))
    sandbox.calls.clear()
    assert set(statuses(await run(client, wish(numbered(3)))).values()) == {"unchanged"}
    assert len(sandbox.calls) == 2


async def test_an_outcome_shows_what_an_answer_showed(client, store):
    outcomes = await run(client, wish(["a.example.com"], ["webapp"]), store=store)
    domain, credential = (outcome.resource for outcome in outcomes)
    assert isinstance(domain, models.DomainDetail)
    assert isinstance(credential, models.Credential)
    assert str(outcomes[0]) == "created: domain a.example.com of a1b2c3d4"


async def test_domains_come_before_credentials_and_deletions_last(client, sandbox, store):
    await client.domains.create(CLUSTER, name="old.example.com")
    await client.credentials.create(CLUSTER, user="old", domains=["old.example.com"])
    await client.credentials.create(CLUSTER, user="batch", domains=["old.example.com"])
    sandbox.calls.clear()
    users = [spec("webapp", ["d3.example.com"]), spec("batch", ["d1.example.com"])]
    await run(client, wish(numbered(20), users), prune=True, store=store)
    made = operations(sandbox)
    assert made[:20] == ["domains.create"] * 20
    assert sorted(made[20:22]) == ["credentials.create", "credentials.update"]
    assert made[22:] == ["credentials.delete", "domains.delete"]


async def test_what_somebody_else_made_or_deleted_meanwhile_is_so_already(client, sandbox):
    await client.domains.create(CLUSTER, name="old.example.com")
    plan = await make_plan(client, Manifest(wish(["a.example.com"])), prune=True)
    await client.domains.create(CLUSTER, name="a.example.com")
    await client.domains.delete(CLUSTER, "old.example.com")
    outcomes = [outcome async for outcome in apply(client, plan)]
    assert statuses(outcomes) == {"a.example.com": "existed", "old.example.com": "absent"}
    assert not any(outcome.error for outcome in outcomes)


async def test_a_credential_that_appeared_since_the_plan_is_left_alone(client, sandbox, store):
    """It is somebody else's: neither changed nor taken for ours."""
    plan = await make_plan(client, Manifest(wish(users=["webapp"])))
    await client.credentials.create(CLUSTER, user="webapp", allow_all_domains=True)
    sandbox.calls.clear()
    [outcome] = [outcome async for outcome in apply(client, plan, store=store)]
    assert outcome.status == "failed"
    assert "since the plan was made" in str(outcome.error)
    assert operations(sandbox) == []
    assert await store.lost() == []


async def test_no_more_actions_are_in_flight_than_were_asked_for(client, sandbox):
    sandbox.faults.add("domains.create", "slow-body", times=None, seconds=0.01)
    peak = 0
    async for _ in apply(
        client, await make_plan(client, Manifest(wish(numbered(12)))), concurrency=3
    ):
        mine = [t for t in asyncio.all_tasks() if "_Crew" in repr(t.get_coro())]
        peak = max(peak, len(mine))
    assert peak == 3


# Progress.


async def test_progress_counts_what_changes_something(client, store):
    await run(client, wish(numbered(3)))
    heard = []
    await run(client, wish(numbered(5), ["webapp"]), store=store, on_progress=heard.append)
    assert [(each.done, each.total) for each in heard] == [(1, 3), (2, 3), (3, 3)]


# What cannot be begun.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "2 credentials: give a store"),
        ({"store": "unused", "concurrency": 0}, "concurrency"),
        ({"store": "unused", "timeout": 0}, "timeout"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_done(
    client, sandbox, store, options, message
):
    if "store" in options:
        options = options | {"store": store}
    with pytest.raises(UsageError, match=message):
        await run(client, wish(["a.example.com"], ["a", "b"]), **options)
    assert operations(sandbox) == []


# Failures.


async def test_a_failure_ends_its_own_action_only(client, sandbox, store):
    sandbox.faults.add("domains.create", "json-500", nth=2, applied=False)
    sandbox.faults.add("credentials.create", "json-409")
    outcomes = await run(client, wish(numbered(4), ["a", "b"]), store=store, concurrency=1)
    assert sorted(statuses(outcomes).values()) == ["created"] * 4 + ["failed"] * 2
    assert await store.lost() == []


@pytest.mark.parametrize("operation", ["domains.create", "credentials.create"])
async def test_a_confirmed_401_stops_the_run(client, sandbox, store, operation):
    sandbox.faults.add(operation, "token-revoked", nth=3)
    outcomes = []
    plan = await make_plan(client, Manifest(wish(numbered(40), [f"u{n}" for n in range(40)])))
    with pytest.raises(AuthenticationError):
        await collect(outcomes, apply(client, plan, store=store, concurrency=4))
    refused = [call for call in sandbox.calls if call.status == 401]
    assert len(refused) <= 4
    assert "failed" not in statuses(outcomes).values()
    assert await store.lost() == []


async def test_a_confirmed_403_ends_its_cluster_and_no_other(client, sandbox):
    sandbox.faults.add("domains.create", "json-403")
    clusters = wish(numbered(30)) | wish(numbered(5), cluster=OTHER)
    outcomes = await run(client, clusters, concurrency=1)
    by_cluster = {
        each: [o.status for o in outcomes if o.action.cluster == each] for each in clusters
    }
    assert by_cluster[CLUSTER] == ["failed"] + ["skipped"] * 29
    assert by_cluster[OTHER] == ["created"] * 5
    assert all(isinstance(o.error, PermissionDeniedError) for o in outcomes if o.error)
    assert operations(sandbox).count("domains.create") == 6


async def test_what_is_unchanged_in_a_refused_cluster_is_so_all_the_same(client, sandbox):
    await run(client, wish(numbered(2)))
    sandbox.faults.add("domains.create", "json-403")
    outcomes = await run(client, wish(numbered(4)), concurrency=1)
    assert sorted(outcome.status for outcome in outcomes) == [
        "failed",
        "skipped",
        "unchanged",
        "unchanged",
    ]


async def test_a_404_is_no_proof_that_something_is_gone(client, sandbox):
    """It may be that it cannot be seen: a list call tells."""
    await client.domains.create(CLUSTER, name="old.example.com")
    await client.credentials.create(CLUSTER, user="old", allow_all_domains=True)
    for operation in ("domains.delete", "credentials.delete"):
        sandbox.faults.add(operation, "json-404")
    outcomes = await run(client, wish(), prune=True)
    assert statuses(outcomes) == {"old.example.com": "failed", "old": "failed"}


async def test_the_looks_of_a_run_wait_too_where_the_api_wants_to_be_left_alone(client, sandbox):
    impatient = client.with_options(retry=RetryPolicy(max_retry_after=0.5, throttle_attempts=1))
    plan = await make_plan(client, Manifest(wish(numbered(2))))
    sandbox.faults.add("domains.create", "reset-after-applying")
    sandbox.faults.add("domains.list", "rate-limited", retry_after="1")
    outcomes = [outcome async for outcome in apply(impatient, plan, concurrency=1)]
    assert sorted(statuses(outcomes).values()) == ["created", "existed"]


async def test_a_credential_that_was_made_before_a_pause_is_not_taken_for_somebody_elses(
    client, sandbox, store
):
    """It said "later", made it all the same, and then said "taken"."""
    sandbox.faults.add("credentials.create", "rate-limited", applied=True, retry_after="1")
    [outcome] = await run(client, wish(users=["webapp"]), store=store)
    assert isinstance(outcome.error, PasswordLostError)
    assert [intent.user for intent in await store.lost()] == ["webapp"]


async def test_a_proxys_403_ends_its_own_action_only(client, sandbox):
    sandbox.faults.add("domains.create", "html-403")
    outcomes = await run(client, wish(numbered(5)))
    assert sorted(statuses(outcomes).values()) == ["created"] * 4 + ["failed"]


class FailingStore:
    """A store that fails at one of its steps from a certain credential on."""

    def __init__(self, inner, step, after):
        self._inner = inner
        self._step = step
        self._left = after

    def __getattr__(self, name):
        if name != self._step:
            return getattr(self._inner, name)
        self._left -= 1
        return getattr(self._inner, name) if self._left >= 0 else self._fail

    async def _fail(self, *_, **__):
        raise StoreError("the disk is full")


@pytest.mark.parametrize("step", ["prepare", "store"])
async def test_a_store_that_fails_stops_the_run_and_no_password_is_dropped(
    client, sandbox, store, step
):
    users = [f"u{n}" for n in range(40)]
    failing = FailingStore(store, step, after=5)
    outcomes = []
    plan = await make_plan(client, Manifest(wish(users=users)))
    with pytest.raises(StoreError):
        await collect(outcomes, apply(client, plan, store=failing, concurrency=3))
    made = [credential.user for credential in await client.credentials.list(CLUSTER)]
    assert len(made) <= 5 + 3
    told = {
        outcome.action.target: outcome.error.password
        for outcome in outcomes
        if outcome.error is not None and outcome.error.password is not None
    }
    assert (told != {}) == (step == "store")
    for user in made:
        assert await holds(store, sandbox, user) or sandbox.state.check_password(
            CLUSTER, user, told[user].reveal()
        )
    # What is not in the store is known to be lost.
    lost = {intent.user for intent in await store.lost()}
    assert set(told) <= lost


@pytest.mark.parametrize("way", ["closed", "cancelled", "cancelled twice"])
async def test_passwords_that_could_not_be_stored_are_told_to_whoever_leaves(
    client, sandbox, store, way
):
    failing = FailingStore(store, "store", after=way == "closed")
    sandbox.faults.add("credentials.create", "slow-body", times=None, seconds=0.3)
    plan = await make_plan(client, Manifest(wish(users=["a", "b", "c"])))

    told = []

    async def consume():
        async with contextlib.aclosing(apply(client, plan, store=failing)) as running:
            told.append((await anext(running)).error)

    task = asyncio.create_task(consume())
    await until(lambda: operations(sandbox).count("credentials.create") == 3)
    for _ in range({"closed": 0, "cancelled": 1, "cancelled twice": 2}[way]):
        task.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises((asyncio.CancelledError, ExceptionGroup)) as caught:
        await task
    group = caught.value.__cause__ if task.cancelled() else caught.value
    errors = [*group.exceptions, *filter(None, told)]
    assert len(errors) == (2 if way == "closed" else 3)
    assert all(error.password is not None for error in errors)


# Doubts.


async def test_doubts_are_settled_at_the_end_by_one_list_call_for_each_kind(client, sandbox):
    await client.domains.create(CLUSTER, name="old.example.com")
    for user in ("batch", "office"):
        await client.credentials.create(CLUSTER, user=user, allow_all_domains=True)
    for operation in ("domains.create", "credentials.update", "domains.delete"):
        sandbox.faults.add(operation, "reset-after-applying", times=3)
    sandbox.calls.clear()
    users = [spec("batch", ["d0.example.com"]), "office"]
    outcomes = await run(client, wish(numbered(5), users), prune=True)
    found = statuses(outcomes)
    assert {found.pop(name) for name in numbered(5)} == {"created", "existed"}
    assert found == {"old.example.com": "deleted", "office": "unchanged", "batch": "updated"}
    assert operations(sandbox).count("domains.create") == 5
    assert not any(outcome.error for outcome in outcomes)


async def test_a_doubt_that_nobody_can_settle_has_failed_and_says_that_it_is_one(client, sandbox):
    plan = await make_plan(client, Manifest(wish(numbered(3))))
    sandbox.faults.add("domains.create", "reset-after-reading", nth=2)
    sandbox.faults.add("domains.list", "html-502", times=None)
    outcomes = [outcome async for outcome in apply(client, plan, concurrency=1)]
    [failed] = [outcome for outcome in outcomes if outcome.status == "failed"]
    assert failed is outcomes[-1]
    assert failed.error.may_have_been_applied


# Passwords.


async def test_a_lost_password_is_told_by_the_outcome_and_by_the_store(client, sandbox, store):
    sandbox.faults.add("credentials.create", "reset-after-applying")
    outcomes = await run(client, wish(users=["a", "b"]), store=store, concurrency=1)
    assert statuses(outcomes) == {"a": "failed", "b": "created"}
    assert isinstance(outcomes[0].error, PasswordLostError)
    assert [intent.user for intent in await store.lost()] == ["a"]
    assert await holds(store, sandbox, "b")


@pytest.mark.parametrize("change", ["nothing", "an update", "a creation"])
async def test_a_password_that_an_earlier_run_lost_is_told_again(client, sandbox, store, change):
    """Whatever else is wished of the credential: nobody is to take it for complete."""
    await store.prepare(CLUSTER, "webapp", seen_absent=True)
    plan = await make_plan(client, Manifest(wish(users=["webapp"])))
    wished = spec("webapp", ["a.example.com"] if change == "an update" else None)
    await client.credentials.create(CLUSTER, user="webapp", allow_all_domains=True)
    if change != "a creation":
        plan = await make_plan(client, Manifest(wish(users=[wished])))
    heard = []
    running = apply(client, plan, store=store, on_progress=heard.append)
    [outcome] = [outcome async for outcome in running]
    assert outcome.status == "failed"
    assert isinstance(outcome.error, PasswordLostError)
    assert "earlier run" in str(outcome.error)
    assert "`recreate_lost`" in str(outcome.error)
    assert [intent.user for intent in await store.lost()] == ["webapp"]
    assert (heard[-1].failed, heard[-1].total) == (1, 1)
    # A restriction is not put off for it.
    [credential] = await client.credentials.list(CLUSTER)
    assert credential.allow_all_domains == (change != "an update")


async def test_a_domain_with_the_name_of_a_lost_user_is_not_taken_for_it(client, store):
    await store.prepare(CLUSTER, "mail.example.com", seen_absent=True)
    await client.domains.create(CLUSTER, name="mail.example.com")
    outcomes = await run(client, wish(["mail.example.com"], ["batch"]), store=store)
    assert statuses(outcomes) == {"mail.example.com": "unchanged", "batch": "created"}
    outcomes = await run(client, wish(users=["batch"]), prune=True, store=store)
    assert statuses(outcomes) == {"mail.example.com": "deleted", "batch": "unchanged"}
    assert [intent.user for intent in await store.lost()] == ["mail.example.com"]


async def test_a_creation_that_never_reached_the_server_is_made_by_the_next_run(
    client, sandbox, store
):
    await store.prepare(CLUSTER, "webapp", seen_absent=True)
    [outcome] = await run(client, wish(users=["webapp"]), store=store)
    assert outcome.status == "created"
    assert await store.lost() == []
    assert await holds(store, sandbox, "webapp")


async def test_deleting_a_credential_ends_what_the_store_had_lost_of_it(client, store):
    await store.prepare(CLUSTER, "webapp", seen_absent=True)
    await client.credentials.create(CLUSTER, user="webapp", allow_all_domains=True)
    outcomes = await run(client, wish(), prune=True, store=store)
    assert statuses(outcomes) == {"webapp": "deleted"}
    assert await store.lost() == []


async def test_a_password_of_a_broken_answer_is_stored_and_counts(client, sandbox, store):
    sandbox.faults.add("credentials.create", "missing-field")
    [outcome] = await run(client, wish(users=["webapp"]), store=store)
    assert (outcome.status, outcome.error) == ("created", None)
    assert await holds(store, sandbox, "webapp")


async def test_no_outcome_shows_a_password(client, sandbox, store):
    sandbox.faults.add("credentials.create", "missing-field", nth=2)
    outcomes = await run(client, wish(users=["a", "b", "c"]), store=store)
    for user in ("a", "b", "c"):
        password = await store.reveal(CLUSTER, user)
        assert isinstance(password, Secret)
        assert password.reveal() not in repr(outcomes) + "".join(map(str, outcomes))


# Stopping early.


@pytest.mark.parametrize("way", ["stopped", "cancelled", "closed"])
async def test_a_run_that_ends_early_has_all_passwords_of_what_it_made(client, sandbox, store, way):
    outcomes, stop = [], asyncio.Event()
    plan = await make_plan(client, Manifest(wish(users=[f"u{n}" for n in range(60)])))

    async def consume():
        running = apply(client, plan, store=store, concurrency=5, stop=stop)
        async with contextlib.aclosing(running):
            async for outcome in running:
                outcomes.append(outcome)
                if len(outcomes) == 7:
                    if way == "closed":
                        break
                    if way == "cancelled":
                        asyncio.current_task().cancel()
                    stop.set()

    task = asyncio.create_task(consume())
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled() == (way == "cancelled")
    made = [credential.user for credential in await client.credentials.list(CLUSTER)]
    assert 7 <= len(made) <= 7 + 2 * 5
    assert all([await holds(store, sandbox, user) for user in made])
    assert await store.lost() == []
    if way == "stopped":
        assert {outcome.action.target for outcome in outcomes} == set(made)


async def test_a_pause_of_credentials_ends_when_the_run_is_cancelled(client, sandbox, store):
    """What must not be broken off does not wait."""
    sandbox.faults.add("credentials.create", "rate-limited", times=None, retry_after="59")
    running = run(client, wish(users=[f"u{n}" for n in range(8)]), store=store)
    task = asyncio.create_task(running)
    await until(lambda: operations(sandbox))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task
    assert len(operations(sandbox)) <= 8


async def test_it_can_be_made_again_at_any_time(client, sandbox, store):
    clusters = wish(numbered(30), [f"u{n}" for n in range(10)])
    while (plan := await make_plan(client, Manifest(clusters))).pending:
        async with contextlib.aclosing(apply(client, plan, store=store, concurrency=2)) as running:
            async for outcome in running:
                if outcome.status != "unchanged":
                    break
    assert operations(sandbox).count("domains.create") == 30
    assert operations(sandbox).count("credentials.create") == 10

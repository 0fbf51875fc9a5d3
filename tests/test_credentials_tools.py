"""Credentials that are granted more, made through a store, or replaced: nothing taken, or lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import attrs
import pytest
from scripted import CREDENTIAL, Act, Scripted, answer, failure, html, until

from unmta_async import (
    AuthenticationError,
    ConnectError,
    NotFoundError,
    PasswordLostError,
    PermissionDeniedError,
    RetryPolicy,
    ServerError,
    UnexpectedResponseError,
    UsageError,
    ValidationError,
)
from unmta_async.provisioning import _patience
from unmta_async.provisioning._creating import create_stored, to_the_end
from unmta_async.provisioning.credentials import grant, rotate
from unmta_async.provisioning.stores import (
    CallableSink,
    DeliveryError,
    Intent,
    SqliteStore,
    StoreError,
)

CLUSTER, USER, NEW = "a1b2c3d4", "webapp", "webapp-2"
NO_RETRY = RetryPolicy.none()


class DiskFullError(StoreError):
    """What a store raises."""


class Store:
    """A store in memory that keeps what it was told, in order, and may fail or take its time."""

    def __init__(self):
        self.told = []
        self.ended = []
        self.open = {}
        self.passwords = {}
        self.failing = set()
        self.held = {}

    async def _tell(self, what):
        self.told.append(what)
        if what in self.held:
            await self.held[what].wait()
        await asyncio.sleep(0)
        if what in self.failing:
            raise DiskFullError("the disk is full")
        self.ended.append(what)

    async def prepare(self, cluster, user, *, seen_absent=False):
        await self._tell("prepare")
        earlier = self.open.get((cluster, user))
        intent = Intent(cluster, user, seen_absent, datetime.now(UTC))
        self.open.setdefault((cluster, user), intent)
        return earlier

    async def store(self, cluster, user, password):
        await self._tell("store")
        self.passwords[cluster, user] = password
        self.open.pop((cluster, user), None)

    async def withdraw(self, cluster, user):
        await self._tell("withdraw")
        self.open.pop((cluster, user), None)

    async def lost(self):
        return list(self.open.values())


@pytest.fixture
def store():
    return Store()


def operations(sandbox):
    return [call.operation for call in sandbox.calls]


async def users(client):
    return {each.user: each for each in await client.credentials.list(CLUSTER)}


async def restricted(client, user=USER, domains=("a.com",), ips=("203.0.113.5",)):
    await client.credentials.create(
        CLUSTER, user=user, domains=domains, allowed_ips=ips, allow_all_ips=False
    )


def create(client, store, **changes):
    options = {"user": USER, "domains": None, "allowed_ips": None} | changes
    return create_stored(client, store, CLUSTER, **options)


def opens(sandbox, store, user):
    password = store.passwords[CLUSTER, user]
    return sandbox.state.check_password(CLUSTER, user, password.reveal())


# Granting.


async def test_what_is_new_is_added_and_nothing_is_taken(client, sandbox):
    await restricted(client)
    sandbox.calls.clear()
    granted = await grant(client, CLUSTER, USER, domains=["b.com"], ips=["2001:db8::/32"])
    assert granted == (await users(client))[USER]
    assert list(granted.domains) == ["a.com", "b.com"]
    assert list(granted.allowed_ips) == ["203.0.113.5", "2001:db8::/32"]
    assert (granted.allow_all_domains, granted.allow_all_ips) == (False, False)
    assert operations(sandbox)[:2] == ["credentials.list", "credentials.update"]


async def test_what_it_may_do_already_in_any_spelling_is_not_written(client, sandbox):
    await restricted(
        client, domains=["xn--bcher-kva.com", "a.com"], ips=["203.0.113.5/32", "2001:DB8:0::/32"]
    )
    sandbox.calls.clear()
    await grant(
        client,
        CLUSTER,
        USER,
        domains=["Bücher.com", "A.com."],
        ips=["203.0.113.5", "2001:db8::/32"],
    )
    assert operations(sandbox) == ["credentials.list"]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"domains": ["B.com.", "b.com", "a.com"]}, b'{"domains":["a.com","b.com"]}'),
        ({"ips": ["203.0.113.6/32"]}, b'{"allowed_ips":["203.0.113.5","203.0.113.6"]}'),
    ],
)
async def test_only_the_fields_that_change_are_sent(options, sent):
    old = CREDENTIAL | {
        "allow_all_domains": False,
        "domains": ["a.com"],
        "allow_all_ips": False,
        "allowed_ips": ["203.0.113.5"],
    }
    script = answer(200, {"data": [old]}), answer(200, {"data": old})
    async with Scripted(*script) as server, server.client() as client:
        await grant(client, CLUSTER, USER, **options)
    assert server.requests[1].partition(b"\r\n\r\n")[2].replace(b" ", b"") == sent


async def test_what_is_open_for_all_stays_open(client, sandbox):
    """A list, sent for it, would close it for everybody else."""
    await client.credentials.create(CLUSTER, user=USER, allow_all_domains=True)
    before = (await users(client))[USER]
    sandbox.calls.clear()
    assert await grant(client, CLUSTER, USER, domains=["a.com"], ips=["203.0.113.5"]) == before
    assert operations(sandbox) == ["credentials.list"]


async def test_of_two_restrictions_only_the_one_that_there_is_grows(client):
    await client.credentials.create(CLUSTER, user=USER, domains=["a.com"])
    granted = await grant(client, CLUSTER, USER, domains=["b.com"], ips=["203.0.113.5"])
    assert list(granted.domains) == ["a.com", "b.com"]
    assert granted.allow_all_ips


async def test_an_unknown_user_is_told_with_those_that_come_close(client, sandbox):
    await restricted(client)
    await restricted(client, "batch")
    with pytest.raises(UsageError, match="no credential 'webap'; did you mean 'webapp'") as caught:
        await grant(client, CLUSTER, "webap", domains=["b.com"])
    assert "batch" not in str(caught.value)
    with pytest.raises(UsageError, match="no credential 'zzz'"):
        await grant(client, CLUSTER, "zzz", domains=["b.com"])
    assert "credentials.update" not in operations(sandbox)


@pytest.mark.parametrize(
    "options",
    [
        {"domains": "b.com"},
        {"ips": "203.0.113.5"},
        {"domains": ["b.com", 5]},
        {"domains": ["bü cher.com"]},
        {"domains": ["localhost"]},
        {"domains": [""]},
        {"domains": ["203.0.113.5"]},
        {"ips": ["b.com"]},
        {"ips": ["203.0.113.7/24"]},
        {"ips": ["fe80::1%eth0"]},
        {"ips": [5]},
        {"ips": 5},
    ],
)
async def test_nonsense_is_refused_before_anything_is_sent(client, sandbox, options):
    with pytest.raises(UsageError, match=next(iter(options))):
        await grant(client, CLUSTER, USER, **options)
    assert not sandbox.calls


async def test_an_unknown_cluster_is_told(client):
    assert isinstance(await failure(grant(client, "nowhere", USER)), NotFoundError)


# Creating through a store.


async def test_the_intent_comes_before_the_request_and_the_password_after(client, sandbox, store):
    store.held["prepare"] = asyncio.Event()
    creation = asyncio.create_task(create(client, store))
    await until(lambda: store.told)
    await asyncio.sleep(0.02)
    assert not sandbox.calls
    store.held["prepare"].set()
    created = await creation
    assert store.told == ["prepare", "store"]
    assert store.passwords == {(CLUSTER, USER): created.password}
    assert not store.open
    assert opens(sandbox, store, USER)


async def test_the_intent_says_that_the_user_was_seen_to_be_absent(client, store):
    store.failing.add("store")
    await failure(create(client, store))
    assert store.open[CLUSTER, USER].seen_absent


@pytest.mark.parametrize("comes_again", [True, False])
async def test_an_intent_stays_where_the_api_puts_it_off_and_it_comes_again(
    client, sandbox, store, comes_again
):
    """The next may be told "taken" because of this one, whatever the API has said of it."""
    once = client.with_options(retry=RetryPolicy.none())
    patience = _patience.Patience(None, lambda _: None) if comes_again else None
    sandbox.faults.add("credentials.create", "json-503", applied=True)
    await failure(create(once, store, patience=patience))
    assert bool(store.open) is comes_again
    if comes_again:
        assert isinstance(await failure(create(client, store)), PasswordLostError)
        assert store.open


async def test_restrictions_are_those_that_were_asked_for(client, store):
    await create(client, store, domains=["a.com"], allowed_ips=["203.0.113.5"])
    await create(client, store, user="open")
    made = await users(client)
    limited, unlimited = made[USER], made["open"]
    assert (limited.allow_all_domains, list(limited.domains)) == (False, ["a.com"])
    assert (limited.allow_all_ips, list(limited.allowed_ips)) == (False, ["203.0.113.5"])
    assert unlimited.allow_all_domains
    assert unlimited.allow_all_ips


@pytest.mark.parametrize("fault", ["json-401", "json-403", "html-404", "json-413", "json-419"])
async def test_what_was_provably_not_applied_is_withdrawn(client, sandbox, store, fault):
    sandbox.faults.add("credentials.create", fault, times=None)
    await failure(create(client, store))
    assert store.told == ["prepare", "withdraw"]
    assert not store.open


async def test_what_was_never_sent_is_withdrawn(store):
    async with Scripted(Act.HANG) as server:
        gone = server.client(retry=NO_RETRY)
    async with gone as client:
        assert isinstance(await failure(create(client, store)), ConnectError)
    assert not store.open


@pytest.mark.parametrize(
    "fault", ["reset-after-applying", "reset-after-reading", "html-504", "hang-before-headers"]
)
async def test_what_may_have_been_applied_keeps_its_intent(sandbox, store, fault):
    sandbox.faults.add("credentials.create", fault)
    async with sandbox.client(timeout=0.3) as client:
        error = await failure(create(client, store))
    assert isinstance(error, PasswordLostError)
    assert (store.told, list(store.open)) == (["prepare"], [(CLUSTER, USER)])


@pytest.mark.parametrize("fault", ["missing-field", "wrong-types", "no-data"])
async def test_a_password_out_of_a_broken_answer_is_stored(client, sandbox, store, fault):
    sandbox.faults.add("credentials.create", fault)
    error = await failure(create(client, store))
    assert isinstance(error, UnexpectedResponseError)
    assert store.told == ["prepare", "store"]
    assert opens(sandbox, store, USER)


async def test_the_password_of_somebody_else_is_not_stored(client, sandbox, store):
    sandbox.faults.add("credentials.create", "other-resource")
    assert isinstance(await failure(create(client, store)), PasswordLostError)
    assert list(store.open) == [(CLUSTER, USER)]
    assert not store.passwords


async def test_a_store_that_fails_at_first_lets_nothing_be_created(client, sandbox, store):
    store.failing.add("prepare")
    assert isinstance(await failure(create(client, store)), DiskFullError)
    assert not sandbox.calls


@pytest.mark.parametrize("fault", [None, "missing-field"])
async def test_a_store_that_fails_at_last_leaves_the_password_on_its_error(
    client, sandbox, store, fault
):
    if fault:
        sandbox.faults.add("credentials.create", fault)
    store.failing.add("store")
    error = await failure(create(client, store))
    assert isinstance(error, DiskFullError)
    assert error.may_have_been_applied
    assert sandbox.state.check_password(CLUSTER, USER, error.password.reveal())
    assert error.password.reveal() not in str(error) + repr(error) + str(error.__notes__)
    assert USER in str(error.__notes__)
    assert list(store.open) == [(CLUSTER, USER)]


async def test_a_store_that_fails_in_a_way_of_its_own_loses_no_password(client, sandbox, store):
    async def fail(cluster, user, password):
        raise OSError(f"cannot write {password.reveal()}")

    store.store = fail
    error = await failure(create(client, store))
    assert isinstance(error, StoreError)
    assert "OSError" in str(error)
    assert sandbox.state.check_password(CLUSTER, USER, error.password.reveal())
    assert (error.__cause__, error.__context__) == (None, None)


async def test_a_password_that_is_stored_and_not_delivered_is_not_said_to_be_lost(client, tmp_path):
    def deliver(cluster, user, password):
        raise OSError("the vault is sealed")

    async with SqliteStore(tmp_path / "passwords.db") as file:
        error = await failure(create(client, CallableSink(file, deliver)))
        assert isinstance(error, DeliveryError)
        assert error.password is None
        assert (await file.reveal(CLUSTER, USER)) is not None
        assert await file.lost() == []


async def test_a_real_store_has_the_password(client, sandbox, tmp_path):
    async with SqliteStore(tmp_path / "passwords.db") as file:
        created = await create(client, file)
        assert await file.reveal(CLUSTER, USER) == created.password
        sandbox.faults.add("credentials.create", "json-403")
        await failure(create(client, file, user="other"))
        assert await file.lost() == []
        sandbox.faults.add("credentials.create", "reset-after-applying")
        await failure(create(client, file, user="other"))
        assert isinstance(await failure(create(client, file, user="other")), PasswordLostError)
        assert [(each.user, each.seen_absent) for each in await file.lost()] == [("other", True)]


async def test_a_user_that_is_taken_is_refused_and_withdrawn(client, store):
    await restricted(client)
    error = await failure(create(client, store))
    assert isinstance(error, ValidationError)
    assert not store.open


async def test_a_user_that_is_taken_may_be_our_own_of_before(client, sandbox, store):
    sandbox.faults.add("credentials.create", "reset-after-applying")
    await failure(create(client, store))
    error = await failure(create(client, store))
    assert isinstance(error, PasswordLostError)
    assert isinstance(error.reason, ValidationError)
    assert (error.identity, error.operation) == ((CLUSTER, USER), "credentials.create")
    assert error.may_have_been_applied
    assert list(store.open) == [(CLUSTER, USER)]


async def test_an_intent_of_before_stays_where_only_this_attempt_was_refused(
    client, sandbox, store
):
    await store.prepare(CLUSTER, USER)
    sandbox.faults.add("credentials.create", "json-403")
    assert isinstance(await failure(create(client, store)), PermissionDeniedError)
    assert list(store.open) == [(CLUSTER, USER)]


async def test_an_intent_of_before_ends_with_the_password(client, sandbox, store):
    await store.prepare(CLUSTER, USER)
    await create(client, store)
    assert not store.open
    assert opens(sandbox, store, USER)


async def test_the_later_of_two_at_a_time_does_not_call_the_password_lost(client, sandbox, store):
    """The intent that it saw was that of the earlier one, which has its password by now."""
    store.held["store"], store.held["prepare"] = asyncio.Event(), asyncio.Event()
    store.held["prepare"].set()
    earlier = asyncio.create_task(create(client, store))
    await until(lambda: "store" in store.told)
    store.held["prepare"].clear()
    later = asyncio.create_task(create(client, store))
    await until(lambda: store.told.count("prepare") == 2)
    store.held["store"].set()
    await earlier
    store.held["prepare"].set()
    assert isinstance(await failure(later), ValidationError)
    assert opens(sandbox, store, USER)
    assert not store.open


# Cancelling.


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("at", ["the request", "the store"])
async def test_a_creation_that_is_cancelled_is_finished_first(client, sandbox, store, at, times):
    sandbox.faults.add("credentials.create", "slow-body", seconds=0.2)
    store.held["store"] = asyncio.Event()
    creation = asyncio.create_task(create(client, store))
    await until(lambda: sandbox.calls if at == "the request" else "store" in store.told)
    for _ in range(times):
        creation.cancel()
        await asyncio.sleep(0.01)
    assert not creation.done()
    store.held["store"].set()
    with pytest.raises(asyncio.CancelledError):
        await creation
    assert opens(sandbox, store, USER)
    assert not store.open


async def test_a_creation_that_is_cancelled_before_it_is_sent_is_withdrawn(client, sandbox, store):
    store.held["prepare"] = asyncio.Event()
    creation = asyncio.create_task(create(client, store))
    await until(lambda: store.told)
    creation.cancel()
    await asyncio.sleep(0.01)
    store.held["prepare"].set()
    with pytest.raises(asyncio.CancelledError):
        await creation
    assert store.ended == ["prepare", "withdraw"]
    assert not sandbox.calls
    assert not store.open


async def test_a_creation_that_is_cancelled_and_fails_tells_the_failure_as_the_cause(
    client, sandbox, store
):
    sandbox.faults.add("credentials.create", "slow-body", seconds=0.1)
    store.failing.add("store")
    creation = asyncio.create_task(create(client, store))
    await until(lambda: sandbox.calls)
    creation.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await creation
    assert isinstance(caught.value.__cause__, DiskFullError)
    assert sandbox.state.check_password(CLUSTER, USER, caught.value.__cause__.password.reveal())


async def test_a_timeout_around_it_is_one_after_the_password_is_stored(client, sandbox, store):
    sandbox.faults.add("credentials.create", "slow-body", seconds=0.2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await create(client, store)
    assert opens(sandbox, store, USER)


async def test_work_to_the_end_gives_its_result_or_its_exception():
    async def work(error=None):
        await asyncio.sleep(0)
        if error:
            raise error
        return 5

    assert await to_the_end(work()) == 5
    with pytest.raises(KeyError):
        await to_the_end(work(KeyError("x")))


# Rotating.


def rotation(client, store, **options):
    return rotate(client, CLUSTER, USER, **{"new_user": NEW, "store": store} | options)


async def test_the_new_credential_may_do_what_the_old_one_may(client, sandbox, store):
    await restricted(client, domains=["a.com", "b.com"], ips=["203.0.113.0/24", "2001:db8::1"])
    created = await rotation(client, store)
    made = await users(client)
    assert created.credential == made[NEW]
    kept = {"allow_all_domains", "domains", "allow_all_ips", "allowed_ips"}
    old, new = attrs.asdict(made[USER]), attrs.asdict(made[NEW])
    assert {field: old[field] for field in kept} == {field: new[field] for field in kept}
    assert opens(sandbox, store, NEW)
    assert store.passwords[CLUSTER, NEW] == created.password


async def test_what_is_open_for_all_is_replaced_by_what_is_open_for_all(client, store):
    await client.credentials.create(CLUSTER, user=USER, allow_all_domains=True)
    credential = (await rotation(client, store)).credential
    assert credential.allow_all_domains
    assert credential.allow_all_ips


async def test_the_old_one_is_deleted_only_on_request(client, sandbox, store):
    await restricted(client)
    await rotation(client, store)
    assert set(await users(client)) == {USER, NEW}
    assert "credentials.delete" not in operations(sandbox)
    await rotation(client, store, new_user="third", delete_old=True)
    assert set(await users(client)) == {NEW, "third"}


async def test_the_old_one_is_deleted_only_after_the_password_is_durable(client, sandbox, store):
    await restricted(client)
    store.held["store"] = asyncio.Event()
    run = asyncio.create_task(rotation(client, store, delete_old=True))
    await until(lambda: "store" in store.told)
    await asyncio.sleep(0.02)
    assert "credentials.delete" not in operations(sandbox)
    store.held["store"].set()
    await run
    assert set(await users(client)) == {NEW}


@pytest.mark.parametrize("fault", ["reset-after-applying", "json-403", "missing-field"])
async def test_a_creation_that_fails_deletes_nothing(client, sandbox, store, fault):
    await restricted(client)
    sandbox.faults.add("credentials.create", fault)
    await failure(rotation(client, store, delete_old=True))
    assert USER in await users(client)


async def test_a_store_that_fails_deletes_nothing(client, store):
    await restricted(client)
    store.failing.add("store")
    assert isinstance(await failure(rotation(client, store, delete_old=True)), DiskFullError)
    assert USER in await users(client)


async def test_a_rotation_that_is_cancelled_keeps_the_password_and_the_old_one(
    client, sandbox, store
):
    await restricted(client)
    sandbox.calls.clear()
    sandbox.faults.add("credentials.create", "slow-body", seconds=0.1)
    run = asyncio.create_task(rotation(client, store, delete_old=True))
    await until(lambda: "credentials.create" in operations(sandbox))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert set(await users(client)) == {USER, NEW}
    assert opens(sandbox, store, NEW)


@pytest.mark.parametrize(
    ("fault", "kind"), [("json-401", AuthenticationError), ("json-500", ServerError)]
)
async def test_a_deletion_that_fails_says_that_the_new_one_is_made_and_stored(
    client, sandbox, store, fault, kind
):
    await restricted(client)
    sandbox.faults.add("credentials.delete", fault, times=None)
    error = await failure(rotation(client, store, delete_old=True))
    assert isinstance(error, kind)
    (note,) = error.__notes__
    assert "webapp-2 of a1b2c3d4 was created and its password is stored" in note
    assert opens(sandbox, store, NEW)


async def test_an_unknown_user_is_not_rotated(client, sandbox, store):
    await restricted(client, "webapp-1")
    with pytest.raises(UsageError, match="did you mean 'webapp-1'"):
        await rotation(client, store)
    assert (operations(sandbox)[1:], store.told) == (["credentials.list"], [])


async def test_a_new_user_that_is_taken_is_told_before_anything_is_made(client, sandbox, store):
    await restricted(client)
    await restricted(client, NEW)
    sandbox.calls.clear()
    with pytest.raises(UsageError, match="choose another new_user"):
        await rotation(client, store)
    assert (operations(sandbox), store.told) == (["credentials.list"], [])


async def test_a_new_user_whose_password_was_lost_is_told_as_that(client, sandbox, store):
    await restricted(client)
    sandbox.faults.add("credentials.create", "reset-after-applying")
    await failure(rotation(client, store))
    with pytest.raises(UsageError, match="waits for its password"):
        await rotation(client, store)
    assert list(store.open) == [(CLUSTER, NEW)]


@pytest.mark.parametrize("new", [USER, "..", "", "a b", 5])
async def test_a_new_user_that_can_be_none_is_refused(client, sandbox, store, new):
    with pytest.raises(UsageError, match="new_user"):
        await rotation(client, store, new_user=new)
    assert not sandbox.calls


async def test_no_password_shows_in_what_went_wrong(client, sandbox, store):
    store.failing.add("store")
    error = await failure(create(client, store))
    password, frame, shown = error.password.reveal(), error.__traceback__, ""
    while frame:
        shown += repr(frame.tb_frame.f_locals)
        frame = frame.tb_next
    assert "CreatedCredential" in shown
    assert password not in shown


async def test_a_listing_that_fails_makes_nothing(store):
    async with Scripted(html(403)) as server, server.client() as client:
        await failure(rotation(client, store))
        await failure(grant(client, CLUSTER, USER, domains=["b.com"]))
    assert (server.count("GET"), len(server.requests), store.told) == (2, 2, [])

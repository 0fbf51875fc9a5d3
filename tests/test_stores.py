"""Stores for passwords: what was acknowledged is there, for nobody else, and nothing leaks."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import os
import pickle
import sqlite3
import stat
import subprocess
import sys
import threading
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from scripted import failure, until

from unmta_async import Secret, UsageError
from unmta_async.provisioning.stores import (
    CallableSink,
    CommandSink,
    DeliveryError,
    Entry,
    Intent,
    JsonlStore,
    PasswordStore,
    SqliteStore,
    StoreError,
)
from unmta_async.provisioning.stores._files import lock

CLUSTER, USER = "a1b2c3d4", "webapp"
PASSWORD = "pw-5ecret-aB3dEfGhIjKlMn"
SECRET = Secret(PASSWORD)
KINDS = {"sqlite": SqliteStore, "jsonl": JsonlStore}
IS_ROOT = os.geteuid() == 0
TESTS = Path(__file__).parent


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "passwords"


@pytest.fixture
async def store(kind, path):
    async with kind(path) as store:
        yield store


async def nothing(cluster, user, password):
    pass


FRONTS = {
    "the file": lambda store: store,
    "a function": lambda store: CallableSink(store, nothing),
    "a program": lambda store: CommandSink(store, ["true"]),
}


@pytest.fixture(params=FRONTS)
def front(request, store):
    """A store, or a sink that stands before it."""
    front: PasswordStore = FRONTS[request.param](store)
    return front


def bytes_on_disk(path):
    return b"".join(each.read_bytes() for each in path.parent.iterdir())


def shown(error):
    """Return everything that a log or a crash report could hold of an error."""
    pages, waiting, seen = [], [error], set()
    while waiting:
        at = waiting.pop()
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        waiting += [at.__cause__, at.__context__]
        pages += [str(at), repr(at), repr(at.args), repr(vars(at))]
        trace = traceback.TracebackException.from_exception(at, capture_locals=True)
        pages += [
            f"{frame.name} {frame.line} {frame.locals}"
            for frame in trace.stack
            if not Path(frame.filename).is_relative_to(TESTS)
        ]
        if isinstance(at, StoreError):
            pages += [repr(pickle.dumps(at)), repr(vars(copy.deepcopy(at)))]
    return "\n".join(pages)


async def states(store):
    return {entry.user: entry.state for entry in await store.entries()}


# The laws of the protocol, before a sink as well.


async def test_what_was_prepared_is_lost_until_there_is_a_password(front):
    before = datetime.now(UTC)
    await front.prepare(CLUSTER, USER, seen_absent=True)
    (intent,) = await front.lost()
    assert (intent.cluster, intent.user, intent.seen_absent) == (CLUSTER, USER, True)
    assert before <= intent.prepared_at <= datetime.now(UTC)
    assert intent.prepared_at.utcoffset() == timedelta(0)
    await front.store(CLUSTER, USER, SECRET)
    assert await front.lost() == []


async def test_what_was_withdrawn_is_not_lost(front, store):
    await front.prepare(CLUSTER, USER)
    await front.withdraw(CLUSTER, USER)
    await front.withdraw(CLUSTER, USER)
    assert (await front.lost(), await store.entries()) == ([], [])


async def test_an_intent_stays_and_keeps_what_was_seen(front):
    for seen_absent, kept in ((False, False), (True, True), (False, True)):
        await front.prepare(CLUSTER, USER, seen_absent=seen_absent)
        (intent,) = await front.lost()
        assert intent.seen_absent is kept
    assert intent.last_prepared_at > intent.prepared_at
    await front.withdraw(CLUSTER, USER)
    await front.prepare(CLUSTER, USER)
    (anew,) = await front.lost()
    assert not anew.seen_absent
    assert anew.prepared_at > intent.last_prepared_at


async def test_a_password_is_kept_until_there_is_a_newer_one(front, store):
    await front.store(CLUSTER, USER, SECRET)
    await front.prepare(CLUSTER, USER)
    assert await store.reveal(CLUSTER, USER) == SECRET
    assert [intent.user for intent in await front.lost()] == [USER]
    assert await states(store) == {USER: "prepared"}
    await front.store(CLUSTER, USER, Secret("new"))
    assert await store.reveal(CLUSTER, USER) == Secret("new")
    await front.prepare(CLUSTER, USER)
    await front.withdraw(CLUSTER, USER)
    assert await store.reveal(CLUSTER, USER) == Secret("new")


async def test_credentials_are_told_apart_by_cluster_and_user(front, store):
    for cluster, user in (("a", "x"), ("a", "X"), ("b", "x"), ("ax", "")):
        if user:
            await front.prepare(cluster, user)
    await front.store("a", "x", SECRET)
    assert [(i.cluster, i.user) for i in await front.lost()] == [("a", "X"), ("b", "x")]
    assert await store.reveal("a", "X") is None
    assert await store.reveal("c", "x") is None


async def test_everything_is_there_after_the_file_was_closed(front, store):
    await front.prepare(CLUSTER, "lost", seen_absent=True)
    await front.prepare(CLUSTER, "withdrawn")
    await front.withdraw(CLUSTER, "withdrawn")
    await front.store(CLUSTER, USER, SECRET)
    before = await front.lost(), await store.entries()
    await store.close()
    assert (await front.lost(), await store.entries()) == before
    assert await store.reveal(CLUSTER, USER) == SECRET


PASSWORDS = ["", " ", '"\\\n\0', "пароль", "\U0001f511", "\ud800", "x" * 100_000]


@pytest.mark.parametrize("value", PASSWORDS, ids=range(len(PASSWORDS)))
async def test_any_text_can_be_a_password(store, value):
    await store.store(CLUSTER, USER, Secret(value))
    await store.close()
    assert await store.reveal(CLUSTER, USER) == Secret(value)


@pytest.mark.parametrize(
    ("cluster", "user"), [("", USER), (CLUSTER, ""), (CLUSTER, "a\nb"), (CLUSTER, "\udc80")]
)
async def test_what_cannot_be_a_name_is_refused(front, store, cluster, user):
    with pytest.raises(StoreError, match="cannot be the name of a"):
        await front.prepare(cluster, user)
    assert await store.entries() == []


async def test_entries_say_what_there_is_and_since_when(store):
    await store.prepare(CLUSTER, "z")
    await store.store(CLUSTER, USER, SECRET)
    stored, prepared = await store.entries()
    assert (stored.user, stored.state, stored.has_password) == (USER, "stored", True)
    assert (prepared.user, prepared.state, prepared.has_password) == ("z", "prepared", False)
    assert prepared.prepared_at < stored.stored_at
    assert (prepared.stored_at, stored.prepared_at, stored.delivered_at) == (None, None, None)
    await store.mark_delivered(CLUSTER, USER, SECRET)
    delivered = (await store.entries())[0]
    assert delivered.state == "delivered"
    assert stored.stored_at == delivered.stored_at < delivered.delivered_at


async def test_a_newer_password_is_not_taken_for_delivered(store):
    await store.store(CLUSTER, USER, Secret("new"))
    await store.mark_delivered(CLUSTER, USER, SECRET)
    assert await states(store) == {USER: "stored"}
    await store.mark_delivered(CLUSTER, USER, Secret("new"))
    assert await states(store) == {USER: "delivered"}
    await store.store(CLUSTER, USER, Secret("newer"))
    assert await store.undelivered() == [(CLUSTER, USER)]


def test_an_intent_prepared_once_was_prepared_last_then():
    now = datetime.now(UTC)
    assert Intent(CLUSTER, USER, True, now).last_prepared_at == now


# Purging.


async def test_a_purge_leaves_no_trace_of_what_was_delivered(store, path):
    for number in range(40):
        await store.store(CLUSTER, f"user{number}", Secret(f"older-{PASSWORD}-{number:03}"))
        await store.store(CLUSTER, f"user{number}", Secret(f"{PASSWORD}-{number:03}"))
    assert PASSWORD.encode() in bytes_on_disk(path)
    for number in range(1, 40):
        await store.mark_delivered(CLUSTER, f"user{number}", Secret(f"{PASSWORD}-{number:03}"))
    await store.purge()
    disk = bytes_on_disk(path)
    assert f"{PASSWORD}-000".encode() in disk
    assert not [n for n in range(1, 40) if f"{PASSWORD}-{n:03}".encode() in disk]
    assert await store.reveal(CLUSTER, "user0") == Secret(f"{PASSWORD}-000")

    await store.close()
    entries = {entry.user: entry for entry in await store.entries()}
    assert len(entries) == 40
    assert (entries["user1"].state, entries["user1"].has_password) == ("delivered", False)
    assert await store.reveal(CLUSTER, "user1") is None
    assert await store.undelivered() == [(CLUSTER, "user0")]


async def test_a_purged_file_goes_on(store, path, kind):
    await store.store(CLUSTER, USER, SECRET)
    await store.mark_delivered(CLUSTER, USER, SECRET)
    await store.purge()
    with pytest.raises(StoreError, match="another process uses it"):
        await kind(path).lost()
    await store.store(CLUSTER, "next", SECRET)
    await store.prepare(CLUSTER, USER)
    await store.close()
    assert await states(store) == {"next": "stored", USER: "prepared"}
    assert mode(path) == 0o600


async def test_what_a_crash_in_a_purge_left_behind_is_removed(path):
    draft = path.with_name(".passwords.new")
    draft.write_text(PASSWORD)
    async with JsonlStore(path) as store:
        assert not draft.exists()
        await store.store(CLUSTER, USER, SECRET)
        await store.mark_delivered(CLUSTER, USER, SECRET)
        draft.mkdir()
        with pytest.raises(StoreError, match="is in the way"):
            await store.purge()
        draft.rmdir()
        assert await store.reveal(CLUSTER, USER) == SECRET


# Who may read it.


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
async def test_no_file_is_ever_open_to_others(kind, path, umask):
    before = os.umask(umask)
    try:
        async with kind(path) as store:
            await store.store(CLUSTER, USER, SECRET)
            modes = {each.name: mode(each) for each in path.parent.iterdir()}
            await store.mark_delivered(CLUSTER, USER, SECRET)
            await store.purge()
            modes |= {each.name: mode(each) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert len(modes) == (2 if kind is SqliteStore else 1)  # with SQLite's log


async def test_a_file_is_made_closed_to_others_not_closed_afterwards(kind, path, monkeypatch):
    made, fchmod = [], os.fchmod

    def seen(descriptor, mode):
        made.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fchmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", seen)
    before = os.umask(0)
    try:
        async with kind(path) as store:
            await store.store(CLUSTER, USER, SECRET)
            await store.mark_delivered(CLUSTER, USER, SECRET)
            await store.purge()
    finally:
        os.umask(before)
    assert set(made) == {0o600}


@pytest.mark.parametrize("wide", [0o640, 0o604, 0o620, 0o644])
async def test_a_file_that_others_may_open_is_refused_as_it_is(kind, path, wide):
    path.touch()
    path.chmod(wide)
    with pytest.raises(StoreError, match=f"mode 0{wide:o}.*chmod 600 {path}"):
        await kind(path).lost()
    assert (mode(path), path.read_bytes()) == (wide, b"")


async def test_a_symbolic_link_is_not_followed(kind, path, tmp_path):
    target = tmp_path / "target"
    path.symlink_to(target)
    for _ in range(2):
        with pytest.raises(StoreError, match="is a symbolic link"):
            await kind(path).lost()
        assert not target.exists() or not target.read_bytes()
        target.touch(0o600)


@pytest.mark.parametrize("exchange", ["a link", "a file open to others"])
async def test_a_file_that_is_exchanged_after_a_look_at_it_is_refused(
    path, tmp_path, monkeypatch, exchange
):
    decoy = tmp_path / "decoy"
    decoy.touch(0o600)
    if exchange == "a link":
        path.symlink_to(decoy)
    else:
        path.touch(0o644)
        path.chmod(0o644)
    status = decoy.lstat()
    monkeypatch.setattr(os, "lstat", lambda _: status)
    with pytest.raises(StoreError, match=r"symbolic link|mode 0644"):
        await JsonlStore(path).lost()
    assert decoy.read_bytes() == path.read_bytes() == b""


@pytest.mark.skipif(not IS_ROOT, reason="nobody else can give files away")
async def test_the_file_of_another_user_is_refused(kind, path):
    path.touch(0o600)
    os.chown(path, 65534, 65534)
    with pytest.raises(StoreError, match="belongs to the user with the id 65534"):
        await kind(path).lost()


# Who else uses it.


async def test_a_file_has_one_user_at_a_time(store, kind, path):
    await store.store(CLUSTER, USER, SECRET)
    other = kind(path)
    for _ in range(2):
        error = await failure(other.prepare(CLUSTER, "x"))
        assert isinstance(error, StoreError)
        assert str(path) in str(error)
        assert "another process uses it" in str(error)
    await store.prepare(CLUSTER, "y")
    await store.close()
    assert await other.reveal(CLUSTER, USER) == SECRET
    assert "another process" in str(await failure(store.lost()))
    await other.close()
    assert await states(store) == {USER: "stored", "y": "prepared"}


OPENS = """
import asyncio, sys
from unmta_async.provisioning import stores
try:
    asyncio.run(getattr(stores, sys.argv[1])(sys.argv[2]).lost())
except stores.StoreError as error:
    sys.exit(str(error))
"""


async def test_a_second_process_is_kept_out_for_as_long_as_it_is_open(store, kind, path):
    """And a refused attempt from within this process does not let it in."""
    await store.store(CLUSTER, USER, SECRET)
    await failure(kind(path).lost())
    command = [sys.executable, "-c", OPENS, kind.__name__, str(path)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert (done.returncode, "another process uses it" in done.stderr) == (1, True)
    await store.prepare(CLUSTER, "next")


READS = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("SELECT * FROM credentials")
"""


async def test_sqlite_itself_is_kept_out(path):
    async with SqliteStore(path) as store:
        await store.store(CLUSTER, USER, SECRET)
        await failure(SqliteStore(path).lost())
        command = [
            sys.executable,
            "-c",
            READS,
            str(path),
        ]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert "database is locked" in done.stderr


def test_a_file_that_was_replaced_before_it_could_be_locked_is_in_use(path, tmp_path):
    """By a purge: whoever made it has the lock on the new one."""
    path.touch(0o600)
    with path.open("r+") as old:
        newer = tmp_path / "newer"
        newer.touch(0o600)
        newer.rename(path)
        with pytest.raises(StoreError, match="another process uses it"):
            lock(old.fileno(), path)
        with path.open("r+") as new:
            lock(new.fileno(), path)


@pytest.mark.parametrize("take_away", [Path.unlink, lambda path: path.rename(f"{path}.old")])
async def test_a_file_that_was_taken_away_is_noticed_before_a_word_is_lost(store, path, take_away):
    await store.prepare(CLUSTER, USER)
    take_away(path)
    error = await failure(store.store(CLUSTER, USER, SECRET))
    assert "removed or replaced" in str(error)
    assert error.password == SECRET


# What is not ours.


FOREIGN = {
    "text": b"precious\n",
    "JSON": b'{"format": "other"}\n{"a": 1}\n',
    "an array": b"[1]\n",
    "binary": bytes(range(256)) * 20,
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
async def test_a_file_of_something_else_is_refused_and_left_as_it_is(kind, path, content):
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"(?i)not a (file|database) of passwords.*another file"):
        await kind(path).prepare(CLUSTER, USER)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def database(path, *statements):
    path.touch(0o600)
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE precious (a)", "INSERT INTO precious VALUES (1)"],
        ["PRAGMA user_version=7"],
        ["PRAGMA journal_mode=WAL", "CREATE TABLE credentials (a)"],
    ],
)
async def test_another_database_is_refused_and_left_as_it_is(path, statements):
    database(path, *statements)
    before = path.read_bytes()
    for kind in KINDS.values():
        with pytest.raises(StoreError, match=r"not a (file|database) of passwords"):
            await kind(path).lost()
    assert path.read_bytes() == before


async def test_a_file_of_a_newer_version_is_refused(path, tmp_path):
    async with SqliteStore(path) as store:
        await store.prepare(CLUSTER, USER)
    database(path, "PRAGMA user_version=2")
    with pytest.raises(StoreError, match=r"version 2.*newer"):
        await SqliteStore(path).lost()
    lines = tmp_path / "lines"
    lines.touch(0o600)
    lines.write_text('{"format": "unmta-passwords", "version": 2}\n')
    with pytest.raises(StoreError, match=r"line 1: version 2.*newer"):
        await JsonlStore(lines).lost()
    assert "2" in lines.read_text()


async def test_a_damaged_line_is_told_and_nothing_is_overwritten(path):
    async with JsonlStore(path) as store:
        for user in "abc":
            await store.store(CLUSTER, user, SECRET)
    lines = path.read_bytes().splitlines(keepends=True)
    wrong = [b"\0" * 20 + b"\n", b"\n", lines[2].replace(b'"b"', b"1"), lines[2][:-9] + b"\n"]
    wrong += [lines[2].replace(b'"user"', b'"usr"'), b"[1]\n", lines[2].replace(b"+00:00", b"")]
    for bad in wrong:
        damaged = b"".join([*lines[:2], bad, *lines[3:]])
        path.write_bytes(damaged)
        error = await failure(JsonlStore(path).lost())
        assert f"{path}, line 3: damaged" in str(error)
        assert PASSWORD not in shown(error)
        assert path.read_bytes() == damaged


async def test_a_damaged_row_is_told(path):
    async with SqliteStore(path) as store:
        await store.store(CLUSTER, USER, SECRET)
    database(path, "UPDATE credentials SET stored_at = 'yesterday'")
    with pytest.raises(StoreError, match=f"the row of '{USER}' in '{CLUSTER}' is damaged"):
        await SqliteStore(path).lost()
    database(path, f"UPDATE credentials SET stored_at = '{datetime.now(UTC)}', password = 'text'")
    async with SqliteStore(path) as store:
        assert await store.reveal(CLUSTER, USER) == Secret("text")


# What cannot be written.


async def test_a_path_that_cannot_be_a_file_is_told(kind, tmp_path):
    cases = {
        tmp_path: "is a directory",
        tmp_path / "no" / "file": "no such directory",
        Path("/dev/full"): "not a regular file",
        tmp_path / ("x" * 300): "File name too long",
    }
    for path, what in cases.items():
        error = await failure(kind(path).prepare(CLUSTER, USER))
        assert isinstance(error, StoreError)
        assert str(path) in str(error)
        assert what in str(error)


@pytest.mark.skipif(IS_ROOT, reason="root may write anywhere")
async def test_a_directory_that_cannot_be_written_is_told(kind, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        await kind(tmp_path / "file").prepare(CLUSTER, USER)


FILLS = """
import asyncio, resource, sys
from unmta_async import Secret
from unmta_async.provisioning import stores
async def main():
    store = getattr(stores, sys.argv[1])(sys.argv[2])
    await store.store("c", "first", Secret("first"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, -1))
    stored = 0
    try:
        while True:
            secret = Secret(f"{stored}" * 1000)
            await store.store("c", f"user{stored}", secret)
            stored += 1
    except stores.StoreError as error:
        assert error.password == secret, "the password is gone"
        assert "`.password` holds" in str(error)
        print(stored, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    await store.store("c", "last", Secret("last"))
    await store.close()
asyncio.run(main())
"""


async def test_a_full_disk_is_told_with_the_password_and_takes_nothing_with_it(kind, path):
    command = [sys.executable, "-c", FILLS, kind.__name__, str(path)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    stored = int(done.stdout.split()[0])
    assert str(path) in done.stdout
    async with kind(path) as store:
        users = {f"user{n}" for n in range(stored)}
        assert users | {"first", "last"} <= set(await states(store))
        for n in range(stored):
            assert await store.reveal("c", f"user{n}") == Secret(f"{n}" * 1000)


async def test_a_write_that_does_not_reach_the_disk_is_not_acknowledged(path, monkeypatch):
    synced = []
    fsync = os.fsync

    def recorded(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    store = JsonlStore(path)
    await store.lost()
    assert synced.count(path.parent) == 1
    for step in (store.prepare, store.withdraw):
        synced.clear()
        await step(CLUSTER, USER)
        assert synced == [path]
    await store.store(CLUSTER, USER, SECRET)
    await store.mark_delivered(CLUSTER, USER, SECRET)
    synced.clear()
    await store.purge()
    assert synced[-2:] == [path.with_name(".passwords.new"), path.parent]

    def broken(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StoreError, match="Input/output error"):
        await store.prepare(CLUSTER, USER)
    monkeypatch.undo()
    await store.close()


async def test_sqlite_waits_for_the_disk(path):
    async with SqliteStore(path) as store:
        ask = store._backend._ask
        assert (ask("PRAGMA synchronous"), ask("PRAGMA journal_mode")) == (2, "wal")
        assert ask("PRAGMA secure_delete") == 1


# Off the event loop, whole, and in order.


async def test_the_event_loop_does_not_wait_for_the_disk(store, monkeypatch):
    await store.lost()
    held = threading.Event()
    write = store._backend.write

    def slow(record):
        assert threading.current_thread() is not threading.main_thread()
        held.wait()
        write(record)

    monkeypatch.setattr(store._backend, "write", slow)
    storing = asyncio.create_task(store.store(CLUSTER, USER, SECRET))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not storing.done()
    held.set()
    await storing


async def test_a_write_whose_caller_is_cancelled_goes_on(store, monkeypatch):
    await store.lost()
    held = threading.Event()
    write = store._backend.write

    def slow(record):
        held.wait()
        write(record)

    monkeypatch.setattr(store._backend, "write", slow)
    tasks = [asyncio.create_task(store.store(CLUSTER, f"user{n}", SECRET)) for n in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    held.set()
    await store.close()
    assert await states(store) == dict.fromkeys(("user0", "user1", "user2"), "stored")


async def test_many_at_once_are_all_stored(front, store):
    users = [f"user{n}" for n in range(30)]
    await asyncio.gather(*(front.prepare(CLUSTER, user) for user in users))
    await asyncio.gather(*(front.store(CLUSTER, user, Secret(user)) for user in users))
    await store.close()
    assert [(await store.reveal(CLUSTER, user)).reveal() for user in users] == users


async def test_closing_twice_or_without_having_opened_is_fine(kind, path):
    store = kind(path)
    await store.close()
    assert not path.exists()
    async with store:
        assert path.exists()
    await asyncio.gather(store.close(), store.close())


def test_a_store_goes_from_one_event_loop_to_the_next(kind, path):
    store = kind(path)
    asyncio.run(store.store(CLUSTER, USER, SECRET))
    assert asyncio.run(store.reveal(CLUSTER, USER)) == SECRET
    asyncio.run(store.close())


async def test_a_closed_store_leaves_nothing_behind(kind, path):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    def threads():
        return [t for t in threading.enumerate() if t.name.startswith("unmta-store")]

    before = descriptors()
    store = kind(path)
    await store.store(CLUSTER, USER, SECRET)
    await failure(kind(path.parent).lost())
    assert threads()
    await store.close()
    gc.collect()
    await until(lambda: not threads())
    assert descriptors() == before


async def test_sqlite_is_not_loaded_until_it_is_asked_for():
    check = "import sys, unmta_async.provisioning.stores; sys.exit('sqlite3' in sys.modules)"
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", check])
    assert done.returncode == 0


# Nothing shows a password.


async def test_nothing_that_a_store_says_shows_a_password(store, caplog):
    caplog.set_level(logging.DEBUG)
    await store.store(CLUSTER, USER, SECRET)
    said = [repr(store), repr(await store.entries()), repr(await store.undelivered())]
    said += [repr(await store.reveal(CLUSTER, USER)), repr(vars(store)), caplog.text]
    assert PASSWORD not in "".join(said)


async def test_an_error_of_a_store_shows_no_password_and_has_it(store, monkeypatch):
    await store.lost()

    def broken(record):
        line = record.password.reveal()
        raise ValueError(line)

    monkeypatch.setattr(store._backend, "write", broken)
    error = await failure(store.store(CLUSTER, USER, SECRET))
    assert isinstance(error, StoreError)
    assert error.password == SECRET
    assert PASSWORD not in shown(error)


# Sinks.


def keeps(tmp_path):
    """Return a program that writes what it gets to a file, and how to read that."""
    script = 'cat > "$1"; cat "$1" >&2; exit "$(cat "$2" 2>/dev/null || echo 0)"'
    target, code = tmp_path / "got-{cluster}-{user}", tmp_path / "code"
    return ["sh", "-c", script, "sh", str(target), str(code)], code


async def test_a_program_gets_the_password_on_its_standard_input_alone(store, tmp_path):
    script = 'cat > "$1"; tr "\\0" "\\n" < /proc/$$/cmdline > "$2"; env > "$3"'
    files = [tmp_path / name for name in ("stdin", "argv", "env")]
    command = ["sh", "-c", script, "sh", *map(str, files), "secret/smtp/{cluster}/{user}", "{x}"]
    sink = CommandSink(store, command)
    await sink.store(CLUSTER, USER, SECRET)
    stdin, argv, env = (file.read_text() for file in files)
    assert stdin == PASSWORD
    assert argv.splitlines()[-2:] == [f"secret/smtp/{CLUSTER}/{USER}", "{x}"]
    assert PASSWORD not in argv + env
    assert await states(store) == {USER: "delivered"}
    assert await store.reveal(CLUSTER, USER) == SECRET


async def test_a_value_is_filled_in_once_and_is_no_shell_text(store, tmp_path):
    target = tmp_path / "argument"
    command = ["sh", "-c", 'printf %s "$2" > "$1"', "sh", str(target), "x{user}-{cluster}"]
    await CommandSink(store, command).store("{user}", "$(false);{cluster}", SECRET)
    assert target.read_text() == "x$(false);{cluster}-{user}"


async def test_a_program_that_fails_leaves_the_password_in_the_store(store, tmp_path):
    command, code = keeps(tmp_path)
    code.write_text("7")
    sink = CommandSink(store, command, purge=True)
    error = await failure(sink.store(CLUSTER, USER, SECRET))
    assert isinstance(error, DeliveryError)
    assert "sh ended with exit code 7, saying '**********'" in str(error)
    assert f"the password is safe in {store.path}" in str(error)
    assert "Run again" in str(error)
    assert PASSWORD not in shown(error)
    assert await states(store) == {USER: "stored"}
    assert await store.reveal(CLUSTER, USER) == SECRET


async def test_what_was_not_delivered_is_delivered_before_the_next_intent(store, tmp_path):
    command, code = keeps(tmp_path)
    code.write_text("1")
    first = CommandSink(store, command)
    for user in "ab":
        await failure(first.store(CLUSTER, user, Secret(user)))
    for sink in (first, CommandSink(store, command)):
        await failure(sink.prepare(CLUSTER, "new"))
    assert await first.lost() == []
    code.unlink()
    await store.close()
    await first.prepare(CLUSTER, "new")
    assert await states(store) == {"a": "delivered", "b": "delivered", "new": "prepared"}
    assert [(tmp_path / f"got-{CLUSTER}-{user}").read_text() for user in "ab"] == ["a", "b"]


async def test_a_sink_that_failed_in_the_midst_of_a_run_catches_up(store, tmp_path):
    command, code = keeps(tmp_path)
    sink = CommandSink(store, command)
    await sink.prepare(CLUSTER, USER)
    code.write_text("1")
    await failure(sink.store(CLUSTER, USER, SECRET))
    assert isinstance(await failure(sink.prepare(CLUSTER, "next")), DeliveryError)
    code.unlink()
    await sink.prepare(CLUSTER, "next")
    assert await states(store) == {USER: "delivered", "next": "prepared"}


async def test_sixteen_intents_deliver_what_waits_once(store):
    delivered = []

    async def take(cluster, user, password):
        await asyncio.sleep(0.001)
        delivered.append(user)

    await store.store(CLUSTER, USER, SECRET)
    sink = CallableSink(store, take)
    await asyncio.gather(*(sink.prepare(CLUSTER, f"user{n}") for n in range(16)))
    assert delivered == [USER]
    await sink.deliver()
    assert delivered == [USER]


async def test_passwords_are_delivered_at_the_same_time_but_not_those_of_one_user(store):
    at_work, most, order = set(), 0, []

    async def take(cluster, user, password):
        nonlocal most
        assert user not in at_work
        at_work.add(user)
        most = max(most, len(at_work))
        await asyncio.sleep(0.01)
        at_work.remove(user)
        order.append((user, password.reveal()))

    sink = CallableSink(store, take)
    stores = [sink.store(CLUSTER, user, Secret(value)) for value in "123" for user in "xy"]
    await asyncio.gather(*stores)
    assert most == 2
    assert [value for user, value in order if user == "x"][-1] == "3"
    assert await store.undelivered() == []


@pytest.mark.parametrize(
    "make",
    [lambda s, **o: CallableSink(s, nothing, **o), lambda s, **o: CommandSink(s, ["true"], **o)],
)
async def test_a_sink_that_purges_leaves_the_entry_and_no_trace(store, path, make):
    sink = make(store, purge=True)
    await sink.prepare(CLUSTER, USER)
    await sink.store(CLUSTER, USER, SECRET)
    assert PASSWORD.encode() not in bytes_on_disk(path)
    assert await states(store) == {USER: "delivered"}
    assert await store.reveal(CLUSTER, USER) is None


async def test_what_was_delivered_is_purged_even_if_the_next_is_refused(store, path):
    async def take(cluster, user, password):
        if user == "b":
            raise OSError("full")

    for user in "ab":
        await store.store(CLUSTER, user, SECRET)
    await failure(CallableSink(store, take, purge=True).deliver())
    assert await states(store) == {"a": "delivered", "b": "stored"}
    assert await store.reveal(CLUSTER, "a") is None


async def test_a_program_that_takes_too_long_is_killed_with_its_children(store, tmp_path):
    pids = tmp_path / "pids"
    script = 'sleep 600 & echo $! $$ > "$1"; wait'
    sink = CommandSink(store, ["sh", "-c", script, "sh", str(pids)], timeout=0.2)
    error = await failure(sink.store(CLUSTER, USER, SECRET))
    assert "sh was killed after 0.2 s" in str(error)
    await until(lambda: not any(is_running(pid) for pid in pids.read_text().split()))
    assert await states(store) == {USER: "stored"}


def is_running(pid):
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] not in "ZX"


async def test_a_delivery_that_is_cancelled_is_made_again(store, tmp_path):
    pids = tmp_path / "pids"
    sink = CommandSink(store, ["sh", "-c", 'echo $$ > "$1"; exec sleep 600', "sh", str(pids)])
    task = asyncio.create_task(sink.store(CLUSTER, USER, SECRET))
    await until(lambda: pids.exists() and pids.read_text().strip())
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not is_running(pids.read_text().strip())
    assert await store.undelivered() == [(CLUSTER, USER)]
    await CallableSink(store, nothing).deliver()
    assert await states(store) == {USER: "delivered"}


async def test_what_a_program_leaves_running_is_not_waited_for(store):
    began = asyncio.get_running_loop().time()
    sink = CommandSink(store, ["sh", "-c", "sleep 5 & echo late >&2; exit $0", "3"])
    error = await failure(sink.store(CLUSTER, USER, SECRET))
    assert "exit code 3, saying 'late'" in str(error)
    assert asyncio.get_running_loop().time() - began < 4


async def test_a_program_may_say_much_and_only_the_end_is_told(store):
    script = "head -c 1000000 /dev/zero >&2; printf '\\033[31mno' >&2; exit 1"
    error = await failure(CommandSink(store, ["sh", "-c", script]).store(CLUSTER, USER, SECRET))
    assert "\\x00\\x1b[31mno'" in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 3000


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (["/no/such/program"], "could not be run: No such file or directory"),
        (["/"], "could not be run: Permission denied"),
        (["true", "\0"], "could not be run: embedded null byte"),
        (["sh", "-c", "kill -9 $$"], "was ended by signal 9"),
        (["false"], "false ended with exit code 1;"),
    ],
)
async def test_a_program_that_does_not_end_well_is_told(store, command, what):
    error = await failure(CommandSink(store, command).store(CLUSTER, USER, SECRET))
    assert isinstance(error, DeliveryError)
    assert what in str(error)
    assert PASSWORD not in shown(error)


async def test_a_password_that_no_pipe_takes_is_told(store):
    sink = CommandSink(store, ["cat"])
    error = await failure(sink.store(CLUSTER, USER, Secret("x" * 10_000_000)))
    assert "longer than a pipe takes" in str(error)


@pytest.mark.parametrize(
    ("user", "argument"), [("-rf", "{user}"), ("..", "secret/{user}"), (".", "x{cluster}")]
)
async def test_a_name_that_would_mislead_a_program_is_refused_before_it_exists(
    store, user, argument
):
    sink = CommandSink(store, ["true", argument])
    with pytest.raises(StoreError, match=r"for an option|another place"):
        await sink.prepare(CLUSTER, user)
    assert await store.entries() == []
    assert isinstance(await failure(sink.store(CLUSTER, user, SECRET)), DeliveryError)
    assert await store.reveal(CLUSTER, user) == SECRET


async def test_an_argument_may_be_an_option_if_it_says_so_itself(store):
    await CommandSink(store, ["true", "--user={user}"]).prepare(CLUSTER, "-rf")


@pytest.mark.parametrize("command", ["vault put", b"vault", [], ()])
def test_a_command_is_a_list(path, command):
    with pytest.raises(UsageError, match="is not a list"):
        CommandSink(JsonlStore(path), command)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_positive(path, timeout):
    with pytest.raises(UsageError, match="positive"):
        CommandSink(JsonlStore(path), ["true"], timeout=timeout)


async def test_a_function_gets_the_password_as_a_secret(store):
    got = []

    async def take(*args):
        got.append(args)

    await CallableSink(store, take).store(CLUSTER, USER, SECRET)
    assert got == [(CLUSTER, USER, SECRET)]
    assert await states(store) == {USER: "delivered"}


async def test_what_a_function_raises_is_the_cause(store):
    async def refuse(cluster, user, password):
        raise KeyError("vault is sealed")

    error = await failure(CallableSink(store, refuse).store(CLUSTER, USER, SECRET))
    assert isinstance(error, DeliveryError)
    assert "KeyError: 'vault is sealed'" in str(error)
    assert isinstance(error.__cause__, KeyError)
    assert await store.undelivered() == [(CLUSTER, USER)]


def says(password):
    raise ValueError(f"no: {password.reveal()}")


def quotes(password):
    raise ValueError([password.reveal() + "'"])


def holds(password):
    value = password.reveal()
    raise ValueError(len(value))


def carries(password):
    error = ValueError("no")
    error.extra = password.reveal()
    raise error


def hides(password):
    try:
        says(password)
    except ValueError:
        raise KeyError("no") from None


def chains(password):
    try:
        hides(password)
    except KeyError as error:
        raise OSError("no") from error


@pytest.mark.parametrize("leak", [says, quotes, holds, carries, hides, chains])
async def test_an_exception_that_shows_the_password_is_not_passed_on(store, leak):
    async def take(cluster, user, password):
        leak(password)

    error = await failure(CallableSink(store, take).store(CLUSTER, USER, SECRET))
    assert "Error: " in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
    assert PASSWORD not in shown(error)


# Against a model.


NAMES = st.sampled_from(["a", "A", "b", "c"])
VALUES = st.text(max_size=5)


@attrs.define
class Known:
    intent: bool | None = None
    password: str | None = None
    state: str = ""


class Machine(RuleBasedStateMachine):
    """A store and a dict that are told the same, and say the same."""

    kind = JsonlStore

    @initialize()
    def begin(self):
        self.runner = asyncio.Runner()
        self.directory = self.make_directory()
        self.store = self.kind(self.directory / "passwords")
        self.model = {}

    def run(self, coroutine):
        return self.runner.run(coroutine)

    def known(self, user):
        return self.model.setdefault(user, Known())

    @rule(user=NAMES, seen_absent=st.booleans())
    def prepare(self, user, seen_absent):
        self.run(self.store.prepare(CLUSTER, user, seen_absent=seen_absent))
        self.known(user).intent = bool(self.known(user).intent) or seen_absent

    @rule(user=NAMES, password=VALUES)
    def keep(self, user, password):
        self.run(self.store.store(CLUSTER, user, Secret(password)))
        self.model[user] = Known(password=password, state="stored")

    @rule(user=NAMES)
    def withdraw(self, user):
        self.run(self.store.withdraw(CLUSTER, user))
        self.known(user).intent = None

    @rule(user=NAMES, password=VALUES)
    def deliver(self, user, password):
        known = self.known(user)
        if known.password is not None:
            password = known.password
        self.run(self.store.mark_delivered(CLUSTER, user, Secret(password)))
        if known.password is not None:
            known.state = "delivered"

    @rule()
    def purge(self):
        self.run(self.store.purge())
        for known in self.model.values():
            if known.state == "delivered":
                known.password = None

    @rule()
    def reopen(self):
        self.run(self.store.close())

    @invariant()
    def both_say_the_same(self):
        if not hasattr(self, "store"):
            return
        lost = {i.user: i.seen_absent for i in self.run(self.store.lost())}
        assert lost == {u: k.intent for u, k in self.model.items() if k.intent is not None}
        entries = {e.user: e for e in self.run(self.store.entries())}
        assert {u: e.state for u, e in entries.items()} == {
            user: "prepared" if known.intent is not None else known.state
            for user, known in self.model.items()
            if known.intent is not None or known.state
        }
        for user, known in self.model.items():
            password = self.run(self.store.reveal(CLUSTER, user))
            assert (password and password.reveal()) == known.password or not known.password

    def teardown(self):
        if hasattr(self, "store"):
            self.run(self.store.close())
            self.runner.close()


def test_a_store_says_what_a_dict_would(kind, tmp_path_factory):
    class Here(Machine):
        def make_directory(self):
            return tmp_path_factory.mktemp("model")

    Here.kind = kind
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_line_is_json_that_any_tool_reads(path):
    async def write():
        async with JsonlStore(path) as store:
            await store.store(CLUSTER, USER, SECRET)

    asyncio.run(write())
    header, line = map(json.loads, path.read_text().splitlines())
    assert header == {"format": "unmta-passwords", "version": 1}
    assert (line["cluster"], line["user"], line["password"]) == (CLUSTER, USER, PASSWORD)


def test_an_entry_has_no_password():
    assert "password" not in {field.name for field in attrs.fields(Entry)}

"""A store whose process is killed: what was acknowledged is there, and the file is good."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys

import pytest

from unmta_async import Secret
from unmta_async.provisioning.stores import (
    CallableSink,
    DeliveryError,
    JsonlStore,
    SqliteStore,
    StoreError,
)

KINDS = {"sqlite": SqliteStore, "jsonl": JsonlStore}
ROUNDS = 2

# It acknowledges each step on its standard output, in one write.
WRITES = """
import asyncio, itertools, os, sys
from unmta_async import Secret
from unmta_async.provisioning import stores

kind, path, begin, through, directory = sys.argv[1:]

async def take(cluster, user, password):
    with open(f"{directory}/{user}", "w") as file:
        file.write(password.reveal())

async def main():
    store = getattr(stores, kind)(path)
    sink = {
        "the file": lambda: store,
        "a sink": lambda: stores.CallableSink(store, take),
        "a sink that purges": lambda: stores.CallableSink(store, take, purge=True),
    }[through]()

    async def create(number):
        user = f"user{number}"
        await sink.prepare("c", user, seen_absent=number % 2 == 0)
        os.write(1, f"prepared {user}\\n".encode())
        if number % 5 == 0:
            await sink.withdraw("c", user)
            os.write(1, f"withdrawn {user}\\n".encode())
        elif number % 7:
            await sink.store("c", user, Secret(f"password-of-{user}"))
            os.write(1, f"stored {user}\\n".encode())

    for number in itertools.count(int(begin), 3):
        await asyncio.gather(*map(create, range(number, number + 3)))

asyncio.run(main())
"""


def write_until_killed(kind, path, begin, through, directory, enough):
    """Return what a process acknowledged before it was killed, in order."""
    command = [sys.executable, "-c", WRITES, kind.__name__, path, str(begin), through, directory]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE) as process:
        lines = [process.stdout.readline() for _ in range(enough)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [tuple(line.decode().split()) for line in lines]


def settled(acknowledged):
    """Return the last that was acknowledged of each user."""
    return {user: step for step, user in acknowledged}


async def check(store, last, directory, through):
    """Check that all that was acknowledged is there; what came after may be."""
    lost = {intent.user: intent for intent in await store.lost()}
    entries = {entry.user: entry for entry in await store.entries()}
    for user, step in last.items():
        number = int(user.removeprefix("user"))
        if step == "prepared" and number % 5:  # it may have gone on, untold
            assert user in lost or entries[user].stored_at
            assert user not in lost or lost[user].seen_absent is (number % 2 == 0)
        elif step == "withdrawn":
            assert user not in entries
        elif step == "stored":
            assert user not in lost
            await check_password(store, user, directory, through)


async def check_password(store, user, directory, through):
    password = Secret(f"password-of-{user}")
    if through != "the file":
        assert (directory / user).read_text() == password.reveal()
    if through != "a sink that purges":
        assert await store.reveal("c", user) == password


@pytest.mark.parametrize("through", ["the file", "a sink", "a sink that purges"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_what_was_acknowledged_outlives_a_killed_process(kind, through, tmp_path):
    path, directory = tmp_path / "passwords", tmp_path / "taken"
    directory.mkdir()
    last = {}
    for number in range(ROUNDS):
        enough = random.randint(10, 80)
        acknowledged = await asyncio.to_thread(
            write_until_killed, kind, path, number * 100_000, through, directory, enough
        )
        assert len(acknowledged) >= enough
        last |= settled(acknowledged)
        async with kind(path) as store:
            await check(store, last, directory, through)
            assert not path.with_name(f".{path.name}.new").exists()
            modes = {oct(each.stat().st_mode & 0o777) for each in tmp_path.glob("*passwords*")}
            assert modes == {"0o600"}


def is_accounted_for(user, entries, directory):
    entry = entries.get(user)
    return entry is not None and (entry.has_password or (directory / user).exists())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_no_password_is_purged_before_it_is_delivered(kind, tmp_path):
    """Whatever a kill comes between: it is in the file, or where it was delivered to."""
    path, directory = tmp_path / "passwords", tmp_path / "taken"
    directory.mkdir()
    await asyncio.to_thread(
        write_until_killed, kind, path, 0, "a sink that purges", directory, random.randint(5, 40)
    )
    async with kind(path) as store:
        entries = {entry.user: entry for entry in await store.entries()}
        waiting = {user for _, user in await store.undelivered()}
    for user, entry in entries.items():
        if entry.stored_at:
            assert is_accounted_for(user, entries, directory)
            assert (user in waiting) == (entry.state == "stored")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_what_a_killed_process_did_not_deliver_the_next_one_does(kind, tmp_path):
    path = tmp_path / "passwords"

    async def refuse(cluster, user, password):
        raise OSError("sealed")

    async with kind(path) as store:
        with pytest.raises(DeliveryError):
            await CallableSink(store, refuse).store("c", "before", Secret("p"))
    await asyncio.to_thread(write_until_killed, kind, path, 0, "a sink", tmp_path, 3)
    assert (tmp_path / "before").read_text() == "p"


# A crash of the machine, too, may leave any part of the last line.


async def written(path, users):
    async with JsonlStore(path) as store:
        for user in users:
            await store.prepare("c", user)
            await store.store("c", user, Secret(f"pässword of {user}"))
    return path.read_bytes()


async def users(path):
    async with JsonlStore(path) as store:
        return [entry.user for entry in await store.entries() if entry.has_password]


async def test_a_torn_last_line_is_cut_off_wherever_it_was_torn(tmp_path):
    path = tmp_path / "passwords"
    whole = await written(path, "ab")
    start = whole.rstrip(b"\n").rindex(b"\n") + 1
    for end in range(start, len(whole) + 1):
        path.write_bytes(whole[:end])
        complete = end >= len(whole) - 1
        assert await users(path) == (["a", "b"] if complete else ["a"])
        assert path.read_bytes() == (whole if complete else whole[:start])
    path.write_bytes(whole + b"\0" * 50)
    assert await users(path) == ["a", "b"]
    assert path.read_bytes() == whole


async def test_a_torn_line_does_not_spoil_the_next_one(tmp_path):
    path = tmp_path / "passwords"
    path.write_bytes((await written(path, "ab"))[:-20])
    async with JsonlStore(path) as store:
        assert [intent.user for intent in await store.lost()] == ["b"]
        await store.store("c", "b", Secret("again"))
    assert await users(path) == ["a", "b"]


async def test_a_torn_header_is_written_anew(tmp_path):
    path = tmp_path / "passwords"
    header = await written(path, "")
    assert json.loads(header) == {"format": "unmta-passwords", "version": 1}
    for end in range(len(header) + 1):
        path.write_bytes(header[:end])
        assert await users(path) == []
        assert path.read_bytes() == header
    path.write_bytes(header[:-2] + b"x")
    with pytest.raises(StoreError, match="not a file of passwords"):
        await users(path)


async def test_an_empty_database_is_one_whose_making_was_cut_short(tmp_path):
    path = tmp_path / "passwords"
    path.touch(0o600)
    async with SqliteStore(path) as store:
        await store.prepare("c", "a")
        assert len(await store.lost()) == 1

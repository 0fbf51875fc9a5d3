"""Runs in processes of their own that are interrupted and killed: nothing is lost unreported."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from unmta_async.provisioning import SqliteStore, recreate_lost
from unmta_async.sandbox import Sandbox

PROGRAM = Path(__file__).with_name("applying.py")
CLUSTER = "a1b2c3d4"
KILLS = int(os.environ.get("UNMTA_KILLS", "6"))
"""How often a run is killed; more for a long check by hand."""


@pytest.fixture
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def start(sandbox, tmp_path):
    """Return what starts the program on the sandbox, with a store of its own."""
    running = []

    def start(count):
        environment = os.environ | {
            "UNMTA_BASE_URL": sandbox.base_url,
            "UNMTA_API_TOKEN": sandbox.token,
        }
        command = [sys.executable, PROGRAM, tmp_path / "passwords.db", str(count)]
        running.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        )
        return running[-1]

    yield start
    for program in running:
        with program:
            program.kill()


def wait_for_created(program, number):
    """Wait until a program has told of so many creations, or of its end."""
    while number and (line := program.stdout.readline()):
        number -= line.startswith("created")


def created(sandbox, operation):
    return sum(call.operation == operation and call.status == 201 for call in sandbox.calls)


def users(sandbox):
    _, answer = sandbox.state.list_credentials(CLUSTER)
    return [credential["user"] for credential in answer["data"]]


async def books(path, sandbox):
    """Return which credentials have their right password in the store, and which are lost."""
    async with SqliteStore(path) as store:
        held = set()
        for user in users(sandbox):
            password = await store.reveal(CLUSTER, user)
            if password and sandbox.state.check_password(CLUSTER, user, password.reveal()):
                held.add(user)
        return held, {intent.user for intent in await store.lost()}


@pytest.mark.timeout(30 + 5 * KILLS)
def test_killed_at_any_moment_no_password_is_lost_unreported(start, sandbox, tmp_path):
    """Each run goes on where the last was killed, and creates nothing twice."""
    path, count = tmp_path / "passwords.db", 200
    for kill in range(KILLS):
        program = start(count)
        wait_for_created(program, random.randrange(4 * count // KILLS))
        time.sleep(random.random() / 100)
        program.kill()
        program.communicate()
        held, lost = asyncio.run(books(path, sandbox))
        assert set(users(sandbox)) <= held | lost, f"after kill {kill + 1}"
    last, _ = start(count).communicate()
    held, lost = asyncio.run(books(path, sandbox))
    assert held | lost == {f"u{n}" for n in range(count)}
    assert held.isdisjoint(lost)
    assert created(sandbox, "credentials.create") == count
    assert created(sandbox, "domains.create") == count
    # The last run told of each that had been lost.
    assert {line.split()[1] for line in last.splitlines() if "failed" in line} == lost
    if "UNMTA_KILLS" in os.environ:
        told = f"{KILLS} kills: {len(lost)} of {count} passwords lost, all of them reported"
        sys.stdout.write(f"\n{told}\n")


def test_what_was_lost_can_be_made_anew(start, sandbox, tmp_path):
    sandbox.faults.add("credentials.create", "reset-after-applying", times=3)
    start(10).communicate()
    _, lost = asyncio.run(books(tmp_path / "passwords.db", sandbox))
    assert len(lost) == 3

    async def recreate():
        async with sandbox.client() as client, SqliteStore(tmp_path / "passwords.db") as store:
            return [each.status async for each in recreate_lost(client, store)]

    assert asyncio.run(recreate()) == ["recreated"] * 3
    held, lost = asyncio.run(books(tmp_path / "passwords.db", sandbox))
    assert len(held) == 10
    assert not lost


@pytest.mark.parametrize("operation", ["domains.create", "credentials.create"])
def test_a_first_ctrl_c_lets_what_is_in_flight_finish_and_says_what_was_done(
    start, sandbox, tmp_path, operation
):
    sandbox.faults.add(operation, "slow-body", times=None, seconds=0.05)
    program = start(300)
    lines = []
    while not any(line.startswith("created u") for line in lines) or len(lines) < 10:
        lines.append(program.stdout.readline())
        if operation == "domains.create" and len(lines) == 10:
            break
    program.send_signal(signal.SIGINT)
    rest, _ = program.communicate()
    assert program.returncode == 130
    done = Counter(line.split()[1][0] for line in [*lines, *rest.splitlines()])
    assert done["d"] == created(sandbox, "domains.create")
    assert done["u"] == created(sandbox, "credentials.create")
    held, lost = asyncio.run(books(tmp_path / "passwords.db", sandbox))
    assert held == set(users(sandbox))
    assert not lost


def test_a_second_ctrl_c_stops_at_once_and_what_may_be_lost_is_reported(start, sandbox, tmp_path):
    sandbox.faults.add("credentials.create", "hang-before-headers", times=None, applied=True)
    program = start(20)
    while created(sandbox, "domains.create") < 20 or len(users(sandbox)) < 8:
        time.sleep(0.01)
    program.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert program.poll() is None
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=20)
    held, lost = asyncio.run(books(tmp_path / "passwords.db", sandbox))
    assert not held
    assert set(users(sandbox)) <= lost

"""A sandbox in a thread, and the command bound to it."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest

from unmta_async.sandbox import Clock, Sandbox

from . import terminal


@pytest.fixture
def sandbox():
    """Its clock stands still, for the sake of snapshots."""
    with Sandbox(clock=Clock(datetime(2025, 1, 15, 10, 30, tzinfo=UTC))) as sandbox:
        yield sandbox


@pytest.fixture
def account(sandbox):
    """The variables that lead to the sandbox, and to one of its two clusters."""
    return {
        "UNMTA_BASE_URL": sandbox.base_url,
        "UNMTA_API_TOKEN": sandbox.token,
        "UNMTA_CLUSTER": "a1b2c3d4",
    }


@pytest.fixture
def unmta(account, tmp_path):
    """`terminal.run` on the sandbox, in a directory of the test's own.

    A cluster is chosen; `env={"UNMTA_CLUSTER": ""}` chooses none.
    """

    def run(*args, env=(), cwd=tmp_path, **options):
        return terminal.run(*args, env={**account, **dict(env)}, cwd=cwd, **options)

    return run


@pytest.fixture
def started(account, tmp_path):
    """`terminal.started` on the sandbox, in a directory of the test's own."""

    def start(*args, env=(), cwd=tmp_path):
        return terminal.started(*args, env={**account, **dict(env)}, cwd=cwd)

    return start


@pytest.fixture
def call(account, tmp_path, monkeypatch, capfd):
    """Run a command in this process, which is fast, with pipes; like `unmta` otherwise.

    There is no signal in here, and no stream is closed.
    """
    from unmta_async.cli.app import app
    from unmta_async.cli.failures import exit_code

    monkeypatch.chdir(tmp_path)
    for name, value in {**terminal.environment(account), "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)

    def run(*args, stdin=""):
        words = list(map(str, args))
        monkeypatch.setattr(sys, "argv", ["unmta", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capfd.readouterr()
        try:
            code = app(words) or 0
        except BaseException as error:  # noqa: BLE001 - as the entry does
            code = exit_code(error)
        sys.stdout.flush()
        return terminal.Result(code, *capfd.readouterr())

    return run

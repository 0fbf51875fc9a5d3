"""The state file: what it keeps, what it survives, what it refuses."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from unmta_async.sandbox import Sandbox, State, StateFileError
from unmta_async.sandbox.journal import Journal

A = "a1b2c3d4"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.jsonl"


def open_state(path, clock, seed=None, **options):
    """Return a journal and the state that it holds."""
    journal = Journal(path, seed=seed, now=clock.now())
    try:
        state = State(seed=journal.header.seed, began=journal.header.began, clock=clock, **options)
        journal.replay(state.replay)
    except BaseException:
        journal.close()
        raise
    state.record = journal.append
    return journal, state


def shown(state):
    """Return all that the API shows of a state."""
    ids = [cluster["id"] for cluster in state.list_clusters()[1]["data"]]
    looks = (state.list_mtas, state.list_domains, state.list_credentials)
    return state.list_clusters(), [look(cluster) for look in looks for cluster in ids], state.token


def do_everything(state, clock):
    """Make a change of every kind, and return a password."""
    state.add_cluster("new", mtas=2, max_message_rate="500/hr", region="eu")
    state.add_domain("new", "example.com", status="verified")
    for name in ("a.com", "b.com", "c.com"):
        state.add_domain(A, name)
        clock.advance(1)
    state.delete_domain(A, "b.com")
    state.add_domain(A, "b.com")
    body = {"user": "app", "domains": ["a.com"]}
    password = state.create_credential(A, body)[1]["password"]
    state.create_credential(A, body | {"user": "gone"})
    state.delete_credential(A, "gone")
    state.update_credential(A, "app", {"allowed_ips": ["192.0.2.0/24"]})
    state.revoke_token()
    state.issue_token()
    return password


def test_everything_comes_back(path, clock):
    journal, state = open_state(path, clock, seed=7, verification=2)
    with journal:
        password = do_everything(state, clock)
        before = shown(state)
    kinds = {json.loads(line).get("change") for line in path.read_text().splitlines()}
    assert len(kinds) == 1 + 9
    assert password not in path.read_text()
    journal, again = open_state(path, clock)
    with journal:
        assert shown(again) == before
        assert again.check_password(A, "app", password)
        again.add_domain(A, "d.com")
    journal, third = open_state(path, clock, seed=7)
    with journal:
        assert len(third.list_domains(A)[1]["data"]) == 4


def test_time_does_not_fall_behind_what_happened(path):
    with Sandbox(state=path) as sandbox:
        sandbox.clock.advance(3600)
        sandbox.state.add_domain(A, "example.com")
        then = sandbox.clock.now()
    with Sandbox(state=path) as sandbox:
        assert sandbox.clock.now() > then - 1


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_an_unfinished_last_line_is_cut_off(path, clock, cut):
    journal, state = open_state(path, clock)
    with journal:
        state.add_domain(A, "kept.com")
        state.add_domain(A, "torn.com")
    path.write_bytes(path.read_bytes()[:-cut])
    journal, state = open_state(path, clock)
    with journal:
        assert [item["name"] for item in state.list_domains(A)[1]["data"]] == ["kept.com"]
        state.add_domain(A, "next.com")
    journal, state = open_state(path, clock)
    with journal:
        assert len(state.list_domains(A)[1]["data"]) == 2


def test_an_unfinished_header_is_an_empty_file(path, clock):
    open_state(path, clock)[0].close()
    header = path.read_bytes()
    for length in range(len(header)):
        path.write_bytes(header[:length])
        open_state(path, clock)[0].close()
        assert path.read_bytes() == header


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda lines: [b"{}", *lines[1:]], "line 1: not a state file"),
        (lambda lines: [b"SQLite format 3\0\n", *lines], "line 1: not a state file"),
        (lambda lines: [lines[0].replace(b": 1,", b": 2,", 1), *lines[1:]], "line 1: version 2"),
        (lambda lines: [lines[0], b"\0\0\0", *lines[1:]], "line 2: damaged"),
        (lambda lines: [lines[0], b"[]", *lines[1:]], "line 2: damaged"),
        (lambda lines: [*lines[:2], b'{"change": "Nothing"}', *lines[2:]], "line 3: damaged"),
        (lambda lines: [*lines[:2], lines[1][:-9], *lines[2:]], "line 3: damaged"),
        (lambda lines: [lines[0], *lines[2:]], "line 2: damaged"),
        (lambda lines: [*lines[:-1], b'{"at": 1}', b"torn"], "line 4: damaged"),
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(path, clock, damage, where):
    journal, state = open_state(path, clock)
    with journal:
        state.add_domain(A, "a.com")
        state.verify(A, "a.com")
        state.delete_domain(A, "a.com")
    lines = damage(path.read_bytes().splitlines())
    path.write_bytes(damaged := b"\n".join(lines) + b"\n" * (lines[-1] != b"torn"))
    with pytest.raises(StateFileError) as error:
        open_state(path, clock)
    assert f"{path}, {where}" in str(error.value)
    assert "another file" in str(error.value)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"hello", b"{}", b'{"format"}'])
def test_a_file_of_something_else_without_lines_is_refused(path, clock, content):
    path.write_bytes(content)
    with pytest.raises(StateFileError, match="not a state file"):
        open_state(path, clock)
    assert path.read_bytes() == content


def test_another_seed_is_refused(path, clock):
    open_state(path, clock, seed=7)[0].close()
    with pytest.raises(StateFileError, match="made with seed 7, not 8"):
        open_state(path, clock, seed=8)


def test_a_file_that_cannot_be_opened_is_told(tmp_path):
    sandbox = Sandbox(state=tmp_path / "none" / "state")
    with pytest.raises(StateFileError, match="No such file"), sandbox:
        pass
    with pytest.raises(StateFileError, match="Is a directory"), Sandbox(state=tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no fcntl")
def test_a_file_in_use_is_refused(path):
    other = Sandbox(state=path)
    with Sandbox(state=path), pytest.raises(StateFileError, match="in use by another"), other:
        pass
    with other:
        pass


def test_what_could_not_be_written_has_not_happened(path, clock, monkeypatch):
    journal, state = open_state(path, clock)
    with journal:
        before = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(journal, "_file", HalfWriting(journal._file))
            with pytest.raises(OSError, match="No space left"):
                state.add_domain(A, "a.com")
        assert path.read_bytes() == before
        assert state.list_domains(A)[1] == {"data": []}
        state.add_domain(A, "a.com")


class HalfWriting:
    """A file on a disk that becomes full in the middle of a write."""

    def __init__(self, file):
        self.seek, self.truncate = file.seek, file.truncate
        self.write = lambda content: file.write(content[: len(content) // 2])


def start(path):
    process = subprocess.Popen(
        [sys.executable, "-m", "unmta_async.sandbox", "--state", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    url, token = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
    return process, url, token.strip("'")


def fetch(url, token, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=content, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_what_was_answered_survives_sigkill(path):
    answered = []
    for round_ in range(2):
        process, url, token = start(path)
        with process:
            try:
                assert [
                    item["name"] for item in fetch(url + f"/clusters/{A}/domains", token)["data"]
                ] == answered
                for number in range(20):
                    name = f"mail{number}.round{round_}.com"
                    fetch(url + f"/clusters/{A}/domains", token, {"name": name})
                    answered.append(name)
            finally:
                os.kill(process.pid, signal.SIGKILL)

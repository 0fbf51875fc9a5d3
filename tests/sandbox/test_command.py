"""`python -m unmta_async.sandbox`, as somebody at a shell meets it."""

import json
import shlex
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from unmta_async.sandbox import Sandbox
from unmta_async.sandbox.__main__ import main

COMMAND = [sys.executable, "-m", "unmta_async.sandbox"]
ROOT = Path(__file__).parents[2]


def start(*arguments):
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_two_lines_come_out_and_a_signal_ends_it_well(number):
    with start("--seed", "3", "--verification", "immediate") as process:
        lines = [process.stdout.readline() for _ in range(2)]
        exported = dict(shlex.split(line)[1].split("=", 1) for line in lines)
        request = urllib.request.Request(
            exported["UNMTA_BASE_URL"] + "/clusters",
            headers={"Authorization": f"Bearer {exported['UNMTA_API_TOKEN']}"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            assert len(json.load(response)["data"]) == 2
        process.send_signal(number)
        rest, errors = process.communicate(timeout=10)
    assert [line.split()[0] for line in lines] == ["export", "export"]
    assert rest == ""
    assert errors == "The unMTA sandbox is listening. Ctrl-C ends it.\n"
    assert process.returncode == 0


def test_a_taken_port_is_told_in_one_line(capsys):
    with Sandbox() as sandbox:
        port = sandbox.base_url.split(":")[2].partition("/")[0]
        assert main(["--port", port]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"error: port {port} at 127.0.0.1 is taken: use another --port, or 0 for any free one\n"
    )


def test_an_address_of_another_machine_is_told_in_one_line(capsys):
    assert main(["--host", "203.0.113.1"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: cannot listen at 203.0.113.1 port 0: ")
    assert err.endswith("; use another --host or --port\n")
    assert err.count("\n") == 1


def test_an_unusable_state_file_is_told_in_one_line(capsys, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    assert main(["--state", str(path)]) == 1
    assert capsys.readouterr().err == (
        f"error: {path}, line 1: not a state file of the sandbox; use another file\n"
    )
    assert path.read_text() == "my notes\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "x"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--verification", "soon"],
        ["--verification", "-1"],
        ["--verification", "nan"],
        ["--seed", "x"],
        ["surplus"],
    ],
)
def test_usage_errors(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: python -m unmta_async.sandbox" in capsys.readouterr().err


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "export UNMTA_BASE_URL=" in out
    assert "--verification" in out

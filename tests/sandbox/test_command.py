"""`python -m unmta_async.sandbox`, as somebody at a shell meets it."""

import json
import re
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


def post(url, data):
    with urllib.request.urlopen(url, data, timeout=10) as response:
        return response.status


def ask(exported, path, body=None):
    headers = {
        "Authorization": f"Bearer {exported['UNMTA_API_TOKEN']}",
        "Content-Type": "application/json",
    }
    content = None if body is None else json.dumps(body).encode()
    url = exported["UNMTA_BASE_URL"] + path
    with urllib.request.urlopen(urllib.request.Request(url, content, headers), timeout=10) as found:
        return json.load(found)["data"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_with_dns_a_name_server_listens_and_takes_zone_files():
    with start("--verification", "dns", "--rate-limit", "100") as process:
        lines = [process.stdout.readline() for _ in range(2)]
        exported = dict(shlex.split(line)[1].split("=", 1) for line in lines)
        created = ask(exported, "/clusters/a1b2c3d4/domains", {"name": "example.com"})
        told = [process.stderr.readline() for _ in range(3)]
        key = created["dkim_public_key"]
        zone = f'unmta._domainkey.example.com. 60 IN TXT "p={key[:200]}" "{key[200:]}"\n'
        assert post(told[1].split()[-1], zone.encode()) == 204
        shown = ask(exported, "/clusters/a1b2c3d4/domains/example.com")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
    assert (created["status"], shown["status"]) == ("pending", "verified")
    assert re.match(r"Its name server is at 127\.0\.0\.1 port \d+, UDP and TCP", told[0])
    assert told[2] == "The unMTA sandbox is listening. Ctrl-C ends it.\n"
    assert errors == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--resolver", "127.0.0.1:53"], 'a resolver is asked with verification="dns" only'),
        (["--verification", "dns", "--resolver", "x"], "'x' is not the address of a resolver"),
        (["--rate-limit", "0"], "a rate limit is a positive number"),
    ],
)
def test_options_that_make_no_sense_are_told_in_one_line(arguments, said, capsys):
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {said}")
    assert err.count("\n") == 1


def test_without_dnspython_the_extra_is_named():
    program = (
        "import sys; sys.modules['dns'] = None\n"
        "from unmta_async.sandbox.__main__ import main\n"
        "sys.exit(main(['--verification', 'dns']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert run.returncode == 1
    assert run.stderr == (
        "error: the sandbox's name server needs dnspython: pip install 'unmta-async[dns]'\n"
    )


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
        ["--rate-limit", "x"],
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

"""The help of every command: what it says, and that it says it of everything."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import sys

import pytest
from rich.console import Console

from unmta_async.cli.app import app

from .terminal import SECONDS, check_snapshot

OWN_PARSER = ("sandbox",)  # that of `python -m unmta_async.sandbox`
SNAPSHOTS = (
    "",
    "plan",
    "apply",
    "audit",
    "export",
    "drift",
    "demo",
    "completion",
    "dns",
    "dns export",
    "dns check",
    "auth",
    "auth login",
    "auth status",
)


def commands(tree=app, chain=()):
    """Yield each command, the groups too, with the words that lead to it."""
    yield chain, tree
    for name in tree:
        if not name.startswith("-") and (*chain, name) != OWN_PARSER:
            yield from commands(tree[name], (*chain, name))


COMMANDS = dict(commands())
LEAVES = {chain: each for chain, each in COMMANDS.items() if each.default_command}


def help_of(chain, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    app(["--help"] if not chain else [*chain, "--help"], console=console)
    return console.file.getvalue()


def test_there_are_the_commands_that_are_promised():
    promised = """
        clusters list, mtas list, domains list, domains get, domains create, domains delete,
        domains wait, domains provision, credentials list, credentials create, credentials update,
        credentials delete, credentials grant, credentials rotate, plan, apply, audit, export,
        dns export, dns check, drift, auth login, auth status, demo, completion
    """
    assert {" ".join(chain) for chain in LEAVES} == set(map(str.strip, promised.split(",")))
    assert "sandbox" in app


@pytest.mark.parametrize("chain", COMMANDS, ids=" ".join)
def test_each_has_examples_that_fit_a_terminal(chain):
    told = help_of(chain)
    _, found, examples = told.partition("\nExamples:\n")
    assert found, told
    shown = [line for line in examples.splitlines() if line.startswith("  $ ")]
    assert shown
    mine = " ".join(("unmta", *chain))
    assert any(mine in line for line in shown)
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize("chain", LEAVES, ids=" ".join)
def test_each_says_what_it_does_and_what_all_its_options_mean(chain):
    command = LEAVES[chain]
    assert command.help
    arguments = command.assemble_argument_collection(parse_docstring=True)
    unsaid = [each.name for each in arguments.filter_by(show=True) if not each.parameter.help]
    assert not unsaid


@pytest.mark.parametrize("chain", LEAVES, ids=" ".join)
def test_what_changes_something_can_be_tried_without(chain):
    names = {
        name
        for each in LEAVES[chain].assemble_argument_collection(parse_docstring=True)
        for name in each.names
    }
    reading = {"list", "get", "wait", "check", "export", "plan", "audit", "drift", "status"}
    if chain[-1] not in reading | {"demo", "completion"}:
        assert "--dry-run" in names
    assert not names & {"--token", "--password"}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_help_is_as_a_reviewer_saw_it(name):
    check_snapshot(f"help_{name.replace(' ', '_') or 'unmta'}", help_of(name.split()))


def test_in_a_wide_terminal_lines_stay_readable():
    assert max(map(len, help_of(("apply",), width=200).splitlines())) <= 100


def test_the_sandbox_has_the_help_of_its_own_parser(unmta):
    code, out, err = unmta("sandbox", "--help")
    assert (code, err) == (0, "")
    assert "--list-faults" in out


def test_the_sandbox_serves_until_it_is_told_to_end(started):
    with started("sandbox", "--port", "0") as process:
        assert process.stdout.readline().startswith("export UNMTA_BASE_URL=http://127.0.0.1:")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, "Traceback" in err) == (0, False)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_neither_help_nor_version_loads_what_commands_need(argument):
    program = (
        "import sys\n"
        "from unmta_async.cli.__main__ import main\n"
        "try: main([sys.argv[1]])\n"
        "finally:\n"
        "    heavy = 'aiohttp', 'dns', 'yaml', 'sqlite3', 'keyring', 'unmta_async.provisioning'\n"
        "    print([name for name in heavy if name in sys.modules])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, argument], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", ["nope", "plna", "dns nope", "plan --nope", "completion tcsh"])
def test_what_is_not_there_is_refused_with_the_way_to_help(words, capsys):
    with pytest.raises(SystemExit) as ended:
        app(words.split())
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "--help`" in told


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_read_its_completion(shell, tmp_path):
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        app(["completion", shell])
    script = written.getvalue()
    assert all(word in script for word in ("provision", "dns", "recreate-lost"))
    if shell == "bash":
        file = tmp_path / "unmta"
        file.write_text(script)
        typed = "COMP_WORDS=(unmta dns ch); COMP_CWORD=2"
        line = f"source {file}; {typed}; _unmta; echo ${{COMPREPLY[0]}}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        assert (done.stdout.strip(), done.stderr) == ("check", "")

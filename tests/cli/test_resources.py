"""What `unmta` does about clusters, MTAs, domains and credentials, and what it leaves alone."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import os
import re
import signal
import stat
import threading
import time

import pytest

from unmta_async import ConnectError
from unmta_async.cli.options import Access
from unmta_async.cli.session import connected
from unmta_async.cli.waiting import lines_about
from unmta_async.provisioning import JsonlStore, Laggard, NotVerifiedError, SqliteStore
from unmta_async.sandbox import Sandbox

from .terminal import check_snapshot

CLUSTER = "a1b2c3d4"
FORMS = ("table", "json", "jsonl", "csv")
GROUPS = {
    "clusters": ["list"],
    "mtas": ["list"],
    "domains": ["list", "get", "create", "delete", "wait", "provision"],
    "credentials": ["list", "create", "update", "delete", "grant", "rotate"],
}
READS = {"GET"}


@pytest.fixture
def full(sandbox):
    """A cluster with some of everything."""
    for name in ("example.com", "mail.example.com", "example.net"):
        sandbox.state.add_domain(CLUSTER, name)
    sandbox.state.verify(CLUSTER, "example.com")
    sandbox.state.create_credential(
        CLUSTER,
        {
            "user": "webapp",
            "domains": ["example.com", "mail.example.com"],
            "allow_all_ips": False,
            "allowed_ips": ["203.0.113.0/24"],
        },
    )
    sandbox.state.create_credential(CLUSTER, {"user": "batch", "allow_all_domains": True})
    return sandbox


def methods(sandbox):
    return {call.method for call in sandbox.calls}


def names(sandbox):
    _, answer = sandbox.state.list_domains(CLUSTER)
    return sorted(domain["name"] for domain in answer["data"])


def credential(sandbox, user):
    _, answer = sandbox.state.list_credentials(CLUSTER)
    return next((each for each in answer["data"] if each["user"] == user), None)


def users(sandbox):
    _, answer = sandbox.state.list_credentials(CLUSTER)
    return [each["user"] for each in answer["data"]]


def revealed(path, user, kind=SqliteStore):
    async def reveal():
        async with kind(path) as store:
            return await store.reveal(CLUSTER, user)

    password = asyncio.run(reveal())
    return None if password is None else password.reveal()


# What they look like.


def test_help_is_as_in_the_snapshot(call):
    parts = []
    for group, commands in GROUPS.items():
        for words in ([group], *([group, command] for command in commands)):
            shown = call(*words, "--help")
            assert (shown.code, shown.err) == (0, "")
            assert "\nExamples:\n  $ unmta " in shown.out
            parts.append(f"$ unmta {' '.join(words)} --help\n{shown.out}\n")
    check_snapshot("help_resources", "".join(parts))


def test_tables_are_as_in_the_snapshot(call, full):
    commands = [
        "clusters list",
        "mtas list",
        "domains list",
        "domains list --status pending",
        "domains list --status refused",
        "domains get mail.example.com",
        "domains create example.com example.org",
        "domains create other.example.org --dry-run",
        "domains delete example.org gone.example.org --yes",
        "domains wait example.com",
        "credentials list",
        "credentials create reports --domain example.com --store passwords.db",
        "credentials create reports --domain example.com --store passwords.db",
        "credentials update webapp --all-ips",
        "credentials grant webapp --domain example.net --dry-run",
        "credentials grant webapp --domain example.net",
        "credentials rotate webapp --new-user webapp-2 --store passwords.db",
        "credentials delete webapp gone --yes",
    ]
    parts = []
    for command in commands:
        code, out, err = call(*command.split())
        out, err = (timeless(text) for text in (out, err))
        parts.append(f"$ unmta {command}\n{out}{marked(err)}[{code}]\n\n")
    check_snapshot("tables_resources", "".join(parts))


def timeless(text):
    return re.sub(r"in \d+\.\d s", "in 0.0 s", text)


def marked(err):
    """Return what went to stderr, to be told from stdout."""
    return "".join(f"! {line}".rstrip() + "\n" for line in err.splitlines())


LISTS = ["clusters list", "mtas list", "domains list", "credentials list"]


@pytest.mark.parametrize("command", LISTS)
def test_every_form_says_the_same(call, full, command):
    shown = {form: call(*command.split(), "--output", form) for form in FORMS}
    assert {(each.code, each.err) for each in shown.values()} == {(0, "")}
    things = json.loads(shown["json"].out)
    assert [json.loads(line) for line in shown["jsonl"].out.splitlines()] == things
    rows = list(csv.DictReader(io.StringIO(shown["csv"].out)))
    key = "user" if "user" in things[0] else "name" if "name" in things[0] else "id"
    assert [row[key] for row in rows] == [thing[key] for thing in things]
    assert [line.split()[0] for line in shown["table"].out.splitlines()[1:]] == [
        thing[key] for thing in things
    ]


def test_a_table_is_coloured_on_a_terminal_alone_and_not_with_no_color(unmta, call):
    plain = call("clusters", "list").out
    bold, _, rest = unmta("clusters", "list", tty=True).out.partition("\n")
    assert bold == f"\x1b[1m{plain.partition(chr(10))[0]}\x1b[0m"
    assert rest == plain.partition("\n")[2]
    assert unmta("clusters", "list", tty=True, env={"NO_COLOR": "1"}).out == plain


def test_an_empty_list_is_nothing_on_stdout_and_a_line_on_stderr(call):
    assert call("domains", "list") == (0, "", f"No domains in {CLUSTER}.\n")
    assert call("domains", "list", "--quiet") == (0, "", "")
    assert call("credentials", "list", "-o", "json").out == "[]\n"


# Domains.


def test_get_shows_the_records_in_every_form(call, full):
    _, answer = full.state.get_domain(CLUSTER, "example.com")
    key = answer["data"]["dns_records"]["dkim"]["value"]
    for form in FORMS:
        shown = call("domains", "get", "example.com", "-o", form)
        assert (shown.code, shown.err) == (0, "")
        assert key in shown.out
    [dkim, dmarc] = csv.DictReader(
        io.StringIO(call("domains", "get", "example.com", "-o", "csv").out)
    )
    assert dkim["name"] == "unmta._domainkey.example.com."
    assert dmarc["status"] == "verified"


def test_create_tells_of_each_name_and_fails_if_one_does(call, sandbox):
    sandbox.faults.add("domains.create", "json-413", nth=2)
    created = ["a.example.com", "b.example.com", "c.example.com"]
    done = call("domains", "create", *created, "--concurrency", "1")
    assert done.code == 1
    assert [line.split()[1] for line in done.out.splitlines()[1:4]] == [
        "created",
        "failed",
        "created",
    ]
    assert "error: b.example.com: domains.create: 413" in done.err
    assert "unmta domains wait a.example.com c.example.com" in done.err
    assert names(sandbox) == ["a.example.com", "c.example.com"]


def test_the_next_step_names_the_cluster_only_if_the_option_did(call):
    told = call("domains", "create", "a.example.com", "--cluster", "e5f6g7h8").err
    assert "unmta domains wait a.example.com --cluster e5f6g7h8\n" in told
    assert "--cluster" not in call("domains", "create", "a.example.com").err


def test_names_that_are_none_are_refused_before_anything_is_sent(call, sandbox):
    refused = call("domains", "create", "example.com", "example", "http://example.net/")
    assert refused.code == 2
    assert '"example" is not a domain name' in refused.err
    assert "give the name alone, example.net" in refused.err
    assert not sandbox.calls


def test_delete_is_refused_where_nobody_can_be_asked(call, full):
    for words in (["domains", "delete", "example.com"], ["credentials", "delete", "webapp"]):
        refused = call(*words)
        assert refused.code == 2
        assert "give --yes to do it" in refused.err
    assert not full.calls


@pytest.mark.parametrize(
    ("typed", "code", "left"),
    [("example.net\n", 0, 2), ("example.com\n", 1, 3), ("\x04", 1, 3)],
    ids=["the name", "another name", "nothing"],
)
def test_delete_wants_the_name_typed_on_a_terminal(unmta, full, typed, code, left):
    ended = unmta("domains", "delete", "example.net", tty=True, stdin=typed)
    assert (
        "Deleting the domain example.net of a1b2c3d4 cannot be undone. Type example.net"
        in ended.out
    )
    assert ended.code == code
    assert len(names(full)) == left
    assert ("nothing was done" in ended.out) is bool(code)
    assert ("do it: \nerror: there was no answer" in ended.out) is (typed == "\x04")


def test_ctrl_c_at_a_question_ends_it(unmta, full):
    words = ["domains", "delete", "example.net"]
    ended = unmta(*words, tty=True, after="to do it: ", stdin="\x03")
    assert ended.code == 130
    assert "Interrupted." in ended.out
    assert "Traceback" not in ended.out
    assert not full.calls


@pytest.mark.parametrize("file", ["-", "/dev/stdin"])
def test_ctrl_c_while_names_are_typed_ends_it(unmta, full, file):
    words = ["domains", "provision", file]
    ended = unmta(*words, tty=True, after="Ctrl-D ends it", stdin="\x03")
    assert ended.code == 130
    assert "Traceback" not in ended.out
    assert not full.calls


def test_deleting_several_wants_their_number_typed(unmta, full):
    typed = "2 credentials\n"
    ended = unmta("credentials", "delete", "webapp", "batch", tty=True, stdin=typed)
    assert (ended.code, users(full)) == (0, [])


def test_a_deletion_that_failed_is_told_and_ends_with_1(call, full):
    for kind, name in (("domains", "example.com"), ("credentials", "webapp")):
        full.faults.add(f"{kind}.delete", "json-403")
        ended = call(kind, "delete", name, "--yes")
        assert ended.code == 1
        assert ended.out.splitlines()[1].split() == [name, "failed"]
        assert f"error: {name}: {kind}.delete: 403" in ended.err


def test_a_cluster_that_cannot_be_seen_is_no_absent_thing(call):
    for kind, name in (("domains", "example.com"), ("credentials", "webapp")):
        ended = call(kind, "delete", name, "--yes", "--cluster", "nope")
        assert ended.code == 1
        assert "absent" not in ended.out
        assert "404" in ended.err


def test_what_failed_and_why_has_a_row_in_csv(call, full):
    full.faults.add("domains.create", "json-413", nth=2)
    made = ["example.com", "a.example.com", "b.example.com"]
    out = call("domains", "create", *made, "--concurrency", "1", "-o", "csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["domain"], row["result"], row["type"]) for row in rows] == [
        ("example.com", "existed", "TXT"),
        ("example.com", "existed", "TXT"),
        ("a.example.com", "created", "TXT"),
        ("a.example.com", "created", "TXT"),
        ("b.example.com", "failed", ""),
    ]
    assert rows[-1]["error"].startswith("domains.create: 413")
    full.faults.add("domains.delete", "json-403", nth=2)
    words = ["--concurrency", "1", "--yes", "-o", "csv"]
    out = call("domains", "delete", "a.example.com", "example.com", *words).out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["result"] for row in rows] == ["deleted", "failed"]
    assert rows[-1]["error"].startswith("domains.delete: 403")


@pytest.mark.parametrize(
    "words", ["domains create", "domains delete --yes", "credentials delete -y"]
)
def test_a_run_that_ends_early_tells_what_was_done_and_how_to_go_on(call, sandbox, words):
    made = [f"d{n}.example.com" for n in range(4)]
    group, verb, *_ = words.split()
    for name in made:
        if group == "credentials":
            sandbox.state.create_credential(CLUSTER, {"user": name, "allow_all_domains": True})
        elif verb == "delete":
            sandbox.state.add_domain(CLUSTER, name)
    sandbox.faults.add(f"{group}.{verb}", "token-revoked", nth=3)
    ended = call(*words.split(), *made, "--concurrency", "1", "-o", "json")
    assert ended.code == 1
    assert [each["name"] for each in json.loads(ended.out)] == made[:2]
    assert f"2 {verb}d, 2 not done in" in ended.err
    assert f"To go on:\n  unmta {words} d0.example.com d1.example.com" in ended.err
    assert ended.err.splitlines()[-1].startswith(f"error: {group}.{verb}: 401")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_deleting_in_order(started, sandbox, end):
    made = [f"d{n}.example.com" for n in range(20)]
    for name in made:
        sandbox.state.add_domain(CLUSTER, name)
    fault = sandbox.faults.add("domains.delete", "slow-body", times=None, seconds=0.2)
    with started("domains", "delete", *made, "-y", "-o", "json", "--concurrency", "2") as process:
        while not fault.hits:
            time.sleep(0.01)
        process.send_signal(end)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    deleted = [each["name"] for each in json.loads(out)]
    assert sorted({*made} - {*deleted}) == names(sandbox)
    assert f"{len(deleted)} deleted, {20 - len(deleted)} not done in" in err
    assert "To go on:\n  unmta domains delete d0.example.com" in err


# Waiting.


def test_wait_ends_when_all_are_verified(call, full):
    timer = threading.Timer(0.15, full.state.verify, (CLUSTER, "example.net"))
    timer.start()
    words = ["domains", "wait", "example.com", "EXAMPLE.NET", "--interval", "0.05"]
    ended = call(*words, "--output", "jsonl")
    timer.join()
    assert ended.code == 0
    changes = [json.loads(line) for line in ended.out.splitlines()]
    assert [(each["name"], each["status"]) for each in changes] == [
        ("example.com", "verified"),
        ("example.net", "pending"),
        ("example.net", "verified"),
    ]
    assert "2 of 2 verified in" in ended.err


def test_what_is_not_verified_in_time_is_told_with_what_it_needs(call, tmp_path):
    with Sandbox(verification="dns") as sandbox:
        sandbox.state.add_domain(CLUSTER, "example.com")
        address, port = sandbox.nameserver.address, sandbox.nameserver.port
        os.environ["UNMTA_BASE_URL"] = sandbox.base_url  # the fixture restores it
        (tmp_path / "names.txt").write_text("example.com\ngone.example.com # never made\n")
        ended = call(
            *("domains", "wait", "--file", "names.txt", "--timeout", "0.3", "--interval", "0.1"),
            *("--resolver", f"{address}:{port}", "--failed", "left.txt"),
        )
    assert ended.code == 1
    assert "error: example.com: pending, " in ended.err
    assert "unmta._domainkey.example.com." in ended.err
    assert "error: gone.example.com: missing, the cluster has no such domain" in ended.err
    assert "0 of 2 verified" in ended.err
    assert "unmta domains wait --file left.txt" in ended.err
    assert (tmp_path / "left.txt").read_text() == (
        "example.com  # pending\ngone.example.com  # missing\n"
    )


def test_of_many_that_are_late_the_first_are_named_and_a_failed_look_is_told():
    late = NotVerifiedError(
        "late",
        laggards=[Laggard(name=f"d{n}.example.com", status="pending") for n in range(1_025)],
        reason=ConnectError("no route"),
    )
    *named, more, reason = lines_about(late)
    assert named == [f"d{n}.example.com: pending" for n in range(20)]
    assert more == "and 1,005 more"
    assert reason.startswith("the last look failed: no route.")


def test_ctrl_c_ends_waiting_with_the_command_to_go_on(started, full):
    words = ["domains", "wait", "example.com", "example.net", "--interval", "60"]
    with started(*words) as process:
        for line in process.stdout:
            if "example.net" in line:
                break
        process.send_signal(signal.SIGINT)
        err = process.stderr.read()
    assert process.returncode == 130
    assert "1 of 2 verified" in err
    assert f"unmta {' '.join(words)}" in err
    assert "Traceback" not in err


def test_wait_wants_names(call):
    assert call("domains", "wait").code == 2
    assert call("domains", "wait", "--file", "-").code == 0  # a run that left nothing to do


# Provisioning.


def test_provision_creates_what_is_missing_and_counts(call, full):
    text = "# ours\nexample.com\nnew.example.com # soon\n"
    ended = call("domains", "provision", "-", "--output", "jsonl", stdin=text)
    assert ended.code == 0
    done = {each["name"]: each["result"] for each in map(json.loads, ended.out.splitlines())}
    assert done == {"example.com": "existed", "new.example.com": "created"}
    assert "1 created, 1 existed in" in ended.err
    assert "To go on" not in ended.err


@pytest.mark.parametrize("form", FORMS)
def test_provision_writes_every_form(call, form):
    ended = call("domains", "provision", "-", "-o", form, stdin="example.com\n")
    assert ended.code == 0
    match form:
        case "table":
            assert [line.split() for line in ended.out.splitlines()] == [
                ["NAME", "RESULT", "ERROR"],
                ["example.com", "created"],
            ]
        case "csv":
            assert ended.out == "name,result,error\nexample.com,created,\n"
        case "json":
            assert [each["name"] for each in json.loads(ended.out)] == ["example.com"]
        case "jsonl":
            assert json.loads(ended.out)["domain"]["dns_records"]


def test_nonsense_in_a_file_is_told_with_its_lines_and_nothing_is_sent(call, sandbox, tmp_path):
    (tmp_path / "names.txt").write_text("example.com\n\nexample\nfoo@example.com\n")
    refused = call("domains", "provision", "names.txt")
    assert refused.code == 2
    assert 'names.txt:3: "example" is not a domain name' in refused.err
    assert "names.txt:4: " in refused.err
    assert not sandbox.calls


def test_a_file_that_is_not_there_or_cannot_be_written_ends_before_anything_is_sent(call, sandbox):
    missing = call("domains", "provision", "names.txt")
    assert (missing.code, missing.err) == (1, "error: names.txt: No such file or directory\n")
    unwritable = call("domains", "provision", "-", "--failed", "no/left.txt", stdin="example.com")
    assert unwritable.code == 1
    assert "no/left.txt" in unwritable.err
    assert not sandbox.calls


def test_a_run_that_never_began_leaves_the_file_of_what_is_left_alone(call, tmp_path):
    for kept in (None, "example.net  # not done\n"):
        if kept is not None:
            (tmp_path / "left.txt").write_text(kept)
        words = ["domains", "provision", "-", "--failed", "left.txt", "--token-file", "no"]
        assert call(*words, stdin="example.com\n").code == 1
        found = [path.read_text() for path in tmp_path.iterdir()]
        assert found == [] if kept is None else [kept]


def test_what_failed_is_written_as_input_for_the_next_run(call, sandbox, tmp_path):
    (tmp_path / "names.txt").write_text("".join(f"d{n}.example.com\n" for n in range(6)))
    sandbox.faults.add("domains.create", "json-413", nth=3)
    sandbox.faults.add("domains.create", "json-409", nth=5)
    first = call("domains", "provision", "names.txt", "--failed", "left.txt", "--concurrency", "1")
    assert first.code == 1
    left = (tmp_path / "left.txt").read_text()
    assert "d2.example.com  # domains.create: 413" in left
    assert "unmta domains provision left.txt --failed left.txt" in first.err
    second = call("domains", "provision", "left.txt", "--failed", "left.txt")
    assert (second.code, (tmp_path / "left.txt").read_text()) == (0, "")
    assert len(names(sandbox)) == 6
    third = call("domains", "provision", "left.txt", "--failed", "left.txt")
    assert third.code == 0
    assert "nothing to do" in third.err


def test_a_revoked_token_ends_the_run_and_what_is_left_is_written(call, sandbox, tmp_path):
    text = "".join(f"d{n}.example.com\n" for n in range(6))
    sandbox.faults.add("domains.create", "token-revoked", nth=3)
    words = ["domains", "provision", "-", "--failed", "left.txt", "--concurrency", "1"]
    ended = call(*words, stdin=text)
    assert ended.code == 1
    assert "2 created" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: domains.create: 401")
    left = (tmp_path / "left.txt").read_text().splitlines()
    assert [line.split()[0] for line in left] == [f"d{n}.example.com" for n in range(2, 6)]
    assert "# not done" in left[-1]


def test_ctrl_c_ends_provisioning_in_order_and_it_can_go_on(started, sandbox, tmp_path, call):
    (tmp_path / "names.txt").write_text("".join(f"d{n}.example.com\n" for n in range(40)))
    sandbox.faults.add("domains.create", "slow-body", times=None, seconds=0.2)
    words = ["domains", "provision", "names.txt", "--concurrency", "4", "--failed", "left.txt"]
    with started(*words, "--output", "jsonl") as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    outcomes = [json.loads(line) for line in (first + rest).splitlines()]
    # Whatever was created was told of, and what was not is in the file.
    assert sorted(each["name"] for each in outcomes) == names(sandbox)
    left = {line.split()[0] for line in (tmp_path / "left.txt").read_text().splitlines()}
    assert left.isdisjoint(names(sandbox))
    assert len(left) + len(outcomes) == 40
    assert f"{len(outcomes)} created, {len(left)} not done in" in err
    assert "unmta domains provision left.txt --concurrency 4 --failed left.txt" in err
    assert "Traceback" not in err
    sandbox.faults.clear()
    assert call("domains", "provision", "left.txt").code == 0
    assert len(names(sandbox)) == 40


def test_an_interrupted_json_list_is_still_json(started, sandbox, tmp_path):
    (tmp_path / "names.txt").write_text("".join(f"d{n}.example.com\n" for n in range(40)))
    sandbox.faults.add("domains.create", "slow-body", times=None, seconds=0.2)
    words = ["domains", "provision", "names.txt", "--concurrency", "2", "-o", "json"]
    with started(*words) as process:
        while not any(call.operation == "domains.create" for call in list(sandbox.calls)):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert sorted(each["name"] for each in json.loads(out)) == names(sandbox)


def test_on_a_terminal_rows_stand_above_the_bar_and_the_summary_below(unmta, sandbox, tmp_path):
    (tmp_path / "names.txt").write_text("".join(f"d{n}.example.com\n" for n in range(20)))
    ended = unmta("domains", "provision", "names.txt", tty=True)
    assert ended.code == 0
    # What is left of a line once it was erased.
    lines = [line.rpartition("\x1b[2K")[2] for line in ended.out.splitlines()]
    rows = [line.split() for line in lines]
    assert all([f"d{n}.example.com", "created"] in rows for n in range(20))
    assert any("20/20 done" in line for line in lines)
    assert lines[-3].startswith("20 created in")
    assert lines[-1] == "  unmta domains wait --file names.txt"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_ends_provisioning_in_order_too(started, sandbox, tmp_path, end):
    (tmp_path / "names.txt").write_text("".join(f"d{n}.example.com\n" for n in range(40)))
    sandbox.faults.add("domains.create", "slow-body", times=None, seconds=0.2)
    words = ["domains", "provision", "names.txt", "--concurrency", "2", "--failed", "left.txt"]
    with started(*words) as process:
        process.stdout.readline()
        process.send_signal(end)
        process.communicate(timeout=10)
    assert process.returncode == 130
    left = {line.split()[0] for line in (tmp_path / "left.txt").read_text().splitlines()}
    assert len(left) + len(names(sandbox)) == 40


def test_a_second_ctrl_c_ends_it_at_once(started, sandbox, tmp_path):
    (tmp_path / "names.txt").write_text("".join(f"d{n}.example.com\n" for n in range(40)))
    sandbox.faults.add("domains.create", "hang-before-headers", times=None)
    words = ["domains", "provision", "names.txt", "--failed", "left.txt"]
    with started(*words) as process:
        while not any(call.operation == "domains.create" for call in list(sandbox.calls)):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline().startswith("Ending: ")
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        err = process.stderr.read()
    assert time.monotonic() - began < 5  # the time of grace is ten seconds
    assert process.returncode == 130
    assert "40 not done in" in err
    assert len((tmp_path / "left.txt").read_text().splitlines()) == 40


def test_what_is_written_for_the_next_run_keeps_the_mode_of_its_file(call, tmp_path):
    (tmp_path / "left.txt").touch(mode=0o640)
    (tmp_path / "left.txt").chmod(0o640)
    call("domains", "provision", "-", "--failed", "left.txt", stdin="example.com\n")
    assert stat.S_IMODE((tmp_path / "left.txt").stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["left.txt"]


# Nothing is done by a dry run.


@pytest.mark.parametrize(
    "command",
    [
        "domains create new.example.com",
        "domains delete example.com",
        "domains provision names.txt",
        "credentials create new --all-domains --store passwords.db",
        "credentials create new --all-domains --show-password",
        "credentials update webapp --all-domains --ip 198.51.100.7",
        "credentials delete webapp",
        "credentials grant webapp --domain example.net --ip 198.51.100.7",
        "credentials rotate webapp --new-user new --store passwords.db --delete-old",
    ],
)
def test_a_dry_run_says_what_it_would_do_and_changes_nothing(call, full, tmp_path, command):
    (tmp_path / "names.txt").write_text("new.example.com\n")
    done = call(*command.split(), "--dry-run", "--output", "json")
    assert done.code == 0
    plan = json.loads(done.out)
    assert sum(plan["counts"][verb] for verb in ("create", "update", "delete")) >= 1
    assert methods(full) == READS
    assert "Nothing was changed" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["names.txt"]


# Passwords.


def test_a_password_goes_to_the_store_and_nowhere_else(call, sandbox, tmp_path):
    for name, kind in (("p.db", SqliteStore), ("p.jsonl", JsonlStore)):
        user = f"user-{name}"
        done = call("credentials", "create", user, "--all-domains", "--store", name, "--verbose")
        assert done.code == 0
        password = revealed(tmp_path / name, user, kind)
        assert sandbox.state.check_password(CLUSTER, user, password)
        assert password not in done.out + done.err
        assert f"in {name}" in done.out


def test_a_password_is_shown_when_asked_for_alone_on_stdout(call, sandbox):
    done = call("credentials", "create", "new", "--all-domains", "--show-password")
    assert done.code == 0
    assert sandbox.state.check_password(CLUSTER, "new", done.out.removesuffix("\n"))
    assert done.out.strip() not in done.err
    rotated = call("credentials", "rotate", "new", "--new-user", "n2", "--show-password", "-q")
    assert sandbox.state.check_password(CLUSTER, "n2", rotated.out.removesuffix("\n"))


@pytest.mark.parametrize(
    "words",
    [
        ["create", "new", "--all-domains"],
        ["create", "new", "--all-domains", "--store", "p.db", "--show-password"],
        ["create", "new", "--all-domains", "--store", "p.txt"],
        ["create", "new", "--store", "p.db"],
        ["create", "new", "--all-domains", "--domain", "example.com", "--store", "p.db"],
        ["create", "no good", "--all-domains", "--store", "p.db"],
        ["create", "new", "--domain", "example", "--store", "p.db"],
        ["create", "new", "--all-domains", "--ip", "300.1.1.1", "--store", "p.db"],
        ["rotate", "webapp", "--new-user", "new"],
        ["rotate", "webapp", "--new-user", "new", "--store", "p.db", "--delete-old"],
        ["update", "webapp"],
        ["update", "webapp", "--ip", "203.0.113.5", "--all-ips"],
        ["grant", "webapp"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(call, full, words):
    refused = call("credentials", *words)
    assert refused.code == 2
    assert refused.err.startswith("error: ")
    assert "clusters." not in refused.err  # a place in a manifest that nobody has written
    assert not refused.out
    assert not full.calls


def test_a_password_that_nobody_reads_is_put_aside(started, sandbox, tmp_path):
    read, write = os.pipe()
    os.close(read)
    with started("credentials", "create", "new", "--all-domains", "--show-password") as process:
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=10)
    os.close(write)
    assert process.returncode == 1
    [file] = tmp_path.glob("unmta-password-*")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file) in err
    password = file.read_text().strip()
    assert sandbox.state.check_password(CLUSTER, "new", password)
    assert password not in err


@contextlib.contextmanager
def when_called(sandbox, operation, act):
    """Do something once while an operation is under way."""

    def watch():
        while not ended.wait(0.005):
            if any(call.operation == operation for call in list(sandbox.calls)):
                act()
                return

    ended = threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_password_whose_store_is_gone_is_put_aside(call, sandbox, tmp_path):
    sandbox.faults.add("credentials.create", "slow-body", seconds=0.3)
    with when_called(sandbox, "credentials.create", (tmp_path / "p.jsonl").unlink):
        failed = call("credentials", "create", "new", "--all-domains", "--store", "p.jsonl")
    assert failed.code == 1
    [file] = tmp_path.glob("unmta-password-*")
    assert str(file) in failed.err
    assert sandbox.state.check_password(CLUSTER, "new", file.read_text().strip())


def test_ctrl_c_while_a_credential_is_created_loses_no_password(started, sandbox, tmp_path):
    sandbox.faults.add("credentials.create", "slow-body", seconds=0.5)
    words = ["credentials", "create", "new", "--all-domains", "--store", "p.db"]
    with started(*words) as process:
        while not any(call.operation == "credentials.create" for call in list(sandbox.calls)):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "p.db" in err
    assert sandbox.state.check_password(CLUSTER, "new", revealed(tmp_path / "p.db", "new"))


@pytest.mark.parametrize("words", ["create new --all-domains", "rotate webapp --new-user new"])
@pytest.mark.parametrize("ends", [[signal.SIGINT] * 3, [signal.SIGTERM, signal.SIGINT]])
def test_no_number_of_signals_loses_a_password(started, full, tmp_path, words, ends):
    fault = full.faults.add("credentials.create", "slow-body", seconds=0.7)
    with started("credentials", *words.split(), "--store", "p.db") as process:
        while not fault.hits:
            time.sleep(0.01)
        for end in ends:
            process.send_signal(end)
            time.sleep(0.1)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "new was created, and its password went to p.db." in err
    assert full.state.check_password(CLUSTER, "new", revealed(tmp_path / "p.db", "new"))


def test_a_password_that_did_not_arrive_is_not_said_to_have(started, sandbox):
    fault = sandbox.faults.add("credentials.create", "hang-before-headers")
    words = ["credentials", "create", "new", "--all-domains", "--store", "p.db"]
    with started(*words, "--timeout", "1") as process:
        while not fault.hits:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode in {1, 130}
    assert "went to" not in err
    assert "lost" in err or "did not arrive" in err


def test_a_password_is_written_to_its_end(call, sandbox, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda number, data: write(number, data[:5]))
    done = call("credentials", "create", "new", "--all-domains", "--show-password")
    assert sandbox.state.check_password(CLUSTER, "new", done.out.removesuffix("\n"))


def test_what_a_program_had_not_taken_is_handed_to_it_by_the_next_run(call, tmp_path):
    sink = tmp_path / "sink"
    words = ["credentials", "create", "new", "--all-domains", "--store", "p.db", "--sink", sink]
    sink.write_text("#!/bin/sh\nexit 1\n")
    sink.chmod(0o700)
    failed = call(*words)
    assert failed.code == 1
    assert "the password is safe in" in failed.err
    sink.write_text(f"#!/bin/sh\ncat > {tmp_path}/taken\n")
    again = call(*words)
    assert again.code == 1
    assert "has a credential new already, and what --sink had not taken of p.db has" in again.err
    assert (tmp_path / "taken").read_text() == revealed(tmp_path / "p.db", "new")


def test_a_broken_answer_with_a_password_is_a_credential_all_the_same(call, sandbox, tmp_path):
    sandbox.faults.add("credentials.create", "missing-field")
    done = call("credentials", "create", "new", "--all-domains", "--store", "p.db")
    assert done.code == 0
    assert done.out.splitlines()[1].split()[0] == "new"
    assert sandbox.state.check_password(CLUSTER, "new", revealed(tmp_path / "p.db", "new"))


def test_a_credential_whose_password_was_lost_is_told_from_one_of_others(call, sandbox):
    sandbox.faults.add("credentials.create", "reset-after-applying")
    words = ["credentials", "create", "new", "--all-domains", "--store"]
    assert call(*words, "p.db").code == 1
    again = call(*words, "p.db")
    assert again.code == 1
    assert "the store waits for its password" in again.err
    other = call(*words, "other.db")
    assert other.code == 1
    assert "`unmta credentials update new`" in other.err
    assert call("credentials", "delete", "new", "--yes").code == 0
    assert call(*words, "p.db").code == 0


# What credentials may do.


def test_update_replaces_what_is_given_and_leaves_the_rest(call, full):
    before = credential(full, "webapp")
    done = call("credentials", "update", "webapp", "--domain", "example.net", "-o", "json")
    assert json.loads(done.out)["domains"] == ["example.net"]
    after = credential(full, "webapp")
    assert after["allowed_ips"] == before["allowed_ips"]
    assert call("credentials", "update", "webapp", "--all-domains", "--all-ips").code == 0
    assert credential(full, "webapp")["allow_all_domains"]
    assert credential(full, "webapp")["allow_all_ips"]


def test_grant_adds(call, full):
    words = ["--domain", "example.net", "--domain", "example.com", "--ip", "198.51.100.7"]
    assert call("credentials", "grant", "webapp", *words).code == 0
    granted = credential(full, "webapp")
    assert granted["domains"] == ["example.com", "mail.example.com", "example.net"]
    assert granted["allowed_ips"] == ["203.0.113.0/24", "198.51.100.7"]


def test_a_user_that_does_not_exist_is_told_with_one_that_comes_close(call, full):
    for words in (
        ["grant", "webap", "--domain", "example.net"],
        ["rotate", "webap", "--new-user", "new", "--show-password"],
    ):
        refused = call("credentials", *words)
        assert refused.code == 2
        assert "did you mean 'webapp'?" in refused.err


def test_rotate_leaves_the_old_one_unless_asked(call, full, tmp_path):
    words = ["credentials", "rotate", "webapp", "--store", "p.db"]
    kept = call(*words, "--new-user", "webapp-2")
    assert "\n  unmta credentials delete webapp\n" in kept.err
    assert users(full) == ["webapp", "batch", "webapp-2"]
    assert credential(full, "webapp-2")["domains"] == credential(full, "webapp")["domains"]
    gone = call(*words, "--new-user", "webapp-3", "--delete-old", "--yes")
    assert (gone.code, gone.err) == (0, "")
    assert users(full) == ["batch", "webapp-2", "webapp-3"]
    assert full.state.check_password(CLUSTER, "webapp-3", revealed(tmp_path / "p.db", "webapp-3"))


def test_a_rotation_whose_deletion_failed_says_that_the_new_one_is_there(call, full, tmp_path):
    full.faults.add("credentials.delete", "json-403")
    words = ["--new-user", "webapp-2", "--store", "p.db", "--delete-old", "--yes"]
    failed = call("credentials", "rotate", "webapp", *words)
    assert failed.code == 1
    assert "The new credential webapp-2" in failed.err
    assert "what failed is the deletion of webapp" in failed.err
    assert full.state.check_password(CLUSTER, "webapp-2", revealed(tmp_path / "p.db", "webapp-2"))


@pytest.mark.parametrize(("concurrency", "connections"), [(1, 100), (150, 150)])
async def test_there_is_a_connection_for_each_request_at_a_time(
    monkeypatch, concurrency, connections
):
    monkeypatch.setenv("UNMTA_API_TOKEN", "token")
    async with connected(Access(), concurrency=concurrency) as client:
        assert client.max_connections == connections

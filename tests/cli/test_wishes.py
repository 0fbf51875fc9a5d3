"""`unmta plan`, `apply`, `audit` and `export`: what they show, ask, do and leave behind."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import shlex
import signal

import pytest

from unmta_async.provisioning import JsonlStore, SqliteStore
from unmta_async.sandbox import Sandbox

from .conversation import converse
from .terminal import check_snapshot, run

WISHED = """\
clusters:
  a1b2c3d4:
    domains: [example.com, example.org]
    credentials:
      batch: {allow_all_domains: true}
      web: {domains: [example.com]}
"""
STORE = ("--store", "passwords.db")


@pytest.fixture
def manifest(tmp_path):
    file = tmp_path / "clusters.yaml"
    file.write_text(WISHED)
    return file


@pytest.fixture
def applied(call, manifest):
    """The manifest was applied; after it something of all kinds is wished otherwise."""
    assert call("apply", manifest, "--yes", *STORE).code == 0
    text = WISHED.replace("example.org]", "example.net]").replace(
        "[example.com]}", "[example.net]}"
    )
    manifest.write_text(text)


def users(sandbox):
    _, answer = sandbox.state.list_credentials("a1b2c3d4")
    return {credential["user"] for credential in answer["data"]}


def names(sandbox):
    _, answer = sandbox.state.list_domains("a1b2c3d4")
    return {domain["name"] for domain in answer["data"]}


def passwords_in(path):
    text = path.read_bytes().decode("latin-1")
    return re.findall(r"[A-Za-z0-9]{32}", text)


def test_a_plan_says_what_is_to_be_done_and_nothing_is(call, manifest, sandbox):
    code, out, err = call("plan", manifest)
    assert (code, err, names(sandbox)) == (0, "", set())
    assert "\x1b" not in out
    check_snapshot("plan_new", out)


def test_in_a_terminal_each_sign_has_its_colour(unmta, manifest, applied):
    code, out, _ = unmta("plan", manifest, "--prune", tty=True)
    assert code == 0
    check_snapshot("plan_in_a_terminal", out.replace("\x1b", "<ESC>"))
    plain = unmta("plan", manifest, "--prune", tty=True, env={"NO_COLOR": "1"}).out
    assert re.sub(r"\x1b\[\d*m", "", out) == plain


def test_detailed_exitcode_tells_whether_there_is_something_to_do(call, manifest):
    assert call("plan", manifest, "--detailed-exitcode").code == 3
    assert call("apply", manifest, "--yes", *STORE).code == 0
    assert call("plan", manifest, "--detailed-exitcode").code == 0


def test_a_plan_for_programs(call, manifest):
    whole = json.loads(call("plan", "-", "--output", "json", stdin=WISHED).out)
    assert whole["counts"]["create"] == 4
    lines = call("plan", manifest, "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == whole["actions"]
    rows = list(csv.DictReader(call("plan", manifest, "-o", "csv").out.splitlines()))
    assert [row["target"] for row in rows] == [each["target"] for each in whole["actions"]]


@pytest.mark.parametrize(
    ("arguments", "cluster", "used"),
    [
        ((), "e5f6g7h8", "e5f6g7h8"),
        (("--cluster", "a1b2c3d4"), "e5f6g7h8", "a1b2c3d4"),
        ((), "", ""),
    ],
)
def test_plain_lines_are_about_the_cluster_that_is_given(
    call, monkeypatch, arguments, cluster, used
):
    lines = ("plan", "-", "--format", "txt", *arguments)
    monkeypatch.setenv("UNMTA_CLUSTER", cluster)
    code, out, err = call(*lines, stdin="example.com\n")
    assert code == (0 if used else 2)
    assert f"Cluster {used}" in out if used else "give --cluster" in err


def test_everything_wrong_with_a_manifest_is_told_with_its_line(call, tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "clusters:\n  a1b2c3d4:\n    domians: []\n    domains: [a_b.com]\n"
    )
    code, out, err = call("apply", "bad.yaml", "--yes")
    assert (code, out) == (2, "")
    assert err.startswith('error: bad.yaml:3: unknown key "domians"; did you mean domains?\n')
    assert "bad.yaml:4: " in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("clusters.txt2",), "give --format"),
        (("clusters.yaml", "--cluster", "a1b2c3d4"), "leave --cluster out"),
        (("clusters.yaml", "--yes"), "give --store FILE"),
        (("clusters.yaml", "--store", "passwords.txt"), ".jsonl"),
        (("clusters.yaml", "--sink", "cat"), "--sink needs --store"),
        (("clusters.yaml", *STORE, "--purge"), "--purge needs --sink"),
        (("clusters.yaml", *STORE, "--sink", "'"), "No closing quotation"),
        (("clusters.yaml", "--recreate-lost"), "--recreate-lost needs --store"),
        (("clusters.yaml", "--failed", "failed.txt"), ".json"),
        (("clusters.yaml", *STORE), "give --yes"),
        (("--prnue",), "no such option"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    call, manifest, sandbox, arguments, said
):
    code, out, err = call("apply", *arguments)
    assert (code, out, names(sandbox)) == (2, "", set())
    assert said in err


def test_apply_does_it_and_the_passwords_are_in_the_store_alone(call, manifest, sandbox, tmp_path):
    code, out, err = call("apply", manifest, "--yes", *STORE)
    assert code == 0
    assert (names(sandbox), users(sandbox)) == ({"example.com", "example.org"}, {"batch", "web"})
    # In the order in which they end; what is shown on stderr is the plan.
    check_snapshot("apply", "".join(sorted(out.splitlines(keepends=True))))
    assert "Plan: 4 to create" in err
    assert "4 created, 0 unchanged, in " in err
    kept = passwords_in(tmp_path / "passwords.db")
    assert len(kept) >= 2
    assert not [word for word in kept if word in out + err]
    again = call("apply", manifest, "--yes", *STORE, "--output", "jsonl")
    assert {json.loads(line)["status"] for line in again.out.splitlines()} == {"unchanged"}


@pytest.mark.parametrize("answer", ["no", "y", ""])
def test_only_yes_is_taken_for_yes(account, manifest, sandbox, tmp_path, answer):
    says = [("Only yes is taken for it: ", f"{answer}\n")]
    ended = converse("apply", manifest, *STORE, says=says, env=account, cwd=tmp_path)
    assert (ended.code, names(sandbox)) == (1, set())
    assert "nothing was done" in ended.out


def test_yes_is_taken_for_yes_and_done_behind_a_bar(account, manifest, sandbox, tmp_path):
    says = [("Only yes is taken for it: ", "yes\n")]
    ended = converse("apply", manifest, *STORE, says=says, env=account, cwd=tmp_path)
    assert (ended.code, len(names(sandbox))) == (0, 2)
    assert "4/4 done" in ended.out


def test_ctrl_c_at_the_question_ends_it(account, manifest, sandbox, tmp_path):
    says = [("Only yes is taken for it: ", "\x03")]
    ended = converse("apply", manifest, *STORE, says=says, env=account, cwd=tmp_path)
    assert (ended.code, names(sandbox)) == (130, set())
    assert ended.out.endswith("Interrupted.\n")


def test_a_dry_run_changes_nothing_and_makes_no_store(call, manifest, sandbox, tmp_path):
    code, out, _ = call("apply", manifest, "--dry-run", *STORE)
    assert (code, names(sandbox)) == (0, set())
    assert out == call("plan", manifest).out
    assert not (tmp_path / "passwords.db").exists()


def test_pruning_deletes_what_is_not_wished(call, manifest, applied, sandbox):
    code, out, _ = call("apply", manifest, "--prune", "--yes", *STORE)
    assert code == 0
    assert "deleted   domain     example.org" in out
    assert names(sandbox) == {"example.com", "example.net"}


def test_what_failed_is_told_with_its_reason_and_is_input_for_the_next_run(
    call, manifest, sandbox, tmp_path
):
    sandbox.faults.add("domains.create", "html-200", times=None)
    code, out, err = call("apply", manifest, "--yes", *STORE, "--failed", "failed.yaml")
    assert code == 1
    assert "domain example.com: domains.create: the server answered 200" in err
    assert "What is left is in failed.yaml" in err
    sandbox.faults.clear()
    left = json.loads(call("plan", "failed.yaml", "-o", "json").out)
    failed = {line.split()[-1] for line in out.splitlines() if line.startswith("failed")}
    assert {each["target"] for each in left["actions"]} >= failed > set()
    assert call("apply", "failed.yaml", "--yes", *STORE).code == 0
    assert {"example.com", "example.org"} == names(sandbox)


def test_a_program_gets_each_password_and_the_store_forgets_it(call, manifest, tmp_path):
    put = tmp_path / "put"
    put.write_text('#!/bin/sh\ncat > "$1"\n')
    put.chmod(0o700)
    sink = ("--sink", f"{put} {tmp_path}/{{user}}.secret", "--purge")
    assert call("apply", manifest, "--yes", *STORE, *sink).code == 0
    assert {len((tmp_path / f"{user}.secret").read_text()) for user in ("batch", "web")} == {32}
    secret = (tmp_path / "web.secret").read_bytes()
    assert secret not in (tmp_path / "passwords.db").read_bytes()


@pytest.fixture
def living(call, monkeypatch):
    """A sandbox whose clock goes, by which it is told whose credential it is; for `call`."""
    with Sandbox() as living:
        monkeypatch.setenv("UNMTA_BASE_URL", living.base_url)
        monkeypatch.setenv("UNMTA_API_TOKEN", living.token)
        yield living


def deleted_from(sandbox):
    return [each for each in sandbox.calls if each.method == "DELETE"]


def test_a_lost_password_is_told_with_the_way_out_and_that_way_works(
    call, living, manifest, tmp_path
):
    living.faults.add("credentials.create", "reset-after-applying")
    lost = call("apply", manifest, "--yes", *STORE)
    assert lost.code == 1
    way = next(line for line in lost.err.splitlines() if line.endswith("--recreate-lost"))
    ended = call(*way.split()[1:])
    assert ended.code == 0, ended
    assert re.search(r"recreated: credential (batch|web) of a1b2c3d4", ended.err)
    assert len(set(passwords_in(tmp_path / "passwords.db"))) >= 2


def test_what_is_to_be_made_anew_is_in_the_question_and_not_deleted_before(
    call, living, manifest, tmp_path
):
    living.faults.add("credentials.create", "reset-after-applying")
    assert call("apply", manifest, "--yes", *STORE).code == 1
    again = ("apply", manifest, *STORE, "--recreate-lost")
    tried, unasked = call(*again, "--dry-run"), call(*again)
    env = {"UNMTA_BASE_URL": living.base_url, "UNMTA_API_TOKEN": living.token}
    no = [("Only yes is taken for it: ", "no\n")]
    refused = converse(*again, says=no, env=env, cwd=tmp_path)
    assert (tried.code, unasked.code, refused.code) == (0, 2, 1)
    assert "give --yes" in unasked.err
    what = re.compile(r"made anew.*:\n  credential (batch|web) of a1b2c3d4\n")
    assert what.search(tried.err)
    assert what.search(refused.out)
    assert deleted_from(living) == []


def test_what_was_deleted_and_not_made_anew_is_made_with_the_rest(call, living, manifest):
    living.faults.add("credentials.create", "reset-after-applying")
    assert call("apply", manifest, "--yes", *STORE).code == 1
    living.faults.add("credentials.create", "reset-after-reading")
    code, out, err = call("apply", manifest, "--yes", *STORE, "--recreate-lost")
    assert code == 1
    assert "deleted: credential" in err
    assert re.search("^created   credential", out)
    assert users(living) == {"batch", "web"}


def test_making_anew_ends_with_the_command_to_go_on(call, living, manifest):
    living.faults.add("credentials.create", "reset-after-applying")
    assert call("apply", manifest, "--yes", *STORE).code == 1
    living.faults.add("credentials.delete", "token-revoked")
    words = ("apply", manifest, "--yes", *STORE, "--recreate-lost")
    code, _, err = call(*words)
    assert code == 1
    assert f"To go on, when that is mended:\n  unmta {shlex.join(map(str, words))}\n" in err


def test_a_first_ctrl_c_ends_it_in_order_with_the_command_to_go_on(
    started, call, sandbox, tmp_path
):
    wished = "".join(f"d{number}.example.com\n" for number in range(40))
    (tmp_path / "names.txt").write_text(wished)
    sandbox.faults.add("domains.create", "slow-body", times=None, seconds=0.3)
    words = ("apply", "names.txt", "--yes", "--concurrency", "2", "--failed", "left.yaml")
    with started(*words) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # Not `communicate`: it would not see what the first read has taken along.
        out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    done = [line.split()[-1] for line in (first + out).splitlines()]
    assert set(done) == names(sandbox)  # what was in flight has its outcome
    assert 0 < len(done) < 40
    assert re.search(rf"{len(done)} created, {40 - len(done)} not begun", err)
    left = "What is left is in left.yaml: apply that, without --prune, to try again.\n"
    assert err.endswith(f"To go on:\n  unmta {shlex.join(words)}\n{left}Interrupted.\n")
    assert call("plan", "left.yaml", "--quiet").out.count("+ domain") == 40 - len(done)
    sandbox.faults.clear()
    assert call("apply", "names.txt", "--yes", "--quiet").err == ""
    assert len(names(sandbox)) == 40


def test_a_revoked_token_stops_it_with_the_command_to_go_on(call, manifest, sandbox):
    sandbox.faults.add("credentials.create", "token-revoked")
    code, _, err = call("apply", manifest, "--yes", *STORE, "--concurrency", "1")
    assert code == 1
    assert "unmta apply" in err
    assert err.splitlines()[-1].startswith("error: credentials.create: 401")


def test_an_audit_finds_what_is_not_as_wished(call, manifest, applied):
    code, out, err = call("audit", manifest)
    assert (code, err) == (1, "")
    check_snapshot("audit", out)
    whole = json.loads(call("audit", manifest, "-o", "json").out)
    lines = call("audit", manifest, "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == whole["findings"]


def test_an_audit_of_the_dns_finds_nothing_amiss_in_it_once_all_is_published():
    with Sandbox(verification="dns") as sandbox:
        server = sandbox.nameserver
        env = {"UNMTA_BASE_URL": sandbox.base_url, "UNMTA_API_TOKEN": sandbox.token}
        sandbox.state.create_domain("a1b2c3d4", {"name": "example.com"})
        wished = ("-", "--format", "txt", "--cluster", "a1b2c3d4")
        dns = ("--dns", "--resolver", f"{server.address}:{server.port}")
        before = run("audit", *wished, *dns, stdin="example.com\n", env=env)
        assert (before.code, before.out.count("not-delegated")) == (1, 2)
        server.load(run("dns", "export", "example.com", "-c", "a1b2c3d4", env=env).out)
        after = run("audit", *wished, *dns, stdin="example.com\n", env=env)
    assert "record TXT" not in after.out
    assert after.out.endswith("1 domain, 0 credentials, 2 records.\n")


def test_what_is_exported_is_a_manifest_with_nothing_to_do(call, manifest, applied, tmp_path):
    code, out, _ = call("export")
    assert code == 0
    check_snapshot("export", out)
    assert call("export", "live.json").code == 0
    for file, stdin in (("-", out), ("live.json", None)):
        assert call("plan", file, "--prune", "--detailed-exitcode", stdin=stdin or "").code == 0
    for option in ("--format", "--output", "-o"):
        one = json.loads(call("export", "--cluster", "e5f6g7h8", option, "json").out)
        assert list(one["clusters"]) == ["e5f6g7h8"]


def test_a_run_with_nothing_left_leaves_a_file_that_says_so(call, manifest, tmp_path):
    left = tmp_path / "left.yaml"
    left.write_text(WISHED)
    assert call("apply", manifest, "--yes", *STORE, "--failed", left).code == 0
    assert call("plan", left, "--detailed-exitcode", "-o", "jsonl") == (0, "", "")


def test_a_file_for_what_is_left_that_cannot_be_written_is_refused_first(call, manifest, sandbox):
    code, _, err = call("apply", manifest, "--yes", *STORE, "--failed", "none/left.yaml")
    assert (code, names(sandbox)) == (1, set())
    assert "none/left.yaml: No such file" in err


def test_what_is_left_is_kept_if_whoever_reads_goes_away(started, call, sandbox, tmp_path):
    (tmp_path / "names.txt").write_text("".join(f"d{n}.example.com\n" for n in range(9)))
    sandbox.faults.add("domains.create", "slow-body", times=None, seconds=0.2)
    words = ("apply", "names.txt", "--yes", "--concurrency", "1", "--failed", "left.yaml")
    with started(*words) as process:
        process.stdout.readline()
        process.stdout.close()
        process.wait(30)
    assert process.returncode == 141
    left = call("plan", "left.yaml").out.count("+ domain")
    assert left > 0
    assert left + len(names(sandbox)) == 9


def test_a_report_is_whole_though_what_is_left_cannot_be_written(
    call, manifest, monkeypatch, sandbox
):
    def full(*_):
        raise OSError(28, "No space left on device")

    sandbox.faults.add("domains.create", "html-200", times=None)
    monkeypatch.setattr("unmta_async.cli.wishes.write_atomically", full)
    code, _, err = call("apply", manifest, "--yes", *STORE, "--failed", "left.yaml")
    assert code == 1
    assert " failed, " in err
    assert err.endswith("No space left on device\n")


def test_to_go_on_with_standard_input_the_same_is_needed(call, sandbox):
    sandbox.faults.add("credentials.create", "token-revoked")
    words = ("apply", "-", "--yes", *STORE, "--concurrency", "1")
    code, _, err = call(*words, stdin=WISHED)
    assert code == 1
    assert f"with the same input:\n  unmta {shlex.join(words)}\n" in err


def test_a_terminal_is_told_that_it_is_read_and_ctrl_c_ends_that(account, tmp_path):
    for words in (("plan", "-"), ("audit", "-"), ("auth", "status", "--token-file", "/dev/stdin")):
        says = [("Reading from the terminal; Ctrl-D ends it.", "\x03")]
        ended = converse(*words, says=says, env=account, cwd=tmp_path)
        assert ended.code == 130


@pytest.mark.parametrize(("name", "kind"), [("p.jsonl", JsonlStore), ("p.db", SqliteStore)])
def test_the_name_of_a_store_tells_its_kind(call, manifest, tmp_path, name, kind):
    async def reveal():
        async with kind(tmp_path / name) as store:
            return await store.reveal("a1b2c3d4", "web")

    assert call("apply", manifest, "--yes", "--store", name).code == 0
    assert len(asyncio.run(reveal()).reveal()) == 32

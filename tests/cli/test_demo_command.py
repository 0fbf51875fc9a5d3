"""`unmta demo`: a first run creates, a second finds what is there."""

from __future__ import annotations

import asyncio
import re
import subprocess

from unmta_async.provisioning import SqliteStore

from .terminal import run


def count(status, shown):
    found = re.search(rf"^{status} +([\d,]+)$", shown, re.MULTILINE)
    assert found, shown
    return int(found[1].replace(",", ""))


def kept(file):
    async def reveal():
        async with SqliteStore(file) as store:
            return await store.reveal("a1b2c3d4", "webapp-production")

    return asyncio.run(reveal()).reveal()


def test_the_second_run_finds_what_the_first_created(tmp_path):
    first = run("demo", cwd=tmp_path)
    assert (first.code, count("created", first.out)) == (0, 1000), first.err
    folder = tmp_path / "demo"
    zone = (folder / "records.zone").read_text()
    assert zone.count("\n") == 2000
    password = kept(folder / "passwords.db")
    assert (len(password), (folder / "passwords.db").stat().st_mode & 0o777) == (32, 0o600)
    assert password not in first.out + first.err
    second = run("demo", cwd=tmp_path)
    assert (second.code, count("existed", second.out)) == (0, 1000), second.err
    assert (folder / "records.zone").read_text() == zone


def test_what_forgets_it_removes_what_it_made_and_nothing_else(call, tmp_path):
    (tmp_path / "names.txt").write_text("a.example.com\n")
    folder = tmp_path / "my demo"
    words = ("demo", "names.txt", "--folder", "my demo")
    told = call(*words).err
    (folder / "mine").touch()
    assert call(*words).code == 0
    command = re.search("`(.*)`", told)[1]
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert [each.name for each in folder.iterdir()] == ["mine"]
    code, _, err = call(*words)
    assert (code, "something else in it" in err) == (2, True)


def test_a_folder_without_a_name_is_refused(call, tmp_path):
    code, _, err = call("demo", "--folder", "")
    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert "give the name of a folder" in err


def test_a_damaged_state_is_told_with_the_way_out(call, tmp_path):
    (tmp_path / "names.txt").write_text("a.example.com\n")
    words = ("demo", "names.txt")
    assert call(*words).code == 0
    state = tmp_path / "demo" / "sandbox.jsonl"
    state.write_bytes(state.read_bytes() + b"damage\n")
    code, _, err = call(*words)
    assert code == 1
    assert "line " in err
    assert "or use another --folder" in err
    command = re.search("`(.*)`", err)[1]
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert call(*words).code == 0


def test_names_that_are_none_are_refused_with_their_lines(call, tmp_path):
    (tmp_path / "names.txt").write_text("# mine\ngood.example.com\nbad\n")
    code, out, err = call("demo", "names.txt", "--folder", "here")
    assert (code, out) == (2, "")
    assert err.startswith("error: names.txt:3: ")


def test_a_missing_file_is_one_clear_line(call):
    code, out, err = call("demo", "none.txt")
    assert (code, out) == (1, "")
    assert err == "error: none.txt: No such file or directory\n"


def test_in_a_terminal_there_is_a_bar(tmp_path):
    (tmp_path / "names.txt").write_text("a.example.com\nb.example.com\n")
    shown = run("demo", "names.txt", tty=True, cwd=tmp_path)
    assert shown.code == 0
    assert "2/2 done" in shown.out

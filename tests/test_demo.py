"""`make demo`: a first run creates, a second finds, a broken one says what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", ROOT / "examples/demo.py", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def count(status: str, shown: str) -> int:
    found = re.search(rf"^ *{status} +([\d,]+)", shown, re.MULTILINE)
    assert found, shown
    return int(found[1].replace(",", ""))


def test_the_second_run_finds_what_the_first_created(tmp_path: Path) -> None:
    first = demo("--folder", tmp_path)
    assert (first.returncode, count("created", first.stdout)) == (0, 1000), first.stderr
    zone = (tmp_path / "records.zone").read_text()
    assert zone.count("\n") == 2000
    password = tmp_path / "webapp-production.password"
    assert (len(password.read_text()), password.stat().st_mode & 0o777) == (32, 0o600)
    assert password.read_text() not in first.stdout + first.stderr
    second = demo("--folder", tmp_path)
    assert (second.returncode, count("existed", second.stdout)) == (0, 1000), second.stderr
    assert (tmp_path / "records.zone").read_text() == zone


def test_what_fails_is_shown_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("# mine\ngood.example.com\nbad\n")
    run = demo(names, "--folder", tmp_path)
    assert run.returncode == 1
    assert (count("created", run.stdout), count("failed", run.stdout)) == (1, 1)
    assert "bad: domains.create: 422 name:" in run.stdout


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    run = demo(tmp_path / "none.txt")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith("error: ")
    assert "none.txt" in run.stderr

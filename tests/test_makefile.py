"""The Makefile: `make help` lists every verb, and what is promised is what is tried."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()


def test_help_lists_every_verb() -> None:
    command = ["make", "--no-print-directory", "-C", ROOT]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    listed = set(re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE))
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert listed == set(phony.split())


def test_ci_runs_check_and_test() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make check", "make test"]

"""docs/cli.md shows what the commands print: they run, in their order, and are compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from unmta_async.sandbox import Sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SESSION = "".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MANIFEST = """\
clusters:
  a1b2c3d4:
    domains: [example.com, news.example.com]
    credentials:
      webapp: {domains: [example.com]}
"""


def run(session, environment, folder):
    """Run the commands of a session one after the other; return it with what they print."""
    shown = []
    for command in re.findall(r"^\$ (.*)$", session, re.MULTILINE):
        name, _, value = command.removeprefix("export ").partition("=")
        shown.append(f"$ {command}\n")
        if command.startswith("export "):
            environment[name] = value
            continue
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        shown.append(done.stdout + done.stderr)
    return "".join(shown)


def settled(text):
    """Return a session without what differs from run to run."""
    text = re.sub(r"[0-9.]+ s\b", "0.0 s", TIME.sub("TIME", text))
    return re.sub(r" {2,}", "  ", text)


@pytest.mark.timeout(120)
def test_the_commands_print_what_is_shown(tmp_path):
    (tmp_path / "names.txt").write_text("example.com\nmail.example.com\n")
    (tmp_path / "mail.yaml").write_text(MANIFEST)
    with Sandbox() as sandbox:
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "UNMTA_BASE_URL": sandbox.base_url,
            "UNMTA_API_TOKEN": sandbox.token,
        }
        shown = run(SESSION, environment, tmp_path)
    assert by_command(settled(shown)) == by_command(settled(SESSION))


def by_command(session):
    """Return the lines of each command; what is done at the same time ends in any order."""
    return [sorted(part.splitlines()) for part in session.split("$ ")]

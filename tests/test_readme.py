"""The README does what it says: its blocks run, in their order, against the sandbox."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unmta_async import ConnectionLostError, PasswordLostError, UnmtaClient
from unmta_async.sandbox import Sandbox

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FAULTS = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
MANIFEST = "clusters: {a1b2c3d4: {credentials: {batch: {allow_all_domains: true}}}}"
PROGRAM, *BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_it_is_short_and_shows_a_whole_program_early() -> None:
    lines = README.splitlines()
    assert len(lines) <= 150
    end = README[: README.index(PROGRAM) + len(PROGRAM)].count("\n")
    assert end <= 30


def test_the_program_runs_as_it_stands() -> None:
    with Sandbox() as sandbox:
        environ = {"UNMTA_BASE_URL": sandbox.base_url, "UNMTA_API_TOKEN": sandbox.token}
        shown = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    assert re.match(r"TXT unmta\._domainkey p=\S{392}\nTXT _dmarc v=DMARC1;", shown)


def onboard(name: str, *, base_url: str, token: str) -> None:
    """What a user's own code might do."""

    async def create() -> None:
        async with UnmtaClient(base_url=base_url, token=token) as client:
            await client.domains.create("a1b2c3d4", name=name)

    asyncio.run(create())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of its own, with the manifest that is loaded."""
    monkeypatch.chdir(tmp_path)
    Path("mail.yaml").write_text(MANIFEST, encoding="utf-8")


async def test_the_blocks_run(
    client: UnmtaClient, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: dict[str, str] = {}
    known: dict[str, Any] = {
        "client": client,
        "cluster": (await client.clusters.list())[0],
        "names": ["example.com", "nowhere"],
        "store": kept.__setitem__,
        "onboard": onboard,
    }
    for block in BLOCKS:
        await run(block, known)
    assert len(kept["webapp"]) == 32
    shown = capsys.readouterr().out
    assert "{'user': ['The user has already been taken.']}" in shown
    assert "example.com created" in shown
    assert "nowhere failed" in shown
    assert "created: credential batch of a1b2c3d4" in shown
    with Sandbox() as own:
        await asyncio.to_thread(known["test_onboarding"], own)
        assert [call.operation for call in own.calls] == ["domains.create"]
    with Sandbox() as own:
        known["test_onboarding_when_the_answer_is_lost"](own)
        with pytest.raises(ConnectionLostError):
            await asyncio.to_thread(onboard, "example.org", base_url=own.base_url, token=own.token)


async def test_the_blocks_about_faults_run(client: UnmtaClient) -> None:
    known: dict[str, Any] = {
        "client": client,
        "cluster": "a1b2c3d4",
        "pytest": pytest,
        "Sandbox": Sandbox,
        "PasswordLostError": PasswordLostError,
    }
    for block in re.findall(r"```python\n(.*?)```", FAULTS, re.DOTALL):
        await run(block, known)
    assert (known["outcome"].status, known["deleted"]) == ("created", True)


async def run(block: str, known: dict[str, Any]) -> None:
    running = eval(compile(block, "a page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), known)
    if inspect.isawaitable(running):
        await running


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()

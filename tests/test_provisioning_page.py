"""docs/provisioning.md does what it says: its blocks run, and print what it shows."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from unmta_async import UnmtaClient
from unmta_async.dns import records, render
from unmta_async.provisioning import Manifest, ManifestError
from unmta_async.sandbox import Sandbox

PAGE = (Path(__file__).parents[1] / "docs" / "provisioning.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
CLUSTER = "a1b2c3d4"


async def publish(sandbox: Sandbox, client: UnmtaClient, *names: str) -> None:
    """Do what a reader does between the sections on DNS and on waiting."""
    for name in names:
        domain = await client.domains.get(CLUSTER, name)
        zone = render(records(domain, zone="example.com"), "bind")
        sandbox.nameserver.load(zone, zone="example.com")
    sandbox.clock.advance(10)


def write_manifest() -> None:
    [manifest] = [block for kind, block in BLOCKS if kind == "yaml"]
    Path("mail.yaml").write_text(manifest, encoding="utf-8")


async def test_the_blocks_run_and_print_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest()
    async with Sandbox(verification="dns") as sandbox, sandbox.client() as client:
        known: dict[str, Any] = {"client": client, "resolver": sandbox.nameserver.resolver()}
        printed = ""
        for kind, block in BLOCKS:
            if kind == "text" and not block.startswith("mail.yaml:"):
                assert sorted(printed.splitlines()) == sorted(block.splitlines())
            elif kind == "python":
                if "wait_verified" in block:
                    await publish(sandbox, client, "example.com", "mail.example.com")
                await run(block, known)
                printed = capsys.readouterr().out


async def run(block: str, known: dict[str, Any]) -> None:
    running = eval(compile(block, "a page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), known)
    if inspect.isawaitable(running):
        await running


def test_the_faults_are_told_as_the_page_shows_them() -> None:
    [told] = [block for _, block in BLOCKS if block.startswith("mail.yaml:")]
    manifest = next(block for kind, block in BLOCKS if kind == "yaml")
    wrong = manifest.replace("[example.com, mail", "[exmaple..com, mail")
    wrong = wrong.replace("203.0.113.0/24", "203.0.113.5/24")
    with pytest.raises(ManifestError) as caught:
        Manifest.parse(wrong, format="yaml", name="mail.yaml")
    assert [str(fault) for fault in caught.value.faults] == told.splitlines()

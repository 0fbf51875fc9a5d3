"""docs/the-api-changed.md does what it says: its blocks are applied, run and compared, in order.

In a copy of what a change of the contract concerns, a clone released as v0.1.0. `make` would make
an environment: what it runs is read off the Makefile, and run with the one of the tests.
"""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from codegen_support import ROOT
from scripted import TOKEN, Act, Scripted, answer

PAGE = (ROOT / "docs" / "the-api-changed.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
COPIED = ("codegen", "openapi", "unmta_async", "pyproject.toml", "CHANGELOG.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "COLUMNS": "80",
}
PROGRAM = """
import ast, asyncio, sys
from unmta_async import UnmtaClient

async def main(page, base_url, token):
    code = compile(page, "the page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with UnmtaClient(base_url=base_url, token=token) as client:
        await eval(code, {"client": client, "cluster": "a1b2c3d4"})

asyncio.run(main(*sys.argv[1:]))
"""
ADDED = {"name": "links.example.com", "created_at": "2025-01-15T10:30:00Z"}
CALLED = [
    "links.example.com 2025-01-15 10:30:00+00:00",
    "POST /api/v1/clusters/a1b2c3d4/tracking-domains",
    "DELETE /api/v1/clusters/a1b2c3d4/tracking-domains/links.example.com",
    "GET /api/v1/clusters/a1b2c3d4/tracking-domains",
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What is copied, released as it is."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, folder)
    project = folder / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    text = re.sub(r'^version = ".*"', 'version = "0.1.0"', text, flags=re.MULTILINE)
    project.write_text(text, encoding="utf-8")
    (folder / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    me = "-c user.name=A -c user.email=a@example.com"
    for command in ("init --quiet", "add --all", f"{me} commit --quiet -m x", "tag v0.1.0"):
        execute(["git", *shlex.split(command)], folder)
    return folder


def execute(command: Sequence[str], folder: Path, given: str = "", *, check: bool = True) -> str:
    """Run a command and return what it shows, an error's text included."""
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, input=given, text=True, check=check,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ).stdout  # fmt: skip


def recipe(verb: str) -> list[str]:
    """Return what a verb of the Makefile runs."""
    rule = re.search(rf"^{verb}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert rule, f"the Makefile has no {verb}"
    return [re.sub(r"\$\(if .*\)|\$\(ARGS\)", "", line).strip() for line in rule[1].splitlines()]


def shown(command: str, folder: Path) -> str:
    """Return what a command line of the page shows, whether it works or not."""
    return "".join(_shown(shlex.split(each), folder) for each in command.split(" && "))


def _shown(command: Sequence[str], folder: Path) -> str:
    if command[0] != "make":
        return execute(command, folder, check=False)
    text = ""
    for line in recipe(*command[1:]):
        program, *rest = shlex.split(line.removeprefix("@"))
        assert program == "$(BIN)/python"
        text += "" if line.startswith("@") else line.replace("$(BIN)", ".venv/bin") + "\n"
        text += execute([sys.executable, "-W", "error", *rest], folder, check=False)
    return text


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a block of the page, each with what it is to show."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, text = part.partition("\n")
        yield command, text


def agrees(page: str, real: str) -> bool:
    """Whether a text is as on the page: `…` is anything, and lines of the contract move."""
    page, real = (re.sub(r"(?<=unmta\.yaml:)\d+", "0", text) for text in (page, real))
    parts = re.split(r"^…\n|…", page, flags=re.MULTILINE)
    return re.fullmatch(".*".join(map(re.escape, parts)), real, re.DOTALL) is not None


async def call(block: str, folder: Path) -> list[str]:
    """Run code of the page against a server; return what was printed, and asked of the server.

    The answer to the DELETE gets lost.
    """
    answers = answer(201, {"data": ADDED}), Act.RESET, answer(200, {"data": []})
    async with Scripted(*answers) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", PROGRAM, block, server.base_url, TOKEN,
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        printed, _ = await process.communicate()
    asked = [request.split(b" HTTP/")[0].decode() for request in server.requests]
    return [*printed.decode().splitlines(), *asked]


def test_it_is_short() -> None:
    assert len(PAGE.splitlines()) <= 120


@pytest.mark.timeout(60)
async def test_its_blocks_do_what_they_show(clone: Path) -> None:
    assert [kind for kind, _ in BLOCKS] == ["diff", "console", "python", "diff", "console"]
    real = ""
    for kind, block in BLOCKS:
        if kind == "diff":
            await asyncio.to_thread(execute, ["git", "apply", "-"], clone, block)
        elif kind == "console":
            for command, text in commands(block):
                real = await asyncio.to_thread(shown, command, clone)
                assert agrees(text, real), f"{command}\n{real}"
        else:
            assert await call(block, clone) == CALLED
    refused = re.search(r"(openapi/unmta\.yaml):(\d+)", real)
    assert refused
    lines = (clone / refused[1]).read_text(encoding="utf-8").splitlines()
    assert "pipeDelimited" in lines[int(refused[2]) - 1]


NAMED = [
    (file, name)
    for file, names in re.findall(r"`(\w+\.py)`: ([^.\n]+)", PAGE)
    for name in re.findall(r"`(\w+)`", names)
]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_it_names_is_there(file: str, name: str) -> None:
    code = (ROOT / "codegen" / file).read_text(encoding="utf-8")
    assert re.search(rf"^(def {name}\(|{name}: Final\b)", code, re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r"`((?:tests|unmta_async)/[\w/]+\.py)`", PAGE))
def test_the_files_it_names_are_there(path: str) -> None:
    assert (ROOT / path).is_file()

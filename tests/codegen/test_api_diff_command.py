"""`python -m codegen.api_diff` as a user meets it, in git clones of its own."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from codegen_support import FRAME, ROOT, run

from codegen.api_diff.__main__ import main

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_AUTHOR_DATE": "2025-01-15T10:30:00Z",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_COMMITTER_DATE": "2025-01-15T10:30:00Z",
}
TINY = (
    FRAME
    + """\
paths:
  /things/{thing}:
    delete:
      operationId: deleteThing
      tags: [things]
      summary: Delete it.
      parameters: [{name: thing, in: path, required: true, schema: {type: string}}]
      responses: {"204": {description: Done.}}
"""
)
BROKEN = TINY.replace("deleteThing", "dropThing")
GROWN = (
    TINY
    + """\
    put:
      operationId: renewThing
      tags: [things]
      summary: Renew it.
      parameters: [{name: thing, in: path, required: true, schema: {type: string}}]
      responses: {"204": {description: Done.}}
"""
)
REPORT = """\
Breaking

  things.delete: called `things.drop` now
    was: delete(thing: str) -> None
    is:  drop(thing: str) -> None

Since v0.1.0: 1 breaking. Breaks ask for 0.2.0, and the version is 0.1.0: raise
it in pyproject.toml, or take the breaks back.

For CHANGELOG.md:

## 0.2.0 (unreleased)

- `things.delete`: called `things.drop` now.

  ```python
  await client.things.delete(thing)  # before
  await client.things.drop(thing)    # after
  ```
"""


@pytest.fixture(autouse=True)
def git_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def write(folder: Path, contract: str = TINY, version: str = "0.1.0") -> None:
    (folder / "openapi").mkdir(parents=True, exist_ok=True)
    (folder / "openapi" / "unmta.yaml").write_text(contract, encoding="utf-8")
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n', encoding="utf-8")


def commit(folder: Path, *tags: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--allow-empty", "--message", "x")
    for tag in tags:
        git(folder, "tag", tag)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose contract is released as 0.1.0."""
    folder = tmp_path / "clone"
    write(folder)
    git(tmp_path, "init", "--quiet", str(folder))
    commit(folder, "v0.1.0", "zzz", "vendored")
    return folder


def api_diff(
    capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str
) -> tuple[int, str, str]:
    code = main(["--project", str(folder), *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_break_that_the_version_does_not_tell(clone: Path) -> None:
    write(clone, BROKEN)
    result = run(ROOT, "codegen.api_diff", "--project", clone, "v0.1.0")
    assert (result.returncode, result.stdout, result.stderr) == (1, REPORT, "")


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_without_a_base_it_takes_the_last_release(
    clone: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    write(clone, BROKEN)
    commit(clone)
    assert api_diff(capsys, clone, *arguments) == (1, REPORT, "")


@pytest.mark.parametrize(
    ("contract", "version", "line"),
    [
        (TINY, "0.1.0", "Since v0.1.0: nothing changed.\n"),
        (
            GROWN,
            "0.1.0",
            "Since v0.1.0: 1 additive. That asks for 0.1.1 or 0.2.0; the version is 0.1.0.\n",
        ),
        (BROKEN, "0.2.0", "Since v0.1.0: 1 breaking. That asks for 0.2.0; the version is 0.2.0.\n"),
        (BROKEN, "1.0", "Since v0.1.0: 1 breaking. That asks for 0.2.0; the version is 1.0.0.\n"),
    ],
    ids=["nothing", "additive", "told", "one-point-oh"],
)
def test_what_is_fine_takes_one_line(
    clone: Path, contract: str, version: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(clone, contract, version)
    assert api_diff(capsys, clone, "--check") == (0, line, "")


def test_for_machines(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(clone, BROKEN)
    code, printed, _ = api_diff(capsys, clone, "HEAD", "--json")
    assert code == 1
    data = json.loads(printed)
    assert data.pop("changelog") == REPORT.partition("CHANGELOG.md:\n\n")[2] + "\n"
    assert data == {
        "base": "HEAD",
        "version": {"base": "0.1.0", "now": "0.1.0", "asked": "0.2.0", "matched": False},
        "changes": [
            {
                "class": "breaking",
                "place": "things.delete",
                "what": "called `things.drop` now",
                "was": "delete(thing: str) -> None",
                "is": "drop(thing: str) -> None",
                "before": "await client.things.delete(thing)",
                "after": "await client.things.drop(thing)",
                "hint": "",
            }
        ],
    }


def test_without_tags_it_is_no_failure(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(clone, "tag", "--delete", "v0.1.0")
    code, printed, notice = api_diff(capsys, clone, "--check")
    assert (code, printed) == (0, "")
    assert notice == (
        "api-diff: nothing to compare with: there is no release tag `v…` yet, or none was fetched\n"
    )


def test_without_git_it_is_no_failure(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    code, printed, notice = api_diff(capsys, clone, "--check")
    assert (code, printed) == (0, "")
    assert notice == "api-diff: nothing to compare with: git is not installed\n"
    code, _, error = api_diff(capsys, clone, "v0.1.0")
    assert (code, error) == (2, "api-diff: git is not installed\n")


def test_outside_of_a_clone_it_is_no_failure(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    write(tmp_path / "unpacked")
    code, _, notice = api_diff(capsys, tmp_path / "unpacked", "--check")
    assert code == 0
    assert notice.startswith("api-diff: nothing to compare with: git rev-parse: fatal: not a git")
    assert notice.count("\n") == 1
    write(clone / "unpacked")  # inside of somebody else's
    code, _, notice = api_diff(capsys, clone / "unpacked", "--check")
    assert code == 0
    assert notice == "api-diff: nothing to compare with: this is not a clone of its own\n"


@pytest.mark.parametrize("base", ["nope", "v0.1.0:openapi", "a..b", "0" * 40])
def test_a_base_that_is_no_commit(
    clone: Path, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api_diff(capsys, clone, base) == (
        2, "", f"api-diff: `{base}` is no commit, tag or branch of this clone\n",
    )  # fmt: skip


def test_usage() -> None:
    result = run(ROOT, "codegen.api_diff", "--no-such-option")
    assert result.returncode == 2
    assert "usage: python -m codegen.api_diff" in result.stderr


BAD = "{}:openapi/unmta.yaml"


def test_a_base_without_a_contract_or_with_a_bad_one(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(clone, "rm", "-r", "--quiet", "openapi")
    commit(clone, "none")
    write(clone, TINY.replace("operationId", "operationID") + "a: 1\n")
    commit(clone, "bad")
    (clone / "pyproject.toml").write_text("[project]\ndynamic = ['version']\n")
    (clone / "openapi" / "unmta.yaml").write_text(TINY)
    commit(clone, "versionless")
    write(clone)
    code, printed, error = api_diff(capsys, clone, "none")
    assert (code, printed) == (2, "")
    assert error == "api-diff: at none: there is no contract, openapi/unmta.yaml\n"
    code, printed, error = api_diff(capsys, clone, "bad")
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert error.startswith("api-diff: at bad: openapi/unmta.yaml:")
    assert error.endswith(" (and 1 more)\n")
    code, printed, error = api_diff(capsys, clone, "versionless")
    assert (code, printed) == (2, "")
    assert error == "api-diff: at versionless: pyproject.toml tells no `version` under `project`\n"


def test_a_contract_that_is_bad_now(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = clone / "openapi" / "unmta.yaml"
    contract.write_text("a: [\n")
    code, printed, error = api_diff(capsys, clone)
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert error.startswith(f"api-diff: {contract}:2: #/: not YAML:")
    contract.unlink()
    code, _, error = api_diff(capsys, clone)
    assert (code, error) == (2, "api-diff: there is no contract, openapi/unmta.yaml\n")


def test_references_to_other_files_are_followed_at_the_base(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "{name: thing, in: path, required: true, schema: {type: string}}"
    split = TINY.replace(own, '{$ref: "parts/thing.yaml"}')
    assert split != TINY
    (clone / "openapi" / "parts").mkdir()
    part = clone / "openapi" / "parts" / "thing.yaml"
    part.write_text(own)
    write(clone, split)
    commit(clone, "v0.1.1")
    part.write_text(own.replace("string", "integer"))
    code, printed, error = api_diff(capsys, clone)
    assert (code, error) == (1, "")
    assert "  things.delete(thing): takes another type\n    was: thing: str\n" in printed


def test_the_work_tree_and_the_clone_stay_as_they_are(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(clone, GROWN)
    before = {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()}
    api_diff(capsys, clone, "v0.1.0")
    assert {path: path.read_bytes() for path in clone.rglob("*") if path.is_file()} == before

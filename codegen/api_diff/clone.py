"""The project and its git history: the only module here that runs git or reads files."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CONTRACT", "CloneError", "commit_of", "extract", "last_release", "version_of"]

CONTRACT: Final = Path("openapi", "unmta.yaml")
_PROJECT: Final = "pyproject.toml"


class CloneError(Exception):
    """Git, or a file of the project, does not have what is asked for."""


def last_release(project: Path) -> str:
    """Return the last release tag before the present commit.

    Raises:
        CloneError: There is none, or no git, or this is no clone.
    """
    top = _git(project, "rev-parse", "--show-toplevel").decode().strip()
    if Path(top).resolve() != project.resolve():
        raise CloneError("this is not a clone of its own")
    try:
        command = ("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
        return _git(project, *command).decode().strip()
    except CloneError as error:
        raise CloneError("there is no release tag `v…` yet, or none was fetched") from error


def commit_of(project: Path, ref: str) -> str:
    """Return the commit that a tag, branch or expression of git names.

    Raises:
        CloneError: It names none.
    """
    _git(project, "rev-parse", "--git-dir")
    try:
        return (
            _git(project, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").decode().strip()
        )
    except CloneError as error:
        raise CloneError(f"`{ref}` is no commit, tag or branch of this clone") from error


def extract(project: Path, commit: str, folder: Path) -> None:
    """Put the contract with all beside it, and pyproject.toml, as they were into a folder.

    Raises:
        CloneError: Git cannot read them.
    """
    paths = (str(CONTRACT.parent), _PROJECT)
    there = _git(project, "ls-tree", "--name-only", commit, "--", *paths).decode().split()
    archive = _git(project, "archive", "--format=tar", commit, "--", *there) if there else b""
    for name, content in _files(archive):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def version_of(project: Path) -> Version:
    """Return the version that pyproject.toml gives.

    Raises:
        CloneError: It gives none.
    """
    try:
        text = (project / _PROJECT).read_text(encoding="utf-8")
        return Version.read(str(tomllib.loads(text)["project"]["version"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CloneError(f"{_PROJECT} tells no `version` under `project`") from error


def _files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    if not archive:
        return
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, content.read()


def _git(project: Path, *arguments: str) -> bytes:
    try:
        result = subprocess.run(  # noqa: S603 -- no shell; a ref is made a commit before it is used
            ["git", "-C", str(project), *arguments],  # noqa: S607
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise CloneError("git is not installed") from error
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip().splitlines()
        raise CloneError(f"git {arguments[0]}: {said[0] if said else 'failed'}")
    return result.stdout

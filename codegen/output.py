"""The folder of generated modules: writing it whole, and comparing it.

A file that does not carry our header is somebody's own: it is never replaced or removed.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .render import HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OutputError", "difference", "write"]


class OutputError(Exception):
    """The modules cannot be written there."""


def write(folder: Path, modules: Mapping[str, str]) -> str:
    """Bring a folder to the given modules, touching only files that differ; say what was done.

    Raises:
        OutputError: The folder cannot be written, or a file of that name is not ours.
    """
    try:
        old = _read(folder)
        _refuse_foreign(folder, old, modules)
        changed = [name for name, text in modules.items() if old.get(name) != text]
        removed = [name for name, text in old.items() if name not in modules and HEADER in text]
        folder.mkdir(parents=True, exist_ok=True)
        for name in changed:
            _replace(folder / name, modules[name])
        for name in removed:
            (folder / name).unlink()
    except OSError as error:
        raise OutputError(f"{error.filename or folder}: {error.strerror}") from error
    unchanged = len(modules) - len(changed)
    return f"{folder}: {len(changed)} written, {len(removed)} removed, {unchanged} unchanged"


def difference(folder: Path, modules: Mapping[str, str]) -> str:
    """Return how a folder differs from the given modules, as a unified diff; "" if it does not.

    Raises:
        OutputError: The folder cannot be read, or holds a file that is not ours.
    """
    try:
        old = _read(folder)
    except OSError as error:
        raise OutputError(f"{error.filename or folder}: {error.strerror}") from error
    for name, text in old.items():
        if name not in modules and HEADER not in text:
            raise OutputError(f"{folder / name}: not a generated file; move it away")
    return "".join(
        line
        for name in sorted({*old, *modules})
        for line in difflib.unified_diff(
            old.get(name, "").splitlines(keepends=True),
            modules.get(name, "").splitlines(keepends=True),
            fromfile=f"{folder / name} (there)" if name in old else "/dev/null",
            tofile=f"{folder / name} (generated)" if name in modules else "/dev/null",
        )
    )


def _read(folder: Path) -> dict[str, str]:
    paths = sorted(folder.glob("*.py"))
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}


def _refuse_foreign(folder: Path, old: Mapping[str, str], modules: Mapping[str, str]) -> None:
    for name in modules:
        if old.get(name, "").strip() and HEADER not in old[name]:
            raise OutputError(f"{folder / name}: not a generated file; it is left as it is")


def _replace(path: Path, text: str) -> None:
    """Write a file so that at any moment it is the old one or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
    temporary = Path(file.name)
    temporary.chmod(0o666 & ~_umask())
    temporary.replace(path)


def _umask() -> int:
    """Return the mask for new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

"""The environment of each contender: made once, and again when its requirements change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "python_of"]

ROOT: Final = Path(__file__).resolve().parent.parent
_CONTRACT: Final = ROOT / "openapi" / "unmta.yaml"
_REQUIREMENTS: Final = ROOT / "benchmarks" / "contenders"
_GENERATED: Final = "unmta_generated"


def python_of(name: str) -> Path:
    """Return the interpreter of a contender's environment, which is made if need be."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    place = ROOT / "benchmarks" / ".envs" / version / name
    stamp, wanted = place / "made-from", _fingerprint(name)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Making the environment of {name} ...", file=sys.stderr)
        shutil.rmtree(place, ignore_errors=True)
        _make(place, name)
        stamp.write_text(wanted)
    return place / "bin" / "python"


def _fingerprint(name: str) -> str:
    contents = [(_REQUIREMENTS / f"{name}.txt").read_bytes()]
    if name == "generated":
        contents.append(_CONTRACT.read_bytes())
    return hashlib.sha256(b"\0".join(contents)).hexdigest()


def _make(place: Path, name: str) -> None:
    _run(sys.executable, "-m", "venv", place)
    pip = (place / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    _run(*pip, "install", "--requirement", _REQUIREMENTS / f"{name}.txt")
    if name == "generated":
        (packages,) = place.glob("lib/python*/site-packages")
        generator = place / "bin" / "openapi-python-client"
        target = packages / _GENERATED
        _run(generator, "generate", "--meta=none", "--path", _CONTRACT, "--output-path", target)


def _run(*command: str | Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")

"""The wheel: it installs and imports in an empty environment, and carries the contract."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROGRAM = """
import asyncio, importlib.metadata, importlib.resources, pathlib, sys
import unmta_async
from unmta_async.sandbox import Sandbox

async def main():
    async with Sandbox() as sandbox, sandbox.client() as client:
        return len(await client.clusters.list())

assert pathlib.Path(unmta_async.__file__).is_relative_to(sys.prefix), unmta_async.__file__
assert asyncio.run(main()) == 2
assert importlib.metadata.version("unmta-async") == unmta_async.__version__
print(importlib.resources.files("unmta_async").joinpath("openapi/unmta.yaml").read_text("utf-8"))
"""


def run(*command: str | Path, **environ: str) -> str:
    done = subprocess.run(
        command, env=environ or None, check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    [wheel] = folder.iterdir()
    return wheel


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == "unmta_async-0.1.0-py3-none-any.whl"
    assert {name.split("/")[0] for name in names} == {"unmta_async", "unmta_async-0.1.0.dist-info"}
    assert {"unmta_async/py.typed", "unmta_async/_generated/models.py"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path)
    python = tmp_path / "bin" / "python"
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "--python",
        python,
    )
    run(*pip, "install", "--no-index", "--no-deps", wheel)
    # Its dependencies are taken from here, as tests need no network. PYTHONPATH honours no .pth
    # file, so the editable install stays out of sight.
    here = sysconfig.get_path("purelib")
    contract = run(
        python, "-W", "error", "-I", "-c", f"import sys; sys.path.append({here!r})\n{PROGRAM}"
    )
    assert contract.strip() == (ROOT / "openapi/unmta.yaml").read_text("utf-8").strip()

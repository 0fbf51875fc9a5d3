"""The golden contract has every feature of the generator; its output is committed beside it.

After a change that is meant to change the output: `UPDATE_GOLDEN=1 pytest tests/codegen`, and read
the diff.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from codegen_support import GOLDEN, HERE, ROOT, codegen, run

from codegen import operations
from codegen.__main__ import generate
from unmta_async import _reply

EXPECTED = HERE / "expected"


def test_a_status_raises_what_its_docstring_says() -> None:
    assert {status: kind.__name__ for status, kind in _reply._ERRORS.items()} == {
        int(status): name for status, name in operations._ERRORS.items()
    }


@pytest.fixture(scope="module")
def modules() -> dict[str, str]:
    return generate(GOLDEN)


def test_golden_contract_gives_the_committed_output(modules: dict[str, str]) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(EXPECTED, ignore_errors=True)
        EXPECTED.mkdir()
        for name, text in modules.items():
            (EXPECTED / f"{name}.txt").write_text(text, encoding="utf-8")
    committed = {
        path.name.removesuffix(".txt"): path.read_text(encoding="utf-8")
        for path in EXPECTED.iterdir()
    }
    assert modules == committed


@pytest.fixture(scope="module")
def package(modules: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package that speaks the golden contract."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(
        ROOT / "unmta_async", folder / "unmta_async", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.rmtree(folder / "unmta_async" / "_generated")
    (folder / "unmta_async" / "_generated").mkdir()
    for name, text in modules.items():
        (folder / "unmta_async" / "_generated" / name).write_text(text, encoding="utf-8")
    return folder


def test_golden_output_passes_mypy_strict(package: Path) -> None:
    result = run(
        package, "mypy", "--strict", "--follow-imports=silent", "--cache-dir=.mypy_cache",
        "--python-version=3.11", "unmta_async/_generated",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


def test_golden_output_passes_the_projects_ruff(package: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", package)
    for command in (["check"], ["format", "--check"]):
        result = run(package, "ruff", *command, "--no-cache", "unmta_async/_generated")
        assert result.returncode == 0, result.stdout + result.stderr


def test_golden_models_work(package: Path) -> None:
    """Import them, and use what the templates add: iteration, renamed fields, open enums."""
    program = """
import attrs
from unmta_async._generated import OPERATIONS, Resources, models as m
a, b, c = (m.Record(type=t) for t in "abc")
records = m.Records(a=a, additional={"c": c})
assert [*records] == [a, c], [*records]
assert [*m.Records(b=b, a=a, additional_=c)] == [b, a, c]
field = attrs.fields(m.ImportReport).tracking_domains
assert field.metadata == {"json": "data"}, field
assert m.TrackingStatus("new") == "new" and m.TrackingStatus.NO == "NO"
assert issubclass(m.TrackingDomainDetail, m.TrackingDomain)
assert not hasattr(a, "__dict__")
assert sorted(m.__all__) == m.__all__
names = [operation.name for operation in OPERATIONS]
assert len(set(names)) == len(names) == 10, names
assert Resources(None).tracking_domains
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_output_does_not_depend_on_the_hash_seed(modules: dict[str, str], tmp_path: Path) -> None:
    result = codegen("--spec", GOLDEN, "--out", tmp_path, PYTHONHASHSEED="1")
    assert result.returncode == 0, result.stderr
    # The other run was under this process's own seed.
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == modules


def test_output_names_no_machine_tool_or_time(modules: dict[str, str]) -> None:
    for text in modules.values():
        assert "Generated from the contract by `make generate`" in text.split('"""')[1]
        assert "datamodel" not in text
        assert "timestamp:" not in text
        assert str(ROOT) not in text
        assert not re.search(r"\bAny\b(?! )", text)


def test_committed_package_is_fresh() -> None:
    result = codegen("--check")
    assert result.returncode == 0, result.stdout + result.stderr

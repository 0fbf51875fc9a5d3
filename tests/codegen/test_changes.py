"""Any sensible change of the contract generates, type-checks and behaves on the wire.

Any other is refused with a message that names what is wrong, and where.
`changed` tells what a change is; `changes_operations` and `changes_models` list them.
"""

import multiprocessing
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import changes_models
import changes_operations
import pytest
from changed import Change, Made, call, differences, install, make
from codegen_support import PYRIGHT, ROOT, run

CHANGES = (*changes_operations.CHANGES, *changes_models.CHANGES)
GENERATED = [each for each in CHANGES if each.refused is None]
REFUSED = [each for each in CHANGES if each.refused is not None]
EXAMPLES = [(each, at) for each in GENERATED for at in range(len(each.examples))]


def _name(value: object) -> str:
    return value.name if isinstance(value, Change) else str(value)


@pytest.fixture(scope="module")
def chosen(request: pytest.FixtureRequest) -> list[Change]:
    """Return the changes that the chosen tests need: all, if a test of them all is chosen."""
    items = [item for item in request.session.items if item.module is request.module]
    if not all(hasattr(item, "callspec") for item in items):
        return list(CHANGES)
    names = {item.callspec.params["change"].name for item in items}
    return [each for each in CHANGES if each.name in names]


@pytest.fixture(scope="module")
def made(chosen: list[Change], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Made]:
    """Return what the generator made of each change."""
    folder = tmp_path_factory.mktemp("contracts")
    folders = [folder / each.package for each in chosen]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        all_made = pool.map(make, chosen, folders, chunksize=4)
        return {each.name: one for each, one in zip(chosen, all_made, strict=True)}


@pytest.fixture(scope="module")
def packages(
    chosen: list[Change], made: Mapping[str, Made], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Return the folder that `apis` is in, with a package for each change."""
    folder = tmp_path_factory.mktemp("packages")
    for each in chosen:
        if made[each.name].modules:
            install(each, made[each.name], folder / "apis")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def test_names_are_unique() -> None:
    names = [each.package for each in CHANGES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("change", GENERATED, ids=_name)
def test_it_generates(change: Change, made: Mapping[str, Made]) -> None:
    result = made[change.name]
    assert result.refusal == ""
    assert len(change.warnings) == len(result.said.splitlines()), result.said
    for pattern in change.warnings:
        assert re.search(pattern, result.said), result.said
    for module, text in change.contains:
        assert text in result.modules[module], result.modules[module]


@pytest.mark.parametrize("change", REFUSED, ids=_name)
def test_it_is_refused(change: Change, made: Mapping[str, Made]) -> None:
    assert change.refused is not None
    assert re.search(change.refused, made[change.name].refusal), made[change.name]
    for line in made[change.name].refusal.splitlines():
        assert re.match(r"\S+:\d+: #/.*: ", line), line


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("change", "at"), EXAMPLES, ids=_name)
async def test_it_works(change: Change, at: int, packages: Path) -> None:
    value_is_right, requests = await call(change, at)
    assert differences(change.examples[at], requests) == []
    assert value_is_right


def test_all_pass_mypy_strict(packages: Path) -> None:
    result = run(
        packages, "mypy", "--strict", "--follow-imports=silent", "--python-version=3.11",
        "apis",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(PYRIGHT is None, reason="needs pyright")
def test_all_pass_pyright_strict(packages: Path) -> None:
    (packages / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "pythonVersion": "3.11", "include": ["apis"],'
        ' "reportUnnecessaryTypeIgnoreComment": true, "reportPrivateUsage": false}'
    )
    result = subprocess.run(
        [str(PYRIGHT), "--pythonpath", sys.executable],
        cwd=packages, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


def test_all_pass_the_projects_ruff(packages: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", packages)
    # Imports are sorted by where they lead, which is elsewhere here.
    for command in (["check", "--extend-ignore=A002,I,S105,S106"], ["format", "--check"]):
        arguments = ["--no-cache", "--exclude=user_code.py", "apis"]
        result = run(packages, "ruff", *command, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr

"""`python -m codegen` as a user meets it: what it prints, its exit codes, what it leaves alone."""

import functools
import shutil
import tempfile
from pathlib import Path

import pytest
from codegen_support import GOLDEN, codegen, framed

from codegen import models, output
from codegen.__main__ import generate, main
from codegen.render import HEADER

TINY = framed(
    """
    paths:
      /things:
        get:
          operationId: listThings
          tags: [things]
          responses: {"204": {description: Done.}}
    """
)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "api.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture
def out(spec: Path) -> Path:
    """A folder with the fresh output of `spec`."""
    folder = spec.parent / "out"
    output.write(folder, _tiny_modules(spec.read_text(encoding="utf-8")))
    return folder


@functools.cache
def _tiny_modules(text: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "api.yaml")
        spec.write_text(text, encoding="utf-8")
        return generate(spec)


def test_it_says_what_it_wrote(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    first = codegen("--spec", spec, "--out", folder)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"{folder}: 4 written, 0 removed, 0 unchanged\n"
    again = codegen("--spec", spec, "--out", folder)
    assert again.stdout == f"{folder}: 0 written, 0 removed, 4 unchanged\n"


def test_help_and_usage() -> None:
    result = codegen("--help")
    assert result.returncode == 0
    assert all(option in result.stdout for option in ("--spec FILE", "--out DIR", "--check"))
    result = codegen("--no-such-option")
    assert result.returncode == 2
    assert "usage: python -m codegen" in result.stderr


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([*map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_check_passes_what_is_fresh(
    spec: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, errors = _run(capsys, "--spec", spec, "--out", out, "--check")
    assert (code, printed, errors) == (0, f"{out}: 4 modules, fresh\n", "")


def test_check_shows_what_is_stale_and_changes_nothing(
    spec: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = out / "things.py"
    changed.write_text(changed.read_text().replace("class Things", "class Thing"))
    (out / "models.py").unlink()
    (out / "stray.py").write_text(f'"""Old.\n\n{HEADER}\n"""\n')
    before = {path.name: path.read_text() for path in out.iterdir()}
    code, printed, errors = _run(capsys, "--spec", spec, "--out", out, "--check")
    assert code == 1
    assert "-class Thing:\n+class Things:\n" in printed
    assert f"--- /dev/null\n+++ {out / 'models.py'} (generated)" in printed
    assert f"--- {out / 'stray.py'} (there)\n+++ /dev/null" in printed
    assert errors == f"{out}: stale; run `make generate`\n"
    assert {path.name: path.read_text() for path in out.iterdir()} == before


def test_check_names_a_file_that_is_not_ours(
    spec: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "mine.py").write_text("x = 1\n")
    code, _, errors = _run(capsys, "--spec", spec, "--out", out, "--check")
    assert (code, errors) == (1, f"{out / 'mine.py'}: not a generated file; move it away\n")


def test_check_of_a_folder_that_is_not_there(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, errors = _run(capsys, "--spec", spec, "--out", tmp_path / "no", "--check")
    assert (code, errors) == (1, f"{tmp_path / 'no'}: stale; run `make generate`\n")
    assert not (tmp_path / "no").exists()


def test_only_files_of_ours_are_replaced_or_removed(
    spec: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "old.py").write_text(f'"""Old.\n\n{HEADER}\n"""\n')
    (out / "mine.py").write_text("x = 1\n")
    code, printed, _ = _run(capsys, "--spec", spec, "--out", out)
    assert (code, printed) == (0, f"{out}: 0 written, 1 removed, 4 unchanged\n")
    assert (out / "mine.py").exists()
    (out / "things.py").write_text("mine = True\n")
    code, _, errors = _run(capsys, "--spec", spec, "--out", out)
    assert (code, errors) == (
        1, f"{out / 'things.py'}: not a generated file; it is left as it is\n",
    )  # fmt: skip
    assert (out / "things.py").read_text() == "mine = True\n"


BAD = {
    TINY + "a: [\n": ":11: #/: not YAML: ",
    TINY.replace("operationId:", "operationID:"): ":7: #/paths/~1things/get/operationID: unknown",
    TINY.replace("tags:", "security: []\n      tags:"): (
        ":8: #/paths/~1things/get/security: not supported in an operation: `security`"
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_a_refused_contract_leaves_the_old_output(
    spec: Path, out: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: (path.read_text(), path.stat().st_mtime_ns) for path in out.iterdir()}
    spec.write_text(text, encoding="utf-8")
    code, printed, errors = _run(capsys, "--spec", spec, "--out", out)
    assert (code, printed) == (1, "")
    assert errors.startswith(f"{spec}{message}")
    assert errors.count("\n") == 1
    after = {path.name: (path.read_text(), path.stat().st_mtime_ns) for path in out.iterdir()}
    assert after == before


def test_files_that_cannot_be_read_or_written(
    spec: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.yaml"
    code, _, errors = _run(capsys, "--spec", missing, "--out", out)
    assert (code, errors) == (1, f"{missing}:1: #/: cannot be read: No such file or directory\n")
    code, _, errors = _run(capsys, "--spec", tmp_path, "--out", out)
    assert (code, errors) == (1, f"{tmp_path}:1: #/: cannot be read: Is a directory\n")
    missing.write_bytes(b"\xff\xfe\x00")
    code, _, errors = _run(capsys, "--spec", missing, "--out", out)
    assert (code, errors) == (1, f"{missing}:1: #/: cannot be read: it is not UTF-8 text\n")
    code, _, errors = _run(capsys, "--spec", spec, "--out", spec)
    assert (code, errors) == (1, f"{spec}: File exists\n")


def test_warnings_do_not_stop_it(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(TINY.replace("      tags: [things]\n", ""), encoding="utf-8")
    code, printed, errors = _run(capsys, "--spec", spec, "--out", tmp_path / "other")
    assert code == 0
    assert printed.endswith("4 written, 0 removed, 0 unchanged\n")
    assert errors.startswith(f"{spec}:6: #/paths/~1things/get: warning: an operation without a tag")


def test_a_lost_template_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """datamodel-code-generator takes its own templates then, and says nothing."""
    shutil.copytree(models.TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates" / "Enum.jinja2").unlink()
    monkeypatch.setattr(models, "TEMPLATES", tmp_path / "templates")
    with pytest.raises(models.GeneratorError, match="something else of TrackingStatus"):
        generate(GOLDEN)


def test_yaml_1_2_scalars_stay_what_they_are(tmp_path: Path) -> None:
    """Under 1.1 rules these would be False, True, a date, an octal number and an int key."""
    from codegen.loader import read

    text = "a: [NO, on, 2020-01-01, 012, 0o14, 1_000, 1e3, ~, '5', true, 0x1F]\n200: x\n"
    assert read(text, file="x").data == {
        "a": ["NO", "on", "2020-01-01", 12, 12, "1_000", 1000.0, None, "5", True, 31],
        "200": "x",
    }

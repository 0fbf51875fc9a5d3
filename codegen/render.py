"""Resources and models -> the text of the generated modules: templates, then one pass of ruff.

The templates print; what they print was decided before.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .docstrings import (
    LINE_LENGTH,
    described,
    entry,
    hanging,
    literal,
    prose,
    sentence,
    summary,
)
from .models import GeneratorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .classes import Class
    from .operations import Api

__all__ = ["HEADER", "render"]

HEADER: Final = (
    "Generated from the contract by `make generate`: change the contract, not this file."
)
# Ours alone, wherever it runs: the same contract gives the same bytes.
_RUFF: Final = (sys.executable, "-m", "ruff")
_STYLE: Final = (
    "--isolated", "--no-cache", "--quiet", f"--line-length={LINE_LENGTH}", "--target-version=py311"
)  # fmt: skip
# Imports that a module does not need, order, and what is not defined, which would be a fault here.
_RULES: Final = (
    "--fix",
    "--select=F401,F811,F821,F822,I,RUF022",
    "--config=lint.isort.split-on-trailing-comma=false",
)


def render(api: Api, schemas: Sequence[Class], classes: Sequence[str]) -> dict[str, str]:
    """Return the text of each module by its file name."""
    names = [each.name for each in schemas]
    shared = {"header": HEADER}
    return _formatted(
        {
            "__init__.py": _fill("__init__.py", resources=api.resources, **shared),
            "models.py": _fill("models.py", names=names, classes=classes, **shared),
            "parameters.py": _fill("parameters.py", rules=api.rules, **shared),
            **{
                f"{each.name}.py": _fill("resource.py", resource=each, models=names, **shared)
                for each in api.resources
            },
        }
    )


def _fill(template: str, **values: object) -> str:
    return _environment().get_template(f"{template}.jinja2").render(values)


@functools.cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 -- this makes Python, not HTML
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    functions = (described, entry, hanging, literal, prose, sentence, summary)
    filters = cast("dict[str, object]", environment.filters)
    filters.update({each.__name__: each for each in functions}, raw=_raw, quoted=repr)
    return environment


def _raw(text: str) -> str:
    """Return the literal of a regular expression."""
    return repr(text) if '"' in text or text.endswith("\\") else f'r"{text}"'


def _formatted(modules: Mapping[str, str]) -> dict[str, str]:
    """Give all modules their final form, together: some imports depend on what lies beside."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "unmta_async", "_generated")
        folder.mkdir(parents=True)
        for file, text in modules.items():
            (folder / file).write_text(text, encoding="utf-8")
        _ruff("check", *_RULES, cwd=folder)
        _ruff("format", cwd=folder)
        return {file: (folder / file).read_text(encoding="utf-8") for file in sorted(modules)}


def _ruff(command: str, *options: str, cwd: Path) -> None:
    result = subprocess.run(  # noqa: S603 -- our own tool, our own arguments
        [*_RUFF, command, *options, *_STYLE, "."],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise GeneratorError(f"ruff {command} refuses the output:\n{result.stdout}{result.stderr}")

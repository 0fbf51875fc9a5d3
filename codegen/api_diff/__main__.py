"""`python -m codegen.api_diff`: say what changed in the contract, and whether the version tells it.

The order of the steps, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..__main__ import generate
from ..document import ContractError
from ..models import GeneratorError
from .clone import CONTRACT, CloneError, commit_of, extract, last_release, version_of
from .compare import compare
from .reading import read_surface
from .report import machine_readable, readable, summary
from .versions import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .changes import Change
    from .surface import Surface

_PROJECT: Final = Path(os.path.relpath(Path(__file__).resolve().parents[2]))
_NARROWEST: Final = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        base = options.base or last_release(options.project)
    except CloneError as error:
        print(f"api-diff: nothing to compare with: {error}", file=sys.stderr)
        return 0
    try:
        changes, verdict = _compared(options.project, base)
    except (CloneError, ContractError, GeneratorError) as error:
        first, *others = str(error).splitlines()
        more = f" (and {len(others)} more)" if others else ""
        print(f"api-diff: {first}{more}", file=sys.stderr)
        return 2
    if options.json:
        print(machine_readable(base, changes, verdict), end="")
    elif options.check and verdict.is_matched:
        print(summary(base, changes, verdict))
    else:
        width = max(_NARROWEST, shutil.get_terminal_size().columns)
        print(readable(base, changes, verdict, width), end="")
    return 0 if verdict.is_matched else 1


def _compared(project: Path, base: str) -> tuple[list[Change], Verdict]:
    """Return what changed since a base, and what it asks of the version."""
    commit = commit_of(project, base)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        extract(project, commit, folder)
        try:
            before, old = _surface(folder), version_of(folder)
        except (CloneError, ContractError, GeneratorError) as error:
            said = str(error).replace(f"{folder}{os.sep}", "")
            raise CloneError(f"at {base}: {said}") from error
    changes = compare(before, _surface(project))
    return changes, judge(changes, old, version_of(project))


def _surface(project: Path) -> Surface:
    """Return what callers see of a project's contract; its warnings are for `make generate`."""
    contract = project / CONTRACT
    if not contract.is_file():
        raise CloneError(f"there is no contract, {CONTRACT}")
    with contextlib.redirect_stderr(io.StringIO()):
        return read_surface(generate(contract))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m codegen.api_diff",
        description="Say what changed in the contract for those who call the client.",
        epilog="Exit codes: 0 fine; 1 a break that the version does not tell; 2 usage, or a"
        " contract that cannot be read.",
    )
    parser.add_argument(
        "base",
        nargs="?",
        metavar="BASE",
        help="the commit, tag or branch to compare with (default: the last release tag, `v…`;"
        " without one there is nothing to compare with)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="print one line, unless the version does not tell of a break",
    )
    parser.add_argument("--json", action="store_true", help="print it for machines")
    parser.add_argument(
        "--project",
        type=Path,
        metavar="DIR",
        default=_PROJECT,
        help="the clone to look at (default: the one that this is part of)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`python -m codegen`: write `unmta_async/_generated/` from the contract, or check it.

The order of the steps, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import output
from .bundle import bundle
from .classes import read_classes
from .document import ContractError
from .lint import lint
from .loader import load
from .models import GeneratorError, write_classes
from .operations import read_api
from .output import OutputError
from .render import render

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT: Final = Path(os.path.relpath(Path(__file__).resolve().parent.parent))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        modules = generate(options.spec)
        if not options.check:
            print(output.write(options.out, modules))
            return 0
        difference = output.difference(options.out, modules)
    except (ContractError, GeneratorError, OutputError) as error:
        print(error, file=sys.stderr)
        return 1
    if difference:
        print(difference, end="")
        print(f"{options.out}: stale; run `make generate`", file=sys.stderr)
        return 1
    print(f"{options.out}: {len(modules)} modules, fresh")
    return 0


def generate(spec: Path) -> dict[str, str]:
    """Return the text of each module that a contract makes, by file name.

    Raises:
        ContractError: The contract is not valid, or asks for something that is not supported.
    """
    document = bundle(load(spec))
    for warning in lint(document):
        print(warning, file=sys.stderr)
    models = read_classes(document)
    api = read_api(document, [each.name for each in models])
    return render(api, models, write_classes(models, api.renamed_data))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m codegen",
        description="Write the models and resources of the client from the OpenAPI contract.",
        epilog="Exit codes: 0 done or fresh; 1 stale, or a contract that is refused; 2 usage.",
    )
    parser.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        default=_ROOT / "openapi" / "unmta.yaml",
        help="the contract, OpenAPI 3.1 in YAML (default: openapi/unmta.yaml of the project)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=_ROOT / "unmta_async" / "_generated",
        help="where the modules go (default: unmta_async/_generated of the project)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; print the difference and exit with 1 if the modules are stale",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

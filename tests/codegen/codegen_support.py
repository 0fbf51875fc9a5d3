"""What the tests of the generator share: running it, and small contracts."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
GOLDEN = HERE / "contracts" / "golden.yaml"

# It comes with what `make check` needs, which CI installs first; `make test` alone does without.
PYRIGHT = shutil.which("pyright", path=Path(sys.executable).parent)

FRAME = """\
openapi: 3.1.0
info: {title: T, version: "1"}
servers: [{url: "https://api.example.com/v1"}]
"""


def codegen(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m codegen` as a user does."""
    return run(ROOT, "codegen", *arguments, **environment)


def run(
    folder: Path, module: str, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a module in a folder; a warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", module, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def framed(text: str) -> str:
    """Return a contract of what is specific to a test; its first line is the frame's fourth."""
    return FRAME + textwrap.dedent(text).lstrip("\n")

"""`unmta sandbox`: the command line of `unmta_async.sandbox`, under another name."""

from __future__ import annotations

import runpy
import sys
from typing import Annotated

from cyclopts import Parameter

from .layout import Command

__all__ = ["sandbox"]

# Its own parser has the options, and says what they mean.
sandbox = Command(name="sandbox", help_flags=(), version_flags=())


@sandbox.default
def sandbox_(
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
) -> None:
    """Serve a fake unMTA.

    Args:
        arguments: Those of `python -m unmta_async.sandbox`.
    """
    sys.argv[1:] = arguments
    runpy.run_module("unmta_async.sandbox", run_name="__main__")

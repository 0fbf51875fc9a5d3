"""The parameters in paths, and what each may look like.

Generated from the contract by `make generate`: change the contract, not this file.
"""

from __future__ import annotations

from typing import Final

from .._operation import PathParameter

CLUSTER: Final = PathParameter("cluster", r"[A-Za-z0-9_-]+", max_length=64)
DOMAIN: Final = PathParameter(
    "domain",
    r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*(?:\.[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*)+",
    max_length=253,
    hostname=True,
)
USER: Final = PathParameter("user", r"(?!\.{1,2}$)[A-Za-z0-9+=,.@_-]+", max_length=255)

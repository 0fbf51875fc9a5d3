"""What the figures were taken on: the kind of machine, and neither its name nor its paths."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

__all__ = ["machine", "python"]

_CPUS: Final = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int | None]:
    """Return the kind of machine."""
    return {
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "architecture": platform.machine(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
    }


def python() -> str:
    """Return the interpreter and its version."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def _cpu() -> str:
    if not _CPUS.exists():
        return platform.processor()
    lines = (line.partition(":") for line in _CPUS.read_text().splitlines())
    return next(
        (value.strip() for key, _, value in lines if key.strip() == "model name"), "unknown"
    )

"""What a command would do, shown and not done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import note
from .wishes import show_plan

if TYPE_CHECKING:
    from ..provisioning import Plan
    from .options import Common

__all__ = ["show_dry_run"]


def show_dry_run(plan: Plan, common: Common) -> None:
    """Write what would be done to stdout, and say that it was not."""
    show_plan(plan, common)
    note("Nothing was changed: this is a dry run.", quiet=common.quiet)

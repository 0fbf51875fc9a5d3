"""Deleting things of a cluster, of whatever kind they are, and telling what became of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

from ..errors import printable
from ..provisioning import Action, ActionOutcome, Plan, apply
from .failures import told
from .files import to_go_on
from .output import View, note, show
from .tally import Tally, running

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from .options import Bulk, Common

__all__ = ["delete_all", "deletions"]

_VIEW = View[ActionOutcome](
    columns={"name": lambda it: it.action.target, "result": lambda it: it.status},
    record=lambda it: {
        "name": it.action.target,
        "result": it.status,
        "error": None if it.error is None else told(it.error),
    },
)
_CSV = View[ActionOutcome](
    columns={**_VIEW.columns, "error": lambda it: it.error and told(it.error)},
    record=_VIEW.record,
)


def deletions(
    kind: Literal["domain", "credential"],
    cluster: str,
    names: Iterable[str],
    *,
    existing: Collection[str] | None = None,
) -> Plan:
    """Return a plan that deletes these, or what exists of them."""
    return Plan(
        tuple(
            Action(kind=kind, cluster=cluster, target=name, verb="delete")
            for name in names
            if existing is None or name in existing
        )
    )


async def delete_all(client: UnmtaClient, plan: Plan, bulk: Bulk, common: Common) -> int:
    """Delete what a plan says, and write what became of each; return the exit code.

    However it ends, what was done is told, in the order of the plan.
    """
    tally = Tally([action.target for action in plan.actions])
    done: dict[Action, ActionOutcome] = {}
    try:
        return await _delete(client, plan, bulk, common, tally, done)
    finally:
        _tell([done[action] for action in plan.actions if action in done], common)
        if tally.is_cut_short:
            note(f"{tally}\n{to_go_on()}", quiet=common.quiet)


async def _delete(
    client: UnmtaClient,
    plan: Plan,
    bulk: Bulk,
    common: Common,
    tally: Tally,
    done: dict[Action, ActionOutcome],
) -> int:
    with running("deleting", quiet=common.quiet) as (shown, stop):
        run = apply(
            client, plan, concurrency=bulk.concurrency, stop=stop, on_progress=shown.progress
        )
        async with aclosing(run) as outcomes:
            async for outcome in outcomes:
                done[outcome.action] = outcome
                tally.count(outcome.action.target, outcome.status, outcome.error)
    return tally.code(stop)


def _tell(done: Sequence[ActionOutcome], common: Common) -> None:
    show(done, _CSV if common.output == "csv" else _VIEW, common.output)
    for each in done:
        if each.error is not None:
            note(f"error: {printable(each.action.target)}: {told(each.error)}")

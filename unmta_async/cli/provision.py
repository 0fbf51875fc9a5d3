"""`unmta domains provision`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from .. import to_dict
from ..provisioning import ClusterSpec, Manifest, Outcome, make_plan, provision_domains
from .dry_run import show_dry_run
from .failures import DONE, told
from .files import check_writable, to_go_on
from .layout import Command
from .names import for_cluster, read_names, write_left
from .options import Bulk, Changing, InCluster, InputFile
from .output import View, note, streamed
from .session import chosen_cluster, connected
from .tally import Tally, running

if TYPE_CHECKING:
    import asyncio

    from ..client import UnmtaClient
    from .bar import Shown

__all__ = ["provision", "provision_all", "record"]


def record(outcome: Outcome) -> Mapping[str, object]:
    """Return what became of a domain as JSON has it."""
    return {
        "name": outcome.name,
        "result": outcome.status,
        "domain": None if outcome.domain is None else to_dict(outcome.domain),
        "error": None if outcome.error is None else told(outcome.error),
    }


_VIEW: Final = View[Outcome](
    columns={
        "name": lambda it: it.name,
        "result": lambda it: it.status,
        "error": lambda it: it.error and told(it.error),
    },
    record=record,
)


provision = Command(
    name="provision",
    help_epilogue="""\
Examples:
  $ unmta domains provision names.txt
  $ unmta domains provision names.txt --failed failed.txt --output jsonl > log
  $ generate-names | unmta domains provision - --concurrency 32
""",
)


@provision.default
async def provision_(
    file: InputFile,
    /,
    *,
    failed: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    bulk: Bulk = Bulk(),
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> int:
    """Make sure that a cluster has all the domains in a file.

    What is missing is created; what is there stays. It can be run again at any time, to go on.

    Args:
        file: Domain names, one per line, with comments behind #; - is standard input.
        failed: Write what is left to do to this file, with the reasons; it can be FILE next time.
        bulk: How much to do at a time.
        changing: Whether to change anything.
        common: The common options.
    """
    names = read_names(file)
    if not changing.dry_run:
        check_writable(failed)
    async with connected(common, concurrency=bulk.concurrency) as client:
        cluster = await chosen_cluster(client, common)
        if changing.dry_run:
            wish = Manifest({cluster: ClusterSpec(domains=names)})
            show_dry_run(await make_plan(client, wish), common)
            return DONE
        tally = Tally(names)
        try:
            return await _run(client, cluster, names, tally, bulk, common)
        finally:
            write_left(failed, tally.left)
            note(str(tally), quiet=common.quiet)
            if tally.left or tally["created"]:
                note(_next_step(file, failed, tally, common), quiet=common.quiet)


def _next_step(file: Path, failed: Path | None, tally: Tally, common: InCluster) -> str:
    if tally.left:
        return to_go_on(file, failed)
    names = "FILE" if str(file) == "-" else shlex.quote(str(file))
    cluster = for_cluster(common)
    return (
        f"Publish what `unmta dns export --all{cluster}` writes. Then:\n"
        f"  unmta domains wait --file {names}{cluster}"
    )


async def _run(
    client: UnmtaClient,
    cluster: str,
    names: Sequence[str],
    tally: Tally,
    bulk: Bulk,
    common: InCluster,
) -> int:
    """Create what is missing, and write each outcome as it comes; return the exit code."""
    widths = {"name": max(map(len, names), default=0), "result": len("existed")}
    with (
        running("provisioning", quiet=common.quiet) as (shown, stop),
        streamed(_VIEW, common.output, widths=widths, write=shown.line) as write,
    ):
        await provision_all(client, cluster, tally, bulk, (shown, stop), write)
    return tally.code(stop)


async def provision_all(
    client: UnmtaClient,
    cluster: str,
    tally: Tally,
    bulk: Bulk,
    run: tuple[Shown, asyncio.Event],
    add: Callable[[Outcome], object],
) -> None:
    """Create what is missing of what a tally has left, count it, and hand each outcome on."""
    shown, stop = run
    outcomes = provision_domains(
        client,
        cluster,
        list(tally.left),
        concurrency=bulk.concurrency,
        stop=stop,
        on_progress=shown.progress,
    )
    async with aclosing(outcomes):
        async for outcome in outcomes:
            tally.count(outcome.name, outcome.status, outcome.error)
            add(outcome)

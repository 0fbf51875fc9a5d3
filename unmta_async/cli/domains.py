"""`unmta domains`. `wait` and `provision`, which take long, are in modules of their own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import attrs
from cyclopts import App, Parameter

from .. import to_dict
from ..dns import Record, records
from ..errors import UnmtaError
from ..models import Domain, DomainDetail, DomainStatus
from ..provisioning import (
    ClusterSpec,
    Manifest,
    Outcome,
    make_plan,
)
from .deleting import delete_all, deletions
from .dry_run import show_dry_run
from .failures import DONE, told
from .files import to_go_on
from .names import checked_names, for_cluster
from .options import Bulk, Changing, InCluster, Yes
from .output import View, gap, note, show, show_one
from .prompt import confirm_deletion
from .provision import provision_all, record
from .session import chosen_cluster, connected
from .tally import Tally, running

if TYPE_CHECKING:
    from ..client import UnmtaClient

app = App(
    name="domains",
    help="Sending domains.",
    help_epilogue="""\
Examples:
  $ unmta domains create example.com
  $ unmta domains provision names.txt
  $ unmta domains list --status pending
""",
)
app.command(
    f"{__package__}.waiting:wait", name="wait", help="Wait until sending domains are verified."
)
app.command(
    f"{__package__}.provision:provision",
    name="provision",
    help="Make sure that a cluster has all the domains in a file.",
)

Names: TypeAlias = Annotated[tuple[str, ...], Parameter(metavar="NAME")]

_VIEW: Final = View[Domain](
    columns={
        "name": lambda it: it.name,
        "status": lambda it: it.status,
        "created": lambda it: it.created_at,
    },
    record=to_dict,
)


@attrs.frozen
class Published:
    """A record to publish, and the domain that it is for."""

    domain: DomainDetail
    record: Record


# A table of records stands below one of domains; CSV has to say it all in one.
_RECORDS: Final = View[Published](
    columns={
        "type": lambda it: it.record.type,
        "name": lambda it: it.record.fqdn,
        "value": lambda it: it.record.value,
    },
    record=lambda it: attrs.asdict(it.record),
)
_RECORDS_ALONE: Final = View[Published](
    columns={
        "domain": lambda it: it.domain.name,
        "status": lambda it: it.domain.status,
        **_RECORDS.columns,
    },
    record=_RECORDS.record,
)
_OUTCOMES: Final = View[Outcome](
    columns={
        "name": lambda it: it.name,
        "result": lambda it: it.status,
        "status": lambda it: None if it.domain is None else it.domain.status,
    },
    record=record,
)
# The same for what becomes of several names: a row for each record, or one that says why not.
_ROWS: Final = View[tuple[Outcome, Record | None]](
    columns={
        "domain": lambda it: it[0].name,
        "result": lambda it: it[0].status,
        "status": lambda it: it[0].domain and it[0].domain.status,
        "error": lambda it: it[0].error and told(it[0].error),
        "type": lambda it: it[1] and it[1].type,
        "name": lambda it: it[1] and it[1].fqdn,
        "value": lambda it: it[1] and it[1].value,
    },
    record=lambda it: record(it[0]),
)


@app.command(
    name="list",
    help_epilogue="""\
Examples:
  $ unmta domains list
  $ unmta domains list --status pending
  $ unmta domains list --output csv > domains.csv
""",
)
async def list_(
    *,
    status: Annotated[str | None, Parameter(metavar="STATUS")] = None,
    common: InCluster = InCluster(),
) -> None:
    """List the sending domains of a cluster.

    Args:
        status: Only those of this status, such as pending or verified.
        common: The common options.
    """
    async with connected(common) as client:
        cluster = await chosen_cluster(client, common)
        listed = await client.domains.list(cluster)
    shown = [each for each in listed if status in {None, each.status}]
    show(shown, _VIEW, common.output)
    if not shown:
        which = "" if status is None else f"{status} "
        note(f"No {which}domains in {cluster}.", quiet=common.quiet)


@app.command(
    help_epilogue="""\
Examples:
  $ unmta domains get example.com
  $ unmta domains get example.com --output json | jq -r .dns_records.dkim.value
"""
)
async def get(
    name: Annotated[str, Parameter(metavar="NAME")], /, *, common: InCluster = InCluster()
) -> None:
    """Show a sending domain, and the DNS records to publish for it.

    Args:
        name: The domain name.
        common: The common options.
    """
    async with connected(common) as client:
        cluster = await chosen_cluster(client, common)
        domain = await client.domains.get(cluster, name)
    match common.output:
        case "table":
            show_one(domain, _VIEW, "table")
            gap()
            show(_published([domain]), _RECORDS, "table")
        case "csv":
            show(_published([domain]), _RECORDS_ALONE, "csv")
        case form:
            show_one(domain, _VIEW, form)


@app.command(
    help_epilogue="""\
Examples:
  $ unmta domains create example.com
  $ unmta domains create example.com mail.example.com
  $ unmta domains create example.com --output json
"""
)
async def create(
    name: Names,
    /,
    *,
    bulk: Bulk = Bulk(),
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> int:
    """Add sending domains to a cluster, unless they are there, and show what to publish.

    A domain can send once its DNS records are published and its status is verified. For names in a
    file, use `unmta domains provision`.

    Args:
        name: The domain names.
        bulk: How much to do at a time.
        changing: Whether to change anything.
        common: The common options.
    """
    names = checked_names(name)
    async with connected(common, concurrency=bulk.concurrency) as client:
        cluster = await chosen_cluster(client, common)
        if changing.dry_run:
            wish = Manifest({cluster: ClusterSpec(domains=names)})
            show_dry_run(await make_plan(client, wish), common)
            return DONE
        tally, done = Tally(names), dict[str, Outcome]()
        try:
            return await _create(client, cluster, tally, bulk, common, done)
        finally:
            _show_outcomes([done[each] for each in names if each in done], tally, common)


@app.command(
    help_epilogue="""\
Examples:
  $ unmta domains delete example.com
  $ unmta domains delete old.example.com older.example.com --yes
"""
)
async def delete(
    name: Names,
    /,
    *,
    yes: Yes = False,
    bulk: Bulk = Bulk(),
    changing: Changing = Changing(),
    common: InCluster = InCluster(),
) -> int:
    """Delete sending domains, at once and for good.

    Mail from them is rejected from then on. Their DKIM keys cannot be brought back: added again, a
    domain has new ones.

    Args:
        name: The domain names.
        yes: Do not ask first.
        bulk: How much to do at a time.
        changing: Whether to change anything.
        common: The common options.
    """
    names = tuple(dict.fromkeys(name))
    async with connected(common, concurrency=bulk.concurrency) as client:
        cluster = await chosen_cluster(client, common)
        if changing.dry_run:
            existing = [each.name for each in await client.domains.list(cluster)]
            plan = deletions("domain", cluster, checked_names(names), existing=existing)
            show_dry_run(plan, common)
            return DONE
        confirm_deletion("domain", names, cluster, yes=yes)
        return await delete_all(client, deletions("domain", cluster, names), bulk, common)


async def _create(
    client: UnmtaClient,
    cluster: str,
    tally: Tally,
    bulk: Bulk,
    common: InCluster,
    done: dict[str, Outcome],
) -> int:
    """Create what is missing, and look at what is there; return the exit code."""
    with running("creating", quiet=common.quiet) as (shown, stop):
        await provision_all(
            client, cluster, tally, bulk, (shown, stop), lambda it: done.update({it.name: it})
        )
        for name, outcome in done.items():
            if outcome.status == "existed" and not stop.is_set():
                done[name] = await _with_records(client, cluster, outcome)
    return tally.code(stop)


async def _with_records(client: UnmtaClient, cluster: str, outcome: Outcome) -> Outcome:
    """Return the outcome of a domain that was there with its DNS records, if they can be had."""
    with suppress(UnmtaError):
        found = await client.domains.get(cluster, outcome.name)
        return attrs.evolve(outcome, domain=found)
    return outcome


def _show_outcomes(outcomes: Sequence[Outcome], tally: Tally, common: InCluster) -> None:
    """Write what became of each name, what to publish, and what comes next."""
    there = [each.domain for each in outcomes if isinstance(each.domain, DomainDetail)]
    pending = [domain for domain in there if domain.status != DomainStatus.VERIFIED]
    if common.output == "csv":
        show([row for each in outcomes for row in _rows(each)], _ROWS, "csv")
    else:
        show(outcomes, _OUTCOMES, common.output)
    if common.output == "table" and pending:
        gap()
        show(_published(pending), _RECORDS, "table")
    for each in outcomes:
        if each.error is not None:
            note(f"error: {each.name}: {told(each.error)}")
    if tally.is_cut_short:
        note(f"{tally}\n{to_go_on()}", quiet=common.quiet)
    elif pending:
        note(_next_step([domain.name for domain in pending], common), quiet=common.quiet)


def _next_step(names: Sequence[str], common: InCluster) -> str:
    return (
        "\nPublish these records in the DNS; keep a DMARC record that is there already. Then:\n"
        f"  unmta domains wait {' '.join(names)}{for_cluster(common)}"
    )


def _published(domains: Sequence[DomainDetail]) -> list[Published]:
    return [Published(domain, record) for domain in domains for record in records(domain)]


def _rows(outcome: Outcome) -> list[tuple[Outcome, Record | None]]:
    found = records(outcome.domain) if isinstance(outcome.domain, DomainDetail) else ()
    return [(outcome, record) for record in found] or [(outcome, None)]

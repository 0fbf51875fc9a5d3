"""`unmta dns`: what to publish for domains, and whether it is published."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import attrs
from cyclopts import App, Parameter
from cyclopts.validators import Number

from ..dns import Checker, Format, Record, records, render
from ..errors import AuthenticationError, UnmtaError, UsageError
from ..models import DomainDetail
from ..provisioning import domain_details
from .bar import Counter, Shown, shown_progress
from .failures import DONE, FAILED, USAGE, CommandError, told
from .names import checked_names
from .options import AccessInCluster, Bulk, InCluster
from .output import BOLD, View, counted, note, streamed, styled
from .resolvers import Resolver, resolver_of
from .session import chosen_cluster, connected

if TYPE_CHECKING:
    from ..client import UnmtaClient

S = TypeVar("S")
T = TypeVar("T")

app = App(
    name="dns",
    help="The DNS records that domains need.",
    help_epilogue="""\
Examples:
  $ unmta dns export --all > unmta.zone
  $ unmta dns check --all""",
)

_STATUS: Final = len("not-delegated") + 2
_GREEN, _RED, _YELLOW = "32", "31", "33"
_COLOURS: Final = {"ok": _GREEN, "unreachable": _YELLOW}

_TTL: Final = Number(gte=0, lte=2**31 - 1)

Names = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]


@attrs.frozen
class Checked:
    """What was found of a record, and the domain that it is of.

    Attributes:
        record: None if the API did not tell of the domain; then the status is "failed".
        advice: What to do next, or what went wrong.
    """

    domain: str
    record: Record | None
    status: str
    seen: tuple[str, ...] = ()
    advice: str = ""
    note: str = ""


_VIEW: Final = View[Checked](
    columns={
        "domain": lambda it: it.domain,
        "type": lambda it: it.record and it.record.type,
        "name": lambda it: it.record and it.record.fqdn,
        "status": lambda it: it.status,
        "advice": lambda it: it.advice,
    },
    record=attrs.asdict,
)


@app.command(
    help_epilogue="""\
Examples:
  $ unmta dns export example.com
  $ unmta dns export --all > unmta.zone
  $ unmta dns export mail.example.com --zone example.com --format octodns
  $ unmta dns export --all --format json | jq -r '.[].fqdn'"""
)
async def export(
    name: Names = (),
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all")] = False,
    format: Annotated[  # noqa: A002 - its name
        Format, Parameter(alias=("--output", "-o"), metavar="FORMAT")
    ] = "bind",
    zone: Annotated[str | None, Parameter(metavar="ZONE")] = None,
    ttl: Annotated[
        int, Parameter(metavar="SECONDS", validator=Number(gte=0, lte=2**31 - 1))
    ] = 3600,
    bulk: Bulk = Bulk(),
    common: AccessInCluster = AccessInCluster(),
) -> None:
    """Write the DNS records that domains need, for a name server or another program.

    Either all are written, or none.

    Args:
        name: The domain names.
        all_: All domains of the cluster.
        format: What to write: a zone file, YAML of octoDNS, resources of Terraform for Route 53, or
            plain lists.
        zone: The DNS zone that the records go into; for each domain itself if not given.
        ttl: Seconds that resolvers may keep them.
        bulk: How much to do at a time.
        common: The common options.
    """
    names = _asked_for(name, all_=all_)
    async with connected(common, concurrency=bulk.concurrency) as client:
        cluster = await chosen_cluster(client, common)
        domains: Sequence[str | DomainDetail] = names or await _all_domains(client, cluster)
        details = _each(domains, lambda domain: _detail(client, cluster, domain), bulk)
        async with aclosing(details):
            found = [detail async for detail in details]
    wanted = [record for each in found for record in records(each, zone=zone, ttl=ttl)]
    sys.stdout.write(render(wanted, format))
    note(
        f"{counted(len(wanted), 'record')} for {counted(len(found), 'domain')}.",
        quiet=common.quiet,
    )


@app.command(
    help_epilogue="""\
Exit codes: 0 every record is as it should be; 1 one is not, or could not be
looked at.

Examples:
  $ unmta dns check example.com
  $ unmta dns check --all --output csv > records.csv
  $ unmta dns check example.com --resolver 127.0.0.1:5353"""
)
async def check(
    name: Names = (),
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all")] = False,
    resolver: Resolver = None,
    bulk: Bulk = Bulk(),
    common: InCluster = InCluster(),
) -> int:
    """Ask the authoritative name servers for the records that domains need.

    For each record it says how it stands and, if that is not as it should be, what to do.

    Args:
        name: The domain names.
        all_: All domains of the cluster.
        resolver: The resolver to begin with; this machine's if not given.
        bulk: How much to do at a time.
        common: The common options.
    """
    names = _asked_for(name, all_=all_)
    checker = Checker(resolver=resolver_of(resolver))
    async with connected(common, concurrency=bulk.concurrency) as client:
        cluster = await chosen_cluster(client, common)
        domains: Sequence[str | DomainDetail] = names or await _all_domains(client, cluster)
        looks = _each(domains, lambda domain: _look(client, checker, cluster, domain), bulk)
        found = await _show(looks, len(domains), common)
    note(_summary(found), quiet=common.quiet)
    return DONE if all(each.status == "ok" for each in found) else FAILED


async def _show(
    looks: AsyncGenerator[Sequence[Checked], None], number: int, common: InCluster
) -> list[Checked]:
    """Write how the records of each domain stand, as it comes; return it all."""
    found: list[Checked] = []
    with (
        shown_progress("checking", quiet=common.quiet) as shown,
        _written(common, shown) as write,
    ):
        counter = Counter(shown.progress, number)
        async with aclosing(looks):
            async for seen in looks:
                found += seen
                write(seen)
                counter.count(failed=any(each.status != "ok" for each in seen))
    return found


async def _look(
    client: UnmtaClient, checker: Checker, cluster: str, domain: str | DomainDetail
) -> Sequence[Checked]:
    """Return how the records of a domain stand, or the one thing that there is to say of it."""
    name = domain if isinstance(domain, str) else domain.name
    try:
        detail = await _detail(client, cluster, domain)
        return [
            Checked(detail.name, it.record, it.status, it.seen, it.advice, it.note)
            for it in await checker.check(detail)
        ]
    except (AuthenticationError, UsageError):  # so it would be with every other
        raise
    except UnmtaError as error:
        return [Checked(name, None, "failed", advice=told(error))]


def _summary(found: Sequence[Checked]) -> str:
    fine = sum(each.status == "ok" for each in found)
    failed = sum(each.record is None for each in found)
    are = "is as it" if fine == 1 else "are as they"
    told = f"{fine:,} of {counted(len(found) - failed, 'record')} {are} should be"
    return f"{told}, {counted(failed, 'domain')} failed." if failed else f"{told}."


def _asked_for(names: Sequence[str], *, all_: bool) -> tuple[str, ...]:
    """Return the names that were given, none if all domains are meant.

    Raises:
        CommandError: Neither was given, or both.
        UsageError: One of them is no domain name.
    """
    if bool(names) is all_:
        raise CommandError("give the names of domains, or --all, and not both", USAGE)
    return checked_names(names)


async def _all_domains(client: UnmtaClient, cluster: str) -> Sequence[DomainDetail]:
    return sorted(await domain_details(client, cluster), key=lambda domain: domain.name)


async def _detail(client: UnmtaClient, cluster: str, domain: str | DomainDetail) -> DomainDetail:
    """Return a domain with its records, which is got by its name."""
    return await client.domains.get(cluster, domain) if isinstance(domain, str) else domain


async def _each(
    items: Sequence[S], work: Callable[[S], Coroutine[None, None, T]], bulk: Bulk
) -> AsyncGenerator[T, None]:
    """Yield what some work gives for each item, in order; a failure ends it."""
    places = asyncio.Semaphore(bulk.concurrency)

    async def one(item: S) -> T:
        async with places:
            return await work(item)

    tasks = [asyncio.ensure_future(one(item)) for item in items]
    try:
        for task in tasks:
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def _written(common: InCluster, shown: Shown) -> Generator[Callable[[Sequence[Checked]], None]]:
    """Write what was found of a domain; for people below its name, with advice below it."""
    if common.output != "table":
        with streamed(_VIEW, common.output, write=shown.line) as write:

            def write_all(seen: Sequence[Checked]) -> None:
                for each in seen:
                    write(each)

            yield write_all
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def tell(seen: Sequence[Checked]) -> None:
        shown.line(styled(seen[0].domain, BOLD, sys.stdout))
        shown.line("\n".join(line for each in seen for line in _lines(each, width)))

    yield tell


def _lines(found: Checked, width: int | None) -> Iterator[str]:
    status = styled(f"{found.status:{_STATUS}}", _COLOURS.get(found.status, _RED), sys.stdout)
    what = f"{found.record.type:6}{found.record.fqdn}" if found.record else ""
    yield f"  {status}{what}".rstrip()
    indent = " " * (2 + _STATUS)
    # In a pipe a line is a line.
    told = found.advice or found.note
    wrapped = textwrap.wrap(told, width - len(indent)) if width else [told]
    yield from (f"{indent}{line}" for line in wrapped if line)

"""`unmta demo`: many domains, a credential and a zone file, against an unMTA in this process.

Against the real API the same calls do the same: see `run`.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from itertools import cycle, product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from ..dns import records, render
from ..models import DomainDetail
from ..provisioning import (
    ClusterSpec,
    CredentialSpec,
    Manifest,
    Outcome,
    SqliteStore,
    apply,
    make_plan,
    provision_domains,
)
from ..sandbox import Sandbox, StateFileError
from .bar import shown_progress
from .failures import DONE, FAILED, USAGE, CommandError
from .layout import Command
from .names import read_names
from .output import BOLD, note, styled

if TYPE_CHECKING:
    from ..client import UnmtaClient

__all__ = ["demo"]

CLUSTER: Final = "a1b2c3d4"
USER: Final = "webapp-production"

_STATE, _PASSWORDS, _ZONE = _FILES = ("sandbox.jsonl", "passwords.db", "records.zone")

_COLOURS: Final = (
    "amber azure coral ebony fern gold hazel indigo ivory jade lilac maple navy olive onyx "
    "opal pearl plum ruby rust sage scarlet silver teal umber"
)
_TRADES: Final = (
    "agency atelier bakery bank books brewery cafe cars cinema clinic coffee consulting "
    "design energy farm films finance florist foods games garden grocer hotel insurance "
    "kitchen legal logistics market media music news optics pharmacy press school shop studio "
    "tech travel works"
)
_NAMED: Final = 5  # of what failed

demo = Command(
    name="demo",
    help_epilogue="""\
Examples:
  $ unmta demo
  $ unmta demo domains.txt --folder /tmp/demo
  $ unmta sandbox --state demo/sandbox.jsonl     # and look at what it has made""",
)


@demo.default
async def demo_(
    file: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    /,
    *,
    folder: Annotated[str, Parameter(metavar="FOLDER")] = "demo",
    quiet: Annotated[bool, Parameter(alias="-q")] = False,
) -> int:
    """Provision a thousand domains against a fake unMTA inside this process.

    It needs no account and no network. What it makes is kept in a folder; run again, it finds
    everything there already. Remove what is in the folder to begin anew.

    Args:
        file: Domain names to provision, one per line; a thousand invented ones if not given.
        folder: Where to keep the fake unMTA's state, the password and the zone file.
        quiet: Write nothing but the result, and errors.
    """
    names = _names() if file is None else read_names(file)
    place = _made(folder)
    try:
        return await run(names, place, quiet=quiet)
    except StateFileError as error:
        anew = f"to begin anew, `{_removal(place)}`, or use another --folder"
        raise CommandError(f"{error}; {anew}") from None


def _made(folder: str) -> Path:
    """Return the folder, which is made if there is none.

    Raises:
        CommandError: It has no name, or what is in it is somebody else's.
    """
    place = Path(folder)
    if not folder:
        raise CommandError("--folder is empty: give the name of a folder", USAGE)
    place.mkdir(parents=True, exist_ok=True)
    others = {each.name for each in place.iterdir()}.difference(_FILES)
    if others and not (place / _STATE).exists():
        raise CommandError(f"{folder}: there is something else in it; use another --folder", USAGE)
    return place


def _removal(folder: Path) -> str:
    """Return the command that removes what this has made, and nothing else."""
    files = [_shown(folder / name) for name in _FILES if (folder / name).exists()]
    return shlex.join(["rm", "--", *files])


async def run(names: Sequence[str], folder: Path, *, quiet: bool) -> int:
    """Provision domains and a credential, write a zone file, and tell of it."""
    async with Sandbox(state=folder / _STATE) as sandbox, sandbox.client() as client:
        began = time.perf_counter()
        outcomes = await _provision(client, names, quiet=quiet)
        seconds = time.perf_counter() - began
        credential = await _create_credential(client, folder / _PASSWORDS)
        zone = await _write_zone(client, outcomes, folder / _ZONE)
    _report(outcomes, seconds, credential, zone)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    for outcome in failed[:_NAMED]:
        note(f"{outcome.name}: {outcome.error}")
    if not failed:
        note(f"Run it again: it finds all there. `{_removal(folder)}` forgets it.", quiet=quiet)
    return FAILED if failed else DONE


def _names() -> list[str]:
    """Return a thousand names under the domains that are kept for examples."""
    suffixes = cycle(("com", "net", "org"))
    pairs = product(_COLOURS.split(), _TRADES.split())
    return [f"{colour}-{trade}.example.{next(suffixes)}" for colour, trade in pairs]


async def _provision(client: UnmtaClient, names: Sequence[str], *, quiet: bool) -> list[Outcome]:
    with shown_progress("provisioning", quiet=quiet) as shown:
        run = provision_domains(client, CLUSTER, names, on_progress=shown.progress)
        async with aclosing(run) as outcomes:
            return [outcome async for outcome in outcomes]


async def _create_credential(client: UnmtaClient, file: Path) -> str:
    """Create the credential, unless it exists; return what there is to say of it."""
    wished = ClusterSpec(credentials=[CredentialSpec(user=USER)])
    plan = await make_plan(client, Manifest({CLUSTER: wished}))
    async with SqliteStore(file) as store, aclosing(apply(client, plan, store=store)) as outcomes:
        [outcome] = [outcome async for outcome in outcomes]
    if outcome.error is not None:
        raise outcome.error
    what = "existed" if outcome.status == "unchanged" else outcome.status
    return f"{USER} {what}, its password is in {_shown(file)}"


async def _write_zone(client: UnmtaClient, outcomes: Sequence[Outcome], file: Path) -> str:
    """Write the DNS records to publish as a zone file; return what there is to say of it."""

    async def detail(outcome: Outcome) -> DomainDetail:
        if isinstance(outcome.domain, DomainDetail):
            return outcome.domain
        return await client.domains.get(CLUSTER, outcome.name)

    there = [outcome for outcome in outcomes if outcome.domain is not None]
    domains = sorted(await asyncio.gather(*map(detail, there)), key=lambda domain: domain.name)
    wanted = [record for domain in domains for record in records(domain)]
    file.write_text(render(wanted, "bind"), encoding="ascii")  # noqa: ASYNC240 - as above
    return f"{len(wanted):,} in {_shown(file)}"


def _report(outcomes: Sequence[Outcome], seconds: float, credential: str, zone: str) -> None:
    counts = Counter(outcome.status for outcome in outcomes)
    rows = {
        "created": f"{counts['created']:,}",
        "existed": f"{counts['existed']:,}",
        "failed": f"{counts['failed']:,}",
        "rate": f"{len(outcomes) / seconds:,.0f} a second",
        "seconds": f"{seconds:.2f}",
        "credential": credential,
        "DNS records": zone,
    }
    for head, value in rows.items():
        sys.stdout.write(f"{styled(f'{head:13}', BOLD, sys.stdout)}{value}\n")


def _shown(path: Path) -> str:
    """Return a path as short as it can be said."""
    return min(os.path.relpath(path), str(path), key=len)

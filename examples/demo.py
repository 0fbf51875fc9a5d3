"""Provision a thousand sending domains against an embedded unMTA: `make demo`.

The sandbox keeps its state in a file, so a second run finds everything there already. Against the
real API the same code works with `UnmtaClient()` in place of `sandbox.client()`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from unmta_async import UnmtaClient, UnmtaError
from unmta_async.dns import records, render
from unmta_async.models import DomainDetail
from unmta_async.provisioning import Outcome, provision_domains
from unmta_async.sandbox import Sandbox

CLUSTER = "a1b2c3d4"
USER = "webapp-production"
NAMES = Path(__file__).with_name("domains.txt")

console = Console()


async def provision(client: UnmtaClient, names: Sequence[str]) -> list[Outcome]:
    """Provision the domains behind a progress bar."""
    columns = (
        TextColumn("provisioning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} a second"),
        TimeRemainingColumn(),
    )
    outcomes: list[Outcome] = []
    began = time.perf_counter()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=len(names), rate=0.0)
        async for outcome in provision_domains(client, CLUSTER, names):
            outcomes.append(outcome)
            rate = len(outcomes) / (time.perf_counter() - began)
            progress.update(bar, completed=len(outcomes), rate=rate)
    return outcomes


async def create_credential(client: UnmtaClient, folder: Path) -> str:
    """Create the SMTP credential, unless it exists; return what there is to say of it."""
    if any(credential.user == USER for credential in await client.credentials.list(CLUSTER)):
        return f"{USER} existed"
    # The API shows the password this once: what is to keep it is there before it is asked for.
    file = folder / f"{USER}.password"
    with private_file(file) as keeper:
        created = await client.credentials.create(CLUSTER, user=USER, allow_all_domains=True)
        keeper.write(created.password.reveal())
        keeper.flush()
        os.fsync(keeper.fileno())
    return f"{USER} created, its password is in {shown(file)}"


def private_file(file: Path) -> TextIO:
    """Open a file that is not there yet, and that nobody else may read."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")


async def write_zone(client: UnmtaClient, outcomes: Sequence[Outcome], file: Path) -> int:
    """Write the DNS records to publish as a zone file; return their number."""

    async def detail(outcome: Outcome) -> DomainDetail:
        if isinstance(outcome.domain, DomainDetail):
            return outcome.domain
        return await client.domains.get(CLUSTER, outcome.name)

    domains = await asyncio.gather(*map(detail, (o for o in outcomes if o.domain is not None)))
    wanted = [r for domain in sorted(domains, key=lambda d: d.name) for r in records(domain)]
    file.write_text(render(wanted, "bind"), encoding="ascii")
    return len(wanted)


def report(outcomes: Sequence[Outcome], seconds: float, credential: str, zone: str) -> None:
    """Print the summary, and the first of what failed."""
    counts = Counter(outcome.status for outcome in outcomes)
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    for status in ("created", "existed", "failed"):
        table.add_row(status, f"{counts[status]:,}")
    table.add_row("rate", f"{len(outcomes) / seconds:,.0f} a second")
    table.add_row("seconds", f"{seconds:.2f}")
    table.add_row("credential", credential)
    table.add_row("DNS records", zone)
    console.print(table)
    for outcome in [o for o in outcomes if o.error is not None][:5]:
        console.print(f"{outcome.name}: {outcome.error}", markup=False)


async def run(names: Sequence[str], folder: Path) -> int:
    """Run the demonstration; return the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    zone = folder / "records.zone"
    async with Sandbox(state=folder / "sandbox.jsonl") as sandbox, sandbox.client() as client:
        began = time.perf_counter()
        outcomes = await provision(client, names)
        seconds = time.perf_counter() - began
        credential = await create_credential(client, folder)
        number = await write_zone(client, outcomes, zone)
    report(outcomes, seconds, credential, f"{number:,} in {shown(zone)}")
    return int(any(outcome.status == "failed" for outcome in outcomes))


def shown(path: Path) -> str:
    """Return a path as short as it can be said."""
    return os.path.relpath(path)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python examples/demo.py",
        description="Provision domains, concurrently, against an unMTA inside this process.",
        epilog="Run it twice: the second run finds everything there. `make clean` forgets it.",
    )
    add = parser.add_argument
    add("names", nargs="?", type=Path, default=NAMES, help="a file of names, one a line")
    add("--folder", type=Path, default=Path("demo"), help="where to keep things (default: demo)")
    options = parser.parse_args()
    try:
        lines = options.names.read_text(encoding="utf-8").splitlines()
        names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        return asyncio.run(run(names, options.folder))
    except KeyboardInterrupt:
        console.print("Interrupted. Run it again to go on: what exists is skipped.")
        return 130
    except (UnmtaError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

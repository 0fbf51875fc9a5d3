"""`unmta domains wait`."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from .. import to_dict
from ..models import DomainStatus
from ..provisioning import NotVerifiedError, Progress, StatusChange, wait_verified
from .bar import shown_progress
from .failures import DONE, FAILED, USAGE, CommandError, told
from .files import check_writable, to_go_on
from .layout import Command
from .names import checked_names, read_names, write_left
from .options import Access, InputFile, Waiting
from .output import View, note, streamed
from .resolvers import Resolver, resolver_of
from .session import chosen_cluster, connected

__all__ = ["wait"]

_LONGEST_INTERVAL: Final = 300.0  # seconds, that the interval grows to
_TOLD: Final = 20  # laggards
_FILE: Final = Parameter(metavar="FILE")

_VIEW: Final = View[StatusChange](
    columns={"name": lambda it: it.name, "status": lambda it: it.status},
    record=lambda it: {
        "name": it.name,
        "status": it.status,
        "previous": it.previous,
        "domain": None if it.domain is None else to_dict(it.domain),
    },
)


wait = Command(
    name="wait",
    help_epilogue="""\
Examples:
  $ unmta domains wait example.com
  $ unmta domains wait --file names.txt --timeout 600 --failed pending.txt
  $ unmta domains provision names.txt && unmta domains wait --file names.txt
""",
)


@wait.default
async def wait_(
    name: Annotated[tuple[str, ...], Parameter(metavar="NAME", show_default=False)] = (),
    /,
    *,
    file: InputFile | None = None,
    failed: Annotated[Path | None, _FILE] = None,
    resolver: Resolver = None,
    common: Waiting = Waiting(),
) -> int:
    """Wait until sending domains are verified.

    Each change of a status is written as it is seen. Of what is not verified in time, it tells what
    is wrong with the DNS records.

    Args:
        name: The domain names.
        file: A file with domain names, one per line; - is standard input.
        failed: Write the names that are not verified to this file; it can be --file next time.
        resolver: What to look the DNS up with in the end; the system's resolver if not given.
        common: The common options.
    """
    names = tuple(dict.fromkeys((*checked_names(name), *(read_names(file) if file else ()))))
    if not names and file is None:
        raise CommandError("give the names of domains, or --file", USAGE)
    check_writable(failed)
    watch = _Watch(names)
    access = Access(quiet=common.quiet, verbose=common.verbose, token_file=common.token_file)
    async with connected(access) as client:
        changes = wait_verified(
            client,
            await chosen_cluster(client, common),
            names,
            timeout=common.timeout,
            min_interval=common.interval,
            max_interval=max(common.interval, _LONGEST_INTERVAL),
            resolver=resolver_of(resolver),
        )
        try:
            return await _follow(changes, watch, common)
        finally:
            write_left(failed, watch.left)
            note(str(watch), quiet=common.quiet)
            if watch.left:
                note(to_go_on(file, failed), quiet=common.quiet)


async def _follow(
    changes: AsyncGenerator[StatusChange, None], watch: _Watch, common: Waiting
) -> int:
    """Write changes as they come, and at the end what is missing; return the exit code."""
    late: NotVerifiedError | None = None
    with (
        shown_progress("waiting", quiet=common.quiet) as shown,
        streamed(_VIEW, common.output, widths=watch.widths, write=shown.line) as write,
    ):
        try:
            async with aclosing(changes):
                async for change in changes:
                    watch.see(change)
                    write(change)
                    shown.progress(watch.progress)
        except NotVerifiedError as error:
            late = error
    if late is None:
        return DONE
    for line in lines_about(late):
        note(f"error: {line}")
    return FAILED


def lines_about(late: NotVerifiedError) -> list[str]:
    """Return lines about what was not verified, and what each needs, as far as they can be read."""
    lines = [str(laggard) for laggard in late.laggards[:_TOLD]]
    if (more := len(late.laggards) - _TOLD) > 0:
        lines.append(f"and {more:,} more")
    if late.reason is not None:
        lines.append(f"the last look failed: {told(late.reason)}")
    return lines


class _Watch:
    """What is known of the domains that are waited for.

    Attributes:
        left: The names that are not verified, and their status.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.left = dict.fromkeys(names, "not seen")
        self._total = len(names)
        self._began = time.monotonic()

    @property
    def widths(self) -> dict[str, int]:
        """How wide the columns of a table are to be."""
        return {"name": max(map(len, self.left), default=0)}

    @property
    def progress(self) -> Progress:
        """How far it has come; nobody knows how long the rest takes."""
        return Progress(
            done=self._total - len(self.left),
            failed=0,
            total=self._total,
            seconds=time.monotonic() - self._began,
            rate=0.0,
            eta=None,
            paused_until=None,
        )

    def see(self, change: StatusChange) -> None:
        """Note a change; a domain can fall back."""
        if change.status == DomainStatus.VERIFIED:
            self.left.pop(change.name, None)
        else:
            self.left[change.name] = change.status

    def __str__(self) -> str:
        seconds = time.monotonic() - self._began
        return f"{self._total - len(self.left):,} of {self._total:,} verified in {seconds:.1f} s"

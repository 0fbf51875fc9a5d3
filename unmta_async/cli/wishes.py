"""`unmta plan` and `unmta apply`: from a manifest to what it takes, and to having it done."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import attrs
from cyclopts import Parameter

from ..errors import PasswordLostError, UnmtaError, printable
from ..provisioning import Action, ActionOutcome, Plan, make_plan, recreate_lost
from ..provisioning import apply as carry_out
from .bar import Shown, shown_progress
from .failures import DONE, FAILED, USAGE, CommandError, saved, told
from .files import again, check_writable, to_go_on, write_atomically
from .interrupts import stopping_softly
from .layout import Command
from .manifests import ManifestFile, Wished, check_suffix, left_over, read_manifest, written
from .options import Bulk, Changing, Common
from .output import View, counted, note, show, streamed, styled
from .prompt import ask
from .session import connected
from .stores import Storing, opened_store

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..provisioning import Intent, Manifest, PasswordStore

__all__ = ["apply", "plan"]

CHANGES: Final = 3

_GREEN, _YELLOW, _RED = "32", "33", "31"
_COLOURS: Final = {"+": _GREEN, "~": _YELLOW, "-": _RED}
_SIGN: Final = re.compile(r"^ +(?:[a-z_]+: )?([+~-]) ")

_ACTIONS: Final = View[Mapping[str, object]](
    columns={
        "cluster": itemgetter("cluster"),
        "kind": itemgetter("kind"),
        "target": itemgetter("target"),
        "verb": itemgetter("verb"),
    },
    record=lambda it: it,
)
_OUTCOMES: Final = View[ActionOutcome](
    columns={
        "cluster": lambda it: it.action.cluster,
        "kind": lambda it: it.action.kind,
        "target": lambda it: it.action.target,
        "status": lambda it: it.status,
        "error": lambda it: _reason(it),
    },
    record=lambda it: {
        "cluster": it.action.cluster,
        "kind": it.action.kind,
        "target": it.action.target,
        "verb": it.action.verb,
        "status": it.status,
        "error": _reason(it) or None,
    },
)

plan = Command(
    name="plan",
    help_epilogue="""\
Exit codes: 0 done, whether there is something to do or not; 3 with
--detailed-exitcode if there is; 1 failed; 2 wrong usage, or a faulty manifest.

Examples:
  $ unmta plan clusters.yaml
  $ unmta plan clusters.yaml --prune --detailed-exitcode
  $ unmta plan domains.txt --cluster a1b2c3d4
  $ generate-manifest | unmta plan - --output json | jq .counts""",
)


@plan.default
async def plan_(
    file: ManifestFile,
    /,
    *,
    prune: bool = False,
    detailed_exitcode: bool = False,
    wished: Wished = Wished(),
    common: Common = Common(),
) -> int:
    """Show what it takes to get to what a manifest wishes. Nothing is changed.

    What + stands before is to be created, what ~ stands before changed, what - stands before
    deleted.

    Args:
        file: The manifest.
        prune: Delete what exists and is not wished, of the kinds that the manifest speaks of.
        detailed_exitcode: End with 3 if there is something to do.
        wished: How to read the manifest.
        common: The common options.
    """
    async with connected(common) as client:
        manifest = await read_manifest(client, file, wished)
        made = await make_plan(client, manifest, prune=prune)
    show_plan(made, common)
    return CHANGES if made.pending and detailed_exitcode else DONE


apply = Command(
    name="apply",
    help_epilogue="""\
It can be run again at any time, after Ctrl-C or a crash, too: what is done
already is found done.

Exit codes: 0 done, 1 something failed, 130 ended by Ctrl-C.

Examples:
  $ unmta apply clusters.yaml --store passwords.db
  $ unmta apply clusters.yaml --prune --dry-run
  $ unmta apply clusters.yaml --store passwords.db --yes --failed failed.yaml
  $ unmta apply clusters.yaml --store passwords.db --purge \\
      --sink 'vault kv put secret/smtp/{cluster}/{user} password=-'""",
)


@attrs.frozen
class _Job:
    """What `apply` was asked for."""

    file: str
    prune: bool
    recreate: bool
    failed: Path | None
    concurrency: int
    common: Common


@apply.default
async def apply_(
    file: ManifestFile,
    /,
    *,
    prune: bool = False,
    yes: Annotated[bool, Parameter(alias="-y")] = False,
    recreate: Annotated[bool, Parameter(name="--recreate-lost")] = False,
    failed: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    storing: Storing = Storing(),
    wished: Wished = Wished(),
    changing: Changing = Changing(),
    bulk: Bulk = Bulk(),
    common: Common = Common(),
) -> int:
    """Do what it takes to get to what a manifest wishes, after showing it and asking.

    Domains are created before the credentials that name them; what is to be deleted goes last.
    A failure ends nothing but what failed.

    Args:
        file: The manifest.
        prune: Delete what exists and is not wished, of the kinds that the manifest speaks of. This
            cannot be undone.
        yes: Do not ask.
        recreate: First, delete the credentials whose passwords were lost on the way into the store,
            and let them be made anew: only those that provably came about that way.
        failed: Write what is left to do to a manifest (.yaml or .json), for a later run without
            --prune.
        storing: Where the passwords go.
        wished: How to read the manifest.
        changing: Whether to change anything.
        bulk: How much to do at a time.
        common: The common options.
    """
    if recreate and storing.store is None:
        raise CommandError("--recreate-lost needs --store: it knows what was lost", USAGE)
    if failed is not None:
        check_suffix(failed)
        check_writable(failed)
    job = _Job(file, prune, recreate, failed, bulk.concurrency, common)
    async with connected(common, concurrency=bulk.concurrency) as client:
        manifest = await read_manifest(client, file, wished)
        made = await make_plan(client, manifest, prune=prune)
        if changing.dry_run:
            show_plan(made, common)
            await _show_lost(storing, job)
            return DONE
        async with opened_store(storing) as store:
            _check_store(made, store)
            lost = await _lost(store, job)
            _agree(made, lost, yes=yes, quiet=common.quiet)
            is_whole = not lost or await _recreated(client, store, job)
            if not is_whole:  # something may be there no more
                made = _agreed(await make_plan(client, manifest, prune=prune), made, lost)
            code = await _carry_out(client, manifest, made, store, job)
    return code if is_whole else max(code, FAILED)


async def _lost(store: PasswordStore | None, job: _Job) -> Sequence[Intent]:
    """Return the credentials that were lost, if they are to be made anew."""
    return await store.lost() if job.recreate and store is not None else ()


async def _show_lost(storing: Storing, job: _Job) -> None:
    """Say what would be made anew; there is no store yet if nothing was ever lost."""
    if job.recreate and storing.store is not None and storing.store.exists():
        async with opened_store(storing) as store:
            if lost := await _lost(store, job):
                note(_of_lost(lost))


def _of_lost(lost: Sequence[Intent]) -> str:
    """Return what is to become of lost credentials; "" if there are none."""
    head = "To be deleted and made anew, as far as they came about with a password that was lost:"
    lines = [f"  credential {printable(each.user)} of {each.cluster}" for each in lost]
    return "\n".join([head, *lines]) if lost else ""


def _check_store(made: Plan, store: PasswordStore | None) -> None:
    new = [it for it in made.pending if (it.kind, it.verb) == ("credential", "create")]
    if new and store is None:
        raise CommandError(
            f"the plan creates {counted(len(new), 'credential')}: give --store FILE for the "
            "passwords, such as --store passwords.db",
            USAGE,
        )


def _agree(made: Plan, lost: Sequence[Intent], *, yes: bool, quiet: bool) -> None:
    """Show a plan, and ask whether to carry it out.

    Raises:
        CommandError: It is not to be, or there is nobody to ask.
    """
    if not made.pending and not lost:
        return
    if not yes and not sys.stdin.isatty():
        raise CommandError("there is nobody to ask: give --yes to apply the plan unseen", USAGE)
    if not (quiet and yes):
        shown = [_of_lost(lost), painted(str(made), sys.stderr)]
        sys.stderr.writelines(f"{text}\n" for text in shown if text)
    if not yes and ask("\nApply this? Only yes is taken for it: ") != "yes":
        raise CommandError("nothing was done")


async def _recreated(client: UnmtaClient, store: PasswordStore | None, job: _Job) -> bool:
    """Make lost credentials anew; return whether all could be."""
    assert store is not None  # noqa: S101 - refused before
    is_whole = True
    try:
        async with aclosing(recreate_lost(client, store)) as recreations:
            async for each in recreations:
                told_of = f"{each.status}: credential {printable(each.user)} of {each.cluster}"
                reason = f": {told(each.error)}" if each.error else ""
                note(f"{told_of}{reason}", quiet=job.common.quiet)
                is_whole = is_whole and each.status in {"recreated", "absent"}
    except BaseException as error:
        note(to_go_on(job.file, is_faulty=isinstance(error, UnmtaError)))
        raise
    return is_whole


def _agreed(plan: Plan, shown: Plan, lost: Sequence[Intent]) -> Plan:
    """Return what of a plan was agreed to: what was shown, and to make anew what was lost."""
    agreed = {(_place(it), it.verb) for it in shown.actions}
    agreed |= {((it.cluster, "credential", it.user), "create") for it in lost}
    return Plan(tuple(it for it in plan.actions if (_place(it), it.verb) in agreed))


async def _carry_out(
    client: UnmtaClient, manifest: Manifest, made: Plan, store: PasswordStore | None, job: _Job
) -> int:
    done: list[ActionOutcome] = []
    began = time.monotonic()
    try:
        await _run(client, made, store, job, done)
    except BaseException as error:
        _conclude(manifest, made, done, job, time.monotonic() - began, error)
        raise
    _conclude(manifest, made, done, job, time.monotonic() - began)
    return FAILED if any(outcome.error is not None for outcome in done) else DONE


async def _run(
    client: UnmtaClient,
    made: Plan,
    store: PasswordStore | None,
    job: _Job,
    done: list[ActionOutcome],
) -> None:
    """Carry out a plan; write each outcome as it comes, and add it to what is done."""
    with (
        shown_progress("applying", quiet=job.common.quiet) as shown,
        stopping_softly() as stop,
        _written(job.common, shown) as write,
    ):
        run = carry_out(
            client,
            made,
            store=store,
            concurrency=job.concurrency,
            stop=stop,
            on_progress=shown.progress,
        )
        async with aclosing(run) as outcomes:
            async for outcome in outcomes:
                done.append(outcome)
                write(outcome)
    if stop.is_set():
        raise asyncio.CancelledError


@contextmanager
def _written(common: Common, shown: Shown) -> Generator[Callable[[ActionOutcome], None]]:
    """Write outcomes as they come; for people only what is new."""

    def tell(outcome: ActionOutcome) -> None:
        if outcome.status != "unchanged":
            shown.line(_line(outcome))

    if common.output == "table":
        yield tell
    else:
        with streamed(_OUTCOMES, common.output, write=shown.line) as write:
            yield write


def _line(outcome: ActionOutcome) -> str:
    action = outcome.action
    sign = "" if outcome.error is None else _RED
    status = f"{outcome.status:9}"
    said = styled(status, sign, sys.stdout) if sign else status
    return f"{said} {action.kind:10} {printable(action.target)}"


def _conclude(
    manifest: Manifest,
    made: Plan,
    done: Sequence[ActionOutcome],
    job: _Job,
    seconds: float,
    stopped: BaseException | None = None,
) -> None:
    """Tell how it ended and how to go on, and keep what is left to do."""
    try:
        failed = [outcome for outcome in done if outcome.error is not None]
        for outcome in failed:
            note(f"{outcome.action.kind} {printable(outcome.action.target)}: {_fault(outcome)}")
        note(_summary(made, done, seconds), quiet=job.common.quiet)
        if any(isinstance(outcome.error, PasswordLostError) for outcome in failed):
            note("A password that never arrived cannot be asked for. To make its credential anew:")
            note(f"  {again()}{'' if job.recreate else ' --recreate-lost'}")
        if stopped is not None:
            note(to_go_on(job.file, is_faulty=isinstance(stopped, UnmtaError)))
    finally:
        if job.failed is not None:
            _keep(manifest, made, done, job.failed)


def _keep(manifest: Manifest, made: Plan, done: Sequence[ActionOutcome], file: Path) -> None:
    """Write what is left to do to the file that is to have it."""
    finished = {_place(outcome.action) for outcome in done if outcome.error is None}
    left = left_over(manifest, (it for it in made.pending if _place(it) not in finished))
    write_atomically(file, written(left, file))
    if left.clusters:
        note(f"What is left is in {file}: apply that, without --prune, to try again.")


def _place(action: Action) -> tuple[str, str, str]:
    return action.cluster, action.kind, action.target


def _summary(made: Plan, done: Sequence[ActionOutcome], seconds: float) -> str:
    counts = Counter(outcome.status for outcome in done)
    said = [f"{number:,} {status}" for status, number in counts.items() if status != "unchanged"]
    left = len(made.actions) - len(done)
    if left > 0:
        said.append(f"{left:,} not begun")
    said.append(f"{counts['unchanged']:,} unchanged")
    return f"{', '.join(said)}, in {seconds:.1f} s."


def _fault(outcome: ActionOutcome) -> str:
    """Return why it failed; a password that came with that is put where it can be found."""
    return "" if outcome.error is None else saved(outcome.error)


def _reason(outcome: ActionOutcome) -> str:
    return "" if outcome.error is None else told(outcome.error)


def show_plan(made: Plan, common: Common) -> None:
    """Write a plan to stdout."""
    if common.output == "table":
        sys.stdout.write(f"{painted(str(made), sys.stdout)}\n")
    elif common.output == "json":
        sys.stdout.write(f"{made.to_json()}\n")
    else:
        show(json.loads(made.to_json())["actions"], _ACTIONS, common.output)


def painted(text: str, stream: TextIO) -> str:
    """Return a plan with a colour for each sign, if a stream wants colours."""
    return "\n".join(_painted(line, stream) for line in text.splitlines())


def _painted(line: str, stream: TextIO) -> str:
    found = _SIGN.match(line)
    return styled(line, _COLOURS[found[1]], stream) if found else line

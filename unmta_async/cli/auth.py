"""`unmta auth`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import attrs
from cyclopts import App

from ..secret import Secret
from . import keychain
from .failures import USAGE, CommandError
from .options import Access, Changing, Common
from .output import View, counted, note, show_one
from .prompt import ask_secretly
from .session import TOKEN_VARIABLE, base_url, connected, find_token, token_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import Cluster

app = App(
    name="auth",
    help="The API token.",
    help_epilogue="""\
Examples:
  $ unmta auth login
  $ unmta auth status""",
)


@attrs.frozen
class Status:
    """Who is known to the API, and how. The token is not among it."""

    base_url: str
    source: str
    clusters: tuple[str, ...]


_VIEW: Final = View[Status](
    columns={
        "base url": lambda it: it.base_url,
        "token from": lambda it: it.source,
        "clusters": lambda it: it.clusters,
    },
    record=lambda it: {
        "base_url": it.base_url,
        "token_source": it.source,
        "clusters": it.clusters,
    },
)


@app.command(
    help_epilogue="""\
The token is read without being shown, from standard input, or from
--token-file. It is never an argument, which others could see.

Examples:
  $ unmta auth login
  $ unmta auth login < token.txt
  $ pass show unmta/token | unmta auth login"""
)
async def login(*, changing: Changing = Changing(), common: Access = Access()) -> None:
    """Check an API token, and keep it in the system's keyring.

    It is kept only if the API takes it. UNMTA_API_TOKEN and --token-file go before it.

    Args:
        changing: Whether to keep it.
        common: The common options.
    """
    token = token_in(common.token_file) if common.token_file else _read()
    async with connected(common, token) as client:
        clusters = await client.clusters.list()
    said = f"it can see {counted(len(clusters), 'cluster')} at {base_url()}"
    if changing.dry_run:
        note(f"The token is good: {said}. It is not kept: this is a dry run.", quiet=common.quiet)
        return
    keychain.save(token)
    note(f"The token is kept: {said}.", quiet=common.quiet)
    if os.environ.get(TOKEN_VARIABLE):
        note(f"{TOKEN_VARIABLE} is set and goes before it: unset it to use what is kept.")


@app.command(
    help_epilogue="""\
Exit codes: 0 the API takes the token, 1 it does not, 2 there is none.

Examples:
  $ unmta auth status
  $ unmta auth status --output json | jq -r .token_source"""
)
async def status(*, common: Common = Common()) -> None:
    """Show where the API token comes from, and which clusters it can see.

    Args:
        common: The common options.
    """
    found = find_token(common.token_file)
    note(f"The token is from {found.source}, for {base_url()}.", quiet=common.quiet)
    async with connected(common, found.value) as client:
        clusters: Sequence[Cluster] = await client.clusters.list()
    seen = tuple(cluster.id for cluster in clusters)
    show_one(Status(base_url(), found.source, seen), _VIEW, common.output)


def _read() -> Secret:
    """Read a token from a person, or from standard input.

    Raises:
        CommandError: There is none.
    """
    text = ask_secretly("API token: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    if not text:
        raise CommandError("there is no token to keep; nothing was done", USAGE)
    return Secret(text)

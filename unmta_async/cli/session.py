"""From options to a client: where the token comes from, and which cluster is meant."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs

from ..client import UnmtaClient
from ..models import Cluster
from ..options import Attempt
from ..secret import Secret
from .failures import USAGE, CommandError
from .files import read_text
from .options import Access, AccessInCluster, InCluster

__all__ = [
    "TOKEN_VARIABLE",
    "Token",
    "base_url",
    "chosen_cluster",
    "connected",
    "find_token",
    "token_in",
]

TOKEN_VARIABLE: Final = "UNMTA_API_TOKEN"  # noqa: S105 - the name of a variable
_CONNECTIONS: Final = 100


@attrs.frozen
class Token:
    """A token, and where it comes from, in words."""

    value: Secret
    source: str


@asynccontextmanager
async def connected(
    options: Access, token: Secret | None = None, *, concurrency: int = 1
) -> AsyncGenerator[UnmtaClient]:
    """Open a client as the options have it.

    Args:
        options: The options.
        token: The token, if it is known already.
        concurrency: How many requests are to be in flight at a time, at least.

    Raises:
        CommandError: There is no token.
        UsageError: An option makes no sense.
    """
    client = UnmtaClient(
        token=token or find_token(options.token_file).value,
        timeout=options.timeout,
        max_connections=max(_CONNECTIONS, concurrency),
        on_attempt=_tell if options.verbose else None,
    )
    async with client:
        yield client


def find_token(file: Path | None) -> Token:
    """Return the token: of the file, of the environment, or of the system's keyring.

    Raises:
        CommandError: There is none.
        OSError: The file cannot be read.
    """
    if file is not None:
        return Token(token_in(file), str(file))
    if value := os.environ.get(TOKEN_VARIABLE):
        return Token(Secret(value), TOKEN_VARIABLE)
    from . import keychain  # asks a service of the system

    if (kept := keychain.load()) is not None:
        return Token(kept, "the keyring")
    raise CommandError(
        f"there is no API token: set {TOKEN_VARIABLE}, give --token-file, or run `unmta auth "
        "login`",
        USAGE,
    )


def token_in(file: Path) -> Secret:
    """Return the token in a file; "-" is standard input.

    Raises:
        CommandError: There is none.
        OSError: It cannot be read.
    """
    if token := read_text(file).strip():
        return Secret(token)
    raise CommandError(f"{file}: there is no token in it", USAGE)


def base_url() -> str:
    """Return where the API is."""
    return os.environ.get("UNMTA_BASE_URL") or "https://app.unmta.com/api/v1"


async def chosen_cluster(client: UnmtaClient, options: InCluster | AccessInCluster) -> str:
    """Return the id of the cluster that is meant: the one that was given, or the only one.

    Raises:
        CommandError: None was given, and there is none, or more than one.
    """
    if options.cluster:
        return options.cluster
    return _only_one(await client.clusters.list())


def _only_one(clusters: Sequence[Cluster]) -> str:
    match clusters:
        case [cluster]:
            return cluster.id
        case []:
            raise CommandError("the token can see no cluster: check whose it is")
        case _:
            ids = ", ".join(cluster.id for cluster in clusters)
            raise CommandError(
                f"there are {len(clusters)} clusters: give --cluster, or set UNMTA_CLUSTER, to one "
                f"of {ids}",
                USAGE,
            )


def _tell(attempt: Attempt) -> None:
    sys.stderr.write(f"{attempt}\n")

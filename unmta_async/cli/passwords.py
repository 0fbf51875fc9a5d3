"""Where the password of the one credential that a command makes goes: a store, or stdout, alone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, TypeAlias

import attrs
from cyclopts import Group, Parameter

from ..errors import UnmtaError
from ..provisioning import Intent, PasswordStore, StoreError
from ..secret import Secret
from .failures import USAGE, CommandError
from .interrupts import stopping_once
from .options import Changing
from .output import note
from .stores import Storing, opened_store

__all__ = ["Passwords", "ShowPassword", "accounted", "opened"]

ShowPassword: TypeAlias = Annotated[bool, Parameter(group=Group("Passwords", sort_key=50))]


@attrs.frozen
class Passwords:
    """Where the password goes: into a store, or else to stdout."""

    storing: Storing
    is_shown: bool

    @property
    def place(self) -> str:
        """Where the password goes, in words."""
        return "stdout" if self.is_shown else str(self.storing.store)


@asynccontextmanager
async def opened(passwords: Passwords, changing: Changing) -> AsyncGenerator[PasswordStore]:
    """Open what the password goes to; in a dry run nothing that leaves a trace.

    Raises:
        CommandError: It was not said where that is.
        StoreError: The store cannot be opened.
    """
    if (passwords.storing.store is None) is not passwords.is_shown:
        raise CommandError(
            "the password is shown this once: give --store FILE to keep it, or --show-password to "
            "have it on stdout, alone",
            USAGE,
        )
    if passwords.is_shown:
        _check_stdout()
    if changing.dry_run:
        yield _Stdout()
        return
    async with opened_store(passwords.storing) as store:
        yield _Stdout() if store is None else store


@asynccontextmanager
async def accounted(
    user: str, passwords: Passwords, store: PasswordStore
) -> AsyncGenerator[PasswordStore]:
    """Let the first Ctrl-C end a creation in order, ignore others, and tell what came of it.

    Yields:
        The store, for the creation to use.
    """
    watched = _Watched(store)
    try:
        with stopping_once("Ending: the password that may be on its way is waited for."):
            yield watched
    except asyncio.CancelledError as error:
        # What was under way has ended, and how it failed is the cause.
        if isinstance(error.__cause__, UnmtaError):
            raise error.__cause__ from None
        note(
            f"{user} was created, and its password went to {passwords.place}."
            if watched.is_done
            else f"`unmta credentials list` tells whether {user} was created; its password did not "
            "arrive: if it was, delete it, and create it again."
        )
        raise


def _check_stdout() -> None:
    """Refuse to show a password where nothing can be shown."""
    try:
        os.write(sys.stdout.fileno(), b"")
    except OSError:
        raise CommandError(
            "stdout is closed: nobody would see the password; nothing was done", USAGE
        ) from None


class _Watched:
    """A store that knows whether it has a password."""

    def __init__(self, store: PasswordStore) -> None:
        self._store = store
        self.is_done = False

    async def prepare(self, cluster: str, user: str, *, seen_absent: bool = False) -> Intent | None:
        """Prepare the store."""
        return await self._store.prepare(cluster, user, seen_absent=seen_absent)

    async def store(self, cluster: str, user: str, password: Secret) -> None:
        """Store a password, and note that it is there."""
        await self._store.store(cluster, user, password)
        self.is_done = True

    async def withdraw(self, cluster: str, user: str) -> None:
        """Withdraw an intent."""
        await self._store.withdraw(cluster, user)

    async def lost(self) -> Sequence[Intent]:
        """Return what was lost."""
        return await self._store.lost()


class _Stdout:
    """A store for one password that writes it to stdout, and forgets it."""

    async def prepare(self, cluster: str, user: str, *, seen_absent: bool = False) -> None:
        """Do nothing: whoever reads stdout knows what was asked for."""

    async def store(self, cluster: str, user: str, password: Secret) -> None:  # noqa: ARG002
        """Write the password.

        Raises:
            StoreError: Nobody reads it; `.password` has it.
        """
        try:
            # Not by way of a buffer, in which it would stay if nobody reads it.
            left = f"{password.reveal()}\n".encode()
            while left:
                left = left[os.write(sys.stdout.fileno(), left) :]
        except OSError as error:
            failure = StoreError(f"stdout: {error.strerror}")
            failure.password = password
        else:
            return
        raise failure

    async def withdraw(self, cluster: str, user: str) -> None:
        """Do nothing."""

    async def lost(self) -> Sequence[Intent]:
        """Return nothing."""
        return ()

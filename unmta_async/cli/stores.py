"""Where the passwords of new credentials go: `--store`, and `--sink` behind it."""

from __future__ import annotations

import shlex
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs
from cyclopts import Group, Parameter

from .failures import USAGE, CommandError

if TYPE_CHECKING:
    from ..provisioning import JsonlStore, PasswordStore, SqliteStore

__all__ = ["Storing", "opened_store"]

_GROUP: Final = Group("Passwords", sort_key=50)
_KINDS: Final = (".db", ".sqlite", ".sqlite3", ".jsonl")


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Storing:
    """What every command knows that creates credentials.

    Attributes:
        store: The file that the passwords of new credentials go to: SQLite (.db, .sqlite) or lines
            of JSON (.jsonl). It is made if there is none, for you alone to read.
        sink: A program that is given each password on its standard input once that is in the store;
            {cluster} and {user} stand for themselves in its arguments.
        purge: Remove a password from the store once the program has taken it.
    """

    store: Annotated[Path | None, Parameter(group=_GROUP, metavar="FILE")] = None
    sink: Annotated[str | None, Parameter(group=_GROUP, metavar="COMMAND")] = None
    purge: Annotated[bool, Parameter(group=_GROUP)] = False

    def __attrs_post_init__(self) -> None:
        if self.store is not None and self.store.suffix.lower() not in _KINDS:
            raise CommandError(
                f"--store {self.store}: its suffix tells no kind of store: use .db or .jsonl", USAGE
            )
        if self.sink is not None and self.store is None:
            raise CommandError("--sink needs --store: a password is kept until it is taken", USAGE)
        if self.purge and self.sink is None:
            raise CommandError("--purge needs --sink: else nothing would be left", USAGE)


@asynccontextmanager
async def opened_store(options: Storing) -> AsyncGenerator[PasswordStore | None]:
    """Open the store that the options name; None if they name none.

    Raises:
        StoreError: It cannot be opened.
        CommandError: The program behind it cannot be read from the options.
    """
    if options.store is None:
        yield None
        return
    from ..provisioning import CommandSink

    async with _file_store(options.store) as store:
        if options.sink is None:
            yield store
        else:
            yield CommandSink(store, _words(options.sink), purge=options.purge)


def _file_store(path: Path) -> JsonlStore | SqliteStore:
    from ..provisioning import JsonlStore, SqliteStore

    return JsonlStore(path) if path.suffix.lower() == ".jsonl" else SqliteStore(path)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise CommandError(f"--sink {command!r}: {error}", USAGE) from None

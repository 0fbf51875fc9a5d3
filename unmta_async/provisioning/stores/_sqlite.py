"""A store in an SQLite database of one table; `sqlite3` is imported when one is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from ._base import FileStore
from ._files import InUseError, check_private, create, is_at
from ._protocol import StoreError
from ._record import FIELDS, Record, from_fields, to_fields

__all__ = ["SqliteStore"]

_APPLICATION_ID: Final = 0x756E6D74  # "unmt"
_VERSION: Final = 1
_CREATE: Final = """
CREATE TABLE credentials (
    cluster TEXT NOT NULL,
    user TEXT NOT NULL,
    prepared_at TEXT,
    last_prepared_at TEXT,
    seen_absent INTEGER NOT NULL,
    password BLOB,
    stored_at TEXT,
    delivered_at TEXT,
    PRIMARY KEY (cluster, user)
) WITHOUT ROWID
"""


class SqliteStore(FileStore):
    """Passwords in an SQLite database.

    SQLite keeps a second file beside it, whose name ends in `-wal`, as long as it is open and
    after a crash: it belongs to the database.

    Args:
        path: The file; it is made if there is none. Its directory has to be there, on a disk of
            this machine.
    """

    def _open(self) -> _Database:
        return _Database(self.path)


class _Database:
    """The open database, locked: SQLite's own exclusive lock keeps everybody else out."""

    def __init__(self, path: Path) -> None:
        import sqlite3  # for those only who have such a store

        self._path = path
        made = create(path)
        if made is not None:
            os.close(made)
        # An existing file is not opened here: closing it would undo SQLite's locks of a store
        # that has it open in this process.
        self._status = os.lstat(path)
        check_private(path, self._status)
        self._connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=0,
            check_same_thread=False,
        )
        try:
            self._begin()
        except sqlite3.Error as error:
            self.close()
            failure = _failure(path, error.sqlite_errorname)
            if failure is None:
                raise
        except BaseException:
            self.close()
            raise
        else:
            return
        raise failure

    def _begin(self) -> None:
        for pragma in ("locking_mode=EXCLUSIVE", "synchronous=FULL", "secure_delete=ON"):
            self._ask(f"PRAGMA {pragma}")
        # Locked before it is looked at: of two that open it, one wins.
        self._connection.execute("BEGIN EXCLUSIVE")
        try:
            self._settle_schema()
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()
        self._ask("PRAGMA journal_mode=WAL")
        self._check()

    def _settle_schema(self) -> None:
        version = self._ask("PRAGMA user_version")
        is_ours = self._ask("PRAGMA application_id") == _APPLICATION_ID
        if is_ours and version == _VERSION:
            return
        if is_ours:
            raise StoreError(
                f"{self._path}: version {version}, made by a newer unmta-async: use that one"
            )
        if version or self._ask("SELECT count(*) FROM sqlite_master"):
            raise StoreError(f"{self._path}: not a database of passwords; use another file")
        self._connection.execute(_CREATE)
        self._ask(f"PRAGMA application_id={_APPLICATION_ID}")
        self._ask(f"PRAGMA user_version={_VERSION}")

    def read(self) -> list[Record]:
        """Return all records."""
        rows = self._connection.execute(f"SELECT {', '.join(FIELDS)} FROM credentials")  # noqa: S608 - names of ours
        return [self._record(row) for row in rows]

    def _record(self, row: Sequence[Any]) -> Record:
        fields = dict(zip(FIELDS, row, strict=True))
        fields["seen_absent"] = bool(fields["seen_absent"])
        if isinstance(fields["password"], bytes):
            fields["password"] = fields["password"].decode(errors="surrogatepass")
        record = from_fields(fields)
        if record is None:
            raise StoreError(
                f"{self._path}: the row of {fields['user']!r} in {fields['cluster']!r} is damaged;"
                " mend it or remove it"
            )
        return record

    def write(self, record: Record) -> None:
        """Commit a record, which waits for the disk."""
        self._write([record])

    def purge(self, changed: Sequence[Record], left: Iterable[Record]) -> None:  # noqa: ARG002
        """Commit records, and empty the log, which holds what was there before."""
        self._write(changed)
        if self._ask("PRAGMA wal_checkpoint(TRUNCATE)"):
            raise InUseError.of(self._path)

    def close(self) -> None:
        """Close the database, which unlocks it."""
        self._connection.close()

    def _write(self, records: Sequence[Record]) -> None:
        self._check()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for record in records:
                self._put(record)
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def _put(self, record: Record) -> None:
        if record.is_void:
            self._connection.execute(
                "DELETE FROM credentials WHERE cluster = ? AND user = ?", record.key
            )
            return
        names, marks = ", ".join(FIELDS), ", ".join("?" * len(FIELDS))
        self._connection.execute(
            f"INSERT OR REPLACE INTO credentials ({names}) VALUES ({marks})",  # noqa: S608 - names of ours
            _row(record),
        )

    def _ask(self, question: str) -> Any:  # noqa: ANN401 - as SQLite has it
        """Return the first value of the answer, or None."""
        row = self._connection.execute(question).fetchone()
        return row[0] if row else None

    def _check(self) -> None:
        if not is_at(self._path, self._status):
            raise StoreError(f"{self._path} was removed or replaced while it was in use")


def _row(record: Record) -> list[str | bytes | bool | None]:
    fields: dict[str, Any] = to_fields(record)
    if fields["password"] is not None:
        # JSON knows texts that UTF-8 does not.
        fields["password"] = fields["password"].encode(errors="surrogatepass")
    return [fields[name] for name in FIELDS]


def _failure(path: Path, code: str) -> StoreError | None:
    """Return what an error on opening means, if that can be said better than SQLite does."""
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return InUseError.of(path)
    if code == "SQLITE_NOTADB":
        return StoreError(f"{path}: not a database of passwords; use another file")
    return None

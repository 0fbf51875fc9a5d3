"""What both files have in common: one thread, one thing at a time, opened when it is needed.

A backend reads and writes; what is written is decided in `_record`.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Protocol, Self, TypeVar

from ...errors import printable
from ...secret import Secret
from ._protocol import Intent, StoreError
from ._record import Entry, Key, Record

__all__ = ["Backend", "FileStore"]

T = TypeVar("T")


class Backend(Protocol):
    """An open file: what it holds, and how that is changed.

    Whatever a method raises, the file is closed then, and opened anew when it is next needed.
    """

    def read(self) -> Iterable[Record]:
        """Return all records; a later one of the same key stands for the earlier ones."""
        ...

    def write(self, record: Record) -> None:
        """Write a record durably, in place of the one before."""
        ...

    def purge(self, changed: Sequence[Record], left: Iterable[Record]) -> None:
        """Write records durably and leave no trace of what stood there before.

        Args:
            changed: The records that have changed.
            left: All records, the changed ones among them.
        """
        ...

    def close(self) -> None:
        """Close the file; twice is fine."""
        ...


class FileStore(ABC):
    """A file that passwords are stored in, in the clear, for this user of the system alone.

    It is opened by `async with`, or by the first call; `close` closes it, and a call after that
    opens it again. As long as it is open, no other store can use the file. Everything happens in a
    thread, one thing after the other; what has begun ends, even if its caller is cancelled.

    Every call may raise a StoreError. The file is then as it was before the call, or as the call
    would have it.

    Args:
        path: The file; it is made if there is none. Its directory has to be there, on a disk of
            this machine.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._thread: ThreadPoolExecutor | None = None
        self._turn = threading.Lock()
        self._backend: Backend | None = None
        self._records: dict[Key, Record] = {}

    def __repr__(self) -> str:
        cls = type(self)
        return f"{cls.__name__}({str(self.path)!r})"

    async def __aenter__(self) -> Self:
        await self._do(lambda _: None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what has begun, and close the file; twice is fine."""
        thread, self._thread = self._thread, None
        if thread is not None:
            job = thread.submit(self._close)
            thread.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(job))

    # The protocol.

    async def prepare(self, cluster: str, user: str, *, seen_absent: bool = False) -> Intent | None:
        """Make it durable that a credential is about to be made.

        An intent that is there already stays, and keeps `seen_absent` if it was true. So does a
        password, until a new one is stored.

        Args:
            cluster: The id of the cluster.
            user: The user name.
            seen_absent: Whether the caller has just seen that the cluster has no such user.

        Returns:
            The intent that was there already, if there was one.
        """
        before = await self._change(
            (cluster, user), lambda record: record.prepared(_now(), seen_absent=seen_absent)
        )
        return before.intent

    async def store(self, cluster: str, user: str, password: Secret) -> None:
        """Make a password durable; that ends the intent, and an older password is given up.

        Raises:
            StoreError: `.password` has the password, unless it is stored.
        """
        try:
            await self._change((cluster, user), lambda record: record.stored(password, _now()))
        except StoreError as error:
            error.password = password
            raise

    async def withdraw(self, cluster: str, user: str) -> None:
        """End an intent: the credential was provably not made. A password stays."""
        await self._change((cluster, user), Record.withdrawn)

    async def lost(self) -> Sequence[Intent]:
        """Return the intents that no password has followed, oldest first.

        As long as credentials are being made, theirs are among them.
        """
        records = await self._do(lambda _: list(self._records.values()))
        intents = [record.intent for record in records]
        return sorted(filter(None, intents), key=lambda intent: intent.prepared_at)

    # For people and their programs.

    async def entries(self) -> Sequence[Entry]:
        """Return what is known of each credential, without passwords, by cluster and user."""
        records = await self._do(lambda _: list(self._records.values()))
        return [record.entry for record in sorted(records, key=lambda record: record.key)]

    async def reveal(self, cluster: str, user: str) -> Secret | None:
        """Return the newest password that was stored, or None: none was, or it was purged."""
        record = await self._do(lambda _: self._records.get((cluster, user)))
        return None if record is None else record.password

    # For sinks.

    async def undelivered(self) -> Sequence[tuple[str, str]]:
        """Return cluster and user of the passwords that no sink has taken, oldest first."""
        records = await self._do(lambda _: list(self._records.values()))
        pending = [record for record in records if record.is_pending]
        oldest = datetime.min.replace(tzinfo=UTC)
        pending.sort(key=lambda record: record.stored_at or oldest)
        return [record.key for record in pending]

    async def mark_delivered(self, cluster: str, user: str, password: Secret) -> None:
        """Note that a sink has taken a password; nothing happens if there is a newer one."""
        await self._change((cluster, user), lambda record: record.delivered(password, _now()))

    async def purge(self) -> None:
        """Remove the passwords that sinks have taken, and every trace of them in the file.

        The entries stay. Copies that a file system or a backup keeps are out of reach.
        """
        await self._do(self._purge)

    # In the thread.

    async def _change(self, key: Key, change: Callable[[Record], Record]) -> Record:
        """Change what is known of a credential; return what was before."""
        if fault := _fault_in(key):
            raise StoreError(fault)
        return await self._do(lambda backend: self._apply(backend, key, change))

    def _apply(self, backend: Backend, key: Key, change: Callable[[Record], Record]) -> Record:
        old = self._records.get(key, Record(*key))
        new = change(old)
        if new != old:
            backend.write(new)
            self._keep(new)
        return old

    def _purge(self, backend: Backend) -> None:
        changed = [new for old in self._records.values() if (new := old.purged()) != old]
        if changed:
            left = self._records | {record.key: record for record in changed}
            backend.purge(changed, left.values())
            self._records = left

    def _keep(self, record: Record) -> None:
        if record.is_void:
            self._records.pop(record.key, None)
        else:
            self._records[record.key] = record

    async def _do(self, work: Callable[[Backend], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="unmta-store")
        job = self._thread.submit(self._attempt, work)
        result = await asyncio.shield(asyncio.wrap_future(job))
        if isinstance(result, StoreError):
            raise result
        return result

    def _attempt(self, work: Callable[[Backend], T]) -> T | StoreError:
        """Return what came of it, an error too: in the frames that it went through are secrets."""
        with self._turn:
            try:
                return work(self._opened())
            except StoreError as error:
                failure = type(error)(error.message)
            except Exception as error:  # noqa: BLE001 - another's, such as `sqlite3`; and see above
                failure = StoreError(f"{self.path}: {_reason(error)}")
            # What the file holds now is known when it has been read again.
            self._shut()
            return failure

    def _opened(self) -> Backend:
        if self._backend is None:
            self._backend = self._open()
            self._records = {}
            for record in self._backend.read():
                self._keep(record)
        return self._backend

    def _close(self) -> None:
        with self._turn:
            self._shut()

    def _shut(self) -> None:
        backend, self._backend = self._backend, None
        self._records = {}
        if backend is not None:
            with suppress(Exception):  # whatever was acknowledged is on the disk
                backend.close()

    @abstractmethod
    def _open(self) -> Backend:
        """Open the file, checked and locked."""


def _now() -> datetime:
    return datetime.now(UTC)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such directory; make it first"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ValueError):
        return "a text in it cannot be read or written"  # its own words would show the text
    return printable(str(error))


def _fault_in(key: Key) -> str:
    for name, value in zip(("cluster", "user"), key, strict=True):
        if not value.isprintable() or not value:
            return f"{value!r} cannot be the name of a {name}"
    return ""

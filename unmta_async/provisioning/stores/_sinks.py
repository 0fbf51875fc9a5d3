"""Sinks: a program or a function that takes each password, behind a file that keeps it safe."""

from __future__ import annotations

import asyncio
import re
import traceback
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final
from weakref import WeakValueDictionary

import attrs

from ...errors import UsageError, printable
from ...secret import Secret
from ._base import FileStore
from ._command import run, without
from ._protocol import DeliveryError, Intent, StoreError

__all__ = ["CallableSink", "CommandSink"]

_PLACE: Final = re.compile(r"\{(cluster|user)\}")


@attrs.frozen
class _Refusal:
    """Why a password was not taken."""

    reason: str
    cause: Exception | None = None


class _Sink(ABC):
    """A store that passes on what it stores."""

    def __init__(self, store: FileStore, *, purge: bool) -> None:
        self._store = store
        self._purge = purge
        self._is_behind = True
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def prepare(self, cluster: str, user: str, *, seen_absent: bool = False) -> Intent | None:
        """Deliver what could not be delivered before, and make the intent durable.

        Args:
            cluster: The id of the cluster.
            user: The user name.
            seen_absent: Whether the caller has just seen that the cluster has no such user.

        Returns:
            The intent that was there already, if there was one.

        Raises:
            StoreError: Either failed; or the sink could never take a password of that name.
        """
        if fault := self._objection(cluster, user):
            raise StoreError(f"{cluster} / {user}: {fault}")
        async with self._lock("catching up"):
            if self._is_behind:
                await self.deliver()
        return await self._store.prepare(cluster, user, seen_absent=seen_absent)

    async def store(self, cluster: str, user: str, password: Secret) -> None:
        """Make a password durable in the store, and then deliver it.

        Raises:
            DeliveryError: It was not delivered; it is safe in the store.
            StoreError: The store failed; `.password` has the password, unless it is stored.
        """
        await self._store.store(cluster, user, password)
        await self._deliver(cluster, user)
        await self._purge_delivered()

    async def withdraw(self, cluster: str, user: str) -> None:
        """End an intent: the credential was provably not made."""
        await self._store.withdraw(cluster, user)

    async def lost(self) -> Sequence[Intent]:
        """Return the intents that no password has followed, oldest first."""
        return await self._store.lost()

    async def deliver(self) -> None:
        """Deliver every password that the sink has not taken yet, oldest first.

        Raises:
            DeliveryError: One was not taken; it and those behind it wait in the store.
            StoreError: The store failed.
        """
        try:
            for cluster, user in await self._store.undelivered():
                await self._deliver(cluster, user)
        finally:
            await self._purge_delivered()
        self._is_behind = False

    async def _deliver(self, cluster: str, user: str) -> None:
        # In turn, so that the newest password is the last that is delivered.
        async with self._lock((cluster, user)):
            password = await self._store.reveal(cluster, user)
            if password is None:
                return
            if refusal := await self._hand_over(cluster, user, password):
                self._is_behind = True
                raise DeliveryError(
                    f"{cluster} / {user}: {refusal.reason}; the password is safe in "
                    f"{self._store.path}"
                ) from refusal.cause
            await self._store.mark_delivered(cluster, user, password)

    async def _purge_delivered(self) -> None:
        if self._purge:
            await self._store.purge()

    def _lock(self, key: Hashable) -> asyncio.Lock:
        """Return the lock for a key; it is gone when nobody uses it."""
        return self._locks.setdefault(key, asyncio.Lock())

    def _objection(self, cluster: str, user: str) -> str:  # noqa: ARG002 - for those that have one
        """Return why no password of that name could ever be taken, or ""."""
        return ""

    @abstractmethod
    async def _hand_over(self, cluster: str, user: str, password: Secret) -> _Refusal | None:
        """Pass on a password; return why it was not taken, if it was not.

        What fails is returned, not raised: in the frames it went through the password may be.
        """


class CommandSink(_Sink):
    """Passwords for a program, each on the standard input of a run of its own.

    It stands behind no shell. Exit code 0 means taken. A password is delivered at least once: after
    a crash, a timeout or a cancellation again, so the program should put, not add. Nothing is
    delivered that is not durable in the store before; the store stays the caller's to close.

        CommandSink(store, ["vault", "kv", "put", "secret/smtp/{cluster}/{user}", "password=-"])

    Args:
        store: The file that keeps the passwords until they are delivered, and after, unless
            `purge`. Those in it that no sink has taken are delivered first.
        command: The program and its arguments, in which `{cluster}` and `{user}` are filled in.
            The password comes without a newline.
        purge: Remove a password from the file once it is delivered.
        timeout: Seconds for one run. Then it is killed, with all of its process group.

    Raises:
        UsageError: `command` is not a list of strings, or `timeout` is not a positive number.
    """

    def __init__(
        self,
        store: FileStore,
        command: Sequence[str],
        *,
        purge: bool = False,
        timeout: float = 30,
    ) -> None:
        super().__init__(store, purge=purge)
        if isinstance(command, str | bytes) or not command:
            raise UsageError(
                f"command={command!r} is not a list; give the program and each of its arguments"
            )
        if not timeout > 0:
            raise UsageError(f"timeout={timeout!r} must be a positive number of seconds")
        self._command = tuple(command)
        self._timeout = timeout

    def _objection(self, cluster: str, user: str) -> str:
        if {cluster, user} & {".", ".."}:
            return "such a name means another place in a path"
        for template in self._command:
            if _filled(template, cluster, user).startswith("-") > template.startswith("-"):
                return f"the program would take the argument {template!r} for an option"
        return ""

    async def _hand_over(self, cluster: str, user: str, password: Secret) -> _Refusal | None:
        command = [_filled(template, cluster, user) for template in self._command]
        reason = self._objection(cluster, user) or await run(command, password, self._timeout)
        return _Refusal(reason) if reason else None


class CallableSink(_Sink):
    """Passwords for an async function.

    A password is delivered at least once: after a crash, a failure or a cancellation again.
    Nothing is delivered that is not durable in the store before; the store stays the caller's to
    close.

    Args:
        store: The file that keeps the passwords until they are delivered, and after, unless
            `purge`. Those in it that no sink has taken are delivered first.
        function: It is called with cluster, user and password, also several at a time. If it
            returns, the password is taken. What it raises is the cause of the DeliveryError,
            unless the password is in it, or in the variables of its traceback.
        purge: Remove a password from the file once it is delivered.
    """

    def __init__(
        self,
        store: FileStore,
        function: Callable[[str, str, Secret], Awaitable[object]],
        *,
        purge: bool = False,
    ) -> None:
        super().__init__(store, purge=purge)
        self._function = function

    async def _hand_over(self, cluster: str, user: str, password: Secret) -> _Refusal | None:
        try:
            await self._function(cluster, user, password)
        except Exception as error:  # noqa: BLE001 - it is the function's, and told in our words
            what = without(password, "".join(traceback.format_exception_only(error)).strip())
            return _Refusal(printable(what), None if _exposes(error, password) else error)
        return None


def _filled(template: str, cluster: str, user: str) -> str:
    names = {"cluster": cluster, "user": user}
    return _PLACE.sub(lambda place: names[place[1]], template)


def _exposes(error: BaseException | None, password: Secret) -> bool:
    """Whether a crash report, one with variables even, would show a password."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        try:
            trace = traceback.TracebackException.from_exception(error, capture_locals=True)
            report = "".join(trace.format()) + repr(vars(error)) + repr(error)
        except Exception:  # noqa: BLE001 - what cannot be shown here may be elsewhere
            return True
        if without(password, report) != report:
            return True
        error = getattr(error, "__cause__", None) or getattr(error, "__context__", None)
    return False

"""A credential made through a store, so that its password is durable before anybody hears of it.

Whether it is to be made at all is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import (
    PasswordLostError,
    RateLimitError,
    ServiceUnavailableError,
    UnmtaError,
    ValidationError,
)
from ..models import CreatedCredential
from ._patience import StopRun
from .stores import DeliveryError, StoreError

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..secret import Secret
    from ._patience import Patience
    from .stores import Intent, PasswordStore

__all__ = ["create_stored", "open_intent", "to_the_end"]

T = TypeVar("T")


async def create_stored(
    client: UnmtaClient,
    store: PasswordStore,
    cluster: str,
    *,
    user: str,
    domains: Sequence[str] | None,
    allowed_ips: Sequence[str] | None,
    patience: Patience | None = None,
) -> CreatedCredential:
    """Create a credential that was just seen to be absent, its password durable in a store.

    Whoever cancels this waits until the creation under way has ended and what came of it is
    stored. An intent stays in the store if the credential may exist without its password; the
    others are withdrawn. One that was there before stays, unless a password ends it.

    Args:
        client: The client to use.
        store: Where the password goes.
        cluster: The id of the cluster.
        user: The name of the new credential.
        domains: The domains it is for; None is all of the cluster.
        allowed_ips: The addresses it is for; None is all.
        patience: What waits, and makes this again if the API puts it off; the client is not to
            wait then, for what is under way is not broken off. The intent stays, so that "taken"
            is doubt the next time.

    Raises:
        PasswordLostError: The credential may exist, without its password; or the user is taken,
            and the store held an intent for it: it may be the one that was made then.
        StoreError: The store failed. If the credential was made, `.password` has its password.
        UnmtaError: The creation failed. If `.password` is set, that was stored.
    """
    creation = _Creation(client, store, cluster, user, patience)
    await creation.prepare()
    return await to_the_end(creation.make(domains, allowed_ips))


async def open_intent(store: PasswordStore, cluster: str, user: str) -> Intent | None:
    """Return the intent to create a user whose password a store has not got, if there is one."""
    for intent in await store.lost():
        if (intent.cluster, intent.user) == (cluster, user):
            return intent
    return None


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Wait for something that must not be broken off: to its end, however often one cancels.

    Raises:
        CancelledError: It was cancelled meanwhile; how the work failed, if it did, is its cause.
    """
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from task.exception()
    return task.result()


class _Creation:
    """One creation and what the store is told of it."""

    def __init__(
        self,
        client: UnmtaClient,
        store: PasswordStore,
        cluster: str,
        user: str,
        patience: Patience | None,
    ) -> None:
        self._client = client
        self._store = store
        self._cluster = cluster
        self._user = user
        self._patience = patience
        self._earlier: Intent | None = None

    async def prepare(self) -> None:
        """Make the intent durable; if that is cancelled, nothing was sent and it is withdrawn."""
        try:
            await to_the_end(self._prepare())
        except asyncio.CancelledError:
            with suppress(UnmtaError):
                await to_the_end(self._withdraw_own())
            raise

    async def _prepare(self) -> None:
        self._earlier = await self._store.prepare(self._cluster, self._user, seen_absent=True)

    async def make(
        self, domains: Sequence[str] | None, allowed_ips: Sequence[str] | None
    ) -> CreatedCredential:
        """Create the credential and store its password.

        Raises:
            StopRun: The run is over; nothing was sent.
        """
        await self._wait()
        try:
            created = await self._client.credentials.create(
                self._cluster,
                user=self._user,
                allow_all_domains=domains is None,
                domains=domains,
                # The list alone would restrict nothing.
                allow_all_ips=allowed_ips is None,
                allowed_ips=allowed_ips,
            )
        except UnmtaError as error:
            lost = await self._settle(error)
            if lost is None:
                raise
            raise lost from error
        await self._keep(created.password)
        return created

    async def _wait(self) -> None:
        """Wait until it may be sent; the store has taken its time.

        Nothing is waited for between this and the sending: there one could not be stopped.
        """
        if self._patience is None:
            return
        try:
            await self._patience.ready()
        except StopRun:
            await self._withdraw_own()
            raise

    async def _settle(self, error: UnmtaError) -> PasswordLostError | None:
        """Tell the store of a failure; return another error if that one does not say it all."""
        if error.password is not None:
            await self._keep(error.password)
        elif not self._is_open(error) and not await self._withdraw_own() and _is_about_user(error):
            return _lost_before(error, self._cluster, self._user)
        return None

    def _is_open(self, error: UnmtaError) -> bool:
        """Whether the credential may exist, or is about to be made again."""
        if error.may_have_been_applied or isinstance(error, PasswordLostError):
            return True
        is_put_off = isinstance(error, RateLimitError | ServiceUnavailableError)
        return self._patience is not None and is_put_off

    async def _keep(self, password: Secret) -> None:
        try:
            await self._store.store(self._cluster, self._user, password)
        except UnmtaError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - of a store that is not ours
            # Its text, or that of its cause, may hold the password.
            failed = StoreError(f"the store failed with {type(error).__name__}, no StoreError")
        else:
            return
        if not isinstance(failed, DeliveryError):
            failed.password = password  # nobody else has it
        failed.may_have_been_applied = True
        failed.add_note(f"The credential {self._user} of {self._cluster} was created.")
        raise failed

    async def _withdraw_own(self) -> bool:
        """End the intent, unless it stands for an earlier attempt; return whether it did not."""
        if self._earlier is not None:
            now = await open_intent(self._store, self._cluster, self._user)
            if now is not None and now.prepared_at == self._earlier.prepared_at:
                return False
        await self._store.withdraw(self._cluster, self._user)
        return True


def _is_about_user(error: UnmtaError) -> bool:
    return isinstance(error, ValidationError) and ("user" in error.errors or not error.errors)


def _lost_before(error: UnmtaError, cluster: str, user: str) -> PasswordLostError:
    lost = PasswordLostError(
        f"{cluster} / {user} is taken, perhaps by an earlier attempt of ours whose password did "
        f"not arrive: {error.message}",
        identity=(cluster, user),
        reason=error,
    )
    lost.operation, lost.method = error.operation, error.method
    lost.route, lost.path_params = error.route, error.path_params
    lost.attempts, lost.may_have_been_applied = error.attempts, True
    return lost

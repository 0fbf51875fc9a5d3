"""Credentials whose passwords were lost: delete them and make them anew, where that is safe.

Which they are, the store says. What a manifest asks for is none of its business.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

import attrs

from ..errors import AuthenticationError, UnmtaError, UsageError
from ..options import RetryPolicy
from ._creating import create_stored
from ._patience import Patience, RunTimeoutError, StopRun
from .domains import is_confirmed
from .stores import StoreError

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..models import Credential
    from .stores import Intent, PasswordStore

__all__ = ["Recreation", "recreate_lost"]

_SKEW: Final = timedelta(seconds=30)
"""How far the server's clock and ours may be apart."""

_LATEST: Final = timedelta(minutes=5)
"""How long after an intent a request of ours may have been applied: it waits for a connection and
for the server, and a commit may come late."""


@attrs.frozen(kw_only=True)
class Recreation:
    """What became of one credential whose password was lost.

    Attributes:
        cluster: The id of the cluster.
        user: The user name.
        status: "recreated": it was deleted and made anew, and the store has its password.
            "deleted": it was deleted, and could not be made anew. "absent": there is no such
            credential now. "refused": it is there, and may be somebody else's. "failed": nothing
            was done.
        credential: The credential that was there, if one was, with all that it was good for.
        error: Why it was refused, or what failed. If its `.password` is set, nobody else has that,
            unless the store has.
    """

    cluster: str
    user: str
    status: Literal["recreated", "deleted", "absent", "refused", "failed"]
    credential: Credential | None = None
    error: UnmtaError | None = None


async def recreate_lost(
    client: UnmtaClient, store: PasswordStore, *, timeout: float | None = None
) -> AsyncGenerator[Recreation, None]:
    """Delete the credentials whose passwords were lost, make them anew, and store the passwords.

    A credential is deleted only if the store shows that it came about by its intent: the cluster
    was seen without such a user before, and the credential was made after the intent and within
    five minutes of it. If you have made one of them yourself, `withdraw` it from the store first.
    It gets the restrictions that it had. They are taken one by one, with one list call for each.
    Let no other run use the store meanwhile: what it is about to create looks lost.

    An absent credential may still come: what was lost may have been a request that is applied
    late. So the intent stays, as it does if there is a crash between deleting and creating; in both
    cases applying the manifest again creates the credential.

    If the API wants to be left alone for longer than the client waits by itself, this pauses.
    Whoever cancels this waits until a creation under way has ended and its password is stored.

    Args:
        client: The client to use.
        store: The store that has the intents, and gets the passwords.
        timeout: Seconds that it may take; what is under way then ends by itself. None is no bound.

    Raises:
        AuthenticationError: The API itself said 401: the token was revoked.
        StoreError: The store failed; nothing more was begun. If a credential was created, its
            password is on the error.
        UnmtaError: A credential was deleted, and making it anew was refused. Its outcome,
            "deleted", came before; nothing more was begun.
    """
    work = _Recreating(client, store, Patience(timeout, lambda _: None))
    for intent in await store.lost():
        outcome = await work.settle(intent)
        yield outcome
        if outcome.error is not None and _ends(outcome.status, outcome.error):
            raise outcome.error


class _Recreating:
    """What one run knows."""

    def __init__(self, client: UnmtaClient, store: PasswordStore, patience: Patience) -> None:
        self._client = client = patience.watched(client)
        # What makes a password is not broken off, so it must not wait: `patience` does that.
        self._unwaiting = client.with_options(retry=RetryPolicy(throttle_attempts=1))
        self._store = store
        self._patience = patience

    async def settle(self, intent: Intent) -> Recreation:
        """Make one credential anew, if it is there and ours."""
        try:
            found = await self._patience.call(lambda: self._find(intent))
            if found is None:
                return _outcome(intent, "absent")
            if objection := _objection(intent, found):
                return _outcome(intent, "refused", found, UsageError(_by_hand(intent, objection)))
            await self._delete(intent)
        except UnmtaError as error:
            return _outcome(intent, "failed", error=error)
        except StopRun:
            return _outcome(intent, "failed", error=self._patience.reason)
        return await self._replace(intent, found)

    async def _replace(self, intent: Intent, deleted: Credential) -> Recreation:
        """Make a credential anew that was deleted."""
        try:
            await self._patience.call(lambda: self._create(intent, deleted))
        except UnmtaError as error:
            if error.password is None or isinstance(error, StoreError):
                return _outcome(intent, "deleted", deleted, error)
            # The password of a broken answer; it is in the store.
        except StopRun:
            return _outcome(intent, "deleted", deleted, self._patience.reason)
        return _outcome(intent, "recreated", deleted)

    async def _find(self, intent: Intent) -> Credential | None:
        credentials = await self._client.credentials.list(intent.cluster)
        return next((each for each in credentials if each.user == intent.user), None)

    async def _delete(self, intent: Intent) -> None:
        # A store that cannot write shall say so before anything is deleted.
        await self._store.prepare(intent.cluster, intent.user, seen_absent=True)
        await self._patience.call(
            lambda: self._client.credentials.delete(intent.cluster, intent.user)
        )

    async def _create(self, intent: Intent, old: Credential) -> None:
        await create_stored(
            self._unwaiting,
            self._store,
            intent.cluster,
            user=old.user,
            domains=None if old.allow_all_domains else old.domains,
            allowed_ips=None if old.allow_all_ips else old.allowed_ips,
            patience=self._patience,
        )


def _objection(intent: Intent, found: Credential) -> str:
    """Return why a credential may be somebody else's, or "" if it came about by an intent."""
    if not intent.seen_absent:
        return "it may have been there before the intent"
    if found.created_at < intent.prepared_at - _SKEW:
        return "it is older than the intent"
    if found.created_at > intent.last_prepared_at + _LATEST:
        return "it was made more than five minutes after the intent"
    return ""


def _by_hand(intent: Intent, objection: str) -> str:
    return (
        f"{intent.cluster} / {intent.user} is not deleted: {objection}, so somebody may use it. "
        "Find out who does. If nobody, delete it and apply the manifest again; if somebody, let "
        "the store `withdraw` it"
    )


def _ends(status: str, error: UnmtaError) -> bool:
    """Whether an error would meet whatever comes next, too; or has cost a credential."""
    was_refused = status == "deleted" and not error.may_have_been_applied
    is_final = isinstance(error, StoreError | RunTimeoutError)
    return was_refused or is_final or is_confirmed(error, AuthenticationError)


def _outcome(
    intent: Intent,
    status: Literal["recreated", "deleted", "absent", "refused", "failed"],
    credential: Credential | None = None,
    error: UnmtaError | None = None,
) -> Recreation:
    return Recreation(
        cluster=intent.cluster,
        user=intent.user,
        status=status,
        credential=credential,
        error=error,
    )

"""Credentials whose passwords were lost: delete them and make them anew, where that is safe.

Which they are, the store says. What a manifest asks for is none of its business.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

import attrs

from ..errors import AuthenticationError, UnmtaError, UsageError
from ._creating import create_stored
from .stores import StoreError

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..models import Credential
    from .stores import Intent, PasswordStore

__all__ = ["Recreation", "recreate_lost"]

_SKEW: Final = timedelta(seconds=30)
"""How far the server's clock and ours may be apart."""

_LATEST: Final = timedelta(hours=1)
"""How long after an intent a request of ours may have been applied: it waits at most for its turn,
for a rate limit, and for the server."""


@attrs.frozen(kw_only=True)
class Recreation:
    """What became of one credential whose password was lost.

    Attributes:
        cluster: The id of the cluster.
        user: The user name.
        status: "recreated": it was deleted and made anew, and the store has its password.
            "absent": there is no such credential now. "refused": it is there, and may be somebody
            else's. "failed": see `error`.
        error: Why it was refused, or what failed. If its `.password` is set, the store has that.
    """

    cluster: str
    user: str
    status: Literal["recreated", "absent", "refused", "failed"]
    error: UnmtaError | None = None


async def recreate_lost(
    client: UnmtaClient, store: PasswordStore
) -> AsyncGenerator[Recreation, None]:
    """Delete the credentials whose passwords were lost, make them anew, and store the passwords.

    A credential is deleted only if the store shows that it came about by its intent: the cluster
    was seen without such a user before, and the credential was made after the intent and not long
    after it. It gets the restrictions that it had. They are taken one by one, with one list call
    for each cluster. Let no other run use the store meanwhile: what it is about to create looks
    lost.

    An absent credential may still come: what was lost may have been a request that is applied
    late. So the intent stays, as it does if there is a crash between deleting and creating; in both
    cases applying the manifest again creates the credential.

    Whoever cancels this waits until a creation under way has ended and its password is stored.

    Args:
        client: The client to use.
        store: The store that has the intents, and gets the passwords.

    Raises:
        AuthenticationError: The API itself said 401: the token was revoked.
        StoreError: The store failed; nothing more was begun. If a credential was created, its
            password is on the error.
    """
    listed: dict[str, Mapping[str, Credential] | UnmtaError] = {}
    for intent in await store.lost():
        if intent.cluster not in listed:
            listed[intent.cluster] = await _list_by_user(client, intent.cluster)
        found = listed[intent.cluster]
        if isinstance(found, UnmtaError):
            yield _outcome(intent, "failed", found)
        else:
            yield await _settle(client, store, intent, found.get(intent.user))


async def _list_by_user(client: UnmtaClient, cluster: str) -> Mapping[str, Credential] | UnmtaError:
    try:
        credentials = await client.credentials.list(cluster)
    except UnmtaError as error:
        if _stops_all(error):
            raise
        return error
    return {credential.user: credential for credential in credentials}


async def _settle(
    client: UnmtaClient, store: PasswordStore, intent: Intent, found: Credential | None
) -> Recreation:
    if found is None:
        return _outcome(intent, "absent")
    if objection := _objection(intent, found):
        return _outcome(intent, "refused", UsageError(_by_hand(intent, objection)))
    try:
        await _recreate(client, store, found, intent.cluster)
    except UnmtaError as error:
        if _stops_all(error):
            raise
        return _outcome(intent, "failed", error)
    return _outcome(intent, "recreated")


async def _recreate(
    client: UnmtaClient, store: PasswordStore, old: Credential, cluster: str
) -> None:
    # A store that cannot write shall say so before anything is deleted.
    await store.prepare(cluster, old.user, seen_absent=True)
    await client.credentials.delete(cluster, old.user)
    await create_stored(
        client,
        store,
        cluster,
        user=old.user,
        domains=None if old.allow_all_domains else old.domains,
        allowed_ips=None if old.allow_all_ips else old.allowed_ips,
    )


def _objection(intent: Intent, found: Credential) -> str:
    """Return why a credential may be somebody else's, or "" if it came about by an intent."""
    if not intent.seen_absent:
        return "it may have been there before the intent"
    if found.created_at < intent.prepared_at - _SKEW:
        return "it is older than the intent"
    if found.created_at > intent.last_prepared_at + _LATEST:
        return "it was made long after the intent"
    return ""


def _by_hand(intent: Intent, objection: str) -> str:
    return (
        f"{intent.cluster} / {intent.user} is not deleted: {objection}, so somebody may use it. "
        "Find out who does; if nobody, delete it by hand and apply the manifest again"
    )


def _stops_all(error: UnmtaError) -> bool:
    is_revoked = isinstance(error, AuthenticationError) and error.confirmed
    return is_revoked or isinstance(error, StoreError)


def _outcome(
    intent: Intent,
    status: Literal["recreated", "absent", "refused", "failed"],
    error: UnmtaError | None = None,
) -> Recreation:
    return Recreation(cluster=intent.cluster, user=intent.user, status=status, error=error)

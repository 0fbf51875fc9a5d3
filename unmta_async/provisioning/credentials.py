"""One credential: let it do more, or put a new one, with a new password, in its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from ..errors import UnmtaError, UsageError, printable
from ._creating import create_stored, open_intent
from ._names import address_key, domain_key
from .manifest._names import NameFault, address, domain_name, user_name

if TYPE_CHECKING:
    from ..client import UnmtaClient
    from ..models import CreatedCredential, Credential
    from .stores import PasswordStore

__all__ = ["grant", "rotate"]


async def grant(
    client: UnmtaClient,
    cluster: str,
    user: str,
    *,
    domains: Iterable[str] = (),
    ips: Iterable[str] = (),
) -> Credential:
    """Let a credential send from more domains, and connect from more addresses.

    It reads what the credential may do, joins, and writes what is new, if anything is: one request,
    or two. What is open for all domains, or all addresses, stays so.

    The API cannot add to a list, only replace it: what somebody else changes between the two
    requests is overwritten, so two who grant at the same time can lose one another's addition.

    Args:
        client: The client to use.
        cluster: The id of the cluster.
        user: The credential's user name.
        domains: Domain names to add.
        ips: Addresses to add, IPv4 or IPv6, single or as CIDR ranges.

    Returns:
        The credential as it is now.

    Raises:
        UsageError: A name or an address is none; nothing was sent. Or the cluster has no such user.
        UnmtaError: The credential could not be read or written.
    """
    new_domains = _checked("domains", domains, domain_name)
    new_ips = _checked("ips", ips, address)
    old = _find(await client.credentials.list(cluster), cluster, user)
    joined_domains = _joined(old.allow_all_domains, old.domains, new_domains, domain_key)
    joined_ips = _joined(old.allow_all_ips, old.allowed_ips, new_ips, address_key)
    if joined_domains is None and joined_ips is None:
        return old
    return await client.credentials.update(
        cluster, user, domains=joined_domains, allowed_ips=joined_ips
    )


async def rotate(
    client: UnmtaClient,
    cluster: str,
    user: str,
    *,
    new_user: str,
    store: PasswordStore,
    delete_old: bool = False,
) -> CreatedCredential:
    """Make a credential that may do what another one may, under a new name and password.

    The new password is durable in the store before anything else happens. Whoever cancels this
    waits until the creation under way has ended and what came of it is stored.

    Args:
        client: The client to use.
        cluster: The id of the cluster.
        user: The user name of the credential that is to be replaced.
        new_user: The user name of the new one.
        store: Where the new password goes.
        delete_old: Delete the old one, once the new password is durable. Whatever still signs in
            with it can send no more mail.

    Raises:
        UsageError: The cluster has no such user, or has the new one already; or that can be none.
        PasswordLostError: The new credential may exist, without its password.
        StoreError: The store failed. If the credential was made, `.password` has its password.
        UnmtaError: The creation failed, or the deletion; a note on the error says so if the new
            credential was made.
    """
    _checked("new_user", [new_user], user_name)
    if new_user == user:
        raise UsageError(f"new_user={new_user!r} is the old one; give it a name of its own")
    listed = await client.credentials.list(cluster)
    old = _find(listed, cluster, user)
    if any(each.user == new_user for each in listed):
        raise UsageError(await _taken(store, cluster, new_user))
    created = await create_stored(
        client,
        store,
        cluster,
        user=new_user,
        domains=None if old.allow_all_domains else old.domains,
        allowed_ips=None if old.allow_all_ips else old.allowed_ips,
    )
    if delete_old:
        await _delete(client, cluster, user, new_user)
    return created


async def _delete(client: UnmtaClient, cluster: str, user: str, new_user: str) -> None:
    try:
        await client.credentials.delete(cluster, user)
    except UnmtaError as error:
        error.add_note(
            f"The new credential {new_user} of {cluster} was created and its password is stored; "
            f"what failed is the deletion of {user}."
        )
        raise


async def _taken(store: PasswordStore, cluster: str, user: str) -> str:
    message = f"the cluster {cluster} has a credential {user!r} already"
    if await open_intent(store, cluster, user) is not None:
        return f"{message}, and the store waits for its password, which did not arrive"
    return f"{message}; choose another new_user"


def _find(listed: Sequence[Credential], cluster: str, user: str) -> Credential:
    """Return a user's credential.

    Raises:
        UsageError: There is none; it says which ones come close.
    """
    for each in listed:
        if each.user == user:
            return each
    close = difflib.get_close_matches(user, [each.user for each in listed])
    meant = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    raise UsageError(f"the cluster {cluster} has no credential {printable(repr(user))}{meant}")


def _joined(
    is_open: bool, old: Sequence[str], new: Sequence[str], key: Callable[[str], str]
) -> list[str] | None:
    """Return a list with what is new at its end; None if it needs no change.

    Sent for what is open for all, a list would close it for the others.
    """
    known = set(map(key, old))
    added = [each for each in dict.fromkeys(new) if key(each) not in known]
    return None if is_open or not added else [*old, *added]


def _checked(option: str, values: object, form: Callable[[str], str]) -> list[str]:
    """Return names or addresses in normal form.

    Raises:
        UsageError: One of them is none.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise UsageError(f"{option}={values!r} is not a list; give a list of strings")
    return [_checked_one(option, value, form) for value in cast("Iterable[object]", values)]


def _checked_one(option: str, value: object, form: Callable[[str], str]) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} in {option} is not a string")
    try:
        return form(value)
    except NameFault as fault:
        wrong = str(fault)
    raise UsageError(f"{option}: {wrong}")

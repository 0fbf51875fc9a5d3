"""SMTP credentials, each for all or some of the cluster's domains and client addresses.

Generated from the contract by `make generate`: change the contract, not this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .._operation import Answer, Look, Operation
from .models import CreatedCredential, Credential
from .parameters import CLUSTER, USER

if TYPE_CHECKING:
    from .._transport import Transport
    from ..options import Timeout

__all__ = ["Credentials"]

LIST: Final[Operation[Sequence[Credential]]] = Operation(
    name="credentials.list",
    method="GET",
    route="/clusters/{cluster}/credentials",
    path=(CLUSTER,),
    returns=Sequence[Credential],
    listed="user",
    statuses=frozenset({200, 401, 404}),
)
CREATE: Final[Operation[CreatedCredential]] = Operation(
    name="credentials.create",
    method="POST",
    route="/clusters/{cluster}/credentials",
    path=(CLUSTER,),
    answer=Answer.WHOLE,
    returns=CreatedCredential,
    statuses=frozenset({201, 401, 404, 422}),
    identity="user",
    secret="password",
    hostnames=frozenset({"domains"}),
)
UPDATE: Final[Operation[Credential]] = Operation(
    name="credentials.update",
    method="PUT",
    route="/clusters/{cluster}/credentials/{user}",
    path=(CLUSTER, USER),
    returns=Credential,
    statuses=frozenset({200, 401, 404, 422}),
    identity="user",
    hostnames=frozenset({"domains"}),
)
DELETE: Final[Operation[None]] = Operation(
    name="credentials.delete",
    method="DELETE",
    route="/clusters/{cluster}/credentials/{user}",
    path=(CLUSTER, USER),
    answer=Answer.NOTHING,
    statuses=frozenset({204, 401, 404}),
    look=Look(LIST, identity="user", created="created_at"),
)


class Credentials:
    """SMTP credentials, each for all or some of the cluster's domains and client addresses."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        cluster: str,
        *,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Sequence[Credential]:
        """List the SMTP credentials of a cluster.

        Passwords are never listed. There is no call for a single credential; look it up in this
        list.

        Args:
            cluster: The id of the cluster.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The cluster's credentials.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
            NotFoundError: There is no such resource, or the token may not see it; the answer does
                not tell which.
        """
        return await self._transport.send(
            LIST,
            path={"cluster": cluster},
            timeout=timeout,
            headers=headers,
        )

    async def create(
        self,
        cluster: str,
        *,
        user: str,
        allow_all_domains: bool | None = None,
        domains: Sequence[str] | None = None,
        allow_all_ips: bool | None = None,
        allowed_ips: Sequence[str] | None = None,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> CreatedCredential:
        """Create an SMTP credential and receive its password, this once.

        unMTA chooses the password and cannot show it again: store it before doing anything else.
        Without `domains`, `allow_all_domains` has to be true.

        Args:
            cluster: The id of the cluster.
            user: The SMTP user name, unique within the cluster: letters, digits and any of
                `+ = , . @ _ -`.
            allow_all_domains: Let the credential send from every domain of the cluster, later ones
                included. False if not given.
            domains: The domains it may send from; required unless `allow_all_domains` is true.
            allow_all_ips: Accept connections from any client address. True if not given.
            allowed_ips: The client addresses it may connect from, IPv4 or IPv6, single or as CIDR
                ranges. Set `allow_all_ips` to false with it: on creation the list alone may
                restrict nothing.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The new credential, and its password beside it.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
            NotFoundError: There is no such resource, or the token may not see it; the answer does
                not tell which.
            ValidationError: The request was refused; `errors` names each field with what is wrong
                about it.
        """
        return await self._transport.send(
            CREATE,
            path={"cluster": cluster},
            json={
                "user": user,
                "allow_all_domains": allow_all_domains,
                "domains": domains,
                "allow_all_ips": allow_all_ips,
                "allowed_ips": allowed_ips,
            },
            timeout=timeout,
            headers=headers,
        )

    async def update(
        self,
        cluster: str,
        user: str,
        *,
        allow_all_domains: bool | None = None,
        domains: Sequence[str] | None = None,
        allow_all_ips: bool | None = None,
        allowed_ips: Sequence[str] | None = None,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Credential:
        """Change which domains and client addresses a credential is good for.

        What is not given stays as it is. A list replaces the old one, and given alone it switches
        the matching `allow_all_…` off. The password stays.

        Args:
            cluster: The id of the cluster.
            user: The credential's SMTP user name.
            allow_all_domains: Let the credential send from every domain of the cluster, later ones
                included.
            domains: The domains it may send from, in place of the present ones.
            allow_all_ips: Accept connections from any client address.
            allowed_ips: The client addresses it may connect from, IPv4 or IPv6, single or as CIDR
                ranges, in place of the present ones.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The credential as it is now.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
            NotFoundError: There is no such resource, or the token may not see it; the answer does
                not tell which.
            ValidationError: The request was refused; `errors` names each field with what is wrong
                about it.
        """
        return await self._transport.send(
            UPDATE,
            path={"cluster": cluster, "user": user},
            json={
                "allow_all_domains": allow_all_domains,
                "domains": domains,
                "allow_all_ips": allow_all_ips,
                "allowed_ips": allowed_ips,
            },
            timeout=timeout,
            headers=headers,
        )

    async def delete(
        self,
        cluster: str,
        user: str,
        *,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete an SMTP credential, at once.

        Whatever still signs in with it can send no more mail.

        Args:
            cluster: The id of the cluster.
            user: The credential's SMTP user name.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
            NotFoundError: There is no such resource, or the token may not see it; the answer does
                not tell which.
        """
        return await self._transport.send(
            DELETE,
            path={"cluster": cluster, "user": user},
            timeout=timeout,
            headers=headers,
        )

"""Sending domains.

Each belongs to one cluster, signs with DKIM keys of its own, and sends once verified.

Generated from the contract by `make generate`: change the contract, not this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .._operation import Answer, Look, Operation
from .models import Domain, DomainDetail
from .parameters import CLUSTER, DOMAIN

if TYPE_CHECKING:
    from .._transport import Transport
    from ..options import Timeout

__all__ = ["Domains"]

LIST: Final[Operation[Sequence[Domain]]] = Operation(
    name="domains.list",
    method="GET",
    route="/clusters/{cluster}/domains",
    path=(CLUSTER,),
    returns=Sequence[Domain],
    listed="name",
    statuses=frozenset({200, 401, 404}),
)
GET: Final[Operation[DomainDetail]] = Operation(
    name="domains.get",
    method="GET",
    route="/clusters/{cluster}/domains/{domain}",
    path=(CLUSTER, DOMAIN),
    returns=DomainDetail,
    statuses=frozenset({200, 401, 404}),
    identity="name",
)
CREATE: Final[Operation[DomainDetail]] = Operation(
    name="domains.create",
    method="POST",
    route="/clusters/{cluster}/domains",
    path=(CLUSTER,),
    returns=DomainDetail,
    statuses=frozenset({201, 401, 404, 422}),
    identity="name",
    hostnames=frozenset({"name"}),
)
DELETE: Final[Operation[None]] = Operation(
    name="domains.delete",
    method="DELETE",
    route="/clusters/{cluster}/domains/{domain}",
    path=(CLUSTER, DOMAIN),
    answer=Answer.NOTHING,
    statuses=frozenset({204, 401, 404}),
    look=Look(GET, created="created_at"),
)


class Domains:
    """Sending domains.

    Each belongs to one cluster, signs with DKIM keys of its own, and sends once verified.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        cluster: str,
        *,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Sequence[Domain]:
        """List the sending domains of a cluster.

        The whole set comes in one answer, without pages. Items carry status and DKIM key but no DNS
        records; get a single domain for those.

        Args:
            cluster: The id of the cluster.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The cluster's domains.

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

    async def get(
        self,
        cluster: str,
        domain: str,
        *,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> DomainDetail:
        """Get one sending domain with the DNS records it needs.

        Args:
            cluster: The id of the cluster.
            domain: The domain's name, in any case.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The domain.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
            NotFoundError: There is no such resource, or the token may not see it; the answer does
                not tell which.
        """
        return await self._transport.send(
            GET,
            path={"cluster": cluster, "domain": domain},
            timeout=timeout,
            headers=headers,
        )

    async def create(
        self,
        cluster: str,
        *,
        name: str,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> DomainDetail:
        """Add a sending domain to a cluster and generate its DKIM keys.

        The domain starts as `pending`. Publish the records under `dns_records`; it can send once
        its status has become `verified`. A name that the cluster already has is refused with a
        validation error on `name`.

        Args:
            cluster: The id of the cluster.
            name: The fully qualified domain name, unique within the cluster. IP addresses are
                refused, and so are the top-level domains localhost, local, test, invalid, example
                and localdomain.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The new domain with the DNS records to publish.

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
            json={"name": name},
            timeout=timeout,
            headers=headers,
        )

    async def delete(
        self,
        cluster: str,
        domain: str,
        *,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a sending domain, at once and for good.

        From then on mail from this domain is rejected. Its DKIM keys cannot be brought back: adding
        the name again makes new ones.

        Args:
            cluster: The id of the cluster.
            domain: The domain's name, in any case.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
            NotFoundError: There is no such resource, or the token may not see it; the answer does
                not tell which.
        """
        return await self._transport.send(
            DELETE,
            path={"cluster": cluster, "domain": domain},
            timeout=timeout,
            headers=headers,
        )

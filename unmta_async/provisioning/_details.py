"""The DNS records of listed domains, which come without: one domain's serve as a template."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

import attrs

from ..errors import NotFoundError
from ..models import Domain, DomainDetail

if TYPE_CHECKING:
    from ..client import UnmtaClient

__all__ = ["detail_like", "domain_details", "first_detail", "get_detail"]

# Of so many domains one will be left.
_LOOKS: Final = 5


def detail_like(domain: Domain, template: DomainDetail) -> DomainDetail | None:
    """Return a listed domain with the records of another of its cluster, and its own key in them.

    Returns:
        The domain; or None if the template's DKIM record does not show where its key stands.
    """
    dkim = template.dns_records.dkim
    theirs, own = template.dkim_public_key, domain.dkim_public_key
    if not theirs or not own or theirs not in dkim.value:
        return None
    records = attrs.evolve(
        template.dns_records, dkim=attrs.evolve(dkim, value=dkim.value.replace(theirs, own))
    )
    return DomainDetail(
        name=domain.name,
        status=domain.status,
        dkim_public_key=own,
        created_at=domain.created_at,
        updated_at=domain.updated_at,
        dns_records=records,
    )


async def domain_details(client: UnmtaClient, cluster: str) -> list[DomainDetail]:
    """Return all domains of a cluster with their DNS records, with two calls however many they are.

    The list has the keys; one domain shows where they stand, and what else there is to publish.

    Args:
        client: The client to use.
        cluster: The id of the cluster.

    Raises:
        UnmtaError: The domains could not be listed, or none of the first few be got.
    """
    domains = await client.domains.list(cluster)
    template = await first_detail(client, cluster, domains)
    if template is None:
        return []
    return [await get_detail(client, cluster, domain, template) for domain in domains]


async def first_detail(
    client: UnmtaClient, cluster: str, domains: Iterable[Domain]
) -> DomainDetail | None:
    """Return the first of some listed domains that is still there, with its records.

    Returns:
        The domain; None if none was listed.

    Raises:
        UnmtaError: It could not be asked for, or the first few are all gone.
    """
    gone: NotFoundError | None = None
    for domain in islice(domains, _LOOKS):
        try:
            return await client.domains.get(cluster, domain.name)
        except NotFoundError as error:  # deleted since
            gone = error
    if gone is not None:
        raise gone
    return None


async def get_detail(
    client: UnmtaClient, cluster: str, domain: Domain, template: DomainDetail
) -> DomainDetail:
    """Return a listed domain with its records: made from a template, or else asked for.

    Raises:
        UnmtaError: It could not be asked for.
    """
    return detail_like(domain, template) or await client.domains.get(cluster, domain.name)

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

__all__ = ["detail_like", "first_detail", "get_detail"]

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

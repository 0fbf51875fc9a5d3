"""The DNS records that a domain needs, with their names in full and within a zone."""

from __future__ import annotations

import attrs

from .._hostname import a_label_form
from ..errors import UsageError
from ..models import DnsRecord, Domain, DomainDetail

__all__ = ["Record", "records"]


@attrs.frozen(kw_only=True)
class Record:
    """A DNS record to publish.

    Attributes:
        type: The record type, such as "TXT".
        fqdn: The owner name in full, with the dot at its end.
        name: The owner name within the zone; "@" is the zone itself.
        value: The content, unquoted and in one piece.
        ttl: Seconds that resolvers may keep it.
        name_in_domain: The owner name within the domain it is for; "@" is the domain itself. None
            of a record that is for none.
    """

    type: str
    fqdn: str
    name: str
    value: str
    ttl: int
    name_in_domain: str | None = None


def records(domain: Domain, *, zone: str | None = None, ttl: int = 3600) -> list[Record]:
    """Return the records to publish for a domain.

    Args:
        domain: The domain, as `get` or `create` returns it; a listed one comes without records.
        zone: The DNS zone that they go into; the domain itself if not given.
        ttl: Seconds that resolvers may keep them.

    Raises:
        UsageError: The domain comes without records, or is not within the zone, or one of the two
            is no domain name.
    """
    if not isinstance(domain, DomainDetail):
        raise UsageError("a listed domain has no DNS records; get it with client.domains.get")
    own = _plain_name(domain.name)
    apex = own if zone is None else _plain_name(zone)
    if own != apex and not own.endswith(f".{apex}"):
        raise UsageError(f"{own} is not within the zone {apex}")
    return [_placed(record, own, apex, ttl) for record in domain.dns_records]


def _placed(record: DnsRecord, own: str, apex: str, ttl: int) -> Record:
    name = record.name.removesuffix(".")
    full = own if name in {"", "@"} else f"{name}.{own}"
    return Record(
        type=record.type,
        fqdn=f"{full}.",
        name="@" if full == apex else full.removesuffix(f".{apex}"),
        value=record.value,
        ttl=ttl,
        name_in_domain=name or "@",
    )


def _plain_name(name: str) -> str:
    return a_label_form(name).removesuffix(".")

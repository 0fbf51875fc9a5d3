"""The models of the API: frozen classes with the contract's own words.

Generated from the contract by `make generate`: change the contract, not this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from .._types import OpenEnum, Timestamp, known
from ..secret import Secret

__all__ = [
    "Cluster",
    "ClusterStatus",
    "CreatedCredential",
    "Credential",
    "DnsRecord",
    "DnsRecords",
    "Domain",
    "DomainDetail",
    "DomainStatus",
    "Mta",
    "OutboundIp",
]


class ClusterStatus(OpenEnum):
    """The state of a cluster."""

    ACTIVE = known("active")


@attrs.frozen(kw_only=True)
class Cluster:
    """A unit of mail infrastructure that owns MTAs, domains and credentials."""

    id: str
    """The cluster's id, as the other calls take it."""

    hostname: str
    """The cluster's host name."""

    region: str
    """The region it is deployed in."""

    status: ClusterStatus
    """The state of a cluster."""

    max_message_rate: str | None
    """How much each MTA may send: `quantity/period`, and perhaps a burst behind it. Without a value
    the rate is unlimited, the usual case; limits come with trials and the warming of addresses.
    The cluster's rate is this times the number of its MTAs. Mail above the rate is held and
    delivered later, not rejected.
    """

    created_at: Timestamp
    """When it was created."""

    updated_at: Timestamp
    """When it last changed."""


@attrs.frozen(kw_only=True)
class OutboundIp:
    """An address that an MTA delivers mail from."""

    ipv4: str
    """The IPv4 address."""

    ipv6: str | None = None
    """The IPv6 address, where there is one."""

    ptr: str | None = None
    """The name that reverse DNS gives for the address."""


@attrs.frozen(kw_only=True)
class Mta:
    """A mail transfer agent, one of the servers that deliver a cluster's mail."""

    id: str
    """The MTA's id."""

    hostname: str
    """The MTA's host name."""

    primary_ipv4: str
    """The IPv4 address of the server itself."""

    primary_ipv6: str | None = None
    """The IPv6 address of the server itself, where there is one."""

    outbound_ips: Sequence[OutboundIp]
    """The addresses that mail leaves from."""

    created_at: Timestamp
    """When it was created."""

    updated_at: Timestamp
    """When it last changed."""


class DomainStatus(OpenEnum):
    """Whether a domain may send yet."""

    PENDING = known("pending")
    VERIFIED = known("verified")


@attrs.frozen(kw_only=True)
class Domain:
    """A sending domain, as lists show it."""

    name: str
    """The domain name."""

    status: DomainStatus
    """Whether a domain may send yet."""

    dkim_public_key: str
    """The public half of its DKIM key, base64 of the DER form, as the `p=` tag wants it."""

    created_at: Timestamp
    """When it was added."""

    updated_at: Timestamp
    """When it last changed."""


@attrs.frozen(kw_only=True)
class DnsRecord:
    """A DNS record to publish."""

    type: str
    """The record type."""

    name: str
    """The owner name, relative to the domain."""

    value: str
    """The content, unquoted and in one piece."""


@attrs.frozen(kw_only=True)
class DnsRecords:
    """The DNS records that a domain needs."""

    dkim: DnsRecord
    """The public key that receivers check signatures with."""

    dmarc: DnsRecord
    """The policy for mail that fails the check. Keep a record that already stands there; of two,
    receivers ignore both.
    """

    additional: Mapping[str, DnsRecord] = attrs.field(
        factory=dict[str, "DnsRecord"], metadata={"json": None, "additional": True}
    )
    """What stands under other names."""

    def __iter__(self) -> Iterator[DnsRecord]:
        """Yield the named ones in order, then the others."""
        yield self.dkim
        yield self.dmarc
        yield from self.additional.values()


@attrs.frozen(kw_only=True)
class DomainDetail(Domain):
    """A sending domain with the DNS records it needs."""

    dns_records: DnsRecords
    """What to publish for the domain to become verified."""


@attrs.frozen(kw_only=True)
class Credential:
    """An SMTP credential and what it is good for.

    Its password is not among the fields.
    """

    user: str
    """The SMTP user name."""

    allow_all_domains: bool
    """Whether it may send from every domain of the cluster."""

    domains: Sequence[str]
    """The domains it may send from, if not all."""

    allow_all_ips: bool
    """Whether it may connect from any address."""

    allowed_ips: Sequence[str]
    """The addresses and CIDR ranges it may connect from, if not all."""

    created_at: Timestamp
    """When it was created."""

    updated_at: Timestamp
    """When it last changed."""


@attrs.frozen(kw_only=True)
class CreatedCredential:
    """A new SMTP credential and its password, which no later call shows again."""

    credential: Credential = attrs.field(metadata={"json": "data"})
    """The credential."""

    password: Secret
    """The SMTP password."""

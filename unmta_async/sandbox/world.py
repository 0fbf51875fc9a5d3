"""What the fake unMTA holds, how the API shows it, and what is there at first.

Data only. What may happen to it is decided in `state` and done in `changes`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from . import keys
from .clock import timestamp
from .rules import (
    ANSWER_TIMES,
    CLUSTER_LIST,
    DOMAIN_CASE,
    DOMAIN_PATH_CASE,
    DOMAIN_RECORDS,
    DOMAIN_STATUS,
    MTA_LIST,
    MTA_NULLABLE,
    obeys,
)

Json = dict[str, Any]

PENDING = "pending"
VERIFIED = "verified"
REGION = "us-dal-1"
DKIM_NAME = "unmta._domainkey"


@dataclass(frozen=True, slots=True)
class OutboundIp:
    """An address that an MTA delivers from."""

    ipv4: str
    ipv6: str | None = None
    ptr: str | None = None

    @obeys(MTA_NULLABLE)
    def show(self) -> Json:
        """Return it as the API shows it."""
        return {"ipv4": self.ipv4, "ipv6": self.ipv6, "ptr": self.ptr}


@dataclass(frozen=True, slots=True)
class Mta:
    """A mail transfer agent; it has the age of its cluster."""

    id: str
    primary_ipv4: str
    primary_ipv6: str | None
    outbound_ips: tuple[OutboundIp, ...]

    @obeys(MTA_LIST, MTA_NULLABLE)
    def show(self, created: float) -> Json:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "hostname": f"m-{self.id}.unmta.net",
            "primary_ipv4": self.primary_ipv4,
            "primary_ipv6": self.primary_ipv6,
            "outbound_ips": [address.show() for address in self.outbound_ips],
            "created_at": timestamp(created),
            "updated_at": timestamp(created),
        }


@dataclass(slots=True)
class Domain:
    """A sending domain; with `due` it turns verified by itself at that moment."""

    name: str
    key: str
    created: float
    updated: float
    status: str = PENDING
    due: float | None = None

    @obeys(DOMAIN_RECORDS, ANSWER_TIMES)
    def show(self) -> Json:
        """Return it as lists show it."""
        return {
            "name": self.name,
            "status": self.status,
            "dkim_public_key": self.key,
            "created_at": timestamp(self.created),
            "updated_at": timestamp(self.updated),
        }

    @obeys(DOMAIN_RECORDS)
    def show_detail(self) -> Json:
        """Return it with the DNS records to publish."""
        dkim = {"type": "TXT", "name": DKIM_NAME, "value": f"p={self.key}"}
        dmarc = {"type": "TXT", "name": "_dmarc", "value": "v=DMARC1; p=reject; adkim=s; aspf=r"}
        return self.show() | {"dns_records": {"dkim": dkim, "dmarc": dmarc}}

    @obeys(DOMAIN_STATUS)
    def settle(self, now: float) -> None:
        """Turn verified if that was due by now."""
        if self.due is not None and self.due <= now:
            self.status, self.updated, self.due = VERIFIED, self.due, None


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a credential is good for: everything, or what is listed."""

    everything: bool
    listed: list[str]


@dataclass(slots=True)
class Credential:
    """An SMTP credential, with the hash of its password."""

    user: str
    password_hash: str
    domains: Restriction
    ips: Restriction
    created: float
    updated: float

    @obeys(ANSWER_TIMES)
    def show(self) -> Json:
        """Return it as the API shows it: without the password."""
        return {
            "user": self.user,
            "allow_all_domains": self.domains.everything,
            "domains": [*self.domains.listed],
            "allow_all_ips": self.ips.everything,
            "allowed_ips": [*self.ips.listed],
            "created_at": timestamp(self.created),
            "updated_at": timestamp(self.updated),
        }


@dataclass(slots=True)
class Cluster:
    """A cluster and all that is in it; domains are keyed by `fold`ed name."""

    id: str
    mtas: tuple[Mta, ...]
    max_message_rate: str | None
    created: float
    region: str = REGION
    domains: dict[str, Domain] = field(default_factory=dict[str, Domain])
    credentials: dict[str, Credential] = field(default_factory=dict[str, Credential])
    deleted_domains: Counter[str] = field(default_factory=Counter[str])
    deleted_users: Counter[str] = field(default_factory=Counter[str])

    @obeys(CLUSTER_LIST)
    def show(self) -> Json:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "hostname": f"c-{self.id}.unmta.net",
            "region": self.region,
            "status": "active",
            "max_message_rate": self.max_message_rate,
            "created_at": timestamp(self.created),
            "updated_at": timestamp(self.created),
        }


class World:
    """All that an account holds: at first the two clusters of the API's examples, both empty."""

    def __init__(self, *, seed: int, began: float) -> None:
        self.seed = seed
        self.clusters: dict[str, Cluster] = {}
        self.token_number = 1
        self.token = keys.token(seed, 1)
        self.token_is_active = True
        self.add(Cluster("a1b2c3d4", _DUAL_STACK_AND_PLAIN, None, began))
        self.add(Cluster("e5f6g7h8", _SINGLE, "50/hr,max_burst=10", began))

    def add(self, cluster: Cluster) -> None:
        """Take in a cluster."""
        self.clusters[cluster.id] = cluster


@obeys(DOMAIN_CASE, DOMAIN_PATH_CASE)
def fold(name: str) -> str:
    """Return the form by which a domain name is found; only ASCII has another case in the DNS."""
    return name.lower() if name.isascii() else name


def make_mtas(seed: int, cluster: str, number: int) -> Iterable[Mta]:
    """Yield MTAs with ids of their own and addresses from the ranges for documentation."""
    for index in range(number):
        host = index % 64
        outbound = f"192.0.2.{64 + host}"
        yield Mta(
            keys.identifier(seed, cluster, index),
            f"192.0.2.{host}",
            f"2001:db8:1::{host:x}",
            (OutboundIp(outbound, f"2001:db8:2::{host:x}", _reverse_name(outbound)),),
        )


def _reverse_name(ipv4: str) -> str:
    return f"ip-{ipv4.replace('.', '-')}.unmta.net"


_DUAL_STACK_AND_PLAIN = (
    Mta(
        "x1y2z3w4",
        "203.0.113.10",
        "2001:db8::1",
        (
            OutboundIp("203.0.113.20", "2001:db8::10", _reverse_name("203.0.113.20")),
            OutboundIp("203.0.113.21", "2001:db8::11", _reverse_name("203.0.113.21")),
        ),
    ),
    Mta("x5y6z7w8", "203.0.113.11", None, (OutboundIp("203.0.113.22"),)),
)
_SINGLE = (
    Mta(
        "q1r2s3t4",
        "198.51.100.10",
        "2001:db8::2",
        (OutboundIp("198.51.100.20", "2001:db8::20", _reverse_name("198.51.100.20")),),
    ),
)

"""Whether the records of a domain stand in the DNS, as its authoritative name servers say.

What to ask next is here; how to ask, and what answers mean, stands in modules of their own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from .._hostname import a_label_form
from ..errors import UsageError
from ._judge import policy_of
from ._records import Record, records
from ._verdict import (
    Clues,
    Finding,
    Told,
    conclude,
    explain,
    is_registry,
    is_within,
    look_alike,
    looks_in,
    may_be_wildcard,
    needs_clues,
    registered_name,
    zone_of,
)

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

    from ..models import Domain
    from ._ask import Asker, Inquiry

__all__ = ["Checker", "Finding", "check"]

_NOBODYS = "unmta-no-such-name"
"""A label that nothing but a wildcard answers to."""


async def check(
    domain: Domain, *, resolver: Resolver | None = None, timeout: float = 5.0
) -> list[Finding]:
    """Ask the authoritative name servers for the records that a domain needs.

    Resolvers are asked only where these servers are: what they keep may be hours old.

    Args:
        domain: The domain, as `get` or `create` returns it; a listed one comes without records.
        resolver: A resolver of dnspython; the one of this machine if not given. Its `port` and
            `nameserver_ports` are used for the authoritative servers, too.
        timeout: Seconds for one question to one server, which its addresses share. A record has
            six times that, and a hundred questions; one that takes more is "unreachable".

    Returns:
        A finding for each record, in the order of `records`.

    Raises:
        UsageError: dnspython is not installed, this machine names no resolver, or the domain comes
            without records.
    """
    return await Checker(resolver=resolver, timeout=timeout).check(domain)


class Checker:
    """`check` for many domains: it remembers which name servers zones have, for five minutes.

    It may check any number of domains at a time, within one event loop.

    Args:
        resolver: As for `check`.
        timeout: As for `check`. The time of a record begins when it is its turn.
        concurrency: Questions in flight at a time, and records.

    Raises:
        UsageError: dnspython is not installed, this machine names no resolver, or a number is not
            positive.
    """

    def __init__(
        self, *, resolver: Resolver | None = None, timeout: float = 5.0, concurrency: int = 64
    ) -> None:
        if timeout <= 0 or concurrency < 1:
            raise UsageError(f"timeout={timeout} and concurrency={concurrency} must be positive")
        self._asker = _asker(resolver, timeout, concurrency)

    async def check(self, domain: Domain) -> list[Finding]:
        """Ask the authoritative name servers for the records that a domain needs.

        Raises:
            UsageError: The domain comes without records.
        """
        name = f"{a_label_form(domain.name).removesuffix('.')}."
        return await asyncio.gather(*(self._check(record, name) for record in records(domain)))

    async def _check(self, record: Record, domain: str) -> Finding:
        async with self._asker.inquire() as inquiry:
            return await _find(inquiry, record, domain)


async def _find(inquiry: Inquiry, record: Record, domain: str) -> Finding:
    told = await inquiry.look(record.fqdn, record.type)
    finding = conclude(record, told)
    if not needs_clues(record, told):
        return finding
    wildcard = may_be_wildcard(finding) and await _is_by_wildcard(inquiry, record, told)
    if finding.status != "missing" and not wildcard:
        return finding
    clues = await _find_clues(inquiry, record, domain, zone_of(told))
    return explain(finding, attrs.evolve(clues, wildcard=wildcard))


async def _find_clues(inquiry: Inquiry, record: Record, domain: str, zone: str) -> Clues:
    own = is_within(zone, domain)
    clues = Clues(zone=zone, delegated=own or not is_registry(zone), own=own)
    if not clues.delegated:
        return clues
    doubled = record.fqdn + zone
    if await _stands_at(inquiry, doubled, record):
        return attrs.evolve(clues, doubled=doubled)
    if record.fqdn == f"_dmarc.{domain}":
        inherited, policy = await _find_policy(inquiry, domain)
        return attrs.evolve(clues, inherited=inherited, policy=policy)
    misplaced = record.fqdn.removesuffix(domain) + zone
    if misplaced != record.fqdn and await _stands_at(inquiry, misplaced, record):
        return attrs.evolve(clues, misplaced=misplaced)
    return clues


async def _stands_at(inquiry: Inquiry, name: str, record: Record) -> bool:
    told = await inquiry.look(name, record.type)
    elsewhere = attrs.evolve(record, fqdn=name)
    return conclude(elsewhere, told).status in {"ok", "truncated", "quoted"}


async def _is_by_wildcard(inquiry: Inquiry, record: Record, told: Told) -> bool:
    """Whether a name that nobody has published is answered in the same way."""
    sibling = record.fqdn.partition(".")[2]
    return look_alike(await inquiry.look(f"{_NOBODYS}.{sibling}", record.type), told)


async def _find_policy(inquiry: Inquiry, domain: str) -> tuple[str, str]:
    """Return the parent whose DMARC record counts for a domain without, and the record."""
    parent = registered_name(domain)
    if parent == domain:
        return "", ""
    told = await inquiry.look(f"_dmarc.{parent}", "TXT")
    policies = {policy_of(look.values) for look in looks_in(told)}
    policy = policies.pop() if len(policies) == 1 else ""
    return (parent, policy) if policy else ("", "")


def _asker(resolver: Resolver | None, timeout: float, concurrency: int) -> Asker:
    try:
        from ._ask import Asker, system_resolver
    except ModuleNotFoundError as error:
        if not error.name or not error.name.startswith("dns"):
            raise
        message = "dns.check needs dnspython: pip install 'unmta-async[dns]'"
        raise UsageError(message) from None
    return Asker(resolver or system_resolver(), timeout=timeout, concurrency=concurrency)

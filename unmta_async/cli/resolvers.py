"""`--resolver IP[:PORT]`, as dnspython has it. Imported before dnspython is, and without it."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from .failures import FAILED, USAGE, CommandError

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as DnsResolver

__all__ = ["Resolver", "resolver_of"]

Resolver: TypeAlias = Annotated[str | None, Parameter(metavar="IP[:PORT]")]

_PLACE: Final = re.compile(r"\[(?P<v6>[^\]]+)\](:(?P<v6port>\d+))?|(?P<v4>[^:]+)(:(?P<port>\d+))?")


def resolver_of(text: str | None) -> DnsResolver | None:
    """Return the resolver that a text names; None if there is none to name.

    Its port is that of the authoritative servers, too, as suits a name server of one's own.

    Raises:
        CommandError: It is no address, or dnspython is not installed.
    """
    if text is None:
        return None
    address, port = _place(text)
    try:
        from dns.asyncresolver import Resolver as DnsResolver
    except ModuleNotFoundError:
        raise CommandError(
            "asking name servers needs dnspython: pip install 'unmta-async[dns]'", FAILED
        ) from None
    resolver = DnsResolver(configure=False)
    resolver.nameservers = [address]
    resolver.port = port
    return resolver


def _place(text: str) -> tuple[str, int]:
    found = _PLACE.fullmatch(text)
    try:
        if found is None:
            return str(ipaddress.IPv6Address(text)), 53
        address = ipaddress.ip_address(found["v6"] or found["v4"])
        port = int(found["v6port"] or found["port"] or 53)
    except ValueError:
        address, port = None, 0
    if address is None or not 0 < port < 65536:
        raise CommandError(
            f"--resolver {text} is no address: use one such as 1.1.1.1, 127.0.0.1:5353 or "
            "[2606:4700::1111]:53",
            USAGE,
        )
    return str(address), port

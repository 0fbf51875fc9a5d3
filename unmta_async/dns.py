"""The DNS records that a domain needs, and how to write them down.

Nothing here asks a name server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

import attrs

from .errors import UsageError, printable
from .models import DnsRecord, Domain, DomainDetail

__all__ = ["Record", "records", "render"]

# RFC 1035, 3.3: a character string holds 255 bytes; a longer value goes into several.
_LONGEST_STRING: Final = 255
_WORD: Final = re.compile(r"[A-Za-z0-9_*:-]+(\.[A-Za-z0-9_*:-]+)*\.?")


@attrs.frozen(kw_only=True)
class Record:
    """A DNS record to publish.

    Attributes:
        type: The record type, such as "TXT".
        fqdn: The owner name in full, with the dot at its end.
        name: The owner name within the zone; "@" is the zone itself.
        value: The content, unquoted and in one piece.
        ttl: Seconds that resolvers may keep it.
    """

    type: str
    fqdn: str
    name: str
    value: str
    ttl: int


def records(domain: Domain, *, zone: str | None = None, ttl: int = 3600) -> list[Record]:
    """Return the records to publish for a domain.

    Args:
        domain: The domain, as `get` or `create` returns it; a listed one comes without records.
        zone: The DNS zone that they go into; the domain itself if not given.
        ttl: Seconds that resolvers may keep them.

    Raises:
        UsageError: The domain comes without records, or is not within the zone.
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
    )


def render(records: Iterable[Record], format: Literal["bind"]) -> str:  # noqa: A002 - what users type
    """Write records down for a DNS server.

    Args:
        records: What `records` returns, of any number of domains.
        format: "bind", the zone file format of RFC 1035, which most DNS services import.

    Raises:
        UsageError: The format is not known, or a record cannot be written in it.
    """
    if format != "bind":
        raise UsageError(f"render does not know the format {format!r}; it knows 'bind'")
    return "".join(f"{_bind_line(record)}\n" for record in records)


def _plain_name(name: str) -> str:
    return name.lower().removesuffix(".")


def _bind_line(record: Record) -> str:
    value, words = _bind_value(record)
    # Anything else that a server may send could be read as a record of its own.
    if not all(_WORD.fullmatch(word) for word in (record.fqdn, *words)):
        raise _unwritable(record)
    return f"{record.fqdn}\t{record.ttl}\tIN\t{record.type}\t{value}"


def _bind_value(record: Record) -> tuple[str, list[str]]:
    """Return a value as BIND wants it, and the words in it that are not quoted."""
    match record.type:
        case "TXT":
            return _character_strings(record.value), []
        case "A" | "AAAA":
            return record.value, [record.value]
        case "CNAME" | "MX" | "NS" | "PTR":
            # It ends in a host; without the dot behind it that would be one within the zone.
            value = f"{record.value.removesuffix('.')}."
            return value, value.split(" ")
        case _:
            raise _unwritable(record)


def _unwritable(record: Record) -> UsageError:
    what = printable(f"{record.type} {record.fqdn}")
    return UsageError(f"the record {what} cannot be written in a zone file")


def _character_strings(text: str) -> str:
    """Quote a value as the character strings of a TXT record, each of 255 bytes at most."""
    data = text.encode()
    pieces = [data[at : at + _LONGEST_STRING] for at in range(0, len(data), _LONGEST_STRING)]
    return " ".join(f'"{"".join(map(_escaped, piece))}"' for piece in pieces or [b""])


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char in '"\\':
        return f"\\{char}"
    return char if " " <= char <= "~" else f"\\{byte:03d}"

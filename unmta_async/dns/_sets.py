"""Records as DNS sees them: checked, and gathered into sets of one name and type.

What a server says may be anything. What passes here cannot be read as something else in any
format, but for the text of a TXT record, which each format quotes in its own way.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from ..errors import UsageError, printable
from ._records import Record

__all__ = ["RecordSet", "character_strings", "checked", "record_sets", "unwritable"]

# RFC 1035, 3.3: a character string holds 255 bytes; a longer value goes into several.
_LONGEST_STRING: Final = 255
_LONGEST_NAME: Final = 253
# RFC 2181, 8.
_TTLS: Final = range(2**31)
_LABEL: Final = r"(?!-)[A-Za-z0-9_-]{1,63}(?<![-_])"
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})+\.?")
_OWNER: Final = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*\.")
_PREFERENCE: Final = re.compile(r"[0-9]{1,5}")


@attrs.frozen(kw_only=True)
class RecordSet:
    """The values of one name and type.

    Attributes:
        type: The record type.
        fqdn: The owner name in full, in lower case, with the dot at its end.
        name: The owner name within the zone; "@" is the zone itself.
        zone: The zone in full, with the dot at its end.
        values: Each value once; a host in it has the dot at its end.
        ttl: Seconds.
    """

    type: str
    fqdn: str
    name: str
    zone: str
    values: Sequence[str]
    ttl: int


def checked(record: Record) -> Record:
    """Return a record that can be written down.

    Raises:
        UsageError: It cannot.
    """
    if not _OWNER.fullmatch(record.fqdn) or len(record.fqdn) > _LONGEST_NAME + 1:
        raise unwritable(record, "its name is none that DNS software agrees on")
    if record.ttl not in _TTLS:
        raise unwritable(record, f"its ttl is {record.ttl}; it must be from 0 to {_TTLS[-1]}")
    _canonical(record)
    return record


def record_sets(records: Iterable[Record]) -> list[RecordSet]:
    """Gather records into sets, in the order in which the sets first occur.

    The lowest TTL is that of the set: RFC 2181, 5.2 allows it only one.

    Raises:
        UsageError: A record cannot be written, or does not go together with another.
    """
    gathered: dict[tuple[str, str], list[Record]] = {}
    for record in map(checked, records):
        gathered.setdefault((record.fqdn.lower(), record.type), []).append(record)
    _check_aliases(gathered)
    return [_record_set(together) for together in gathered.values()]


def unwritable(record: Record | RecordSet, why: str) -> UsageError:
    """Return the error that names a record."""
    what = printable(f"{record.type} {record.fqdn}")
    return UsageError(f"the record {what} cannot be written: {why}")


def character_strings(text: str) -> list[bytes]:
    """Cut the value of a TXT record into character strings, one at least."""
    data = text.encode()
    cuts = range(0, len(data), _LONGEST_STRING)
    return [data[at : at + _LONGEST_STRING] for at in cuts] or [b""]


def _record_set(together: Sequence[Record]) -> RecordSet:
    first = together[0]
    zones = list(dict.fromkeys(map(_zone, together)))
    if len(zones) > 1:
        raise unwritable(first, f"it is in two zones, {zones[0]} and {zones[1]}; give one of them")
    return RecordSet(
        type=first.type,
        fqdn=first.fqdn.lower(),
        name=first.name.lower(),
        zone=zones[0],
        values=list(dict.fromkeys(map(_canonical, together))),
        ttl=min(record.ttl for record in together),
    )


def _zone(record: Record) -> str:
    fqdn = record.fqdn.lower()
    if record.name == "@":
        return fqdn
    zone = fqdn.removeprefix(f"{record.name.lower()}.")
    if zone in {"", fqdn}:
        raise unwritable(record, f"its name in the zone, {printable(record.name)}, is of another")
    return zone


def _check_aliases(gathered: dict[tuple[str, str], list[Record]]) -> None:
    """Check that a name with a CNAME has nothing else (RFC 1034, 3.6.2)."""
    types = Counter(fqdn for fqdn, _ in gathered)
    for (fqdn, kind), together in gathered.items():
        if kind == "CNAME" and (types[fqdn] > 1 or len(set(map(_canonical, together))) > 1):
            raise unwritable(together[0], "the name has another record, and a CNAME stands alone")


def _canonical(record: Record) -> str:
    """Return the value in the one way to write it."""
    match record.type:
        case "TXT":
            return _text(record)
        case "A":
            return _address(record, ipaddress.IPv4Address)
        case "AAAA":
            return _address(record, ipaddress.IPv6Address)
        case "CNAME" | "NS" | "PTR":
            return _host(record, record.value)
        case "MX":
            preference, _, host = record.value.partition(" ")
            if not _PREFERENCE.fullmatch(preference) or int(preference) >= 2**16:
                raise unwritable(record, "its value is not a preference and a host")
            return f"{int(preference)} {_host(record, host)}"
        case _:
            raise unwritable(record, "render knows A, AAAA, CNAME, MX, NS, PTR and TXT")


def _text(record: Record) -> str:
    try:
        record.value.encode()
    except UnicodeEncodeError:
        raise unwritable(record, "its value has half of a surrogate pair") from None
    return record.value


def _address(record: Record, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> str:
    try:
        address = str(kind(record.value))
    except ValueError:
        address = "%"
    # A scope, as in fe80::1%eth0, means nothing in DNS and may be any text.
    if "%" in address:
        raise unwritable(record, "its value is not an address of that kind")
    return address


def _host(record: Record, host: str) -> str:
    """Return a host with a dot behind it, for without one it would be within the zone."""
    if not _HOST.fullmatch(host) or len(host.removesuffix(".")) > _LONGEST_NAME:
        raise unwritable(record, "its value is not a host")
    return f"{host.removesuffix('.')}."

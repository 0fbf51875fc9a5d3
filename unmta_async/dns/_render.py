"""DNS records written down for a DNS server, as text. Nothing here asks a name server."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from ..errors import UsageError, printable
from ._records import Record

__all__ = ["render"]

# RFC 1035, 3.3: a character string holds 255 bytes; a longer value goes into several.
_LONGEST_STRING: Final = 255
_WORD: Final = re.compile(r"[A-Za-z0-9_*:-]+(\.[A-Za-z0-9_*:-]+)*\.?")


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

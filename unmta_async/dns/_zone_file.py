"""Records as lines of a zone file (RFC 1035, 5)."""

from __future__ import annotations

from collections.abc import Iterable

from ._records import Record
from ._sets import RecordSet, character_strings, record_sets

__all__ = ["to_bind"]


def to_bind(records: Iterable[Record]) -> str:
    """Write records as a zone file without an origin: all names are in full."""
    return "".join(_line(each, value) for each in record_sets(records) for value in each.values)


def _line(each: RecordSet, value: str) -> str:
    data = _quoted(value) if each.type == "TXT" else value
    return f"{each.fqdn}\t{each.ttl}\tIN\t{each.type}\t{data}\n"


def _quoted(text: str) -> str:
    return " ".join(f'"{"".join(map(_escaped, string))}"' for string in character_strings(text))


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char in '"\\':
        return f"\\{char}"
    return char if " " <= char <= "~" else f"\\{byte:03d}"

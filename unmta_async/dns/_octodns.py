"""Records as octoDNS configuration, written without a YAML library.

Strings are in the double quotes that JSON and YAML share.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ._records import Record
from ._sets import RecordSet, record_sets, unwritable

__all__ = ["to_octodns"]

# Some of its providers take a backslash for an escape, others take it literally; and it joins
# what stands on both sides of `" "`.
_WRITABLE: Final = re.compile(r'(?!.*" ")[ -\[\]-~]*')
_DIGITS: Final = re.compile(r"([0-9]+)")


def to_octodns(records: Iterable[Record]) -> str:
    """Write records as a YAML document per zone, with the name of its file in a comment."""
    zones: dict[str, dict[str, list[RecordSet]]] = {}
    for each in record_sets(records):
        name = "" if each.name == "@" else each.name
        zones.setdefault(each.zone, {}).setdefault(name, []).append(each)
    return "".join(_document(zone, names) for zone, names in zones.items())


def _document(zone: str, names: Mapping[str, Sequence[RecordSet]]) -> str:
    lines = ["---", f"# {zone}yaml"]
    for name in sorted(names, key=_natural):
        lines.append(f"{json.dumps(name)}:")
        for each in names[name]:
            lines += _entry(each)
    return "".join(f"{line}\n" for line in lines)


def _natural(name: str) -> list[str | int]:
    """Return a key to sort by as octoDNS demands: a2 before a10."""
    parts = _DIGITS.split(name)
    return [int(part) if at % 2 else part for at, part in enumerate(parts)]


def _entry(each: RecordSet) -> Iterator[str]:
    yield f"  - ttl: {each.ttl}"
    yield f"    type: {each.type}"
    if each.type == "CNAME":
        if each.name == "@":
            raise unwritable(each, "a zone has no CNAME of its own")
        yield f"    value: {json.dumps(each.values[0])}"
        return
    yield "    values:"
    for value in each.values:
        yield f"      - {_value(each, value)}"


def _value(each: RecordSet, value: str) -> str:
    match each.type:
        case "TXT":
            return json.dumps(_text(each, value))
        case "MX":
            preference, host = value.split(" ")
            return f"{{exchange: {json.dumps(host)}, preference: {preference}}}"
        case _:
            return json.dumps(value)


def _text(each: RecordSet, value: str) -> str:
    if not _WRITABLE.fullmatch(value):
        raise unwritable(
            each, r'octoDNS wants ASCII without control characters, backslashes and `" "`'
        )
    # It takes off a quote at the beginning together with whatever is at the end.
    whole = f'"{value}"' if value.startswith('"') else value
    return whole.replace(";", r"\;")

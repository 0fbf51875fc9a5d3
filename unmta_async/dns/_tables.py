"""Records as data for other programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

import attrs

from ._records import Record
from ._sets import checked

__all__ = ["to_csv", "to_json"]


def to_json(records: Iterable[Record]) -> str:
    """Write records as an array of objects, their keys in the order of the fields."""
    return json.dumps([attrs.asdict(checked(record)) for record in records], indent=2) + "\n"


def to_csv(records: Iterable[Record]) -> str:
    """Write records as rows below a header, as RFC 4180 says.

    Values stay as they are, even where a spreadsheet would take one for a formula: a record that
    was changed for it would be a wrong one.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(field.name for field in attrs.fields(Record))
    writer.writerows(attrs.astuple(checked(record)) for record in records)
    return text.getvalue()

"""The DNS records that a domain needs, and how to write them down."""

from ._records import Record, records
from ._render import Format, render

__all__ = ["Format", "Record", "records", "render"]

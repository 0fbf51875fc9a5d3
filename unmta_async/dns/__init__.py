"""The DNS records that a domain needs, how to write them down, and whether they stand there."""

from ._check import Checker, Finding, check
from ._records import Record, records
from ._render import Format, render

__all__ = ["Checker", "Finding", "Format", "Record", "check", "records", "render"]

"""Where the passwords of new credentials go: two files, and two sinks behind such a file.

The API shows a password once. A store is the journal of that: it knows what was to be made before
it is made, and holds the password before anybody hears of it.
"""

from ._base import FileStore
from ._jsonl import JsonlStore
from ._protocol import DeliveryError, Intent, PasswordStore, StoreError
from ._record import Entry
from ._sinks import CallableSink, CommandSink
from ._sqlite import SqliteStore

__all__ = [
    "CallableSink",
    "CommandSink",
    "DeliveryError",
    "Entry",
    "FileStore",
    "Intent",
    "JsonlStore",
    "PasswordStore",
    "SqliteStore",
    "StoreError",
]

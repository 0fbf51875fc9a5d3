"""What a store knows of one credential, and how that changes. Pure: no file and no clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import attrs

from ...secret import Secret
from ._protocol import Intent

__all__ = ["FIELDS", "Entry", "Key", "Record", "Value", "from_fields", "to_fields"]

Key: TypeAlias = tuple[str, str]
Value: TypeAlias = str | bool | None


@attrs.frozen(kw_only=True)
class Entry:
    """What a store has of one credential; the password is not among it.

    Attributes:
        cluster: The id of the cluster.
        user: The user name.
        state: "prepared" as long as an intent waits for its password, even if there is an older
            one; "stored"; "delivered" if a sink has taken the password.
        has_password: Whether `reveal` gives one: false before the first, and after a purge.
        prepared_at: When the intent was prepared, UTC, if it waits.
        stored_at: When the password was stored, UTC.
        delivered_at: When a sink took it, UTC.
    """

    cluster: str
    user: str
    state: Literal["prepared", "stored", "delivered"]
    has_password: bool
    prepared_at: datetime | None
    stored_at: datetime | None
    delivered_at: datetime | None


@attrs.frozen
class Record:
    """All that is known of one credential, as it stands in the file."""

    cluster: str
    user: str
    prepared_at: datetime | None = None
    last_prepared_at: datetime | None = None
    seen_absent: bool = False
    password: Secret | None = None
    stored_at: datetime | None = None
    delivered_at: datetime | None = None

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.cluster, self.user

    @property
    def is_void(self) -> bool:
        """Whether it says nothing."""
        return self.prepared_at is None and self.stored_at is None

    @property
    def is_pending(self) -> bool:
        """Whether there is a password that no sink has taken."""
        return self.password is not None and self.delivered_at is None

    @property
    def intent(self) -> Intent | None:
        """The intent that waits for its password."""
        if self.prepared_at is None:
            return None
        last = self.last_prepared_at or self.prepared_at
        return Intent(self.cluster, self.user, self.seen_absent, self.prepared_at, last)

    @property
    def entry(self) -> Entry:
        """What may be shown of it."""
        state: Literal["stored", "delivered"] = "delivered" if self.delivered_at else "stored"
        return Entry(
            cluster=self.cluster,
            user=self.user,
            state="prepared" if self.prepared_at else state,
            has_password=self.password is not None,
            prepared_at=self.prepared_at,
            stored_at=self.stored_at,
            delivered_at=self.delivered_at,
        )

    def prepared(self, at: datetime, *, seen_absent: bool) -> Record:
        """Return it with an intent; the password before stays until there is a new one."""
        return attrs.evolve(
            self,
            prepared_at=self.prepared_at or at,
            last_prepared_at=at,
            seen_absent=self.seen_absent or seen_absent,
        )

    def withdrawn(self) -> Record:
        """Return it without its intent."""
        return attrs.evolve(self, prepared_at=None, last_prepared_at=None, seen_absent=False)

    def stored(self, password: Secret, at: datetime) -> Record:
        """Return it with a new password.

        The older one is of no use: a user name is unique, so its credential is gone.
        """
        return attrs.evolve(self.withdrawn(), password=password, stored_at=at, delivered_at=None)

    def delivered(self, password: Secret, at: datetime) -> Record:
        """Return it as delivered, unless the password is another one by now."""
        return attrs.evolve(self, delivered_at=at) if password == self.password else self

    def purged(self) -> Record:
        """Return it without its password, if that was delivered."""
        return self if self.delivered_at is None else attrs.evolve(self, password=None)


FIELDS = tuple(field.name for field in attrs.fields(Record))
_TIMES = ("prepared_at", "last_prepared_at", "stored_at", "delivered_at")


def to_fields(record: Record) -> dict[str, Value]:
    """Return a record as JSON has it, its password in the clear."""
    fields: dict[str, Value] = {
        "cluster": record.cluster,
        "user": record.user,
        "seen_absent": record.seen_absent,
        "password": None if record.password is None else record.password.reveal(),
    }
    for name in _TIMES:
        moment: datetime | None = getattr(record, name)
        fields[name] = None if moment is None else moment.isoformat()
    return {name: fields[name] for name in FIELDS}


def from_fields(fields: Mapping[str, object]) -> Record | None:
    """Return the record that `to_fields` made these of, or None if it cannot have."""
    match fields:
        case {
            "cluster": str(cluster),
            "user": str(user),
            "seen_absent": bool(seen_absent),
            "password": str() | None as password,
        } if set(fields) == set(FIELDS):
            pass
        case _:
            return None
    times = {name: _moment(fields[name]) for name in _TIMES}
    if any(times[name] is None and fields[name] is not None for name in _TIMES):
        return None
    secret = None if password is None else Secret(password)
    return Record(cluster, user, seen_absent=seen_absent, password=secret, **times)


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment and moment.utcoffset() == timedelta(0) else None

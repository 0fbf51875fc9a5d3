"""What a store for passwords can do, and how it fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from ...errors import UnmtaError
from ...secret import Secret

__all__ = ["DeliveryError", "Intent", "PasswordStore", "StoreError"]


def _first_time(intent: Intent) -> datetime:
    return intent.prepared_at


@attrs.frozen
class Intent:
    """A credential that was to be made, and whose password has not arrived since.

    Attributes:
        cluster: The id of the cluster.
        user: The user name.
        seen_absent: Whether the cluster was seen without such a user before a creation.
        prepared_at: When it was first prepared, UTC.
        last_prepared_at: When it was prepared last, UTC; `prepared_at` unless given.
    """

    cluster: str
    user: str
    seen_absent: bool
    prepared_at: datetime
    last_prepared_at: datetime = attrs.field(default=attrs.Factory(_first_time, takes_self=True))


class StoreError(UnmtaError):
    """A store, or a sink, cannot do what it is for.

    Attributes:
        password: The password that could not be stored, if it was on the way: nobody else has it.
    """

    advice = "Mend that, then run again; what was stored before is not touched."

    @property
    def next_step(self) -> str:
        """What to do next, in words."""
        if self.password is not None:
            return "`.password` holds what could not be stored: put it in a safe place, now."
        return self.advice


class DeliveryError(StoreError):
    """A sink did not take a password; it is safe in the store behind the sink."""

    advice = "Run again: what was not delivered is delivered first."


class PasswordStore(Protocol):
    """The journal of creating credentials: every failure is a StoreError."""

    async def prepare(self, cluster: str, user: str, *, seen_absent: bool = False) -> Intent | None:
        """Make it durable that a credential is about to be made.

        An intent that is there already stays, and keeps `seen_absent` if it was true.

        Args:
            cluster: The id of the cluster.
            user: The user name.
            seen_absent: Whether the caller has just seen that the cluster has no such user.

        Returns:
            The intent that was there already, if there was one.
        """
        ...

    async def store(self, cluster: str, user: str, password: Secret) -> None:
        """Make a password durable, in place of an older one; that ends the intent."""
        ...

    async def withdraw(self, cluster: str, user: str) -> None:
        """End an intent: the credential was provably not made."""
        ...

    async def lost(self) -> Sequence[Intent]:
        """Return the intents that no password has followed, oldest first."""
        ...

"""The media types of a body or an answer: which one is taken, and what kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from .schemas import refuse_other_keys

if TYPE_CHECKING:
    from .document import Node

__all__ = ["JSON", "Media", "taken"]

JSON: Final = "application/json"
_KEYS: Final = frozenset({"schema", "example", "examples"})


@attrs.frozen
class Media:
    """A media type that a body or an answer may have."""

    name: str
    node: Node

    @property
    def kind(self) -> str:
        """The name without parameters such as the charset."""
        return self.name.partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, under whatever name."""
        return self.kind == JSON or self.kind.endswith("+json")

    @property
    def is_text(self) -> bool:
        """Whether it is text that is not looked into."""
        return self.kind.startswith("text/") and self.kind != "text/event-stream"


def taken(holder: Node) -> Media:
    """Return the media type that is asked for or sent: JSON if there is any, else the first."""
    media = [Media(name, node) for name, node in holder.children("content")]
    if not media:
        holder.fail("`content` is missing")
    first = min(media, key=lambda each: (each.kind != JSON, not each.is_json))
    refuse_other_keys(first.node, _KEYS, where="in a media type")
    return first

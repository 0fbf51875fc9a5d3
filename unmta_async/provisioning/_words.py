"""Numbers and times in words, for people. A leaf."""

from __future__ import annotations

__all__ = ["counted", "duration"]


def counted(number: int, noun: str) -> str:
    """Return a number of things: "1 domain", "10,000 domains"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return seconds as people say them: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

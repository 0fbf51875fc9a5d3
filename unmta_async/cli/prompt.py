"""Asking a person something, on stderr, so that Ctrl-C ends it; what cannot be undone by name."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from .failures import FAILED, USAGE, CommandError
from .output import counted

__all__ = ["ask", "ask_secretly", "confirm", "confirm_deletion", "interruptible"]

_NAMED: Final = 5  # of many


def ask(question: str) -> str:
    """Return the line that a person types.

    Raises:
        CommandError: There is nothing more to read.
        KeyboardInterrupt: Ctrl-C.
    """
    with interruptible():
        sys.stderr.write(question)
        sys.stderr.flush()
        line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise CommandError("there was no answer; nothing was done", FAILED)
    return line.strip()


def ask_secretly(question: str) -> str:
    """Return the line that a person types, which is not shown.

    Raises:
        CommandError: There is nothing more to read.
        KeyboardInterrupt: Ctrl-C.
    """
    import getpass

    try:
        with interruptible():
            return getpass.getpass(question, sys.stderr).strip()
    except EOFError:
        raise CommandError("there was no answer; nothing was done", FAILED) from None


def confirm(question: str, name: str, cluster: str, *, yes: bool) -> None:
    """Let a person type a name before something is done that cannot be undone.

    Args:
        question: What is about to happen, as a sentence without its question mark.
        name: What is to be typed.
        cluster: Where it is about to happen.
        yes: Whether it was said beforehand.

    Raises:
        CommandError: Another name was typed, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        asked = question[:1].lower() + question[1:]
        raise CommandError(f"{asked} cannot be undone: give --yes to do it", USAGE)
    if ask(f"{question} of {cluster} cannot be undone. Type {name} to do it: ") != name:
        raise CommandError("that is another name; nothing was done")


def confirm_deletion(kind: str, names: Sequence[str], cluster: str, *, yes: bool) -> None:
    """Let a person type the name of what is to be deleted; of several things, how many it is.

    Raises:
        CommandError: Something else was typed, or there is nobody to ask.
    """
    several = counted(len(names), kind)
    if len(names) == 1:
        confirm(f"Deleting the {kind} {names[0]}", names[0], cluster, yes=yes)
        return
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    confirm(f"Deleting {several} ({', '.join(names[:_NAMED])}{more})", several, cluster, yes=yes)


@contextmanager
def interruptible() -> Generator[None]:
    """Let Ctrl-C end what waits for a person, or for the other end of a pipe."""
    # asyncio.run would keep the first one for later: there is no "later" while input is awaited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""Ctrl-C, for what can end in order. The entry makes it of SIGTERM and SIGHUP, too."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

__all__ = ["stopping_once", "stopping_softly"]


@contextmanager
def stopping_softly() -> Generator[asyncio.Event]:
    """Yield what the first Ctrl-C sets; the second one ends the task that entered this, at once."""
    loop, task, stop = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def end() -> None:
        if not stop.is_set():
            stop.set()
            _say("Ending: what is in flight is finished first; Ctrl-C ends it now.")
        elif task is not None:
            # Once more when the first has arrived: a run that is cancelled has a time of grace.
            task.cancel()
            loop.call_soon(task.cancel)

    with _handled(end):
        yield stop


@contextmanager
def stopping_once(told: str) -> Generator[None]:
    """Let the first Ctrl-C cancel the task that entered this, and say so; ignore the others."""
    task, is_ending = asyncio.current_task(), False

    def end() -> None:
        nonlocal is_ending
        if task is not None and not is_ending:
            is_ending = True
            task.cancel()
            _say(told)

    with _handled(end):
        yield


@contextmanager
def _handled(end: Callable[[], None]) -> Generator[None]:
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    # Windows has none, nor has a thread; asyncio.run then cancels at the first Ctrl-C.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, end)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)


def _say(text: str) -> None:
    with suppress(OSError):  # of a terminal that is gone
        sys.stderr.write(f"{text}\n")

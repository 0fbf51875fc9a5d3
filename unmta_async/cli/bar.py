"""How far long work has come, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from rich.progress import Task
    from rich.text import Text

    from ..provisioning import Progress

__all__ = ["Counter", "Shown", "shown_progress"]

_SECONDS_BETWEEN_LINES: Final = 10.0
_WIDEST_BAR: Final = 24
_WIDTH_OF_WORDS: Final = 66


@attrs.frozen
class Shown:
    """How to show progress, and how to write beside it.

    Attributes:
        progress: Shows how far it has come; it is an `on_progress`.
        line: Writes a line to stdout that does not run into the bar.
    """

    progress: Callable[[Progress], object]
    line: Callable[[str], object]


class Counter:
    """Counts what a command does by itself, in the way of the library's own runs.

    Args:
        listener: What to call with a `Progress` after each item.
        total: All items.
    """

    def __init__(self, listener: Callable[[Progress], object], total: int) -> None:
        self._listener = listener
        self._total = total
        self._done = 0
        self._failed = 0
        self._began = time.monotonic()

    def count(self, *, failed: bool) -> None:
        """Note that one more item is done."""
        from ..provisioning import Progress

        self._done += 1
        self._failed += failed
        seconds = time.monotonic() - self._began
        rate = self._done / seconds if seconds else 0.0
        self._listener(
            Progress(
                done=self._done,
                failed=self._failed,
                total=self._total,
                seconds=seconds,
                rate=rate,
                eta=(self._total - self._done) / rate if rate else None,
                paused_until=None,
            )
        )


@contextmanager
def shown_progress(what: str, *, quiet: bool) -> Generator[Shown]:
    """Show progress for as long as the context lasts, unless nobody wants to see it."""
    if quiet:
        yield Shown(lambda _: None, _write)
    elif sys.stderr.isatty():
        with _bar(what) as shown:
            yield shown
    else:
        yield Shown(_lines(what), _write)


@contextmanager
def _bar(what: str) -> Generator[Shown]:
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column
    from rich.text import Text

    class Told(ProgressColumn):
        """The progress in words, anew each time: a pause gets shorter by itself."""

        def render(self, task: Task) -> Text:
            return Text(str(task.fields["progress"] or ""))

    def show(progress: Progress) -> None:
        bar.update(task, total=progress.total, completed=progress.done, progress=progress)

    def line(text: str) -> None:
        if is_shared:
            bar.console.print(Text.from_ansi(text), soft_wrap=True)
        else:
            _write(text)

    # Lines on stdout are printed above the bar, if both are the same terminal.
    is_shared = sys.stdout.isatty()
    console = Console(stderr=True, highlight=False)
    width = max(8, min(_WIDEST_BAR, console.width - len(what) - _WIDTH_OF_WORDS))
    columns = (
        TextColumn(what, markup=False),
        BarColumn(width),
        Told(Column(no_wrap=True, overflow="ellipsis")),
    )
    with Bar(*columns, console=console, transient=True, redirect_stdout=is_shared) as bar:
        task = bar.add_task("", total=None, progress=None)
        yield Shown(show, line)


def _lines(what: str) -> Callable[[Progress], None]:
    """Return what writes a line now and then, and one when a pause begins."""
    told = time.monotonic()
    was_paused = False

    def show(progress: Progress) -> None:
        nonlocal told, was_paused
        now, is_paused = time.monotonic(), progress.paused_until is not None
        if now - told >= _SECONDS_BETWEEN_LINES or is_paused > was_paused:
            told = now
            sys.stderr.write(f"{what}: {progress}\n")
        was_paused = is_paused

    return show


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

"""One run of a program with a password on its standard input."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, Self

from ...errors import printable
from ...secret import MASK, Secret

__all__ = ["run", "without"]

_KEPT: Final = 4096  # bytes of what the program writes to standard error
_SHOWN: Final = 400  # characters
_PIPE: Final = 65536  # bytes that a pipe holds


async def run(command: Sequence[str], password: Secret, timeout: float) -> str:
    """Run a program and return what was wrong; "" if it ended well.

    Args:
        command: The program and its arguments.
        password: What is on its standard input, without a newline.
        timeout: Seconds until it is killed.
    """
    program = printable(command[0])
    with _Stderr() as stderr:
        try:
            process = await _start(command, password, stderr.writer)
        except (OSError, ValueError) as error:  # ValueError: an argument has a NUL
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return f"{program} could not be run: {printable(str(reason))}"
        try:
            async with asyncio.timeout(timeout):
                code = await process.wait()
        except TimeoutError:
            return f"{program} was killed after {timeout:g} s"
        finally:
            await _end(process)
        return "" if code == 0 else f"{program} {_ended(code)}{_quote(stderr.read(), password)}"


def without(password: Secret, text: str) -> str:
    """Return a text with a password masked, as it is and as `repr` shows it."""
    value = password.reveal()
    for form in filter(None, {value, repr(value)[1:-1]}):
        text = text.replace(form, MASK)
    return text


async def _start(
    command: Sequence[str], password: Secret, stderr: int
) -> asyncio.subprocess.Process:
    with _filled_pipe(password) as stdin:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=stdin,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,  # a process group to kill as a whole
        )


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a program that has not ended, and wait for that."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@contextmanager
def _filled_pipe(password: Secret) -> Generator[int]:
    """Make the end of a pipe to read a password from: it fits in, so nobody has to write it."""
    reader, writer = os.pipe()
    try:
        try:
            os.set_blocking(writer, False)
            value = password.reveal().encode(errors="surrogatepass")
            if os.write(writer, value) != len(value):
                raise ValueError("the password is longer than a pipe takes")
        finally:
            value = b""
            os.close(writer)
        yield reader
    finally:
        os.close(reader)


class _Stderr:
    """The end of what a program writes to standard error.

    A pipe of our own, and not one of asyncio's: whatever the program leaves running may keep it
    open, and is not waited for.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._kept = b""

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._reader, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self.writer)
        os.close(self._reader)

    def read(self) -> str:
        """Return the end of what has been written."""
        self._take()  # whatever was in the pipe; somebody may still write
        return self._kept.decode(errors="replace")

    def _take(self) -> None:
        with suppress(BlockingIOError):
            self._kept = (self._kept + os.read(self._reader, _PIPE))[-_KEPT:]


def _ended(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"


def _quote(stderr: str, password: Secret) -> str:
    said = without(password, stderr).strip()[-_SHOWN:]
    return f", saying '{printable(said)}'" if said else ""

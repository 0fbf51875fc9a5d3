"""The command line of the sandbox: `python -m unmta_async.sandbox`."""

import argparse
import asyncio
import errno
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from .journal import StateFileError
from .server import Sandbox
from .state import Verification, verification_delay

_EXAMPLE = """\
Two lines to paste come out on stdout; everything else goes to stderr. Ctrl-C ends it.

example:
  $ python -m unmta_async.sandbox --port 8025 --state sandbox.jsonl
  export UNMTA_BASE_URL=http://127.0.0.1:8025/api/v1
  export UNMTA_API_TOKEN='1|sandbox...'

It starts with two empty clusters, a1b2c3d4 and e5f6g7h8. The rules it keeps to, and which of them
are assumptions, are at http://127.0.0.1:8025/__sandbox/rules.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes, and return the exit code: 0, or 1 if it could not start."""
    options = _parser().parse_args(arguments)
    sandbox = Sandbox(
        options.seed, options.state, options.verification, host=options.host, port=options.port
    )
    try:
        # Stopping it is how it is meant to end, so Ctrl-C is a success too.
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(sandbox))
    except StateFileError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(_no_port(options.host, options.port, error))
    return 0


async def _serve(sandbox: Sandbox) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with sandbox:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
                loop.add_signal_handler(number, stop.set)
        print(f"export UNMTA_BASE_URL={shlex.quote(sandbox.base_url)}")
        print(f"export UNMTA_API_TOKEN={shlex.quote(sandbox.token)}", flush=True)
        print("The unMTA sandbox is listening. Ctrl-C ends it.", file=sys.stderr, flush=True)
        await stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unmta_async.sandbox",
        description="Serve a fake unMTA Management API that keeps what it is told.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    add("--port", type=_port, default=0, help="port to listen at (default: any free one)")
    add("--state", metavar="FILE", help="keep the state in this file over restarts")
    add(
        "--seed", type=int, help="what keys and passwords are made from (default: the file's, or 1)"
    )
    add(
        "--verification",
        type=_verification,
        default="manual",
        metavar="manual|immediate|SECONDS",
        help="when domains turn verified by themselves (default: manual, which is never)",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 0 to 65535")
    return int(text)


def _verification(text: str) -> Verification:
    try:
        policy = cast("Verification", text if text in {"manual", "immediate"} else float(text))
        verification_delay(policy)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither manual nor immediate nor a number of seconds"
        ) from None
    return policy


def _no_port(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} at {host} is taken: use another --port, or 0 for any free one"
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return f"cannot listen at {host} port {port}: {reason}; use another --host or --port"


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

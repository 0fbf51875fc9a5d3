"""The command line of the sandbox: `python -m unmta_async.sandbox`."""

import argparse
import asyncio
import errno
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from .app import BASE_PATH, OPERATIONS
from .faults import FAULTS, Fault, Faults
from .journal import StateFileError
from .server import Sandbox
from .state import Verification, verification_delay

_MODULE = "python -m unmta_async.sandbox"
_EXAMPLE = """\
Two lines to paste come out on stdout; everything else goes to stderr. Ctrl-C ends it.

example:
  $ python -m unmta_async.sandbox --port 8025 --state sandbox.jsonl
  export UNMTA_BASE_URL=http://127.0.0.1:8025/api/v1
  export UNMTA_API_TOKEN='1|sandbox...'

It starts with two empty clusters, a1b2c3d4 and e5f6g7h8. The rules it keeps to, and which of them
are assumptions, are at http://127.0.0.1:8025/__sandbox/rules.

what goes wrong, on demand:
  --fault domains.create:reset-after-applying:nth=3,times=2
  --fault '*:rate-limited:times=none,retry_after=5'

The keys for all are nth=1, times=1 (none is for ever) and, where a fault leaves it open,
applied=true or false; --list-faults shows all faults and what else each takes.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes, and return the exit code: 0, or 1 if it could not start."""
    options = _parser().parse_args(arguments)
    try:
        sandbox = _sandbox(options)
    except (ValueError, ModuleNotFoundError) as error:
        return _fail(str(error))
    try:
        # Stopping it is how it is meant to end, so Ctrl-C is a success too.
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(sandbox, has_nameserver=_has_nameserver(options)))
    except StateFileError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(_no_port(options.host, options.port, error))
    return 0


def _sandbox(options: argparse.Namespace) -> Sandbox:
    sandbox = Sandbox(
        options.seed,
        options.state,
        options.verification,
        host=options.host,
        port=options.port,
        resolver=options.resolver,
        rate_limit=options.rate_limit,
    )
    for fault in options.fault:
        sandbox.faults.add(**fault)
    return sandbox


async def _serve(sandbox: Sandbox, *, has_nameserver: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with sandbox:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
                loop.add_signal_handler(number, stop.set)
        print(f"export UNMTA_BASE_URL={shlex.quote(sandbox.base_url)}")
        print(f"export UNMTA_API_TOKEN={shlex.quote(sandbox.token)}", flush=True)
        if has_nameserver:
            print(_about_dns(sandbox), file=sys.stderr)
        print("The unMTA sandbox is listening. Ctrl-C ends it.", file=sys.stderr, flush=True)
        await stop.wait()


def _has_nameserver(options: argparse.Namespace) -> bool:
    return options.verification == "dns" and options.resolver is None


def _about_dns(sandbox: Sandbox) -> str:
    server = sandbox.nameserver
    root = sandbox.base_url.removesuffix(BASE_PATH)
    return (
        f"Its name server is at {server.address} port {server.port}, UDP and TCP. To publish:\n"
        f"  curl --data-binary @FILE.zone {root}/__sandbox/dns"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unmta sandbox" if Path(sys.argv[0]).stem == "unmta" else _MODULE,
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
        metavar="manual|immediate|dns|SECONDS",
        help="when domains turn verified by themselves (default: manual, which is never)",
    )
    add(
        "--resolver",
        metavar="HOST:PORT",
        help="what to ask with --verification dns (default: a name server of its own)",
    )
    add(
        "--rate-limit",
        type=float,
        metavar="NUMBER",
        help="requests a second above which the answer is 429 (default: none)",
    )
    add(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="OPERATION:FAULT[:KEY=VALUE,...]",
        help="let something go wrong; may be given more than once",
    )
    add("--list-faults", action=_ListFaults, nargs=0, help="show what can go wrong, and exit")
    return parser


class _ListFaults(argparse.Action):
    """Print the table of faults and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print("\n".join(_described(name, fault) for name, fault in FAULTS.items()))
        parser.exit()


def _described(name: str, fault: Fault) -> str:
    facts = [f"applied: {fault.applied}"]
    facts += [f"{key}={'none' if value is None else value}" for key, value in fault.details.items()]
    return f"{name:22}{fault.summary}\n{'':22}{'; '.join(facts)}"


def _fault(text: str) -> dict[str, Any]:
    """Return the arguments for `Faults.add` that an argument stands for."""
    operation, _, rest = text.partition(":")
    fault, _, pairs = rest.partition(":")
    # A comma may also stand in a value, such as a date.
    found = [pair.partition("=") for pair in re.split(r",(?=\w+=)", pairs) if pair]
    try:
        arguments: dict[str, Any] = {name: _value(name, value) for name, _, value in found}
        arguments |= {"operation": operation, "fault": fault}
        Faults(one.name for one in OPERATIONS).add(**arguments)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    return arguments


def _value(name: str, text: str) -> object:
    if text == "none":
        return None
    read, wanted = _READ.get(name, (str, "text"))
    try:
        return read(text)
    except (KeyError, ValueError):
        raise ValueError(f"{name}={text} is not {wanted}") from None


_READ: Mapping[str, tuple[Callable[[str], object], str]] = {
    "applied": ({"true": True, "false": False}.__getitem__, "true or false"),
    "seconds": (float, "a number of seconds"),
    **dict.fromkeys(("nth", "times", "size", "depth", "after"), (int, "a whole number")),
}


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 0 to 65535")
    return int(text)


_POLICIES = ("manual", "immediate", "dns")


def _verification(text: str) -> Verification:
    try:
        policy: Verification = cast("Verification", text) if text in _POLICIES else float(text)
        verification_delay(policy)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither {', '.join(_POLICIES)} nor a number of seconds"
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

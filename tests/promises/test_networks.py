"""What is promised where no connection comes about, or none that lasts."""

from __future__ import annotations

import asyncio

import pytest

from unmta_async import PasswordLostError, RetryPolicy, Timeout, UnmtaClient, UnmtaError

from .cases import Case
from .laws import broken
from .stage import CALLS, EFFECTS, Run, Told, leftovers, listening, open_files, tell_error, trusting
from .wrecks import WRECKS, visit

TOKEN = "token-of-the-networks"

# The same for every call: the error, and after how many attempts. Nothing is sent, so no doubt.
UNSENT = {
    "nobody listens": ("ConnectError", 3),
    "the name is not found": ("ConnectError", 3),
    "the look-up of the name hangs": ("ConnectTimeoutError", 3),
    "untrusted CA": ("TLSError", 1),
    "wrong host": ("TLSError", 1),
    "expired": ("TLSError", 1),
    "plain HTTP": ("TLSError", 1),
    "the handshake hangs": ("ConnectTimeoutError", 3),
    "the handshake takes all of an attempt": ("ConnectTimeoutError", 3),
    "cut before the handshake": ("ConnectError", 3),
    "cut within the handshake": ("ConnectError", 3),
    "reset within the handshake": ("ConnectError", 3),
}
TIMEOUTS = {
    "the look-up of the name hangs": Timeout(connect=0.05),
    "the handshake hangs": Timeout(connect=0.05),
    "the handshake takes all of an attempt": Timeout(attempt=0.05),
}
# The server could read the request, so there may be doubt, by the kind of call.
SENT = ("reset behind the handshake", "closed behind the handshake")
LOST = {
    "GET": ("raise", 3),
    "list": ("raise", 3),
    "PUT": ("doubt", 3),
    "DELETE": ("doubt", 1),
    "DELETE credential": ("doubt", 1),
    "DELETE new": ("doubt", 1),
    "DELETE new credential": ("doubt", 1),
    "POST": ("doubt", 1),
    "POST credential": ("lost", 1),
}


async def call_there(wreck: str, name: str) -> tuple[Run, UnmtaError]:
    """Make a call to a server that is none, see that no law is broken, and return the error."""
    tasks, files = asyncio.all_tasks(), open_files()
    case = Case(name, wreck, (), "raise", 0, "UnmtaError")
    with listening() as log:
        async with (
            WRECKS[wreck]() as place,
            UnmtaClient(
                token=TOKEN,
                base_url=place.url,
                ssl=trusting(),
                retry=RetryPolicy(backoff=0),
                timeout=TIMEOUTS.get(wreck, Timeout()),
            ) as client,
        ):

            async def call(name: str) -> Told:
                with pytest.raises(UnmtaError) as caught:
                    await CALLS[name](client)
                return tell_error(caught.value)

            run = await visit(case, call, (TOKEN,))
    run.log, run.leftovers = "\n".join(log), await leftovers(tasks, files)
    assert broken(run) == []
    assert place.requests == 0
    error = run.told.error
    assert isinstance(error, UnmtaError)
    return run, error


@pytest.mark.parametrize("wreck", UNSENT)
@pytest.mark.parametrize("name", EFFECTS)
async def test_what_was_not_sent_is_known_not_to_be_applied(name: str, wreck: str) -> None:
    """Whatever the call; and it is tried again, but where TLS says no."""
    run, error = await call_there(wreck, name)
    kind, attempts = UNSENT[wreck]
    assert (type(error).__name__, error.attempts) == (kind, attempts), repr(error)
    assert run.told.claim == "not applied"


@pytest.mark.parametrize("wreck", SENT)
@pytest.mark.parametrize("name", LOST)
async def test_what_was_sent_over_tls_and_lost_is_in_doubt(name: str, wreck: str) -> None:
    """As it is without TLS."""
    run, error = await call_there(wreck, name)
    word, attempts = LOST[name]
    kept = error.reason if isinstance(error, PasswordLostError) else error
    assert type(kept).__name__ == "ConnectionLostError", repr(error)
    assert error.attempts == attempts
    assert run.told.claim == ("not applied" if word == "raise" else "unknown")
    assert run.told.is_lost is (word == "lost")


def test_each_of_them_has_a_promise() -> None:
    """A new one needs one."""
    assert WRECKS.keys() == {*UNSENT, *SENT}

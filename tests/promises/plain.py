"""The same cases for clients written by hand on aiohttp, as competent people write them.

They are judged by fewer laws than ours, and by what they can say: an exception of which nobody can
tell whether the change was applied is taken for doubt, a refusal or a failure to connect for "not
applied", and that a password is lost need not be said, unless it had arrived.
"""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from . import laws
from .cases import ALL, NEXT, SECURE, Case
from .laws import Law, broken
from .stage import (
    ALLOWED_IPS,
    CLUSTER,
    DOMAIN,
    USER,
    Caller,
    Contender,
    Run,
    Scene,
    Told,
    ours,
    play,
)

_LARGE = frozenset({"huge-body", "gzip-bomb"})
CASES = [*ALL, *(case for case in NEXT if case.row not in _LARGE), *SECURE]
MOST_MEMORY = 100 * 2**20
ATTEMPTS = 3

_DOMAINS, _CREDENTIALS = f"/clusters/{CLUSTER}/domains", f"/clusters/{CLUSTER}/credentials"
_ANYONE = {"allow_all_domains": True}

REQUESTS: dict[str, tuple[str, str, object]] = {
    "a call to begin with": ("GET", "/clusters", None),
    "GET": ("GET", f"{_DOMAINS}/{DOMAIN}", None),
    "list": ("GET", _DOMAINS, None),
    "PUT": ("PUT", f"{_CREDENTIALS}/{USER}", {"allowed_ips": ALLOWED_IPS}),
    "DELETE": ("DELETE", f"{_DOMAINS}/{DOMAIN}", None),
    "DELETE credential": ("DELETE", f"{_CREDENTIALS}/{USER}", None),
    "DELETE new": ("DELETE", f"{_DOMAINS}/{DOMAIN}", None),
    "DELETE new credential": ("DELETE", f"{_CREDENTIALS}/{USER}", None),
    "POST": ("POST", _DOMAINS, {"name": DOMAIN}),
    "POST credential": ("POST", _CREDENTIALS, {"user": USER} | _ANYONE),
    "first GET": ("GET", f"{_DOMAINS}/spare.example.com", None),
    "first list": ("GET", _DOMAINS, None),
    "first PUT": ("PUT", f"{_CREDENTIALS}/spare", {"allow_all_ips": True}),
    "first DELETE": ("DELETE", f"{_DOMAINS}/spare.example.com", None),
    "first POST": ("POST", _DOMAINS, {"name": "more.example.com"}),
    "first POST credential": ("POST", _CREDENTIALS, {"user": "more"} | _ANYONE),
}

Answer = dict[str, Any]
Ask = Callable[[str, str, object], Awaitable[Answer]]


# The clients.


def client_of(session: aiohttp.ClientSession, base_url: str) -> Ask:
    """Return the client that the documentation of aiohttp leads to."""

    async def ask(method: str, path: str, body: object) -> Answer:
        async with session.request(method, base_url + path, json=body) as response:
            response.raise_for_status()
            return {} if method == "DELETE" else await response.json()

    return ask


def with_retries(ask: Ask, failed: Callable[[], None]) -> Ask:
    """Return a client that tries again as aiohttp-retry does by default."""

    async def ask_again(method: str, path: str, body: object) -> Answer:
        for left in reversed(range(ATTEMPTS)):
            try:
                return await ask(method, path, body)
            except aiohttp.ClientResponseError as error:
                if error.status < 500 or not left:
                    raise
            except (aiohttp.ClientError, TimeoutError):
                if not left:
                    raise
            failed()
        raise AssertionError

    return ask_again


@asynccontextmanager
async def plain(scene: Scene) -> AsyncIterator[Caller]:
    """Call with aiohttp as it is."""
    async with _session(scene) as session:
        yield _caller(client_of(session, scene.sandbox.base_url))


@asynccontextmanager
async def retrying(scene: Scene) -> AsyncIterator[Caller]:
    """Call with aiohttp, and again if that fails."""
    async with _session(scene) as session:
        ask = client_of(session, scene.sandbox.base_url)
        yield _caller(with_retries(ask, scene.an_attempt_failed))


CONTENDERS: dict[str, Contender] = {
    "unmta_async": ours,
    "aiohttp": plain,
    "aiohttp + retries": retrying,
}


def _session(scene: Scene) -> aiohttp.ClientSession:
    tls = scene.tls
    return aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {scene.sandbox.token}"},
        timeout=aiohttp.ClientTimeout(total=scene.seconds),
        connector=aiohttp.TCPConnector(ssl=True if tls is None else tls),
    )


def _caller(ask: Ask) -> Caller:
    async def call(name: str) -> Told:
        method, path, body = REQUESTS[name]
        try:
            answer = await ask(method, path, body)
            value = None if method == "DELETE" else answer["data"]
            password = answer["password"] if name.endswith("POST credential") else None
        except Exception as error:  # noqa: BLE001 - whatever it tells
            return Told(_claim(error), error=error)
        return Told("done", value, password)

    return call


def _claim(error: Exception) -> Any:
    refused = isinstance(error, aiohttp.ClientResponseError) and 400 <= error.status < 500
    timed_out = isinstance(error, aiohttp.ClientResponseError) and error.status == 408
    unsent = isinstance(error, aiohttp.ClientConnectorError)
    return "not applied" if (refused and not timed_out) or unsent else "unknown"


# The contest.


LAWS: dict[str, tuple[Law, ...]] = {
    "says what is so": (laws.what_it_returns_is_so, laws.not_applied_means_not_applied),
    "changes once, and nothing else": (
        laws.nothing_is_applied_twice,
        laws.nothing_else_is_touched,
    ),
    "keeps the passwords that arrive": (
        laws.no_password_that_arrived_is_lost,
        laws.no_password_is_of_somebody_else,
    ),
    "ends in time, and leaves nothing": (laws.it_ends, laws.nothing_is_left_behind),
}
LITTLE_MEMORY = "takes little memory"
# Not counted above, since it would hide all else: exceptions of aiohttp hold the request's headers.
SECRETS: dict[str, tuple[Law, ...]] = {
    "an error prints a secret": (laws.no_secret_is_printed,),
    "a traceback with locals shows one": (laws.no_secret_is_shown,),
}


@dataclass
class Score:
    """How a contender did."""

    held: int = 0
    breaches: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)


async def judge(contender: Contender, cases: Iterable[Case]) -> Score:
    """Let a contender play cases, and count in how many of them all laws held."""
    score = Score()
    for case in cases:
        run, memory = await _play(case, contender)
        how = {name: broken(run, group) for name, group in LAWS.items()}
        how[LITTLE_MEMORY] = [memory] if memory else []
        score.held += not any(how.values())
        how |= {name: broken(run, group) for name, group in SECRETS.items()}
        score.breaches.update(name for name, ways in how.items() if ways)
        score.reasons += [f"{case.id}: {way}" for ways in how.values() for way in ways]
    return score


async def _play(case: Case, contender: Contender) -> tuple[Run, str]:
    """Play a case, and see what memory it takes where a body is large."""
    if not _LARGE & {one.fault for one in case.faults}:
        return await play(case, contender), ""
    tracemalloc.start()
    try:
        run = await play(case, contender)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return run, f"it took {peak / 2**20:.0f} MiB" if peak > MOST_MEMORY else ""


def table(scores: dict[str, Score], number: int) -> str:
    """Return the scores for people."""

    def row(what: str, cells: Iterable[object]) -> str:
        return f"{what:50}" + "".join(f"{cell:>20}" for cell in cells)

    def breaches(kind: str, law: str) -> str:
        return row(f"  {kind}: {law}", [score.breaches[law] for score in scores.values()])

    return "\n".join(
        [
            row("", scores),
            row(f"of {number} cases all laws held in", [one.held for one in scores.values()]),
            *(breaches("broken", law) for law in (*LAWS, LITTLE_MEMORY)),
            *(breaches("besides", how) for how in SECRETS),
        ]
    )

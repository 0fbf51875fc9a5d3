"""The verification policy `dns`: looking for the DKIM records of pending domains.

When to look and whom to tell is here; the DNS is somebody else's, and the status is the state's.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from .rules import DOMAIN_DNS, DOMAIN_DNS_LOOKS, obeys
from .state import State
from .world import DKIM_NAME

Texts = Callable[[str], Awaitable[Sequence[str]]]
"""What returns the TXT values of a name, and none if that cannot be found out."""

INTERVAL = 5.0
"""Seconds of the sandbox's clock between two looks for a domain."""

_log = logging.getLogger(__name__)

_AT_A_TIME = 32
_PATIENCE = 1.0  # seconds that a request waits; what is not found by then shows in a later one


class Verifier:
    """Looks for the keys of pending domains, and tells the state of those that it finds."""

    def __init__(self, state: State, texts: Texts) -> None:
        self._state = state
        self._texts = texts
        self._looked: dict[tuple[str, str, str], float] = {}
        self._places = asyncio.Semaphore(_AT_A_TIME)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @obeys(DOMAIN_DNS_LOOKS)
    async def look(self, cluster: str, name: str | None = None) -> None:
        """Look for the domains of a cluster, or for one, as far as they are due."""
        due = deque(self._due(cluster, name))
        tasks = {asyncio.create_task(self._work(due)) for _ in range(min(len(due), _AT_A_TIME))}
        for task in tasks:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)

    def _due(self, cluster: str, name: str | None) -> list[tuple[str, str, str]]:
        now = self._state.clock.now()
        pending = self._state.pending(cluster, name).items()
        due = [
            one
            for one in ((cluster, domain, key) for domain, key in pending)
            if now - self._looked.get(one, -math.inf) >= INTERVAL
        ]
        self._looked.update(dict.fromkeys(due, now))
        return due

    async def _work(self, due: deque[tuple[str, str, str]]) -> None:
        while due:
            cluster, domain, key = due.popleft()
            async with self._places:
                texts = await self._find(f"{DKIM_NAME}.{domain}.")
            if any(publishes(text, key) for text in texts):
                self._state.confirm(cluster, domain, key)
                self._looked.pop((cluster, domain, key), None)

    async def _find(self, name: str) -> Sequence[str]:
        try:
            return await self._texts(name)
        except Exception:  # noqa: BLE001 - one domain must not leave the others without a look
            _log.exception("%s cannot be looked up", name)
            return ()


@obeys(DOMAIN_DNS)
def publishes(text: str, key: str) -> bool:
    """Whether a DKIM record has a key in its tag `p`; white space in it does not count."""
    tags = (piece.partition("=") for piece in text.split(";"))
    return any(name.strip() == "p" and "".join(value.split()) == key for name, _, value in tags)

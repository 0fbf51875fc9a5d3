"""A call that is cancelled ends there and then, wherever it waits, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import itertools
import types
from collections.abc import Callable, Generator
from typing import Any

import pytest
from scripted import CALLS, CREDENTIAL, DETAIL, TOKEN, Act, Scripted, answer, html, until

from unmta_async import RetryPolicy, UnmtaClient
from unmta_async.provisioning import ensure_domain, provision_domains

BUSY = answer(429, {"message": "Too Many Requests"}, Retry_After="0.001")
REVOKED = answer(401, {"message": "Unauthenticated."})
OLD = answer(200, {"data": DETAIL}, Date="Wed, 15 Jan 2025 10:31:00 GMT")
NOT_FOUND = answer(404, {"message": "Not Found"})


def slowly(status: int, body: object) -> tuple[bytes | Act, ...]:
    """Return an answer that arrives in four pieces, a while apart."""
    whole = answer(status, body)
    head = whole.index(b"\r\n\r\n") + 4
    cuts = (0, 20, head, head + 9, len(whole))
    pieces = [whole[a:b] for a, b in itertools.pairwise(cuts)]
    return tuple(step for piece in pieces for step in (piece, Act.PAUSE))


async def provision(client: UnmtaClient) -> list[str]:
    return [o.status async for o in provision_domains(client, "a1b2c3d4", ["example.com"])]


# Each with as many waits on its way as there are.
LONG: dict[str, tuple[Callable[[UnmtaClient], Any], list[Any]]] = {
    "GET": (CALLS["GET"], [REVOKED, BUSY, Act.RESET, slowly(200, {"data": DETAIL})]),
    "PUT": (CALLS["PUT"], [REVOKED, BUSY, html(502), slowly(200, {"data": CREDENTIAL})]),
    "DELETE": (CALLS["DELETE"], [REVOKED, BUSY, Act.CLOSE, OLD, html(504), NOT_FOUND]),
    "POST": (CALLS["POST"], [REVOKED, BUSY, slowly(201, {"data": DETAIL})]),
    "POST credential": (
        CALLS["POST credential"],
        [REVOKED, BUSY, slowly(201, {"data": CREDENTIAL, "password": "p"})],
    ),
    "ensure": (
        lambda client: ensure_domain(client, "a1b2c3d4", "example.com"),
        [REVOKED, BUSY, Act.RESET, slowly(200, {"data": DETAIL})],
    ),
    "provision": (
        provision,
        [slowly(200, {"data": []}), REVOKED, BUSY, slowly(201, {"data": DETAIL})],
    ),
}


class Stepwise:
    """Awaits something, counts where it waits, and cancels the task at one of these places."""

    def __init__(self, awaited: Any, cancel_at: int | None = None) -> None:
        self._awaited = awaited
        self._cancel_at = cancel_at
        self.steps = 0

    @types.coroutine
    def run(self) -> Generator[Any, Any, Any]:
        steps = self._awaited.__await__()
        resume: Callable[[], Any] = steps.__next__
        while True:
            try:
                waited_for = resume()
            except StopIteration as end:
                return end.value
            self.steps += 1
            if self.steps == self._cancel_at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - it is thrown where it belongs
                thrown = error
                resume = lambda: steps.throw(thrown)  # noqa: B023, E731 - called before the next
            else:
                resume = steps.__next__


class Tokens:
    """Gives another token each time, a while after it was asked."""

    def __init__(self) -> None:
        self.given = 0

    async def __call__(self) -> str:
        await asyncio.sleep(0)
        self.given += 1
        return f"{TOKEN}-{self.given}"


async def make(name: str, cancel_at: int | None) -> int:
    """Make a call, which is cancelled at one of its waits; return how many these were."""
    call, script = LONG[name]
    before = asyncio.all_tasks()
    async with (
        Scripted(*script) as server,
        server.client(
            token=Tokens(), max_connections=1, retry=RetryPolicy(backoff=0.001, max_backoff=0.001)
        ) as client,
    ):
        stepwise = Stepwise(call(client), cancel_at)
        task = asyncio.ensure_future(stepwise.run())
        await asyncio.wait([task])
        if cancel_at is None:
            task.result()
            assert len(server.requests) == len(script)
            return stepwise.steps
        # Pieces of an answer may arrive together, and then there are fewer waits this time.
        assert task.cancelled() is (stepwise.steps >= cancel_at)
        arrived = len(server.requests)
        # The only place is free, and nothing of the cancelled call is in the way of the next.
        server.script[:] = [answer(200, {"data": []})]
        async with asyncio.timeout(10):
            assert await client.clusters.list() == []
            await until(lambda: server.connections <= 1)
        assert len(server.requests) <= arrived + 2  # one may have been on its way
    del task, stepwise
    left = {t for t in asyncio.all_tasks() - before if not t.done()}
    assert not left
    return 0


@pytest.mark.parametrize("name", LONG)
async def test_a_call_can_be_cancelled_at_every_place_where_it_waits(name):
    steps = await make(name, None)
    assert steps > 6
    for step in range(1, steps + 1):
        await make(name, step)
    gc.collect()  # what was forgotten would warn


@pytest.mark.parametrize("method", CALLS)
async def test_a_cancelled_call_is_never_tried_again_and_logged_if_it_changes_something(
    method, caplog
):
    """Neither by a retry nor by a look: whoever cancels wants nothing more to happen."""
    async with Scripted(Act.HANG) as server, server.client() as client:
        task = asyncio.ensure_future(CALLS[method](client))
        await until(lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not server.connections)
        assert len(server.requests) == 1
    assert ("was cancelled" in caplog.text) is (method != "GET")
    assert "example.com" not in caplog.text


async def test_a_call_that_is_cancelled_before_it_was_sent_is_not_logged(caplog, monkeypatch):
    looking = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        looking.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    async with UnmtaClient(token=TOKEN, base_url="https://unmta.test", max_connections=1) as client:
        tasks = [asyncio.ensure_future(CALLS[call](client)) for call in ("POST", "DELETE")]
        await looking.wait()  # the other one waits for its place
        for task in reversed(tasks):
            task.cancel()
        await asyncio.wait(tasks)
    assert not caplog.text

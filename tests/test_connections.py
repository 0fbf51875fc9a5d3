"""Connections: none that has an answer on it which nobody asked for, and what was never sent.

Each guard of `_aiohttp` has a test here that fails when it is taken out.
"""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from scripted import CALLS, CREDENTIAL, DETAIL, TOKEN, Act, Scripted, answer, failure, until

from unmta_async import (
    ConnectError,
    ConnectTimeoutError,
    PasswordLostError,
    RetryPolicy,
    UnmtaClient,
)
from unmta_async._aiohttp import Body, Connector

EMPTY = answer(200, {"data": []})
FOREIGN = answer(200, {"data": [{"not": "ours"}]})
CREATED = answer(201, {"data": CREDENTIAL, "password": "p"})


async def test_an_answer_that_nobody_asked_for_is_given_to_nobody():
    """Aiohttp as it is hands it to the next request (aio-libs/aiohttp#13656)."""
    script = [(EMPTY, Act.PAUSE, Act.PAUSE, FOREIGN), EMPTY]
    async with Scripted(*script) as server, server.client() as client:
        await client.clusters.list()
        await asyncio.sleep(0.1)
        assert await client.clusters.list() == []
        assert len(server.requests) == 2


async def test_aiohttp_itself_hands_out_a_poisoned_connection():
    """The day this fails, the guard of `Connector` can go."""
    script = [(EMPTY, Act.PAUSE, Act.PAUSE, FOREIGN), EMPTY]
    async with Scripted(*script) as server, aiohttp.ClientSession() as session:
        async with session.get(server.base_url) as response:
            await response.read()
        await asyncio.sleep(0.1)
        async with session.get(server.base_url) as response:
            assert "not" in await response.text()


async def test_every_credential_is_created_on_a_connection_of_its_own():
    async with Scripted(EMPTY, CREATED) as server, server.client() as client:
        await client.clusters.list()
        for opened in (2, 3):
            await CALLS["POST credential"](client)
            assert server.opened == opened
            await until(lambda: server.connections == 1)
        await CALLS["POST credential"](client)
        assert server.opened == 4


async def test_other_calls_share_their_connections():
    async with Scripted(EMPTY) as server, server.client() as client:
        for _ in range(3):
            await client.clusters.list()
    assert server.opened == 1


@pytest.mark.parametrize("method", CALLS)
async def test_what_was_lost_before_the_headers_were_sent_is_tried_again(method, monkeypatch):
    """A connection may break between the moment it is handed out and that of writing to it."""
    connect = Connector.connect
    connections = []

    async def break_the_first(*args: object, **kwargs: object) -> object:
        connection = await connect(*args, **kwargs)
        connections.append(connection)
        if len(connections) == 1:
            connection.transport.abort()
        return connection

    monkeypatch.setattr(Connector, "connect", break_the_first)
    answers = {"PUT": answer(200, {"data": CREDENTIAL}), "DELETE": answer(204, b"")}
    created = {"POST credential": CREATED}
    last = {**answers, **created}.get(method, answer(200, {"data": DETAIL}))
    async with Scripted(last) as server, server.client() as client:
        await CALLS[method](client)
    assert (len(connections), len(server.requests)) == (2, 1)


@pytest.mark.parametrize("method", CALLS)
async def test_what_was_never_sent_says_so(method, monkeypatch):
    connect = Connector.connect

    async def break_it(*args: object, **kwargs: object) -> object:
        connection = await connect(*args, **kwargs)
        connection.transport.abort()
        return connection

    monkeypatch.setattr(Connector, "connect", break_it)
    async with Scripted(EMPTY) as server, server.client() as client:
        error = await failure(CALLS[method](client))
    assert type(error) is ConnectError
    assert (error.attempts, error.may_have_been_applied) == (3, False)
    assert not server.requests


async def test_a_body_that_was_read_may_have_been_sent():
    """The middleware of a borrowed session may send it in ways of its own."""

    async def send_otherwise(request: aiohttp.ClientRequest, _: object) -> aiohttp.ClientResponse:
        await request.body.as_bytes()
        raise aiohttp.ClientConnectionError("lost")

    async with aiohttp.ClientSession(middlewares=[send_otherwise]) as session:
        client = UnmtaClient(token=TOKEN, base_url="http://127.0.0.1:9", session=session)
        error = await failure(CALLS["POST credential"](client))
    assert isinstance(error, PasswordLostError)
    assert not Body(b"").was_taken
    assert (await (body := Body(b"x")).as_bytes(), body.was_taken) == (b"x", True)
    assert ((body := Body(b"x")).decode(), body.was_taken) == ("x", True)


async def test_a_large_body_is_sent_as_a_whole():
    """Where aiohttp itself warns of bytes above 1 MiB."""
    text = "x" * 2**21
    async with Scripted(answer(201)) as server, server.client() as client:
        await client.request("POST", "/things", json={"text": text})
    assert server.requests[0].endswith(f'\r\n\r\n{{"text":"{text}"}}'.encode())


async def test_no_cookie_is_kept():
    script = answer(200, {"data": []}, Set_Cookie="crumb=1; Path=/"), answer(200, {"data": []})
    async with Scripted(*script) as server, server.client() as client:
        await client.clusters.list()
        await client.clusters.list()
    assert len(server.requests) == 2
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_client_that_is_closed_while_it_connects_has_sent_nothing(monkeypatch):
    looking = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        looking.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    client = UnmtaClient(token=TOKEN, base_url="https://unmta.test")
    call = asyncio.create_task(CALLS["POST credential"](client))
    await looking.wait()
    await client.close()
    error = await failure(call)
    assert (type(error).__name__, error.may_have_been_applied) == ("ClientClosedError", False)


async def test_time_that_runs_out_before_anything_was_written_is_that_of_connecting(monkeypatch):
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Body, "write_with_length", hang)
    async with Scripted(EMPTY) as server, server.client(timeout=0.1) as client:
        error = await failure(
            client.with_options(retry=RetryPolicy.none()).domains.create(
                "a1b2c3d4", name="example.com"
            )
        )
    assert isinstance(error, ConnectTimeoutError)
    assert not error.may_have_been_applied

"""To whom a client belongs, from when to when, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from scripted import CALLS, DETAIL, QUICK, TOKEN, Act, Scripted, answer, failure, html, until

from unmta_async import (
    ClientClosedError,
    ConnectTimeoutError,
    PasswordLostError,
    RequestTimeoutError,
    RetryPolicy,
    Secret,
    Timeout,
    UnmtaClient,
    UsageError,
)

ROOT = Path(__file__).parents[1]
BASE = "https://unmta.example/api/v1"
EMPTY = answer(200, {"data": []})


def run(script):
    """Run a script in a process of its own, warnings being errors; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def arrived(server, count=1):
    return until(lambda: len(server.requests) >= count)


def gone(server):
    return until(lambda: not server.connections)


# Whose it is.


def test_a_client_made_outside_a_loop_belongs_to_the_first_that_uses_it():
    client = UnmtaClient(token=TOKEN, retry=QUICK, base_url="http://127.0.0.1:1/")

    async def use():
        return await failure(client.clusters.list())

    first, second = asyncio.run(use()), asyncio.run(use())
    assert not isinstance(first, ClientClosedError)
    assert isinstance(second, ClientClosedError)
    assert "another event loop" in str(second)
    assert (second.attempts, second.may_have_been_applied) == (0, False)
    asyncio.run(client.close())


def test_a_client_cannot_be_used_after_a_fork():
    printed = run("""
import asyncio, os
from unmta_async import ClientClosedError
from unmta_async.sandbox import Sandbox

async def use(client):
    try:
        await client.clusters.list()
    except ClientClosedError as error:
        os.write(1, f"{error}\\n".encode())

async def main(sandbox):
    async with sandbox.client() as client:
        await client.clusters.list()
        if not (child := os.fork()):
            asyncio.events._set_running_loop(None)
            asyncio.run(use(client))
            os._exit(0)
        os.waitpid(child, 0)
        print(len(await client.clusters.list()), flush=True)

with Sandbox() as sandbox:
    asyncio.run(main(sandbox))
""")
    told, still = printed.splitlines()
    assert "another process" in told
    assert still == "2"


@pytest.mark.parametrize("method", CALLS)
async def test_a_closed_client_says_so_at_once_and_sends_nothing(method):
    async with Scripted(EMPTY) as server:
        for used in (False, True):
            client = server.client()
            if used:
                await client.clusters.list()
            await client.close()
            await client.close()
            error = await failure(CALLS[method](client))
            assert isinstance(error, ClientClosedError)
            assert (error.attempts, error.may_have_been_applied) == (0, False)
            assert "(closed)" in repr(client)
    assert len(server.requests) == 1


async def test_a_closed_client_asks_for_no_token():
    async def token():
        raise AssertionError

    client = UnmtaClient(token=token, base_url=BASE)
    await client.close()
    assert isinstance(await failure(client.clusters.list()), ClientClosedError)


# Closing under calls.


@pytest.mark.parametrize("method", CALLS)
async def test_calls_in_flight_end_when_the_client_is_closed_and_say_what_is_known(method):
    async with Scripted(Act.HANG) as server:
        client = server.client()
        call = asyncio.create_task(CALLS[method](client))
        await arrived(server)
        await client.close()
        error = await failure(call)
        await gone(server)
    if method == "POST credential":
        assert isinstance(error, PasswordLostError)
        error = error.reason
    assert isinstance(error, ClientClosedError)
    assert error.may_have_been_applied is (method != "GET")
    assert len(server.requests) == 1


async def test_calls_that_wait_for_a_place_end_unsent_when_the_client_is_closed():
    async with Scripted(Act.HANG) as server:
        client = server.client(max_connections=1)
        first = asyncio.create_task(CALLS["GET"](client))
        await arrived(server)
        second = asyncio.create_task(CALLS["POST credential"](client))
        await asyncio.sleep(0)
        await client.close()
        await failure(first)
        error = await failure(second)
    assert isinstance(error, ClientClosedError)
    assert (error.attempts, error.may_have_been_applied) == (0, False)


async def test_a_call_that_is_closed_between_attempts_keeps_its_doubt():
    """A PUT whose first attempt was lost may have been applied, whatever ends it afterwards."""
    closing = []
    async with Scripted(html(502)) as server:
        client = server.client(
            on_attempt=lambda _: closing.append(asyncio.create_task(client.close()))
        )
        error = await failure(CALLS["PUT"](client))
        await closing.pop()
    assert isinstance(error, ClientClosedError)
    assert (error.attempts, error.may_have_been_applied) == (1, True)


async def test_closing_while_a_name_is_looked_up_is_no_cancellation(monkeypatch):
    looking = asyncio.Event()

    async def hang(*_: object, **__: object) -> None:
        looking.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    client = UnmtaClient(token=TOKEN, base_url=BASE)
    call = asyncio.create_task(CALLS["GET"](client))
    await looking.wait()
    await client.close()
    assert isinstance(await failure(call), ClientClosedError)


@pytest.mark.parametrize("call", ["PUT", "DELETE", "POST", "POST credential"])
async def test_what_never_was_connected_was_never_sent(call, monkeypatch):
    """However short the time for the whole call is, beside that for the connection."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    async with UnmtaClient(token=TOKEN, base_url=BASE, timeout=0.1) as client:
        error = await failure(CALLS[call](client))
    assert isinstance(error, ConnectTimeoutError)
    assert not error.may_have_been_applied


async def test_closing_ends_a_call_that_waits_for_its_next_attempt():
    busy = answer(429, {"message": "Too Many Requests"}, Retry_After=30)
    async with Scripted(busy) as server:
        client = server.client()
        waiting = [asyncio.create_task(CALLS[call](client)) for call in ("GET", "POST")]
        await arrived(server)
        await asyncio.sleep(0.05)
        await client.close()
        async with asyncio.timeout(10):
            errors = [await failure(task) for task in waiting]
    assert [type(error) for error in errors] == [ClientClosedError] * 2
    assert not any(error.may_have_been_applied for error in errors)


# Sessions that are borrowed.


async def test_a_borrowed_session_is_never_closed():
    async with Scripted(EMPTY) as server, aiohttp.ClientSession() as session:
        async with server.client(session=session) as client:
            await client.clusters.list()
        assert not session.closed
        assert isinstance(await failure(client.clusters.list()), ClientClosedError)


@pytest.mark.parametrize("used", [False, True])
async def test_a_borrowed_session_that_was_closed_sends_nothing(used):
    async with Scripted(EMPTY) as server, aiohttp.ClientSession() as session:
        client = server.client(session=session)
        if used:
            await client.clusters.list()
        await session.close()
        error = await failure(CALLS["POST credential"](client))
    assert isinstance(error, ClientClosedError)
    assert not error.may_have_been_applied


@pytest.mark.parametrize("options", [{"raise_for_status": True}, {"auto_decompress": False}])
async def test_a_session_that_would_break_promises_is_refused(options):
    async with aiohttp.ClientSession(**options) as session:
        with pytest.raises(UsageError, match="session"):
            UnmtaClient(token=TOKEN, session=session)


@pytest.mark.filterwarnings("ignore:.*[aA]uth:DeprecationWarning")
async def test_a_session_that_signs_in_by_itself_is_refused():
    async with aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "x")) as session:
        with pytest.raises(UsageError, match="no auth"):
            UnmtaClient(token=TOKEN, session=session)


async def test_what_belongs_to_the_session_is_set_there():
    async with aiohttp.ClientSession() as session:
        for options in ({"proxy": "http://127.0.0.1:1"}, {"trust_env": True}):
            with pytest.raises(UsageError, match="session"):
                UnmtaClient(token=TOKEN, session=session, **options)


# What is left behind.


async def test_a_forgotten_client_is_told_of():
    async with Scripted(EMPTY) as server:
        clients = [server.client()]
        await clients[0].clusters.list()
        with pytest.warns(ResourceWarning) as warned:
            clients.clear()
        gc.collect()
    assert "UnmtaClient was never closed" in str(warned[0].message)


async def test_a_client_that_was_never_used_or_was_refused_is_forgotten_in_silence():
    with pytest.raises(UsageError):
        UnmtaClient(token=TOKEN, max_body=0)
    UnmtaClient(token=TOKEN)
    gc.collect()


@pytest.mark.parametrize("step", [Act.HANG, (answer(200, "{", Content_Length=9), Act.HANG)])
async def test_cancellation_leaves_no_task_no_connection_and_no_place_taken(step):
    async with (
        Scripted(step, step, answer(200, {"data": DETAIL})) as server,
        server.client(max_connections=1) as client,
    ):
        before = asyncio.all_tasks()
        for sent in (1, 2):
            call = asyncio.create_task(CALLS["GET"](client))
            await arrived(server, sent)
            await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await gone(server)
        assert {t for t in asyncio.all_tasks() if not t.done()} <= before
        assert (await CALLS["GET"](client)).name == "example.com"
    assert len(server.requests) == 3


async def test_cancellation_while_waiting_for_a_place_takes_none():
    async with (
        Scripted(Act.HANG, answer(200, {"data": DETAIL})) as server,
        server.client(max_connections=1) as client,
    ):
        first, second = (asyncio.create_task(CALLS["GET"](client)) for _ in range(2))
        await arrived(server)
        for call in (second, first):
            call.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await CALLS["GET"](client)
    assert len(server.requests) == 2


async def test_ten_thousand_calls_share_a_few_connections():
    """One descriptor each would be more than a process may have open."""
    most, before = 0, open_files()

    def look(_: object) -> None:
        nonlocal most
        most = max(most, open_files())

    async with (
        Scripted((Act.PAUSE, EMPTY)) as server,
        server.client(max_connections=10, on_attempt=look) as client,
    ):
        lists = await asyncio.gather(*(client.clusters.list() for _ in range(10_000)))
        assert server.connections <= 10
    assert (len(lists), len(server.requests)) == (10_000, 10_000)
    assert server.peak == 10
    assert most - before <= 2 * 10 + 5  # both ends of each connection are here, and the server


def open_files() -> int:
    """Return how many descriptors this process has open."""
    return len([*Path("/dev/fd").iterdir()])


async def test_a_borrowed_session_that_is_closed_within_a_middleware_is_said_in_our_words():
    """Aiohttp has an AssertionError for it."""

    async def close_first(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        await session.close()
        return await handler(request)

    async with Scripted(EMPTY) as server:
        session = aiohttp.ClientSession(middlewares=[close_first])
        client = UnmtaClient(token=TOKEN, base_url=server.base_url, session=session)
        assert isinstance(await failure(client.clusters.list()), ClientClosedError)


async def test_a_slow_token_does_not_outlast_the_call():
    """`total` bounds the whole call, the token's callable included."""

    async def token():
        await asyncio.Event().wait()

    async with UnmtaClient(token=token, base_url=BASE, timeout=0.05) as client, asyncio.timeout(5):
        error = await failure(client.clusters.list())
    assert isinstance(error, RequestTimeoutError)


# Options.


@pytest.mark.parametrize(
    "base_url",
    [
        *("unmta.example", "/api/v1", "ftp://unmta.example", "https://", "https://h:99999"),
        *("https://user:pw@unmta.example", "https://:pw@unmta.example", "https://u@unmta.example"),
        *("https://unmta.example?a=b", "https://unmta.example#a", f"https://{'a' * 64}.example"),
    ],
)
def test_a_base_url_is_a_plain_absolute_one(base_url):
    with pytest.raises(UsageError) as caught:
        UnmtaClient(token=TOKEN, base_url=base_url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "fine"),
    [
        ("http://localhost:8080/api/v1", True),
        ("http://127.0.0.1/api/v1", True),
        ("http://127.1.2.3", True),
        ("http://[::1]:8080", True),
        ("http://unmta.example", False),
        ("http://127.0.0.1.unmta.example", False),
        ("http://localhost.unmta.example", False),
        ("http://192.168.0.1", False),
        ("http://0.0.0.0", False),
    ],
)
def test_plain_http_goes_to_this_machine_alone_unless_allowed(base_url, fine):
    if not fine:
        with pytest.raises(UsageError, match="allow_http"):
            UnmtaClient(token=TOKEN, base_url=base_url)
    assert base_url in repr(UnmtaClient(token=TOKEN, base_url=base_url, allow_http=not fine))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "Bearer abc",
        "bearer abc",
        "a b",
        " abc",
        "abc\n",
        "abc\r\nX: y",
        "abc\x00",
        "t\u00f6ken",
    ],
)
@pytest.mark.parametrize("form", [str, Secret])
def test_a_malformed_token_is_refused_and_not_shown(token, form):
    with pytest.raises(UsageError) as caught:
        UnmtaClient(token=form(token))
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("token", ["abc", "12|aZ09", "a.b-c_d~e+f/g="])
def test_a_token_may_be_any_visible_ascii(token):
    assert token not in repr(UnmtaClient(token=token))


@pytest.mark.parametrize(
    "options",
    [
        *({"max_connections": 0}, {"max_body": 0}, {"max_list_body": -1}, {"max_body": None}),
        *({"timeout": 0}, {"timeout": -1}, {"timeout": float("inf")}),
        *({"proxy": "127.0.0.1:3128"}, {"proxy": "socks5://127.0.0.1"}, {"proxy": ""}),
        *({"proxy": "http://[::1"}, {"base_url": "https://[::1"}),
        *({"base_url": ""}, {"base_url": 5}, {"retry": 3}, {"session": 5}, {"ssl": False}),
        *({"on_attempt": 5}, {"max_body": True}, {"proxy": 5}),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options):
    with pytest.raises(UsageError, match="(?i)" + "|".join(options)):
        UnmtaClient(token=TOKEN, **options)


def test_an_async_on_attempt_is_refused_as_nobody_would_await_it():
    async def listen(_: object) -> None: ...

    client = UnmtaClient(token=TOKEN)
    for make in (
        lambda: UnmtaClient(on_attempt=listen),
        lambda: client.with_options(on_attempt=listen),
    ):
        with pytest.raises(UsageError, match="on_attempt"):
            make()


@pytest.mark.parametrize("field", ["total", "attempt", "connect"])
def test_zero_is_no_timeout_and_none_is_no_bound(field):
    with pytest.raises(UsageError, match=field):
        Timeout(**{field: 0})
    assert getattr(Timeout(**{field: None}), field) is None


def test_no_bound_at_all_is_possible():
    UnmtaClient(token=TOKEN, timeout=Timeout(total=None, attempt=None, connect=None))
    assert RetryPolicy.none().attempts == 1


def test_options_come_from_the_environment_unless_given(monkeypatch):
    monkeypatch.setenv("UNMTA_BASE_URL", "https://staging.unmta.example/api/v1/")
    monkeypatch.setenv("UNMTA_API_TOKEN", TOKEN)
    assert repr(UnmtaClient()) == "<UnmtaClient https://staging.unmta.example/api/v1>"
    assert repr(UnmtaClient(base_url=BASE)) == f"<UnmtaClient {BASE}>"
    monkeypatch.delenv("UNMTA_BASE_URL")
    assert repr(UnmtaClient()) == "<UnmtaClient https://app.unmta.com/api/v1>"


async def test_the_environment_names_a_proxy_only_if_asked(monkeypatch):
    async with Scripted(EMPTY) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        options = {
            "token": TOKEN,
            "base_url": "http://unmta.invalid/api/v1",
            "allow_http": True,
            "retry": RetryPolicy.none(),
        }
        async with UnmtaClient(**options, trust_env=True) as client:
            await client.clusters.list()
        assert proxy.requests[0].startswith(b"GET http://unmta.invalid/api/v1/clusters HTTP")
        async with UnmtaClient(**options) as client:
            await failure(client.clusters.list())
        monkeypatch.setenv("no_proxy", "unmta.invalid")
        async with UnmtaClient(**options, trust_env=True) as client:
            await failure(client.clusters.list())
        assert len(proxy.requests) == 1

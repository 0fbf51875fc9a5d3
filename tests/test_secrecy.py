"""No token and no password is in anything that the client raises, shows or logs."""

from __future__ import annotations

import asyncio
import copy
import gzip
import logging
import pickle
import traceback
from pathlib import Path

import aiohttp
import pytest
from scripted import CALLS, CREDENTIAL, QUICK, Act, Scripted, answer, failure, html, until

from unmta_async import RetryPolicy, Secret, Timeout, UnmtaClient, UnmtaError, UsageError, to_dict

TOKEN = "tok-5ecret"
PROXY_PASSWORD = "pr0xy-5ecret"
PASSWORD = "pw-5ecret-aB3dEfGhIjKlMnOpQrStUv"
SECRETS = (TOKEN, PROXY_PASSWORD, PASSWORD)

TESTS = Path(__file__).parent

CREATED = {"data": CREDENTIAL, "password": PASSWORD}
FAULTS = {
    "closed": Act.CLOSE,
    "reset": Act.RESET,
    "hanging": Act.HANG,
    "cut": (answer(201, f'{{"password": "{PASSWORD}", "data": ', Content_Length=999), Act.CLOSE),
    "not HTTP": (f"{PASSWORD}\r\n\r\n".encode(), Act.CLOSE),
    "a header that is none": (
        f"HTTP/1.1 200 OK\r\nbad header {PASSWORD}\r\n\r\n".encode(),
        Act.CLOSE,
    ),
    "401": answer(401, {"message": "Unauthenticated."}),
    "401 of a proxy": html(401),
    "422": answer(422, {"message": "No.", "errors": {"user": ["No."]}}),
    "429": answer(429, {"message": "No."}, Retry_After=3600),
    "500": html(500),
    "302": answer(302, "", Location="/login"),
    "a field is missing": answer(201, {"data": {}, "password": PASSWORD}),
    "a field is mistyped": answer(201, {"data": CREDENTIAL | {"user": 1}, "password": PASSWORD}),
    "a mistyped password": answer(201, {"data": CREDENTIAL, "password": [PASSWORD]}),
    "invalid JSON": answer(201, f'{{"password": "{PASSWORD}", '),
    "invalid UTF-8": answer(201, f'{{"password": "{PASSWORD}", "data": "'.encode() + b'\xff"}'),
    "too large": answer(201, f'{{"password": "{PASSWORD}"}}' + " " * 9999),
    "not gzip": answer(201, PASSWORD, Content_Encoding="gzip"),
    "cut gzip": answer(201, gzip.compress(PASSWORD.encode())[:-9], Content_Encoding="gzip"),
}


def shown(error):
    """Return everything that a log or a crash report could hold of an error.

    The locals of the tests themselves are left out: they know the secrets.
    """
    pages, waiting, seen = [], [error], set()
    while waiting:
        at = waiting.pop()
        if at is None or id(at) in seen:
            continue
        seen.add(id(at))
        waiting += [at.__cause__, at.__context__]
        pages += [str(at), repr(at), repr(at.args), repr(vars(at))]
        trace = traceback.TracebackException.from_exception(at, capture_locals=True)
        pages += [
            f"{frame.name} {frame.locals}"
            for frame in trace.stack
            if not Path(frame.filename).is_relative_to(TESTS)
        ]
        if isinstance(at, UnmtaError):
            pages += [repr(pickle.dumps(at)), repr(vars(copy.deepcopy(at)))]
            waiting.append(getattr(at, "reason", None))
    return "\n".join(pages)


def logged(records):
    """Return everything that a handler could make of log records."""
    return "\n".join(f"{r.getMessage()} {vars(r)!r} {r.args!r}" for r in records)


def secrets_in(text):
    return [secret for secret in SECRETS if secret in text]


def test_the_scan_finds_what_is_there():
    def fail(token):
        raise ValueError(token)

    for leak in (lambda: fail(TOKEN), lambda: Secret(TOKEN).reveal() + str(fail(TOKEN))):
        with pytest.raises(ValueError, match=TOKEN) as caught:
            leak()
        assert secrets_in(shown(caught.value)) == [TOKEN]


BEGUN = (answer(201, f'{{"password": "{PASSWORD}", "data": ', Content_Length=999), Act.HANG)


@pytest.mark.parametrize(("call", "step"), [("GET", Act.HANG), ("POST credential", BEGUN)])
async def test_a_call_that_the_caller_gives_up_shows_no_secret(call, step):
    """Aiohttp's frames hold the token, and ours what has arrived of the answer."""
    async with Scripted(step) as server, server.client(token=TOKEN) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await CALLS[call](client)
    assert secrets_in(shown(caught.value)) == []


async def test_what_a_borrowed_middleware_raises_shows_no_token():
    async def break_down(*_: object) -> aiohttp.ClientResponse:
        raise KeyError("of the middleware")

    async with (
        Scripted(Act.HANG) as server,
        aiohttp.ClientSession(middlewares=(break_down,)) as session,
        server.client(token=TOKEN, session=session) as client,
    ):
        with pytest.raises(KeyError, match="of the middleware") as caught:
            await CALLS["GET"](client)
    assert secrets_in(shown(caught.value)) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", CALLS)
async def test_no_failing_call_shows_a_secret(method, fault, caplog):
    caplog.set_level(logging.DEBUG)
    attempts = []
    async with (
        Scripted(FAULTS[fault]) as server,
        server.client(
            token=TOKEN,
            timeout=Timeout(attempt=0.05),
            max_body=5000,
            on_attempt=attempts.append,
        ) as client,
    ):
        (result,) = await asyncio.gather(CALLS[method](client), return_exceptions=True)
        assert secrets_in(repr(client) + repr(result)) == []
    if isinstance(result, BaseException):
        assert isinstance(result, UnmtaError)
        assert secrets_in(shown(result)) == []
    assert secrets_in(repr(attempts) + "".join(map(str, attempts))) == []
    assert secrets_in(logged(caplog.records)) == []
    assert attempts


@pytest.mark.parametrize(
    "fault",
    ["a field is missing", "a field is mistyped", "invalid JSON", "invalid UTF-8", "too large"],
)
async def test_a_rescued_password_is_where_it_is_looked_for_and_nowhere_else(fault):
    async with (
        Scripted(FAULTS[fault]) as server,
        server.client(token=TOKEN, max_body=5000) as client,
    ):
        error = await failure(CALLS["POST credential"](client))
    assert error.password == Secret(PASSWORD)
    assert pickle.loads(pickle.dumps(error)).password is None
    assert "dropped by pickling" in str(pickle.loads(pickle.dumps(error)))


async def test_a_created_credential_shows_its_password_only_when_asked(caplog):
    caplog.set_level(logging.DEBUG)
    async with Scripted(answer(201, CREATED)) as server, server.client(token=TOKEN) as client:
        created = await CALLS["POST credential"](client)
    assert created.password.reveal() == PASSWORD
    assert secrets_in(f"{created} {created!r} {to_dict(created)} {logged(caplog.records)}") == []
    with pytest.raises(TypeError):
        pickle.dumps(created)


def proxied(port):
    return UnmtaClient(
        token=TOKEN,
        base_url="https://unmta.example/api/v1",
        proxy=f"http://user:{PROXY_PASSWORD}@127.0.0.1:{port}",
        retry=QUICK,
    )


@pytest.mark.parametrize("step", [answer(407, "", Proxy_Authenticate="Basic"), Act.CLOSE])
async def test_a_proxy_that_fails_shows_no_secret(step, caplog):
    caplog.set_level(logging.DEBUG)
    async with (
        Scripted(step) as proxy,
        proxied(proxy.base_url.split(":")[2].split("/")[0]) as client,
    ):
        error = await failure(CALLS["POST"](client))
        assert secrets_in(repr(client)) == []
    assert proxy.requests[0].startswith(b"CONNECT unmta.example:443")
    assert TOKEN.encode() not in b"".join(proxy.requests)
    assert secrets_in(shown(error) + logged(caplog.records)) == []


async def test_a_call_that_is_closed_or_cancelled_shows_no_secret():
    async with Scripted(Act.HANG) as server:
        client = server.client(token=TOKEN)
        closed = asyncio.create_task(CALLS["POST"](client))
        await until(lambda: server.requests)
        await client.close()
        errors = [await failure(closed), await failure(CALLS["GET"](client))]
    assert [secrets_in(shown(error)) for error in errors] == [[], []]


async def test_a_listener_that_fails_logs_no_secret(caplog):
    def fail(_):
        raise RuntimeError

    async with (
        Scripted(answer(201, CREATED)) as server,
        server.client(token=TOKEN, on_attempt=fail) as client,
    ):
        await CALLS["POST credential"](client)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert secrets_in(shown(record.exc_info[1]) + logged(caplog.records)) == []


async def test_a_closed_borrowed_session_shows_no_secret():
    async with Scripted(html(500)) as server, aiohttp.ClientSession() as session:
        client = server.client(token=TOKEN, session=session, retry=RetryPolicy.none())
        errors = [await failure(CALLS["GET"](client))]
        await session.close()
        errors.append(await failure(CALLS["GET"](client)))
    assert [secrets_in(shown(error)) for error in errors] == [[], []]


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": f"https://user:{PASSWORD}@unmta.example"},
        {"base_url": f"https://:{PASSWORD}@unmta.example"},
        {"max_body": 0},
        {"timeout": 0},
    ],
)
def test_a_refused_option_is_said_without_its_secret(options):
    with pytest.raises(UsageError) as caught:
        UnmtaClient(token=TOKEN, **options)
    assert secrets_in(str(caught.value) + repr(caught.value)) == []
    assert TOKEN not in shown(caught.value)


async def test_a_malformed_token_is_refused_without_showing_it():
    async def token():
        return f"{TOKEN}\n"

    async with UnmtaClient(token=token, base_url="https://unmta.example") as client:
        error = await failure(client.clusters.list())
    assert isinstance(error, UsageError)
    assert secrets_in(shown(error)) == []

"""What the client says when the network, or what answers on it, misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import socket

import pytest
from scripted import (
    CALLS,
    CREDENTIAL,
    DETAIL,
    DOMAIN,
    QUICK,
    TOKEN,
    Act,
    Scripted,
    answer,
    failure,
    html,
    until,
)

from unmta_async import (
    APIError,
    AuthenticationError,
    ConnectError,
    ConnectionLostError,
    ConnectTimeoutError,
    NotFoundError,
    PasswordLostError,
    RateLimitError,
    RequestTimeoutError,
    RetryPolicy,
    Secret,
    ServerError,
    ServiceUnavailableError,
    Timeout,
    UnexpectedResponseError,
    UnmtaClient,
    ValidationError,
)

# How often each call may reach a server that breaks the connection, and what then is said of it.
BROKEN = {"GET": (3, False), "PUT": (3, True), "DELETE": (1, True), "POST": (1, True)}

PASSWORD = "aB3dEfGhIjKlMnOpQrStUvWxYz123456"


@pytest.mark.parametrize("method", BROKEN)
@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET, Act.RESET_UNREAD])
async def test_a_broken_connection_is_tried_again_only_where_twice_is_once(act, method):
    times, doubtful = BROKEN[method]
    async with Scripted(act) as server, server.client() as client:
        error = await failure(CALLS[method](client))
    assert isinstance(error, ConnectionLostError)
    assert (server.count(method), error.attempts) == (times, times)
    assert error.may_have_been_applied is doubtful


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "POST credential"])
@pytest.mark.parametrize("script", [(Act.CLOSE,), (answer(200, {"data": []}), Act.CLOSE)])
async def test_aiohttp_sends_nothing_again_by_itself(script, method):
    # Fails without `Response`, but for POST, which needs none: the script's second form breaks a
    # connection that was used before.
    async with Scripted(*script) as server, server.client(retry=RetryPolicy.none()) as client:
        if len(script) > 1:
            await client.clusters.list()
        await failure(CALLS[method](client))
        assert len(server.requests) == len(script)


async def test_a_later_attempt_may_succeed():
    async with (
        Scripted(Act.CLOSE, html(502), answer(200, {"data": DETAIL})) as server,
        server.client() as client,
    ):
        domain = await CALLS["GET"](client)
    assert (domain.name, len(server.requests)) == ("example.com", 3)


@pytest.mark.parametrize("method", CALLS)
async def test_a_refused_connection_is_provably_not_sent_and_always_tried_again(method):
    attempts = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: it refuses
        async with UnmtaClient(
            token=TOKEN,
            base_url=f"http://127.0.0.1:{nobody.getsockname()[1]}",
            retry=QUICK,
            on_attempt=attempts.append,
        ) as client:
            error = await failure(CALLS[method](client))
    assert isinstance(error, ConnectError)
    assert not error.may_have_been_applied
    assert len(attempts) == error.attempts == 3


async def test_a_name_that_does_not_resolve_is_provably_not_sent(monkeypatch):
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    async with UnmtaClient(token=TOKEN, base_url="https://unmta.example", retry=QUICK) as client:
        error = await failure(CALLS["POST"](client))
    assert type(error) is ConnectError
    assert not error.may_have_been_applied


async def test_a_connection_that_does_not_come_about_in_time_is_provably_not_sent(monkeypatch):
    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    async with UnmtaClient(
        token=TOKEN, base_url="https://unmta.example", timeout=Timeout(connect=0.05), retry=QUICK
    ) as client:
        error = await failure(CALLS["POST credential"](client))
    assert isinstance(error, ConnectTimeoutError)
    assert isinstance(error, TimeoutError)
    assert (error.attempts, error.may_have_been_applied) == (3, False)


HANGING = {
    "before the headers": Act.HANG,
    "in the headers": (b"HTTP/1.1 200 OK\r\nContent-", Act.HANG),
    "in the body": (answer(200, '{"data":', Content_Length=100), Act.HANG),
}


@pytest.mark.parametrize("where", HANGING)
async def test_an_attempt_ends_in_time(where):
    async with (
        Scripted(HANGING[where]) as server,
        server.client(timeout=Timeout(attempt=0.05)) as client,
    ):
        error = await failure(CALLS["GET"](client))
    assert isinstance(error, RequestTimeoutError)
    assert isinstance(error, TimeoutError)
    assert len(server.requests) == 3


@pytest.mark.parametrize("where", HANGING)
async def test_a_call_ends_in_time(where):
    async with Scripted(HANGING[where]) as server, server.client(timeout=0.1) as client:
        error = await failure(CALLS["GET"](client))
    assert isinstance(error, RequestTimeoutError)
    assert len(server.requests) == 1


async def test_a_call_that_waits_for_a_free_connection_ends_in_time_and_unsent():
    async with Scripted(Act.HANG) as server, server.client(max_connections=1) as client:
        first = asyncio.create_task(CALLS["GET"](client))
        await until(lambda: server.requests)
        error = await failure(client.with_options(timeout=0.05).domains.list("a"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert isinstance(error, ConnectTimeoutError)
    assert len(server.requests) == 1


BROKEN_ANSWERS = {
    "cut": (answer(201, '{"data":', Content_Length=100), Act.CLOSE),
    "cut in the headers": (b"HTTP/1.1 201 Created\r\nContent-", Act.CLOSE),
    "cut between chunks": (
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{'da",
        Act.CLOSE,
    ),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", Act.CLOSE),
    "not gzip": answer(201, b"not gzip", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("kind", BROKEN_ANSWERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_broken_answer_is_a_lost_connection(method, kind):
    times, doubtful = BROKEN[method]
    async with Scripted(BROKEN_ANSWERS[kind]) as server, server.client() as client:
        error = await failure(CALLS[method](client))
    assert isinstance(error, ConnectionLostError)
    assert (len(server.requests), error.may_have_been_applied) == (times, doubtful)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status):
    async with Scripted(Act.CLOSE) as elsewhere:
        moved = answer(status, "", Location=f"{elsewhere.base_url}/clusters")
        async with Scripted(moved) as server, server.client() as client:
            error = await failure(CALLS["POST"](client))
    assert isinstance(error, UnexpectedResponseError)
    assert (error.status, error.may_have_been_applied) == (status, False)
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


# Bodies.


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_body_is_limited_after_inflation(compressed):
    body = b'{"data":"' + b"x" * 2**20 + b'"}'
    big = (
        answer(200, gzip.compress(body), Content_Encoding="gzip")
        if compressed
        else answer(200, body)
    )
    async with Scripted(big) as server, server.client(max_body=2**16) as client:
        error = await failure(CALLS["GET"](client))
        assert isinstance(error, UnexpectedResponseError)
        assert (error.status, len(server.requests)) == (200, 1)
        assert "max_body" in str(error)


async def test_what_is_behind_the_limit_is_not_waited_for():
    endless = answer(200, b"x" * 1000, Content_Length=2**40), Act.HANG
    async with Scripted(endless) as server, server.client(max_body=999) as client:
        error = await failure(CALLS["GET"](client.with_options(timeout=5)))
        await until(lambda: not server.connections)
    assert isinstance(error, UnexpectedResponseError)


async def test_a_body_as_large_as_the_limit_is_read():
    body = b'{"data":[]}'
    for limit, fits in [(len(body), True), (len(body) - 1, False)]:
        async with Scripted(answer(200, body)) as server, server.client(max_body=limit) as client:
            call = client.request("GET", "/new-thing")
            if fits:
                assert await call == {"data": []}
            else:
                assert isinstance(await failure(call), UnexpectedResponseError)


async def test_lists_have_a_limit_of_their_own():
    listed = answer(200, {"data": [DOMAIN] * 100})
    async with Scripted(listed) as server:
        async with server.client(max_body=100) as client:
            assert len(await client.domains.list("a")) == 100
        async with server.client(max_list_body=100) as client:
            assert isinstance(await failure(client.domains.list("a")), UnexpectedResponseError)


async def test_a_refusal_is_that_refusal_however_large_its_body_is():
    async with (
        Scripted(answer(404, b"x" * 10_000)) as server,
        server.client(max_body=100) as client,
    ):
        error = await failure(CALLS["GET"](client))
    assert isinstance(error, NotFoundError)


# 429 and 503.


async def test_a_429_holds_back_every_call_of_the_client():
    busy = answer(429, {"message": "Too Many Requests"}, Retry_After="0.2")
    async with Scripted(busy, answer(200, {"data": []})) as server, server.client() as client:
        first = asyncio.create_task(client.clusters.list())
        await until(lambda: server.requests)
        await asyncio.sleep(0.05)
        await asyncio.gather(first, *(client.with_options().clusters.list() for _ in range(5)))
    assert len(server.arrived) == 7
    assert min(server.arrived[1:]) - server.arrived[0] >= 0.2


async def test_a_pause_that_outlasts_the_call_is_said_at_once_and_costs_nothing():
    """A call that the gate would hold back for too long is not sent, and not tried again."""
    busy = answer(429, {"message": "Too Many Requests"}, Retry_After="30")
    async with Scripted(busy) as server, server.client() as client:
        first = asyncio.create_task(client.clusters.list())
        await until(lambda: server.requests)
        await asyncio.sleep(0.05)
        attempts = []
        impatient = client.with_options(timeout=5, on_attempt=attempts.append)
        error = await failure(impatient.domains.create("a", name="example.com"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert isinstance(error, RateLimitError)
    assert 5 < error.retry_after <= 31
    assert (error.may_have_been_applied, len(attempts), len(server.requests)) == (False, 0, 1)


@pytest.mark.parametrize(
    ("retry", "asked", "seconds"), [(RetryPolicy.none(), 30, 30), (RetryPolicy(), 999999999, 60)]
)
async def test_a_429_that_is_not_retried_holds_back_the_others_all_the_same(retry, asked, seconds):
    """For as long as the policy honours, that is: one bad header does not end the client."""
    busy = answer(429, {"message": "Too Many Requests"}, Retry_After=asked)
    async with Scripted(busy) as server, server.client() as client:
        impatient = client.with_options(retry=retry, timeout=5)
        assert (await failure(CALLS["GET"](impatient))).retry_after == asked
        for call in (CALLS["GET"], CALLS["POST"], CALLS["POST credential"]):
            error = await failure(call(impatient))
            assert isinstance(error, RateLimitError)
            assert seconds - 5 < error.retry_after <= seconds + 1
            assert (error.attempts, error.may_have_been_applied) == (0, False)
    assert len(server.requests) == 1


async def test_a_429_that_names_no_time_holds_back_the_others_all_the_same():
    """For as long as the call that met it waits itself."""
    busy = answer(429, {"message": "Too Many Requests"})
    slow = RetryPolicy(backoff=1e6, max_backoff=1e6)
    async with (
        Scripted(busy) as server,
        server.client(retry=slow, timeout=Timeout(total=None)) as client,
    ):
        first = asyncio.create_task(CALLS["GET"](client))
        await until(lambda: server.requests)
        await asyncio.sleep(0.05)
        error = await failure(CALLS["POST"](client.with_options(timeout=0.05)))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert isinstance(error, RateLimitError)
    assert len(server.requests) == 1


async def test_what_the_gate_held_back_is_not_sent_when_its_time_is_over(monkeypatch):
    """With a moment to live it would be sent, and then be in doubt for nothing."""
    monkeypatch.setattr(random, "random", lambda: 1.0)
    busy = answer(429, {"message": "x"}, Retry_After="0.2")
    async with Scripted(busy, answer(200, {"data": []})) as server, server.client() as client:
        await failure(client.with_options(retry=RetryPolicy.none()).clusters.list())
        clock = asyncio.get_running_loop().time
        began = clock()
        calls = [client.clusters.list(timeout=0.3) for _ in range(5)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert clock() - began < 10
    assert [type(result) for result in ended] == [ConnectTimeoutError] * 5
    assert len(server.requests) == 1


async def test_those_that_the_gate_held_back_do_not_come_all_at_once(monkeypatch):
    """Each waits a while of its own on top, up to the pause again."""
    monkeypatch.setattr("unmta_async._pool.random.random", lambda: 1.0)
    busy = answer(429, {"message": "Too Many Requests"}, Retry_After="0.2")
    async with Scripted(busy, answer(200, {"data": []})) as server, server.client() as client:
        impatient = client.with_options(retry=RetryPolicy.none())
        assert isinstance(await failure(impatient.clusters.list()), RateLimitError)
        await client.clusters.list()
    assert server.arrived[1] - server.arrived[0] >= 0.35


async def test_an_error_knows_its_call_when_on_attempt_hears_of_it():
    heard = []
    async with (
        Scripted(html(502)) as server,
        server.client(
            on_attempt=lambda attempt: heard.append(vars(attempt.error).copy())
        ) as client,
    ):
        await failure(CALLS["POST"](client))
    [error] = heard
    assert (error["operation"], error["path_params"]) == ("domains.create", {"cluster": "a1b2c3d4"})


@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_that_is_too_long_raises_at_once(status):
    busy = answer(status, {"message": "Come back later"}, Retry_After=3600)
    async with Scripted(busy) as server, server.client() as client:
        error = await failure(CALLS["POST"](client))
    assert isinstance(error, RateLimitError | ServiceUnavailableError)
    assert (error.retry_after, error.attempts, len(server.requests)) == (3600, 1, 1)
    assert not error.may_have_been_applied


async def test_a_503_with_the_apis_json_is_put_off_and_one_without_is_doubtful():
    for step, times, doubtful in [
        (answer(503, {"message": "Service Unavailable"}), 5, False),
        (html(503), 1, True),
    ]:
        async with Scripted(step) as server, server.client() as client:
            error = await failure(CALLS["POST"](client))
        assert isinstance(error, ServiceUnavailableError)
        assert (len(server.requests), error.may_have_been_applied) == (times, doubtful)


async def test_the_status_of_a_refusal_counts_though_its_body_is_cut():
    """The API said no: that is no doubt, and nothing to try again."""
    cut = (answer(422, '{"message": "The na', Content_Length=500), Act.CLOSE)
    for call in ("POST", "POST credential", "PUT"):
        async with Scripted(cut) as server, server.client() as client:
            error = await failure(CALLS[call](client))
        assert isinstance(error, ValidationError)
        assert (error.confirmed, error.may_have_been_applied) == (False, False)
        assert len(server.requests) == 1


@pytest.mark.parametrize("call", [name for name in CALLS if name != "DELETE"])
async def test_an_answer_about_another_resource_is_an_error(call):
    """Such as one that was left on the connection; its password is not ours."""
    other = {"name": "other.com", "user": "else"}
    bodies = {
        "GET": {"data": DETAIL | other},
        "POST": {"data": DETAIL | other},
        "PUT": {"data": CREDENTIAL | other},
        "POST credential": {"data": CREDENTIAL | other, "password": "of-somebody-else"},
    }
    status = 201 if call.startswith("POST") else 200
    async with Scripted(answer(status, bodies[call])) as server, server.client() as client:
        error = await failure(CALLS[call](client))
    if isinstance(error, PasswordLostError):
        error = error.reason
    assert isinstance(error, UnexpectedResponseError)
    assert "and not" in str(error)
    assert (error.password, len(server.requests)) == (None, 1)


async def test_a_name_in_another_case_is_the_same_name():
    upper = answer(200, {"data": DETAIL | {"name": "EXAMPLE.COM"}})
    async with Scripted(upper) as server, server.client() as client:
        assert (await CALLS["GET"](client)).name == "EXAMPLE.COM"


# Passwords.

CREATED = json.dumps({"password": "s3cr3t-of-the-tests", "data": CREDENTIAL})


@pytest.mark.parametrize("then", [Act.CLOSE, Act.RESET, Act.HANG])
async def test_a_password_is_rescued_from_an_answer_that_ends_behind_it(then):
    cut = (answer(201, CREATED[:60], Content_Length=len(CREATED)), then)
    async with (
        Scripted(cut) as server,
        server.client(timeout=Timeout(attempt=0.2)) as client,
    ):
        error = await failure(CALLS["POST credential"](client))
    assert isinstance(error, ConnectionLostError | RequestTimeoutError)
    assert error.password == Secret("s3cr3t-of-the-tests")
    assert error.may_have_been_applied


LOST = {
    "no answer": Act.CLOSE,
    "a cut answer": (answer(201, '{"data": {', Content_Length=500), Act.CLOSE),
    "the page of a proxy": html(502),
    "an answer without a password": answer(201, {"data": CREDENTIAL}),
    "no JSON": html(200),
    "no time": Act.HANG,
}


@pytest.mark.parametrize("fault", LOST)
async def test_a_credential_whose_answer_is_lost_is_never_tried_again(fault):
    async with (
        Scripted(LOST[fault]) as server,
        server.client(timeout=Timeout(attempt=0.05)) as client,
    ):
        error = await failure(CALLS["POST credential"](client))
    assert isinstance(error, PasswordLostError)
    assert error.identity == ("a1b2c3d4", "webapp")
    assert error.may_have_been_applied
    assert error.reason is not None
    assert (error.reason.operation, error.attempts) == ("credentials.create", 1)
    assert (error.password, len(server.requests)) == (None, 1)


async def test_a_credential_that_is_refused_is_not_lost():
    taken = {"message": "Taken.", "errors": {"user": ["has already been taken"]}}
    for step in [answer(422, taken), answer(401, {"message": "Unauthenticated."})]:
        async with Scripted(step) as server, server.client() as client:
            error = await failure(CALLS["POST credential"](client))
        assert isinstance(error, APIError)
        assert not error.may_have_been_applied


async def test_a_user_that_is_taken_after_a_wait_is_a_doubt():
    """The API may have said 503 and created it."""
    taken = {"message": "Taken.", "errors": {"user": ["has already been taken"]}}
    script = answer(503, {"message": "Service Unavailable"}), answer(422, taken)
    async with Scripted(*script) as server, server.client() as client:
        error = await failure(CALLS["POST credential"](client))
    assert isinstance(error, PasswordLostError)
    assert error.attempts == 2


RESCUED = {
    "a field is missing": answer(201, {"data": {"user": "webapp"}, "password": PASSWORD}),
    "no data": answer(201, {"password": PASSWORD}),
    "invalid JSON": answer(201, f'{{"password": "{PASSWORD}", "data": '),
    "another content type": answer(
        201, f'<p>"password": "{PASSWORD}"</p>', Content_Type="text/html"
    ),
}


@pytest.mark.parametrize("fault", RESCUED)
async def test_a_password_in_a_broken_answer_is_on_the_error(fault):
    async with Scripted(RESCUED[fault]) as server, server.client() as client:
        error = await failure(CALLS["POST credential"](client))
    assert isinstance(error, UnexpectedResponseError)
    assert error.password == Secret(PASSWORD)
    assert error.may_have_been_applied


async def test_a_401_of_a_proxy_is_told_from_one_of_the_api():
    for step, confirmed in [(answer(401, {"message": "No."}), True), (html(401), False)]:
        async with Scripted(step) as server, server.client() as client:
            error = await failure(CALLS["GET"](client))
        assert isinstance(error, AuthenticationError)
        assert error.confirmed is confirmed


async def test_a_server_error_names_its_request():
    async with (
        Scripted(answer(500, "", x_request_id="r-1"), html(500)) as server,
        server.client(retry=RetryPolicy.none()) as client,
    ):
        error = await failure(CALLS["GET"](client))
    assert isinstance(error, ServerError)
    assert error.request_id == "r-1"

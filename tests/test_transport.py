"""What goes over the wire, how often, and who is told, with answers that are made up here."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aioresponses import CallbackResult
from scripted import CALLS, QUICK, TOKEN, Scripted, answer, failure
from yarl import URL

from unmta_async import (
    AuthenticationError,
    ClientClosedError,
    ConflictError,
    NotFoundError,
    PasswordLostError,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    Secret,
    ServerError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnmtaClient,
    UsageError,
    ValidationError,
    __version__,
)
from unmta_async._limits import TimeLimits

BASE = "https://unmta.example/api/v1"
URLS = {
    "GET": f"{BASE}/clusters/a1b2c3d4/domains/example.com",
    "PUT": f"{BASE}/clusters/a1b2c3d4/credentials/webapp",
    "DELETE": f"{BASE}/clusters/a1b2c3d4/domains/example.com",
    "POST": f"{BASE}/clusters/a1b2c3d4/domains",
    "POST credential": f"{BASE}/clusters/a1b2c3d4/credentials",
}
CLUSTERS = f"{BASE}/clusters"
UNAUTHENTICATED = {"status": 401, "payload": {"message": "Unauthenticated."}}
EMPTY = {"payload": {"data": []}}


@pytest.fixture
async def client():
    async with make_client() as client:
        yield client


def make_client(**options):
    return UnmtaClient(**{"token": TOKEN, "base_url": BASE, "retry": QUICK} | options)


def sent(mocked, method, url):
    """Return what was sent with a method to a URL, once for each time."""
    return [request.kwargs for request in mocked.requests.get((method.split()[0], URL(url)), [])]


def authorizations(mocked):
    return [request["headers"]["Authorization"] for request in sent(mocked, "GET", CLUSTERS)]


# Headers.


@pytest.mark.parametrize("method", CALLS)
async def test_every_request_says_who_asks_and_for_what(mocked, client, method):
    mocked.add(URLS[method], method.split()[0], status=404)
    await failure(CALLS[method](client))
    (request,) = sent(mocked, method, URLS[method])
    headers = request["headers"]
    assert headers["Accept"] == "application/json"
    assert headers["User-Agent"] == f"unmta-async/{__version__}"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    has_body = method not in {"GET", "DELETE"}
    assert headers.get("Content-Type") == ("application/json" if has_body else None)
    assert (request["data"] is not None) is has_body


@pytest.mark.parametrize("name", ["User-Agent", "user-agent"])
async def test_a_caller_may_add_headers_and_name_itself(name):
    async with Scripted(answer(200, {"data": []})) as server, server.client() as client:
        await client.clusters.list(headers={"X-Trace": "t-1", name: "me/1.0"})
    lines = server.requests[0].decode().lower().split("\r\n")
    assert "x-trace: t-1" in lines
    assert [line for line in lines if line.startswith("user-agent")] == ["user-agent: me/1.0"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer another"),
        ("AUTHORIZATION", "Bearer another"),
        ("Host", "elsewhere.example"),
        ("Content-Length", "0"),
        ("X-Trace", "a\r\nX-Other: b"),
        ("X Trace", "a"),
        ("X-Trace", "ü"),
    ],
)
async def test_a_caller_cannot_break_a_request_with_headers(mocked, client, name, value):
    error = await failure(client.clusters.list(headers={name: value}))
    assert isinstance(error, UsageError)
    assert not mocked.requests


# Retries.

OWN = {"payload": {"message": "No."}}
PAGE = {"body": "<h1>Something is wrong</h1>", "content_type": "text/html"}
DOUBTFUL = {"GET": (3, False), "PUT": (3, True), "DELETE": (1, True), "POST": (1, True)}
PUT_OFF = dict.fromkeys(CALLS, (5, False))
REFUSED = dict.fromkeys(CALLS, (1, False))
UNVOUCHED = {"GET": (1, False), "PUT": (1, True), "DELETE": (1, True), "POST": (1, True)}

# fault: answer, error, and for each kind of call how often it is made and whether it is in doubt
POLICY = {
    "500": ({"status": 500} | OWN, ServerError, DOUBTFUL),
    "502 of a proxy": ({"status": 502} | PAGE, ServerError, DOUBTFUL),
    "504 of a proxy": ({"status": 504} | PAGE, ServerError, DOUBTFUL),
    "520 of a proxy": ({"status": 520} | PAGE, ServerError, DOUBTFUL),
    "503 of a proxy": ({"status": 503} | PAGE, ServiceUnavailableError, DOUBTFUL),
    "503 of the API": ({"status": 503} | OWN, ServiceUnavailableError, PUT_OFF),
    "429": ({"status": 429} | OWN, RateLimitError, PUT_OFF),
    "429 of a proxy": ({"status": 429} | PAGE, RateLimitError, PUT_OFF),
    "401": (UNAUTHENTICATED, AuthenticationError, REFUSED),
    "403": ({"status": 403} | OWN, PermissionDeniedError, REFUSED),
    "404": ({"status": 404} | OWN, NotFoundError, REFUSED),
    "409": ({"status": 409} | OWN, ConflictError, REFUSED),
    "422": ({"status": 422} | OWN, ValidationError, REFUSED),
    "302": (
        {"status": 302, "headers": {"Location": CLUSTERS}},
        UnexpectedResponseError,
        REFUSED,
    ),
    "200 of a proxy": ({"status": 200} | PAGE, UnexpectedResponseError, UNVOUCHED),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("fault", POLICY)
async def test_a_call_is_made_again_where_that_is_safe(mocked, client, fault, method):
    reply, kind, table = POLICY[fault]
    mocked.add(URLS[method], method.split()[0], repeat=True, **reply)
    error = await failure(CALLS[method](client))
    attempts, doubtful = table.get(method, (1, True))
    if method == "POST credential" and doubtful:
        assert isinstance(error, PasswordLostError)
        error, lost = error.reason, error
        assert lost.may_have_been_applied
    assert type(error) is kind
    assert len(sent(mocked, method, URLS[method])) == error.attempts == attempts
    assert error.may_have_been_applied is doubtful


async def test_a_redirect_is_not_followed(mocked, client):
    mocked.get(CLUSTERS, status=302, headers={"Location": f"{BASE}/elsewhere"})
    mocked.get(f"{BASE}/elsewhere", **EMPTY)
    await failure(client.clusters.list())
    assert not sent(mocked, "GET", f"{BASE}/elsewhere")
    assert sent(mocked, "GET", CLUSTERS)[0]["allow_redirects"] is False


async def test_an_empty_retry_budget_ends_retries_for_all_clients_that_share_it(mocked):
    mocked.get(CLUSTERS, status=500, repeat=True)
    async with make_client(retry=RetryPolicy(backoff=0, budget=30)) as client:
        attempts = [(await failure(client.clusters.list())).attempts]
        derived = client.with_options(retry=RetryPolicy(backoff=0, attempts=9, budget=500))
        attempts.append((await failure(derived.clusters.list())).attempts)
    assert attempts == [3, 1]


# Tokens.


def supply(*tokens):
    """Return a token callable, and how many tokens it has left."""
    left = list(tokens)

    async def token():
        await asyncio.sleep(0)
        return left.pop(0)

    return token, left


async def test_a_token_callable_is_asked_again_once_after_a_401(mocked):
    token, left = supply("old", Secret("new"), "unasked")
    mocked.get(CLUSTERS, **UNAUTHENTICATED)
    mocked.get(CLUSTERS, repeat=True, **EMPTY)
    async with make_client(token=token) as client:
        await client.clusters.list()
        await client.clusters.list()
    assert authorizations(mocked) == ["Bearer old", "Bearer new", "Bearer new"]
    assert left == ["unasked"]


async def test_a_second_401_is_final(mocked):
    token, left = supply("old", "new", "unasked")
    mocked.get(CLUSTERS, repeat=True, **UNAUTHENTICATED)
    async with make_client(token=token) as client:
        error = await failure(client.clusters.list())
    assert isinstance(error, AuthenticationError)
    assert (error.attempts, left) == (2, ["unasked"])


async def test_a_token_that_is_still_the_same_is_not_tried_again(mocked):
    token, _ = supply("same", "same")
    mocked.get(CLUSTERS, repeat=True, **UNAUTHENTICATED)
    async with make_client(token=token) as client:
        assert (await failure(client.clusters.list())).attempts == 1


async def test_a_401_of_a_proxy_asks_for_no_token(mocked):
    token, left = supply("old", "unasked")
    mocked.get(CLUSTERS, status=401, **PAGE)
    async with make_client(token=token) as client:
        await failure(client.clusters.list())
    assert left == ["unasked"]


async def test_many_calls_share_one_question_for_the_token(mocked):
    token, left = supply("old", "new", "unasked")

    def reply(url, headers, **_):
        refused = headers["Authorization"] == "Bearer old"
        return CallbackResult(**UNAUTHENTICATED if refused else EMPTY)

    mocked.get(CLUSTERS, repeat=True, callback=reply)
    async with make_client(token=token) as client:
        await asyncio.gather(*(client.clusters.list() for _ in range(20)))
    assert left == ["unasked"]


async def test_what_the_token_callable_raises_reaches_the_caller(mocked):
    async def token():
        raise TimeoutError("the vault's own")

    async with make_client(token=token) as client:
        with pytest.raises(TimeoutError, match="the vault's own"):
            await client.clusters.list()


async def test_a_missing_token_is_told_at_the_first_call_with_the_variable_to_set(
    mocked, monkeypatch
):
    monkeypatch.delenv("UNMTA_API_TOKEN", raising=False)
    async with make_client(token=None) as client:
        error = await failure(client.clusters.list())
    assert isinstance(error, UsageError)
    assert "UNMTA_API_TOKEN" in str(error)
    assert not mocked.requests


async def test_a_renewal_that_fails_keeps_what_is_known_of_the_attempts_before(mocked):
    """A PUT that may have been applied, then a 401, then a callable with nothing to give."""
    answers = iter(["first-token", ""])
    heard = []

    async def token():
        return next(answers)

    mocked.put(URLS["PUT"], status=502)
    mocked.put(URLS["PUT"], **UNAUTHENTICATED)
    async with make_client(token=token, on_attempt=heard.append) as client:
        with pytest.raises(UsageError) as caught:
            await client.credentials.update("a1b2c3d4", "webapp", allow_all_ips=True)
    assert (caught.value.attempts, caught.value.may_have_been_applied) == (2, True)
    assert [attempt.status for attempt in heard] == [502, 401]


@pytest.mark.parametrize("token", [5, b"abc", object()])
def test_a_token_of_another_kind_is_refused(token):
    with pytest.raises(UsageError, match="must be a string, a Secret, or an async callable"):
        make_client(token=token)


async def test_a_callable_that_is_not_async_is_refused(mocked):
    async with make_client(token=lambda: "abc") as client:
        with pytest.raises(UsageError, match="must be an async one"):
            await client.clusters.list()


# on_attempt, and the log.


async def test_on_attempt_hears_of_every_attempt(mocked):
    heard = []
    mocked.get(URLS["GET"], status=502, headers={"cf-ray": "ray-1"})
    mocked.get(URLS["GET"], status=404, headers={"x-request-id": "r-2"}, **OWN)
    async with make_client(on_attempt=heard.append) as client:
        error = await failure(CALLS["GET"](client))
    first, last = heard
    assert (first.number, first.status, first.request_id) == (1, 502, "ray-1")
    assert isinstance(first.error, ServerError)
    assert first.retry_in is not None
    assert first.retry_in >= 0
    assert (last.number, last.status, last.request_id) == (2, 404, "r-2")
    assert (last.error, last.retry_in) == (error, None)
    assert (last.operation, last.method) == ("domains.get", "GET")
    assert last.route == "/clusters/{cluster}/domains/{domain}"
    assert last.seconds >= 0


async def test_on_attempt_hears_of_success_and_of_the_attempt_before_a_new_token(mocked):
    heard = []
    token, _ = supply("old", "new")
    mocked.get(CLUSTERS, **UNAUTHENTICATED)
    mocked.get(CLUSTERS, **EMPTY)
    async with make_client(token=token, on_attempt=heard.append) as client:
        await client.clusters.list()
    assert [(a.number, a.status, a.retry_in) for a in heard] == [(1, 401, 0.0), (2, 200, None)]
    assert heard[-1].error is None


async def test_a_listener_that_fails_fails_nothing_else(mocked, caplog):
    heard = []

    def fail(_):
        raise ValueError("the listener's own")

    mocked.get(CLUSTERS, **EMPTY)
    async with make_client(on_attempt=fail) as client:
        await client.with_options(on_attempt=heard.append).clusters.list()
    assert len(heard) == 1
    (record,) = [record for record in caplog.records if record.name == "unmta_async"]
    assert record.levelno == logging.ERROR
    assert "the listener's own" in caplog.text


async def test_the_log_holds_names_and_numbers_and_no_value(mocked, client, caplog):
    caplog.set_level(logging.DEBUG)
    mocked.get(URLS["GET"], status=502, headers={"x-request-id": "r-1"}, **PAGE)
    mocked.get(URLS["GET"], status=422, payload={"message": "Told.", "errors": {"f": ["Told."]}})
    await failure(client.domains.get("a1b2c3d4", "example.com", headers={"X-Trace": "t-1"}))
    lines = [record.getMessage() for record in caplog.records if record.name == "unmta_async"]
    assert len(lines) == 2
    for part in ("domains.get", "GET /clusters/{cluster}/domains/{domain}", "502", "r-1"):
        assert part in lines[0]
    for value in (TOKEN, "a1b2c3d4", "example.com", "t-1", "Told", "Something is wrong"):
        assert value not in caplog.text


# with_options.


async def test_with_options_shares_what_belongs_to_the_api(mocked):
    heard, also = [], []
    mocked.get(CLUSTERS, repeat=True, **EMPTY)
    async with make_client(on_attempt=heard.append) as client:
        derived = client.with_options(retry=RetryPolicy.none(), on_attempt=also.append)
        await client.clusters.list()
        await derived.clusters.list()
        await derived.close()
        await derived.clusters.list()
    assert (len(heard), len(also)) == (3, 2)
    assert isinstance(await failure(derived.clusters.list()), ClientClosedError)


async def test_with_options_changes_only_what_it_is_given(mocked, client):
    mocked.get(CLUSTERS, status=500, repeat=True)
    hasty = client.with_options(retry=RetryPolicy.none())
    assert (await failure(hasty.clusters.list())).attempts == 1
    assert (await failure(hasty.with_options(timeout=5).clusters.list())).attempts == 1
    assert (await failure(client.clusters.list())).attempts == 3


async def test_a_timeout_holds_for_one_call(mocked, client, monkeypatch):
    start, seconds = TimeLimits.start, []

    def note(limits, now, ends):
        seconds.append(ends - now)
        return start(limits, now, ends)

    monkeypatch.setattr(TimeLimits, "start", note)
    mocked.get(CLUSTERS, repeat=True, **EMPTY)
    await client.clusters.list(timeout=5)
    await client.clusters.list()
    hasty, usual = seconds
    assert hasty <= 5 < usual == pytest.approx(30)
    for timeout in (0, -1, float("nan"), True):
        assert isinstance(await failure(client.clusters.list(timeout=timeout)), UsageError)

"""The sandbox over real sockets; every answer to an operation is held against the contract."""

import asyncio
import io
import json
import threading
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

import aiohttp
import contract
import pytest

from unmta_async.sandbox import RULES, Call, Sandbox, rules
from unmta_async.sandbox.server import _reachable

from .conftest import START
from .proofs import proves

DOMAINS = "/clusters/a1b2c3d4/domains"
CREDENTIALS = "/clusters/a1b2c3d4/credentials"
APP = {"user": "app", "domains": ["example.com"]}


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def raw(sandbox):
    """A session that neither authenticates nor checks."""
    async with aiohttp.ClientSession(sandbox.base_url.removesuffix("/api/v1")) as session:
        yield session


@pytest.fixture
async def http(sandbox):
    """A session that is all a client should be."""
    headers = {"Authorization": f"Bearer {sandbox.token}", "Accept": "application/json"}
    async with aiohttp.ClientSession(
        sandbox.base_url + "/", headers=headers, middlewares=[contract.check]
    ) as session:
        yield session


async def call(http, method, path, body=None, **options):
    async with http.request(method, path.lstrip("/"), json=body, **options) as response:
        content = await response.read()
        return response.status, json.loads(content) if content else None


async def test_every_operation_answers_as_the_contract_says(http, sandbox):
    for method, path, body, status in [
        ("GET", "/clusters", None, 200),
        ("GET", "/clusters/a1b2c3d4/mtas", None, 200),
        ("POST", DOMAINS, {"name": "example.com"}, 201),
        ("POST", DOMAINS, {"name": "EXAMPLE.com"}, 422),
        ("POST", DOMAINS, {}, 422),
        ("GET", DOMAINS, None, 200),
        ("GET", DOMAINS + "/Example.com", None, 200),
        ("POST", CREDENTIALS, APP, 201),
        ("POST", CREDENTIALS, {**APP, "domains": ["a", "b"]}, 422),
        ("GET", CREDENTIALS, None, 200),
        ("PUT", CREDENTIALS + "/app", {"allow_all_domains": True}, 200),
        ("PUT", CREDENTIALS + "/app", {"allow_all_ips": False}, 422),
        ("DELETE", CREDENTIALS + "/app", None, 204),
        ("DELETE", DOMAINS + "/example.com", None, 204),
    ]:
        assert (await call(http, method, path, body))[0] == status, (method, path)
    assert {call.operation for call in sandbox.calls} == {
        "clusters.list", "mtas.list",
        "domains.list", "domains.create", "domains.get", "domains.delete",
        "credentials.list", "credentials.create", "credentials.update", "credentials.delete",
    }  # fmt: skip


ROUTES = [
    ("GET", "/clusters/none/mtas"),
    ("GET", "/clusters/none/domains"),
    ("POST", "/clusters/none/domains"),
    ("GET", DOMAINS + "/none.com"),
    ("DELETE", DOMAINS + "/none.com"),
    ("GET", "/clusters/none/credentials"),
    ("POST", "/clusters/none/credentials"),
    ("PUT", CREDENTIALS + "/none"),
    ("DELETE", CREDENTIALS + "/none"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_what_is_not_there_is_a_404(http, method, path):
    assert await call(http, method, path, {}) == (404, {"message": "Not Found"})


@proves(rules.AUTH_FIRST)
@pytest.mark.parametrize(("method", "path"), [("GET", "/clusters"), *ROUTES])
async def test_without_a_token_everything_is_a_401(http, sandbox, method, path):
    sandbox.revoke_token()
    assert await call(http, method, path) == (401, {"message": "Unauthenticated."})


@proves(rules.AUTH_FIRST)
async def test_without_a_token_nobody_learns_which_routes_there_are(raw):
    for method, path in (
        ("GET", "/api/v1/nothing"),
        ("PATCH", "/api/v1/clusters"),
        ("GET", "/api/v1"),
    ):
        async with raw.request(method, path, headers={"Accept": "application/json"}) as response:
            assert response.status == 401


@proves(rules.AUTH_LOGIN_PAGE)
@pytest.mark.parametrize("accept", ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8"])
async def test_who_asks_for_a_page_is_sent_to_log_in(raw, accept):
    headers = {"Accept": accept}
    async with raw.get("/api/v1/clusters", headers=headers, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/login")
    async with raw.get("/api/v1/clusters", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/html")


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_everybody_else_without_a_token_is_told_so(raw, accept):
    async with raw.get("/api/v1/clusters", headers={"Accept": accept}) as response:
        assert (response.status, await response.json()) == (401, {"message": "Unauthenticated."})


async def test_json_comes_to_who_is_authenticated_whatever_he_asks_for(http):
    assert (await call(http, "GET", "/clusters", headers={"Accept": "*/*"}))[0] == 200


@proves(rules.ANSWER_UNKNOWN_ROUTE, rules.ANSWER_WRONG_METHOD)
async def test_other_paths_and_methods_are_refused_in_json(raw, sandbox):
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    for method, path, status, message in [
        ("GET", "/api/v1/clusters/a1b2c3d4", 404, "Not Found"),
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/api/v1/clusters/a1b2c3d4/credentials/app/password", 404, "Not Found"),
        ("PATCH", "/api/v1" + CREDENTIALS + "/app", 405, "Method Not Allowed"),
    ]:
        async with raw.request(method, path, headers=headers) as response:
            assert (response.status, await response.json()) == (status, {"message": message})
    assert response.headers["Allow"] == "DELETE,PUT"
    assert [(call.operation, call.status) for call in sandbox.calls] == [
        (None, 404),
        (None, 404),
        (None, 405),
    ]


@proves(rules.REQUEST_NOT_JSON)
@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b'["name"]', "application/json"),
        (b'"name"', "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"name": "example.com"}', "text/plain"),
        (b"name=example.com", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_no_json_object_is_an_empty_one(http, content, content_type):
    headers = {"Content-Type": content_type}
    async with http.post(DOMAINS[1:], data=content, headers=headers) as response:
        assert response.status == 422
        assert (await response.json())["errors"] == {"name": ["The name field is required."]}


async def test_a_percent_encoded_slash_stays_within_its_segment(http, sandbox):
    await call(http, "POST", CREDENTIALS, APP)
    status, _ = await call(http, "DELETE", DOMAINS + "/..%2Fcredentials%2Fapp")
    assert status == 404
    assert sandbox.calls[-1] == Call(
        "domains.delete", "DELETE", "/api/v1" + DOMAINS + "/..%2Fcredentials%2Fapp", 404
    )


async def test_calls_hold_no_secret(http, sandbox):
    _, created = await call(http, "POST", CREDENTIALS, APP)
    assert list(sandbox.calls) == [Call("credentials.create", "POST", "/api/v1" + CREDENTIALS, 201)]
    assert created["password"] not in repr(sandbox.calls)
    assert sandbox.token not in repr(sandbox.calls)


async def test_the_date_header_goes_by_the_sandbox_clock(http, sandbox):
    sandbox.clock.advance(60)
    async with http.get("clusters") as response:
        date = parsedate_to_datetime(response.headers["Date"])
    assert date.timestamp() == sandbox.clock.now()


async def test_too_large_a_body_is_refused_in_json(raw, sandbox):
    headers = {"Authorization": f"Bearer {sandbox.token}", "Content-Type": "application/json"}
    async with raw.post(
        "/api/v1" + DOMAINS, data=io.BytesIO(b" " * 17_000_000), headers=headers
    ) as response:
        assert response.status == 413
        assert response.content_type == "application/json"


async def test_the_rules_are_listed_for_everybody(raw):
    async with raw.get("/__sandbox/rules") as response:
        listed = await response.json()
    assert [rule["id"] for rule in listed] == [rule.id for rule in RULES]
    assert set(listed[0]) == {"id", "rule", "source"}


async def test_a_thousand_creates_at_once(http, sandbox):
    names = [f"mail{number}.example.com" for number in range(1000)]
    answers = await asyncio.gather(*(call(http, "POST", DOMAINS, {"name": n}) for n in names))
    assert {status for status, _ in answers} == {201}
    _, listed = await call(http, "GET", DOMAINS)
    assert sorted(item["name"] for item in listed["data"]) == sorted(names)
    assert len(sandbox.calls) == 1001


async def test_the_state_can_be_changed_from_outside(http, sandbox):
    sandbox.state.add_domain("a1b2c3d4", "example.com")
    sandbox.clock.advance(60)
    sandbox.state.verify("a1b2c3d4", "example.com")
    _, shown = await call(http, "GET", DOMAINS)
    assert shown["data"][0]["status"] == "verified"
    assert shown["data"][0]["created_at"] == START


async def test_a_new_token_locks_the_old_one_out(http, sandbox):
    token = sandbox.issue_token()
    assert (await call(http, "GET", "/clusters"))[0] == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert (await call(http, "GET", "/clusters", headers=headers))[0] == 200


# Ways in


def fetch(sandbox, path="/clusters", body=None, method=None):
    headers = {"Authorization": f"Bearer {sandbox.token}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        sandbox.base_url + path, data=content, headers=headers, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def test_a_thread_serves_synchronous_code():
    threads = threading.active_count()
    with Sandbox(token="mine") as sandbox:
        assert sandbox.token == "mine"
        assert fetch(sandbox, DOMAINS, {"name": "example.com"})["data"]["status"] == "pending"
        sandbox.state.verify("a1b2c3d4", "example.com")
        assert fetch(sandbox, DOMAINS)["data"][0]["status"] == "verified"
    assert threading.active_count() == threads
    assert [call.status for call in sandbox.calls] == [201, 200]
    with pytest.raises(urllib.error.URLError):
        fetch(sandbox)


async def test_a_thread_serves_a_running_loop_too():
    with Sandbox() as sandbox:
        assert len((await asyncio.to_thread(fetch, sandbox))["data"]) == 2


def test_a_sandbox_can_be_entered_again_and_begins_anew():
    sandbox = Sandbox()

    async def use():
        async with aiohttp.ClientSession() as http:
            await http.get(f"{sandbox.base_url}/clusters")
        assert [call.status for call in sandbox.calls] == [401]
        sandbox.state.add_domain("a1b2c3d4", "example.com")

    async def enter():
        async with sandbox:
            await use()

    for _ in range(2):
        with sandbox:
            asyncio.run(use())
    asyncio.run(enter())


def test_a_running_sandbox_cannot_be_entered():
    with Sandbox() as sandbox:
        with pytest.raises(RuntimeError, match="running already"), sandbox:
            pass
        assert len(fetch(sandbox)["data"]) == 2


def test_before_its_start_a_sandbox_has_no_address():
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = Sandbox().base_url
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = Sandbox().token


def test_a_taken_port_is_told_where_the_sandbox_is_entered():
    with Sandbox() as sandbox:
        port = int(sandbox.base_url.split(":")[2].partition("/")[0])
        other = Sandbox(port=port)
        with pytest.raises(OSError, match="in use"), other:
            pass
    with other:
        assert len(fetch(other)["data"]) == 2


def test_the_body_of_the_context_may_fail():
    with pytest.raises(KeyError), Sandbox() as sandbox:
        raise KeyError(sandbox.token)


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("localhost", "localhost"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
    ],
)
def test_the_host_in_the_url_is_one_that_can_be_reached(host, reached):
    assert _reachable(host) == reached


def test_every_address_is_reached_by_the_loopback_one():
    with Sandbox(host="0.0.0.0") as sandbox:
        assert sandbox.base_url.startswith("http://127.0.0.1:")
        assert len(fetch(sandbox)["data"]) == 2

"""Each fault as it arrives on the wire, and what it leaves behind in the state."""

import asyncio
import gzip
import json
import ssl
import subprocess
import sys
import threading
import tracemalloc
import urllib.error
import urllib.request
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import get_args

import aiohttp
import pytest
import trustme

from unmta_async.sandbox import FAULTS, Call, FaultName, Faults, Sandbox
from unmta_async.sandbox.__main__ import main
from unmta_async.sandbox.app import OPERATIONS
from unmta_async.sandbox.replies import PASSWORD_OF_SOMEBODY_ELSE

from .test_command import ROOT

CLUSTER = "a1b2c3d4"
DOMAINS = f"/clusters/{CLUSTER}/domains"
CREDENTIALS = f"/clusters/{CLUSTER}/credentials"
NAMES = [operation.name for operation in OPERATIONS]

REQUESTS = {
    "clusters.list": ("GET", "/clusters", None),
    "mtas.list": ("GET", f"/clusters/{CLUSTER}/mtas", None),
    "domains.list": ("GET", DOMAINS, None),
    "domains.create": ("POST", DOMAINS, {"name": "new.com"}),
    "domains.get": ("GET", f"{DOMAINS}/old.com", None),
    "domains.delete": ("DELETE", f"{DOMAINS}/old.com", None),
    "credentials.list": ("GET", CREDENTIALS, None),
    "credentials.create": ("POST", CREDENTIALS, {"user": "new", "allow_all_domains": True}),
    "credentials.update": ("PUT", f"{CREDENTIALS}/old", {"domains": ["new.com"]}),
    "credentials.delete": ("DELETE", f"{CREDENTIALS}/old", None),
}
CREATE = "domains.create"

OBSERVED = set()


def observe(*names):
    """Parametrize a test by faults, and note that they have been observed."""
    OBSERVED.update(names)
    return pytest.mark.parametrize("fault", names)


def observes(*names):
    OBSERVED.update(names)
    return lambda test: test


def furnish(sandbox):
    sandbox.state.add_domain(CLUSTER, "old.com")
    sandbox.state.create_credential(CLUSTER, {"user": "old", "allow_all_domains": True})


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(clock=clock) as sandbox:
        furnish(sandbox)
        yield sandbox


@pytest.fixture
async def http(sandbox):
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


def shown(sandbox):
    state = sandbox.state
    return state.list_domains(CLUSTER), state.list_credentials(CLUSTER)


def message(sandbox, operation):
    """Return a request for an operation as bytes."""
    method, path, body = REQUESTS[operation]
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} /api/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


@asynccontextmanager
async def connected(sandbox, **options):
    """Connect without HTTP, and close the connection at the end."""
    port = int(sandbox.base_url.split(":")[2].partition("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def talk(sandbox, operation=CREATE):
    """Send a request, and return what comes until the end, and how it ends."""
    received = b""
    async with connected(sandbox) as (reader, writer):
        writer.write(message(sandbox, operation))
        try:
            while part := await reader.read(2**16):
                received += part
        except ConnectionResetError:
            return received, "RST"
        return received, "FIN"


async def call(http, sandbox, operation=CREATE):
    """Return status, headers and body of the answer to an operation."""
    method, path, body = REQUESTS[operation]
    async with http.request(
        method, sandbox.base_url + path, json=body, allow_redirects=False
    ) as response:
        return response.status, response.headers, await response.read()


async def read_message(reader):
    """Read one answer off a connection, and return its status line and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:-2])
    body = await reader.readexactly(int(fields.get("Content-Length", 0)))
    return head.split(b"\r\n")[0].decode(), body


async def real(sandbox, operation):
    """Return what the answer would be, from another sandbox in the same state."""
    async with Sandbox(clock=sandbox.clock) as twin, aiohttp.ClientSession() as http:
        furnish(twin)
        http.headers["Authorization"] = f"Bearer {twin.token}"
        status, _, body = await call(http, twin, operation)
    return status, json.loads(body or "{}")


def add(sandbox, fault, operation=CREATE, **options):
    return sandbox.faults.add(operation, fault, **options)


async def soon(condition):
    """Wait until something is so."""
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.001)


# The connection


@observes("reset-before-reading")
async def test_reset_before_reading_leaves_the_body_where_it_is(sandbox):
    before, added = shown(sandbox), add(sandbox, "reset-before-reading")
    async with connected(sandbox) as (reader, writer):
        writer.write(message(sandbox, CREATE)[:-5])  # nobody waits for the rest
        with pytest.raises(ConnectionResetError):
            await reader.read()
    assert shown(sandbox) == before
    assert added.hits == 1
    assert sandbox.calls[-1] == Call(
        CREATE, "POST", "/api/v1" + DOMAINS, None, "reset-before-reading"
    )


@observe("reset-after-reading", "reset-after-applying", "close", "garbage")
@pytest.mark.parametrize("applied", [None, True, False])
async def test_no_answer(sandbox, fault, applied):
    before = shown(sandbox)
    if fault == "reset-after-applying":
        applied = applied or None  # it is never open
    added = add(sandbox, fault, applied=applied)
    received, end = await talk(sandbox)
    assert end == ("RST" if "reset" in fault else "FIN")
    assert (fault == "garbage") is bool(received)
    assert not received.startswith(b"HTTP")
    is_applied = fault == "reset-after-applying" if applied is None else applied
    assert (shown(sandbox) != before) is is_applied
    assert added.hits == 1
    assert (sandbox.calls[-1].status, sandbox.calls[-1].fault) == (None, fault)


@observe("hang-before-headers", "hang-after-headers")
async def test_a_hang_ends_with_the_sandbox(clock, fault):
    status = 201 if fault == "hang-after-headers" else None
    async with AsyncExitStack() as stack:
        async with Sandbox(clock=clock) as sandbox:
            added = add(sandbox, fault)
            reader, writer = await stack.enter_async_context(connected(sandbox))
            writer.write(message(sandbox, CREATE))
            if status:
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 201 Created\r\n")
            await soon(lambda: added.hits)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
            assert [one.status for one in sandbox.calls] == [status]
        assert await reader.read() == b""
    assert len(sandbox.state.list_domains(CLUSTER)[1]["data"]) == (fault == "hang-after-headers")


async def test_a_hang_ends_when_the_client_goes(sandbox):
    tasks = asyncio.all_tasks()
    added = add(sandbox, "hang-before-headers")
    async with connected(sandbox) as (_, writer):
        writer.write(message(sandbox, CREATE))
        await soon(lambda: added.hits)
        assert asyncio.all_tasks() - tasks
    await soon(lambda: not asyncio.all_tasks() - tasks)


@pytest.mark.parametrize("fault", ["slow-body", "huge-body", "gzip-bomb", "hang-after-headers"])
@pytest.mark.parametrize("tls", [False, True])
async def test_the_end_of_the_sandbox_waits_for_no_answer(fault, tls, authority, monkeypatch):
    monkeypatch.setattr("unmta_async.sandbox.server._SHUTDOWN_TIMEOUT", 100)
    details = {"slow-body": {"seconds": 600.0}, "huge-body": {"size": 2**40}}.get(fault, {})
    contexts = (server_context(authority), client_context(authority)) if tls else (None, None)
    async with (
        AsyncExitStack() as stack,
        asyncio.timeout(50),
        Sandbox(ssl=contexts[0]) as sandbox,
    ):
        add(sandbox, fault, "clusters.list", **details)
        connection = connected(sandbox, ssl=contexts[1])
        reader, writer = await stack.enter_async_context(connection)
        writer.write(message(sandbox, "clusters.list"))
        await reader.readuntil(b"\r\n\r\n")


@observes("slow-body")
async def test_a_slow_body_is_whole_and_comes_in_parts(sandbox):
    status, body = await real(sandbox, CREATE)
    added = add(sandbox, "slow-body", seconds=0.1)
    async with connected(sandbox) as (reader, writer):
        writer.write(message(sandbox, CREATE))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {status}".encode())
        parts = []
        while sum(map(len, parts)) < len(json.dumps(body)):
            parts.append(await reader.read(2**16))
        assert json.loads(b"".join(parts)) == body
        assert len(parts) > 1
        assert added.hits == 1
        writer.write(message(sandbox, "domains.get"))  # the connection is as good as before
        assert (await read_message(reader))[0] == "HTTP/1.1 200 OK"


@observes("cut-body")
@pytest.mark.parametrize("operation", NAMES)
@pytest.mark.parametrize("size", [None, 0, -1])
async def test_a_cut_body_is_less_than_was_announced(sandbox, operation, size):
    status, body = await real(sandbox, operation)
    add(sandbox, "cut-body", operation, size=size)
    received, end = await talk(sandbox, operation)
    head, _, rest = received.partition(b"\r\n\r\n")
    whole = json.dumps(body).encode()
    assert f"\r\nContent-Length: {len(whole)}\r\n".encode() in head + b"\r\n"
    assert rest == whole[: len(whole) // 2 if size is None else size]
    assert end == "FIN"
    assert sandbox.calls[-1].status == (200 if status == 204 else status)


@observes("cut-chunk")
@pytest.mark.parametrize("operation", NAMES)
async def test_cut_chunks_have_no_end(sandbox, operation):
    _, body = await real(sandbox, operation)
    add(sandbox, "cut-chunk", operation)
    received, end = await talk(sandbox, operation)
    head, _, rest = received.partition(b"\r\n\r\n")
    whole = json.dumps(body).encode()
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert rest == f"{len(whole):x}\r\n".encode() + whole + b"\r\n"
    assert end == "FIN"


@observes("unsolicited-answer")
@pytest.mark.parametrize("operation", NAMES)
async def test_an_unsolicited_answer_follows_the_right_one(sandbox, operation):
    status, body = await real(sandbox, operation)
    added = add(sandbox, "unsolicited-answer", operation)
    async with connected(sandbox) as (reader, writer):
        writer.write(message(sandbox, operation))
        line, first = await read_message(reader)
        assert line.startswith(f"HTTP/1.1 {status} ")
        assert json.loads(first or "{}") == body
        line, second = await read_message(reader)
        assert line == "HTTP/1.1 200 OK"
        unasked = json.loads(second)
        assert unasked["data"] != body.get("data")
        assert unasked.get("password") == (
            PASSWORD_OF_SOMEBODY_ELSE if operation == "credentials.create" else None
        )
    assert added.hits == 1
    assert len(sandbox.calls) == 1


async def test_nobody_is_spoken_to_who_has_gone(sandbox, http):
    add(sandbox, "unsolicited-answer", seconds=0.0)
    async with connected(sandbox) as (_, writer):
        writer.write(message(sandbox, CREATE))
        writer.transport.abort()
        await soon(lambda: sandbox.calls)
        assert (await call(http, sandbox, "domains.get"))[0] == 200


# The port


async def refused(sandbox):
    try:
        async with connected(sandbox):
            return False
    except ConnectionRefusedError:
        return True


async def test_a_port_that_is_closed_while_somebody_comes_loses_nobody(sandbox):
    for _ in range(50):
        coming = [asyncio.create_task(refused(sandbox)) for _ in range(5)]
        await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
        add(sandbox, "refuse", seconds=None)
        assert await refused(sandbox)
        await asyncio.gather(*coming, return_exceptions=True)
        sandbox.faults.clear()
        assert not await refused(sandbox)


@observes("refuse")
async def test_the_port_is_closed_at_once_and_opens_again(sandbox, http):
    assert (await call(http, sandbox, "domains.get"))[0] == 200
    async with connected(sandbox) as (reader, writer):
        writer.write(message(sandbox, "domains.get"))
        await read_message(reader)
        added = add(sandbox, "refuse", "*", seconds=0.2)
        assert added.hits == 1
        assert await reader.read() == b""  # idle, and closed too
    assert await refused(sandbox)
    with pytest.raises(aiohttp.ClientConnectorError):
        await call(http, sandbox)
    assert len(sandbox.calls) == 2
    while await refused(sandbox):
        pass
    assert (await call(http, sandbox))[0] == 201


async def test_the_port_is_closed_behind_the_answers_before(sandbox, http):
    added = add(sandbox, "refuse", nth=3, seconds=None)
    add(sandbox, "json-500", times=2)
    for _ in range(2):
        assert added.hits == 0
        assert (await call(http, sandbox, "domains.get"))[0] == 200
        assert (await call(http, sandbox))[0] == 500
    assert added.hits == 1
    with pytest.raises(aiohttp.ClientConnectorError):
        await call(http, sandbox)
    sandbox.faults.clear()
    assert (await call(http, sandbox))[0] == 201


async def test_the_answer_before_says_that_the_connection_ends(sandbox):
    add(sandbox, "refuse", nth=2, seconds=None)
    received, end = await talk(sandbox)
    assert b"\r\nConnection: close\r\n" in received
    assert end == "FIN"


async def test_the_port_can_be_closed_and_opened_in_one_breath(sandbox, http):
    for _ in range(3):
        add(sandbox, "refuse", seconds=None)
        sandbox.faults.clear()
    assert (await call(http, sandbox))[0] == 201
    add(sandbox, "refuse", seconds=None)
    sandbox.faults.clear()
    add(sandbox, "refuse", seconds=None)
    assert await refused(sandbox)


def test_the_port_may_be_closed_from_the_start_and_to_the_end():
    sandbox = Sandbox()
    added = add(sandbox, "refuse", seconds=None)
    assert added.hits == 0
    with sandbox:
        assert added.hits == 1
        with pytest.raises(urllib.error.URLError, match="refused"):
            fetch(sandbox)
    with sandbox:  # it begins anew
        assert fetch(sandbox)


# The state


@observes("late-commit", "late-delete")
@pytest.mark.parametrize(
    "operation", ["domains.create", "domains.delete", "credentials.create", "credentials.update"]
)
async def test_what_is_late_is_applied_after_other_answers(sandbox, http, operation):
    before = shown(sandbox)
    fault = "late-delete" if operation.endswith("delete") else "late-commit"
    added = add(sandbox, fault, operation, after=2)
    assert (await call(http, sandbox, operation))[0] == 504
    assert (sandbox.calls[-1].status, sandbox.calls[-1].fault, added.hits) == (504, fault, 1)
    sandbox.clock.advance(1)
    await call(http, sandbox, "domains.list")
    assert shown(sandbox) == before
    await call(http, sandbox, "domains.list")
    assert shown(sandbox) != before


async def test_what_is_late_can_be_settled_and_is_not_forgotten(sandbox, http):
    before = shown(sandbox)
    add(sandbox, "late-commit")
    await call(http, sandbox)
    sandbox.faults.clear()
    assert shown(sandbox) == before
    sandbox.faults.settle()
    assert "new.com" in str(shown(sandbox))
    sandbox.faults.settle()


async def test_what_is_late_may_come_too_late(sandbox, http):
    add(sandbox, "late-commit")
    await call(http, sandbox)
    assert (await call(http, sandbox))[0] == 201
    assert str(shown(sandbox)).count("'new.com'") == 1


@observes("token-revoked")
async def test_a_revoked_token_is_revoked_for_good(sandbox, http):
    before, added = shown(sandbox), add(sandbox, "token-revoked", nth=2)
    assert (await call(http, sandbox, "domains.list"))[0] == 200
    add(sandbox, "token-revoked")
    for _ in range(2):
        status, _, body = await call(http, sandbox)
        assert (status, json.loads(body)) == (401, {"message": "Unauthenticated."})
    assert added.hits == 0
    assert [one.fault for one in sandbox.calls] == [None, "token-revoked", None]
    assert shown(sandbox) == before
    http.headers["Authorization"] = f"Bearer {sandbox.issue_token()}"
    assert (await call(http, sandbox))[0] == 401  # the second request that was authenticated
    assert added.hits == 1


# Other answers

STATUSES = {
    name: int(name.rpartition("-")[2])
    for name in get_args(FaultName)
    if name.partition("-")[0] in {"html", "json", "empty", "redirect"} and name[-1].isdigit()
} | {"rate-limited": 429}


@observe(*STATUSES)
@pytest.mark.parametrize("operation", [CREATE, "domains.delete"])
@pytest.mark.parametrize("applied", [None, True])
async def test_another_answer(sandbox, http, fault, operation, applied):
    before, added = shown(sandbox), add(sandbox, fault, operation, applied=applied)
    status, headers, body = await call(http, sandbox, operation)
    assert status == STATUSES[fault] == sandbox.calls[-1].status
    if fault.startswith(("json", "rate")):
        assert list(json.loads(body)) == ["message"]
        assert headers["Content-Type"] == "application/json"
    elif fault.startswith("html") and fault != "html-302":
        assert body.startswith(b"<!DOCTYPE html>")
        assert headers["Content-Type"].startswith("text/html")
    elif fault.startswith("empty"):
        assert (body, headers["Content-Length"]) == (b"", "0")
    assert (shown(sandbox) != before) is bool(applied)
    assert added.hits == 1
    assert sandbox.calls[-1].fault == fault


async def test_redirects_say_where_to(sandbox, http):
    for fault, location in [
        ("html-302", "/login"),
        ("redirect-307", "https://elsewhere.invalid/api/v1/clusters"),
        ("redirect-308", "https://elsewhere.invalid/api/v1/clusters"),
    ]:
        add(sandbox, fault)
        add(sandbox, fault, nth=2, location="http://127.0.0.1:9/")
        for wanted in (location, "http://127.0.0.1:9/"):
            _, headers, _ = await call(http, sandbox)
            assert headers["Location"] == wanted
        sandbox.faults.clear()


@pytest.mark.parametrize("fault", ["rate-limited", "html-429", "json-503", "html-503"])
@pytest.mark.parametrize(
    "value",
    ["5", "0.5", "-1", "soon", "9" * 40, "Wed, 21 Oct 2015 07:28:00 GMT", "", None],
)
async def test_retry_after_is_sent_as_it_is(sandbox, http, fault, value):
    add(sandbox, fault, retry_after=value)
    _, headers, body = await call(http, sandbox)
    assert headers.get("Retry-After") == value
    if fault == "rate-limited":
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("60", "0")
    if fault == "json-503":
        assert json.loads(body) == {"message": "Service Unavailable"}


async def test_retry_after_by_default(sandbox, http):
    for fault, wanted in [("rate-limited", "1"), ("html-429", None), ("json-503", None)]:
        add(sandbox, fault)
        assert (await call(http, sandbox))[1].get("Retry-After") == wanted
        sandbox.faults.clear()


# The answer of the API, changed


def first(data):
    return data[0] if isinstance(data, list) else data


def is_changed(fault, before, after):
    """Whether a body differs from the real one in what the fault is about, and in no more."""
    data, changed = before.get("data"), after.get("data")
    rest = {key: value for key, value in after.items() if key != "data"}
    same_rest = rest == {key: value for key, value in before.items() if key != "data"}
    match fault:
        case "no-data":
            return "data" not in after and same_rest
        case "null-data":
            return "data" in after and changed is None and same_rest
        case "wrong-types":
            pairs = zip(first(data).items(), first(changed).items(), strict=True)
            return same_rest and all(a == b and type(x) is not type(y) for (a, x), (b, y) in pairs)
        case "unknown-fields":
            one = {} if changed is None else first(changed)
            return "unheard_of" in after and (not one or set(one) - set(first(data)))
        case "unknown-values":
            return same_rest and first(changed) == first(data) | {"status": "unheard-of"}
        case "missing-field":
            return same_rest and list(first(changed)) == list(first(data))[1:]
        case "next-page":
            return changed == data and after["links"]["next"] and after["meta"]["last_page"] == 2


@observe(
    "no-data",
    "null-data",
    "wrong-types",
    "unknown-fields",
    "unknown-values",
    "missing-field",
    "next-page",
)
@pytest.mark.parametrize("operation", NAMES)
async def test_what_the_api_says_is_changed(sandbox, http, fault, operation):
    if not FAULTS[fault].fits(operation):
        with pytest.raises(ValueError, match=f"{fault} does not fit {operation}: use "):
            add(sandbox, fault, operation)
        return
    status, before = await real(sandbox, operation)
    added = add(sandbox, fault, operation)
    answered, _, body = await call(http, sandbox, operation)
    assert answered == sandbox.calls[-1].status == (200 if status == 204 else status)
    assert json.loads(body) != before or (fault == "no-data" and not before)
    assert is_changed(fault, before, json.loads(body))
    assert added.hits == 1
    if not operation.endswith(("list", "get")):
        assert shown(sandbox) == await shown_after(sandbox, operation)


async def shown_after(sandbox, operation):
    async with Sandbox(clock=sandbox.clock) as twin, aiohttp.ClientSession() as http:
        furnish(twin)
        http.headers["Authorization"] = f"Bearer {twin.token}"
        await call(http, twin, operation)
        return shown(twin)


@observes("other-resource")
@pytest.mark.parametrize("operation", NAMES)
async def test_an_answer_about_another_resource(sandbox, http, operation):
    if operation.endswith(("list", "delete")):
        with pytest.raises(ValueError, match="does not fit"):
            add(sandbox, "other-resource", operation)
        return
    status, before = await real(sandbox, operation)
    add(sandbox, "other-resource", operation)
    answered, _, body = await call(http, sandbox, operation)
    after = json.loads(body)
    assert answered == status
    assert set(after) == set(before)
    assert set(after["data"]) == set(before["data"])
    identity = "name" if operation.startswith("domains") else "user"
    assert after["data"][identity] != before["data"][identity]
    if "password" in before:
        assert after["password"] == PASSWORD_OF_SOMEBODY_ELSE
        assert sandbox.state.check_password(CLUSTER, "new", before["password"])


async def test_a_field_of_choice_is_missing(sandbox, http):
    add(sandbox, "missing-field", field="dkim_public_key")
    data = json.loads((await call(http, sandbox))[2])["data"]
    assert "dkim_public_key" not in data
    assert data["name"] == "new.com"


@pytest.mark.parametrize(
    "fault", ["no-data", "null-data", "wrong-types", "missing-field", "other-resource"]
)
async def test_where_there_is_nothing_to_change_nothing_has_hit(sandbox, http, fault):
    sandbox.state.add_domain(CLUSTER, "new.com")
    added = add(sandbox, fault)
    status, _, body = await call(http, sandbox)
    assert status == 422
    assert set(json.loads(body)) == {"message", "errors"}
    assert (added.hits, sandbox.calls[-1].fault) == (0, None)


# The form of the answer


@observe("bom", "invalid-utf8", "nan", "duplicate-keys", "deep-nesting")
@pytest.mark.parametrize("operation", [*NAMES, "refusal"])
async def test_the_body_is_in_another_form(sandbox, http, fault, operation):
    if operation == "refusal":
        sandbox.state.create_domain(CLUSTER, {"name": "new.com"})
        status, before = 422, None
        operation = CREATE
    else:
        status, before = await real(sandbox, operation)
    added = add(sandbox, fault, operation)
    answered, headers, body = await call(http, sandbox, operation)
    assert answered == (200 if status == 204 else status)
    assert headers["Content-Type"] == "application/json"
    assert added.hits == 1
    match fault:
        case "bom":
            assert body.startswith(b"\xef\xbb\xbf{")
            rest = body[3:]
        case "invalid-utf8":
            with pytest.raises(UnicodeDecodeError):
                body.decode()
            rest = body.replace(b'"note": "\xff\xfe"', b'"note": ""')
        case "nan":
            assert b": NaN" in body
            rest = body
        case "duplicate-keys":
            assert body.startswith(b'{"data": null, "password": null')
            rest = body
        case _:
            assert body.count(b"[") >= 100_000
            rest = body.replace(b"[" * 100_000 + b"]" * 100_000, b"0")
    if before is not None:
        found = json.loads(rest)
        assert {key: found[key] for key in before} == before


@observe("charset", "wrong-content-type")
@pytest.mark.parametrize("operation", NAMES)
async def test_the_body_is_declared_as_something_else(sandbox, http, fault, operation):
    status, before = await real(sandbox, operation)
    add(sandbox, fault, operation)
    answered, headers, body = await call(http, sandbox, operation)
    assert answered == (200 if status == 204 else status)
    assert json.loads(body) == before
    assert headers["Content-Type"] == (
        "application/json; charset=utf-16" if fault == "charset" else "text/html; charset=utf-8"
    )


async def test_a_charset_of_choice(sandbox, http):
    add(sandbox, "charset", charset="no-such-charset")
    _, headers, _ = await call(http, sandbox)
    assert headers["Content-Type"] == "application/json; charset=no-such-charset"


@observes("204-with-body")
@pytest.mark.parametrize("operation", [CREATE, "domains.delete"])
async def test_a_body_behind_a_204(sandbox, operation):
    _, before = await real(sandbox, operation)
    added = add(sandbox, "204-with-body", operation)
    async with connected(sandbox) as (reader, writer):
        writer.write(message(sandbox, operation))
        line, body = await read_message(reader)
        assert line == "HTTP/1.1 204 No Content"
        assert json.loads(body) == before
        assert (sandbox.calls[-1].status, added.hits) == (204, 1)
        writer.write(message(sandbox, "clusters.list"))  # the connection stays open
        assert (await read_message(reader))[0] == "HTTP/1.1 200 OK"


@observes("empty-body")
@pytest.mark.parametrize("operation", [CREATE, "domains.get", "domains.list"])
async def test_no_body_at_all(sandbox, http, operation):
    status, _ = await real(sandbox, operation)
    add(sandbox, "empty-body", operation)
    answered, headers, body = await call(http, sandbox, operation)
    assert (answered, headers["Content-Length"], body) == (status, "0", b"")


@observe("huge-body", "gzip-bomb")
@pytest.mark.parametrize("operation", [CREATE, "domains.delete"])
@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_large_body_is_a_true_one(sandbox, http, fault, operation, size):
    _, before = await real(sandbox, operation)
    added = add(sandbox, fault, operation, size=size)
    _, headers, body = await call(http, sandbox, operation)
    assert len(body) == size or (size == 10 and len(body) < 2000)
    found = json.loads(body)
    assert set(found.pop("padding")) <= {"x"}
    assert found == before
    assert headers.get("Content-Encoding") == ("gzip" if fault == "gzip-bomb" else None)
    assert added.hits == 1


@pytest.mark.parametrize("fault", ["huge-body", "gzip-bomb"])
async def test_large_bodies_take_no_room_here(sandbox, fault):
    added = add(sandbox, fault)
    assert added.details["size"] == (64 if fault == "huge-body" else 256) * 2**20
    async with connected(sandbox) as (reader, writer):
        tracemalloc.start()
        writer.write(message(sandbox, CREATE))
        size = 0
        try:
            await reader.readuntil(b"\r\n\r\n")
            tail = b""
            while not tail.endswith(b"\r\n0\r\n\r\n"):
                part = await reader.read(2**16)
                size, tail = size + len(part), (tail + part)[-7:]
            assert tracemalloc.get_traced_memory()[1] < 2**23
        finally:
            tracemalloc.stop()
        assert size > 64 * 2**20 if fault == "huge-body" else size < 2**20


async def test_a_bomb_is_gzip_to_its_end(sandbox):
    add(sandbox, "gzip-bomb", size=5 * 2**20 + 17)
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        http.headers["Authorization"] = f"Bearer {sandbox.token}"
        _, _, body = await call(http, sandbox)
    assert len(body) < 50_000
    assert len(gzip.decompress(body)) == 5 * 2**20 + 17


# Which requests


async def statuses(http, sandbox, *operations):
    return [(await call(http, sandbox, operation))[0] for operation in operations]


async def test_nth_and_times(sandbox, http):
    await call(http, sandbox, "domains.get")
    added = add(sandbox, "json-500", "domains.get", nth=2, times=2)
    assert await statuses(http, sandbox, *["domains.get"] * 5) == [200, 500, 500, 200, 200]
    assert added.hits == 2
    add(sandbox, "json-500", "domains.get", nth=2, times=None)
    assert await statuses(http, sandbox, *["domains.get"] * 5) == [200, 500, 500, 500, 500]
    sandbox.faults.clear()
    assert await statuses(http, sandbox, "domains.get") == [200]
    assert repr(added) == (
        "InjectedFault(operation='domains.get', fault='json-500', nth=2, times=2, hits=2)"
    )


async def test_other_operations_are_left_alone(sandbox, http):
    add(sandbox, "json-500", "domains.list")
    assert await statuses(http, sandbox, "domains.get", "domains.list") == [200, 500]


async def test_any_request_of_the_api(sandbox, http):
    added = add(sandbox, "html-502", "*", nth=2, times=3)
    unknown = f"{sandbox.base_url}/nothing"
    assert await statuses(http, sandbox, "domains.get", "domains.list") == [200, 502]
    assert (await http.get(unknown)).status == 502
    assert (await http.get(sandbox.base_url.replace("/api/v1", "/__sandbox/rules"))).status == 200
    assert await statuses(http, sandbox, CREATE, CREATE) == [502, 201]
    assert added.hits == 3


async def test_any_request_that_a_fault_fits(sandbox, http):
    added = add(sandbox, "late-delete", "*", after=0)
    assert await statuses(http, sandbox, CREATE, "domains.delete", CREATE) == [201, 504, 422]
    assert added.hits == 1
    assert "old.com" not in str(sandbox.state.list_domains(CLUSTER))


async def test_what_was_added_first_hits_first_and_all_count(sandbox, http):
    one = add(sandbox, "json-500", "*", times=2)
    two = add(sandbox, "html-502", "*", nth=2, times=2)
    assert await statuses(http, sandbox, *["domains.get"] * 4) == [500, 500, 502, 200]
    assert (one.hits, two.hits) == (2, 1)


async def test_only_requests_that_are_authenticated_count(sandbox, http):
    added = add(sandbox, "html-502", "*")
    async with aiohttp.ClientSession() as stranger:
        assert await statuses(stranger, sandbox, CREATE) == [401]
    assert added.hits == 0
    assert await statuses(http, sandbox, CREATE) == [502]


async def test_a_request_that_was_never_whole_is_a_call_too(sandbox, caplog):
    async with connected(sandbox) as (_, writer):
        writer.write(message(sandbox, CREATE)[:-1])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await soon(lambda: sandbox.calls)
        assert sandbox.calls[-1] == Call(CREATE, "POST", "/api/v1" + DOMAINS, None)
    await asyncio.sleep(0.05)
    assert not caplog.records


async def test_many_at_once(sandbox, http):
    added = add(sandbox, "reset-after-applying", nth=5, times=10)
    lost = add(sandbox, "reset-after-reading", nth=20, times=10)

    async def create(number):
        body = {"name": f"mail{number}.com"}
        try:
            async with http.post(sandbox.base_url + DOMAINS, json=body) as response:
                return response.status
        except aiohttp.ClientError:
            return None

    answers = await asyncio.gather(*(create(number) for number in range(50)))
    assert answers.count(None) == 20
    assert (added.hits, lost.hits) == (10, 10)
    assert len(sandbox.state.list_domains(CLUSTER)[1]["data"]) == 1 + 40
    assert sum(one.status is None for one in sandbox.calls) == 20


# What can be added


@pytest.mark.parametrize(
    ("arguments", "options", "wanted"),
    [
        (("domains.make", "close"), {}, r"no operation 'domains.make': use clusters.list, .*, \*$"),
        ((CREATE, "explode"), {}, "no fault 'explode': use refuse, "),
        ((CREATE, "close"), {"nth": 0}, "nth=0"),
        ((CREATE, "close"), {"nth": None}, "nth=None"),
        ((CREATE, "close"), {"times": 0}, "times=0"),
        ((CREATE, "refuse"), {"times": 2}, "refuse happens once"),
        ((CREATE, "refuse"), {"seconds": -1}, "seconds=-1 is not a number of seconds"),
        ((CREATE, "refuse"), {"seconds": float("nan")}, "seconds=nan"),
        ((CREATE, "slow-body"), {"seconds": None}, "seconds=None"),
        ((CREATE, "slow-body"), {"size": 1}, "slow-body does not take 'size': use seconds"),
        ((CREATE, "close"), {"size": 1}, "close does not take 'size': it takes none"),
        ((CREATE, "close"), {"nonsense": 1}, "does not take 'nonsense'"),
        ((CREATE, "huge-body"), {"size": "1"}, "size='1' is not a number of bytes"),
        ((CREATE, "deep-nesting"), {"depth": -1}, "depth=-1"),
        ((CREATE, "late-commit"), {"after": -1}, "after=-1"),
        ((CREATE, "late-delete"), {}, "late-delete does not fit domains.create: use domains.del"),
        (("domains.delete", "late-commit"), {}, "does not fit"),
        ((CREATE, "rate-limited"), {"retry_after": 5}, "retry_after=5 is not text"),
        ((CREATE, "rate-limited"), {"retry_after": "5\r\nX: y"}, "is not text for a header"),
        ((CREATE, "html-302"), {"location": None}, "location=None"),
        ((CREATE, "reset-after-applying"), {"applied": False}, "applied is yes"),
        ((CREATE, "cut-body"), {"applied": False}, "applied is yes"),
        ((CREATE, "reset-before-reading"), {"applied": True}, "applied is no"),
        ((CREATE, "refuse"), {"applied": True}, "applied is no"),
        ((CREATE, "token-revoked"), {"applied": True}, "applied is no"),
        ((CREATE, "late-commit"), {"applied": True}, "applied is later"),
        ((CREATE, "late-commit"), {"applied": False}, "applied is later"),
    ],
)
async def test_what_cannot_be_is_said_at_once(sandbox, http, arguments, options, wanted):
    with pytest.raises(ValueError, match=wanted):
        sandbox.faults.add(*arguments, **options)
    assert await statuses(http, sandbox, CREATE) == [201]


@pytest.mark.parametrize("fault", FAULTS)
def test_whether_a_request_is_applied_can_be_told_where_it_is_open(fault):
    applied = FAULTS[fault].applied
    allowed = {"yes": [True], "no": [False], "no, or as told": [True, False], "later": []}[applied]
    for value in (True, False):
        faults = Faults(NAMES)
        if value in allowed:
            faults.add("*", fault, applied=value)
        else:
            with pytest.raises(ValueError, match=f"applied is {applied}"):
                faults.add("*", fault, applied=value)


def test_every_fault_is_in_the_table_and_observed():
    assert set(get_args(FaultName)) == set(FAULTS) == OBSERVED
    assert all(fault.summary.endswith(".") for fault in FAULTS.values())
    assert len({fault.summary for fault in FAULTS.values()}) == len(FAULTS) - 1  # both late ones


# Threads


def fetch(sandbox, operation=CREATE, context=None):
    method, path, body = REQUESTS[operation]
    request = urllib.request.Request(
        sandbox.base_url + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {sandbox.token}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10, context=context) as response:
        return json.load(response)


def fetched_status(sandbox, operation=CREATE):
    try:
        fetch(sandbox, operation)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    return 200


def test_a_sandbox_in_a_thread_takes_faults_from_others():
    threads = threading.active_count()
    with Sandbox() as sandbox:
        furnish(sandbox)
        added = add(sandbox, "json-503", times=2)
        assert [fetched_status(sandbox) for _ in range(3)] == [503, 503, 200]
        assert added.hits == 2
        add(sandbox, "late-delete", "domains.delete")
        assert fetched_status(sandbox, "domains.delete") == 504
        assert "old.com" in str(shown(sandbox))
        fetch(sandbox, "domains.list")
        assert "old.com" not in str(shown(sandbox))
        for nth in (1, 2):
            add(sandbox, "refuse", "*", nth=nth, seconds=None)
            if nth == 2:
                fetch(sandbox, "domains.list")
            with pytest.raises(urllib.error.URLError, match="refused"):
                fetch(sandbox, "domains.list")
            sandbox.faults.clear()
            assert fetch(sandbox, "domains.list")
    assert threading.active_count() == threads


async def test_a_thread_serves_faults_to_a_running_loop_too():
    with Sandbox() as sandbox:
        add(sandbox, "hang-before-headers")
        add(sandbox, "refuse", "domains.get", seconds=None)
        assert await refused(sandbox)
        sandbox.faults.clear()
        assert not await refused(sandbox)


def test_faults_may_be_added_while_the_loop_stands_still():
    with asyncio.Runner() as runner:
        sandbox = runner.run(Sandbox().__aenter__())
        add(sandbox, "refuse", "domains.get", seconds=None)
        assert runner.run(refused(sandbox))
        sandbox.faults.clear()
        assert not runner.run(refused(sandbox))
        runner.run(sandbox.__aexit__())


def test_faults_before_and_after():
    sandbox = Sandbox()
    added = add(sandbox, "json-503", times=None)
    with sandbox:
        assert fetched_status(sandbox) == 503
    with sandbox:
        assert fetched_status(sandbox) == 200
    assert added.hits == 1


# TLS


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def server_context(authority):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def client_context(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_https(authority):
    async with Sandbox(ssl=server_context(authority)) as sandbox:
        assert sandbox.base_url.startswith("https://127.0.0.1:")
        connector = aiohttp.TCPConnector(ssl=client_context(authority))
        async with aiohttp.ClientSession(connector=connector) as http:
            http.headers["Authorization"] = f"Bearer {sandbox.token}"
            assert await statuses(http, sandbox, CREATE, CREATE) == [201, 422]
            add(sandbox, "reset-after-reading", "*")
            with pytest.raises(aiohttp.ClientError):
                await call(http, sandbox)
            add(sandbox, "refuse", "*", seconds=None)
            with pytest.raises(aiohttp.ClientConnectorError):
                await call(http, sandbox)
            sandbox.faults.clear()
            assert await statuses(http, sandbox, CREATE) == [422]


@pytest.mark.parametrize("fault", ["reset-after-reading", "close", "garbage", "cut-body"])
async def test_faults_of_a_connection_with_tls(authority, fault):
    async with Sandbox(ssl=server_context(authority)) as sandbox:
        add(sandbox, fault)
        async with connected(sandbox, ssl=client_context(authority)) as (reader, writer):
            writer.write(message(sandbox, CREATE))
            try:
                received, end = await reader.read(), "FIN"
            except ConnectionResetError:
                received, end = b"", "RST"
        assert end == ("RST" if fault == "reset-after-reading" else "FIN")
        assert bool(received) is (fault in {"garbage", "cut-body"})


def test_https_from_a_thread(authority):
    with Sandbox(ssl=server_context(authority)) as sandbox:
        assert fetch(sandbox, "clusters.list", client_context(authority))["data"]


# The command line


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [
        ("domains.make:close", "there is no operation 'domains.make': use clusters.list"),
        ("domains.create", "there is no fault '': use refuse"),
        ("domains.create:explode", "there is no fault 'explode': use refuse"),
        ("domains.create:close:nth=x", "nth=x is not a whole number"),
        ("domains.create:close:nth=none", "nth=None"),
        ("domains.create:close:applied=maybe", "applied=maybe is not true or false"),
        ("domains.create:slow-body:seconds=x", "seconds=x is not a number of seconds"),
        ("domains.create:close:size=1", "close does not take 'size': it takes none"),
        ("domains.create:close:nth", "nth= is not a whole number"),
        ("domains.list:late-commit", "late-commit does not fit domains.list: use"),
    ],
)
def test_a_fault_that_cannot_be_is_a_usage_error(argument, wanted, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--fault", argument])
    assert end.value.code == 2
    assert wanted in capsys.readouterr().err


def test_the_faults_are_listed(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--list-faults"])
    out, err = capsys.readouterr()
    assert (end.value.code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[::2]] == list(FAULTS)
    assert "applied: no, or as told; retry_after=1\n" in out


def test_the_help_says_how_to_ask_for_faults(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert "--fault domains.create:reset-after-applying:nth=3,times=2" in out
    assert "--list-faults" in out


def test_faults_of_the_command_line_happen():
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    arguments = [
        *("--fault", f"clusters.list:rate-limited:times=none,retry_after={date}"),
        *("--fault", "domains.create:json-500:applied=true"),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "unmta_async.sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        lines = [process.stdout.readline().split("=", 1)[1].strip() for _ in range(2)]
        served = Served(lines[0], lines[1].strip("'"))
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError) as error:
                fetch(served, "clusters.list")
            error.value.close()
            assert (error.value.code, error.value.headers["Retry-After"]) == (429, date)
        assert [fetched_status(served) for _ in range(2)] == [500, 422]
        process.terminate()
        assert process.communicate(timeout=10) == (
            "",
            "The unMTA sandbox is listening. Ctrl-C ends it.\n",
        )


class Served:
    def __init__(self, base_url, token):
        self.base_url, self.token = base_url, token

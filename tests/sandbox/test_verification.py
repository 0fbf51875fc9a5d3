"""Verification by DNS: what turns a domain verified, and how often it is looked for."""

import asyncio
import time

import pytest

from unmta_async.sandbox import Sandbox, State, rules
from unmta_async.sandbox.nameserver import NameServer
from unmta_async.sandbox.verifier import INTERVAL, Verifier, publishes

from .proofs import proves
from .test_http import DOMAINS, call, http, raw  # noqa: F401 - fixtures

A, E = "a1b2c3d4", "e5f6g7h8"
NAME = "unmta._domainkey.example.com."


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(verification="dns", clock=clock) as sandbox:
        yield sandbox


async def create(http, name="example.com"):  # noqa: F811
    _, created = await call(http, "POST", DOMAINS, {"name": name})
    return created["data"]


async def status(http, name="example.com"):  # noqa: F811
    _, shown = await call(http, "GET", f"{DOMAINS}/{name}")
    return shown["data"]["status"]


@proves(rules.DOMAIN_DNS)
async def test_a_domain_turns_verified_when_its_key_is_published(http, sandbox, clock):  # noqa: F811
    created = await create(http)
    assert created["status"] == "pending"
    sandbox.nameserver.publish(NAME, "TXT", created["dns_records"]["dkim"]["value"])
    assert await status(http) == "verified"
    sandbox.nameserver.withdraw(NAME)
    clock.advance(2 * INTERVAL)
    assert await status(http) == "verified"


@proves(rules.DOMAIN_DNS)
@pytest.mark.parametrize(
    ("text", "verified"),
    [
        ("p=KEY", True),
        ("v=DKIM1; k=rsa; p=KE Y ;", True),
        ("p=", False),
        ("p=KEYS", False),
        ("KEY", False),
        ('"p=KEY"', False),
        ("sp=KEY", False),
        ("", False),
        (";;=;", False),
    ],
)
def test_the_key_stands_in_the_tag_p(text, verified):
    assert publishes(text, "KEY") is verified


@proves(rules.DOMAIN_DNS_LOOKS)
async def test_the_dns_is_looked_at_at_once_and_then_every_five_seconds(http, sandbox, clock):  # noqa: F811
    created = await create(http)
    assert await status(http) == "pending"
    sandbox.nameserver.publish(NAME, "TXT", created["dns_records"]["dkim"]["value"])
    clock.advance(INTERVAL - 0.1)
    assert await status(http) == "pending"
    clock.advance(0.1)
    _, listed = await call(http, "GET", DOMAINS)
    assert listed["data"][0]["status"] == "verified"


async def test_a_key_that_another_has_verifies_nobody(http, sandbox):  # noqa: F811
    other = await create(http, "other.com")
    await create(http)
    sandbox.nameserver.publish(NAME, "TXT", other["dns_records"]["dkim"]["value"])
    assert await status(http) == "pending"


async def test_a_domain_that_is_made_anew_is_looked_for_anew(http, sandbox):  # noqa: F811
    await create(http)
    assert await status(http) == "pending"
    await call(http, "DELETE", f"{DOMAINS}/example.com")
    created = await create(http)
    sandbox.nameserver.publish(NAME, "TXT", created["dns_records"]["dkim"]["value"])
    assert await status(http, "EXAMPLE.com") == "verified"


async def test_what_is_not_there_is_answered_as_ever(http):  # noqa: F811
    assert (await call(http, "GET", f"{DOMAINS}/none.com"))[0] == 404
    assert (await call(http, "GET", "/clusters/none/domains"))[0] == 404


class Dns:
    """Answers that a test holds back, and how many were asked for at once."""

    def __init__(self, delay=0.0):
        self.asked, self.now, self.most = [], 0, 0
        self._delay = delay

    async def look_up(self, name):
        self.asked.append(name)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self._delay)
        self.now -= 1
        return ()


async def test_only_the_pending_are_looked_for_and_some_at_a_time(state):
    for number in range(100):
        for cluster in (A, E):
            state.add_domain(
                cluster, f"d{number}.com", status="pending" if number % 2 else "verified"
            )
    dns = Dns()
    async with Verifier(state, dns.look_up) as verifier:
        await asyncio.gather(*map(verifier.look, (A, A, E)), verifier.look(A, "d1.com"))
    pending = [f"unmta._domainkey.d{number}.com." for number in range(1, 100, 2)]
    assert sorted(dns.asked) == sorted(2 * pending)
    assert 1 < dns.most <= 32


async def test_nobody_waits_for_a_dns_that_does_not_answer(state):
    state.add_domain(A, "example.com")
    async with Verifier(state, Dns(60).look_up) as verifier:
        began = time.monotonic()
        await verifier.look(A)
        await verifier.look(A)
    assert time.monotonic() - began < 5


@proves(rules.DOMAIN_DNS)
async def test_a_key_that_was_found_too_late_verifies_nobody(state):
    state.add_domain(A, "example.com")
    key = state.pending(A)["example.com"]
    state.delete_domain(A, "example.com")
    state.confirm(A, "example.com", key)
    state.add_domain(A, "example.com")
    state.confirm(A, "example.com", key)
    state.confirm("none", "example.com", key)
    assert state.get_domain(A, "example.com")[1]["data"]["status"] == "pending"
    state.set_status(A, "example.com", "suspended")
    state.confirm(
        A, "example.com", state.get_domain(A, "example.com")[1]["data"]["dkim_public_key"]
    )
    assert state.get_domain(A, "example.com")[1]["data"]["status"] == "suspended"


@pytest.mark.parametrize("as_text", [True, False])
async def test_another_resolver_can_be_asked(as_text):
    async with NameServer() as server:
        resolver = f"127.0.0.1:{server.port}" if as_text else server.resolver()
        async with (
            Sandbox(verification="dns", resolver=resolver) as sandbox,
            sandbox.client() as client,
        ):
            created = await client.domains.create(A, name="example.com")
            server.publish(NAME, "TXT", created.dns_records.dkim.value)
            assert (await client.domains.get(A, "example.com")).status == "verified"
            with pytest.raises(RuntimeError, match="there is no name server"):
                _ = sandbox.nameserver


async def test_a_resolver_that_is_down_leaves_domains_pending():
    async with NameServer() as gone:
        resolver = f"127.0.0.1:{gone.port}"
    async with (
        Sandbox(verification="dns", resolver=resolver) as sandbox,
        sandbox.client() as client,
    ):
        await client.domains.create(A, name="example.com")
        assert (await client.domains.get(A, "example.com")).status == "pending"


_NO_RESOLVERS = [
    *("", "x", "127.0.0.1", "127.0.0.1:x", "ns.example.com:53"),
    *("127.0.0.1:65536", "127.0.0.1:0", "127.0.0.1:-1"),
]


@pytest.mark.parametrize("resolver", _NO_RESOLVERS)
def test_what_is_no_address_of_a_resolver(resolver):
    with pytest.raises(ValueError, match="is not the address of a resolver"):
        Sandbox(verification="dns", resolver=resolver)


def test_a_resolver_that_nobody_would_ask_is_refused():
    with pytest.raises(ValueError, match='verification="dns" only'):
        Sandbox(resolver="127.0.0.1:53")


@pytest.mark.parametrize("port", [1, 65535])
def test_any_port_may_be_that_of_a_resolver(port):
    Sandbox(verification="dns", resolver=f"127.0.0.1:{port}")


def test_a_thread_has_a_name_server_too():
    with Sandbox(verification="dns") as sandbox:
        sandbox.nameserver.publish("example.com", "TXT", "x")
        assert sandbox.nameserver.port > 0
    assert isinstance(sandbox.state, State)


def test_there_is_a_name_server_only_while_the_sandbox_runs():
    sandbox = Sandbox(verification="dns")
    for _ in range(2):
        with sandbox:
            assert sandbox.nameserver.port > 0
        with pytest.raises(RuntimeError, match="there is no name server"):
            _ = sandbox.nameserver


async def test_a_zone_file_can_be_posted(http, raw):  # noqa: F811
    created = await create(http)
    value = created["dns_records"]["dkim"]["value"]
    zone = f'{NAME} 60 IN TXT "{value[:200]}" "{value[200:]}"\n'
    async with raw.post("/__sandbox/dns", data=zone.encode()) as response:
        assert response.status == 204
    assert await status(http) == "verified"
    async with raw.post("/__sandbox/dns", data=b"nonsense") as response:
        assert response.status == 422
        assert "not a zone file" in (await response.json())["message"]


async def test_a_zone_file_in_an_unknown_charset_is_refused(raw):  # noqa: F811
    for charset, why in (("nope", "unknown encoding"), ("hex", "not a text encoding")):
        headers = {"Content-Type": f"text/plain; charset={charset}"}
        async with raw.post("/__sandbox/dns", data=b"x", headers=headers) as response:
            assert response.status == 422
            assert why in (await response.json())["message"]


async def test_domains_too_long_for_a_record_do_not_keep_the_others_from_a_look(
    http,  # noqa: F811
    sandbox,
    caplog,
):
    long = ".".join(["a" * 63] * 3)
    for number in range(40):
        await create(http, f"{long}.{'b' * 40}{number:02}.com")
    created = await create(http)
    sandbox.nameserver.publish(NAME, "TXT", created["dns_records"]["dkim"]["value"])
    _, listed = await call(http, "GET", DOMAINS)
    found = {domain["name"]: domain["status"] for domain in listed["data"]}
    assert found.pop("example.com") == "verified"
    assert set(found.values()) == {"pending"}
    assert not caplog.records


async def test_a_look_that_fails_is_logged_and_the_others_go_on(state, caplog):
    async def fail(name):
        asked.append(name)
        raise OverflowError("no such port")

    asked = []
    for number in range(100):
        state.add_domain(A, f"d{number}.com")
    async with Verifier(state, fail) as verifier:
        await verifier.look(A)
    assert len(asked) == len(caplog.records) == 100
    assert "unmta._domainkey.d0.com. cannot be looked up" in caplog.text


async def test_ten_thousand_pending_domains_are_listed_in_a_moment(clock):
    async with Sandbox(verification="dns", clock=clock) as sandbox, sandbox.client() as client:
        for number in range(10_000):
            sandbox.state.add_domain(A, f"d{number}.com")
        began = time.monotonic()
        assert len(await client.domains.list(A)) == 10_000
        assert time.monotonic() - began < 8

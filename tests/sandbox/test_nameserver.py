"""The name server, as a resolver and other servers meet it: over real sockets."""

import asyncio

import dns.asyncquery
import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import pytest

from unmta_async.sandbox.nameserver import NameServer


@pytest.fixture
async def server():
    async with NameServer() as server:
        yield server


async def texts(server, name):
    answer = await server.resolver().resolve(name, "TXT")
    return sorted(b"".join(data.strings).decode() for data in answer)


async def ask(server, name, kind="TXT", *, recursive=False):
    query = dns.message.make_query(name, kind)
    if not recursive:
        query.flags &= ~dns.flags.RD
    response, _ = await dns.asyncquery.udp_with_fallback(
        query, server.address, timeout=5, port=server.port
    )
    return response


async def test_what_is_published_is_answered(server):
    server.publish("a.example.com", "TXT", "one")
    server.publish("A.example.com.", "TXT", "two " * 100)
    server.publish("a.example.com.", "TXT", "one")
    assert await texts(server, "a.Example.com") == ["one", "two " * 100]
    server.withdraw("a.example.com", "TXT")
    with pytest.raises(dns.resolver.NoAnswer):
        await texts(server, "a.example.com")


async def test_what_nobody_published_does_not_exist(server):
    server.publish("a.b.example.com", "TXT", "x")
    for name in ("example.org", "z.a.b.example.com", "a.b.example"):
        with pytest.raises(dns.resolver.NXDOMAIN):
            await texts(server, name)
    with pytest.raises(dns.resolver.NoAnswer):
        await server.resolver().resolve("a.b.example.com", "MX")


async def test_a_name_above_others_exists_and_has_nothing(server):
    server.load("x.y IN 60 TXT here", zone="example.com")
    with pytest.raises(dns.resolver.NoAnswer):
        await texts(server, "y.example.com")
    server.withdraw("x.y.example.com")
    with pytest.raises(dns.resolver.NXDOMAIN):
        await texts(server, "y.example.com")


async def test_a_zone_file_is_served_as_it_is(server):
    server.load(
        "$ORIGIN example.com.\n@ 60 IN SOA ns1 me 7 1 1 1 1\n"
        "@ 60 IN NS ns1\nns1 60 IN A 192.0.2.1\n"
        'x 60 IN TXT "a;b" "c\\"d"\n'
    )
    assert await texts(server, "x.example.com") == ['a;bc"d']
    found = await server.resolver().resolve("example.com", "NS")
    assert [data.to_text() for data in found] == ["ns1.example.com."]
    assert (await server.resolver().resolve("example.com", "SOA"))[0].serial == 7


async def test_only_a_directive_tells_the_origin(server):
    server.load('; the $ORIGIN is left out\na.example.com. 60 IN TXT "$ORIGIN a."')
    assert await texts(server, "a.example.com") == ["$ORIGIN a."]
    server.load("; ours\n$origin example.com.\nb 60 IN TXT x")
    assert await texts(server, "b.example.com") == ["x"]
    assert await server.resolver().resolve("example.com", "SOA")


async def test_a_name_that_is_too_long_has_no_texts(server):
    for name in (".".join(["a" * 63] * 4), "a" * 64, "a..b"):
        assert await server.look_up(name) == []


@pytest.mark.parametrize("text", ["x", "x 60 IN NOTYPE y", "x 60 IN A nowhere", '"'])
def test_what_is_no_zone_file_is_refused(text):
    with pytest.raises(ValueError, match="not a zone file"):
        NameServer().load(text)


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [("a..b", "TXT", "x"), ("a.b", "NOTYPE", "x"), ("a.b", "A", "x"), ("x" * 64, "TXT", "x")],
)
def test_what_is_no_record_is_refused(name, kind, value):
    with pytest.raises(ValueError, match="cannot be published"):
        NameServer().publish(name, kind, value)


async def test_a_zone_without_a_head_is_given_one(server):
    server.publish("unmta._domainkey.m.example.com", "TXT", "x")
    response = await ask(server, "m.example.com", "NS")
    assert response.flags & dns.flags.AA
    host = str(response.answer[0][0].target)
    found = await server.resolver().resolve(host, "A")
    assert [data.address for data in found] == [server.address]
    with pytest.raises(dns.resolver.NoAnswer):
        await server.resolver().resolve("example.com", "SOA")


async def test_a_head_of_its_own_replaces_the_one_that_a_zone_was_given(server):
    server.publish("example.com", "TXT", "x")
    server.load("@ 60 IN SOA ns1 me 7 1 1 1 1", zone="example.com")
    assert [data.serial for data in await server.resolver().resolve("example.com", "SOA")] == [7]


async def test_a_zone_without_its_head_is_gone(server):
    server.load("a 60 IN TXT x\n*.w 60 IN TXT y", zone="example.com")
    for name in ("example.com", "."):
        server.withdraw(name)
    response = await ask(server, "b.example.com")
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert str(response.authority[0].name) == "."
    assert await texts(server, "a.example.com") == ["x"]


async def test_aliases_are_followed_and_loops_end(server):
    server.publish("a.example.com", "CNAME", "b.example.com.")
    server.publish("b.example.com", "TXT", "there")
    assert await texts(server, "a.example.com") == ["there"]
    server.publish("a.example.com", "CNAME", "c.example.com.")  # a name has one alias
    server.publish("c.example.com", "TXT", "elsewhere")
    assert await texts(server, "a.example.com") == ["elsewhere"]
    server.publish("l1.example.com", "CNAME", "l2.example.com.")
    server.publish("l2.example.com", "CNAME", "l1.example.com.")
    assert await server.look_up("l1.example.com") == []
    assert (await ask(server, "a.example.com", "CNAME")).answer[0][0].to_text() == "c.example.com."


async def test_a_wildcard_stands_in_for_what_is_not_there(server):
    server.load("*.w 60 IN TXT wild\nown.w 60 IN TXT own", zone="example.com")
    assert await texts(server, "any.w.example.com") == ["wild"]
    assert await texts(server, "far.any.w.example.com") == ["wild"]
    assert await texts(server, "own.w.example.com") == ["own"]
    with pytest.raises(dns.resolver.NXDOMAIN):
        await texts(server, "x.own.w.example.com")


async def test_whoever_asks_for_no_recursion_is_referred_to_the_servers_below(server):
    server.load("m 60 IN NS ns.m\nns.m 60 IN A 127.0.0.2", zone="example.com")
    response = await ask(server, "x.m.example.com")
    assert not response.flags & dns.flags.AA
    assert response.authority[0].to_text() == "m.example.com. 60 IN NS ns.m.example.com."
    assert response.additional[0].to_text() == "ns.m.example.com. 60 IN A 127.0.0.2"
    recursive = await ask(server, "ns.m.example.com", "A", recursive=True)
    assert recursive.answer[0][0].address == "127.0.0.2"


async def test_what_is_too_long_for_a_datagram_comes_over_tcp(server):
    for number in range(20):
        server.publish("big.example.com", "TXT", f"{number:03}" * 80)
    assert len(await texts(server, "big.example.com")) == 20
    query = dns.message.make_query("big.example.com", "TXT")
    short = await dns.asyncquery.udp(query, server.address, port=server.port, timeout=5)
    assert short.flags & dns.flags.TC


async def test_rubbish_is_not_answered_and_ends_nothing(server):
    reader, writer = await asyncio.open_connection(server.address, server.port)
    writer.write(b"\x00\x03abc")
    await writer.drain()
    query = dns.message.make_query("example.com", "TXT").to_wire()
    for byte in len(query).to_bytes(2) + query:
        writer.write(bytes([byte]))
    size = int.from_bytes(await reader.readexactly(2))
    response = dns.message.from_wire(await reader.readexactly(size))
    assert response.rcode() == dns.rcode.NXDOMAIN
    writer.close()
    await writer.wait_closed()


async def test_a_taken_port_is_told(server):
    with pytest.raises(OSError, match="in use"):
        async with NameServer(port=server.port):
            pass


def test_without_running_it_has_no_port():
    with pytest.raises(RuntimeError, match="does not run"):
        _ = NameServer().port

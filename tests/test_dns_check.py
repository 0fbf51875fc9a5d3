"""What `check` says of records: every cause, against name servers on loopback."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from itertools import permutations
from typing import Self, get_args

import attrs
import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from unmta_async import UsageError
from unmta_async._convert import reader
from unmta_async.dns import Checker, Finding, Record, _ask, check, records, render
from unmta_async.dns._judge import Status
from unmta_async.dns._verdict import (
    Clues,
    Failure,
    Look,
    conclude,
    explain,
    may_be_wildcard,
    needs_clues,
    verdict,
)
from unmta_async.models import DomainDetail
from unmta_async.sandbox.nameserver import NameServer

P = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 12 + "MIIBIjAN"
KEY = f"p={P}"
DMARC = "v=DMARC1; p=reject; adkim=s; aspf=r"
AT = "unmta._domainkey.example.com."
SHORT = 0.2  # seconds, where nobody answers


def domain(name: str = "example.com", **more: dict[str, str]) -> DomainDetail:
    entries = {
        "dkim": {"type": "TXT", "name": "unmta._domainkey", "value": KEY},
        "dmarc": {"type": "TXT", "name": "_dmarc", "value": DMARC},
        **more,
    }
    times = {"created_at": "2025-01-15T10:30:00Z", "updated_at": "2025-01-15T10:30:00Z"}
    whole = {"name": name, "status": "pending", "dkim_public_key": P, "dns_records": entries}
    return reader(DomainDetail)(json.dumps(whole | times).encode())


DKIM_RECORD, DMARC_RECORD = records(domain())


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with NameServer() as server:
        server.load("", zone="example.com")
        yield server


async def found(
    server: NameServer, name: str = "example.com", timeout: float = 5.0
) -> tuple[Finding, Finding]:
    dkim, dmarc = await check(domain(name), resolver=server.resolver(), timeout=timeout)
    return dkim, dmarc


# What is right.


async def test_what_render_writes_is_ok(server: NameServer) -> None:
    server.load(render(records(domain()), "bind"))
    findings = await found(server)
    assert [finding.status for finding in findings] == ["ok", "ok"]
    assert [finding.seen for finding in findings] == [(KEY,), (DMARC,)]
    assert [finding.advice for finding in findings] == ["", ""]
    assert [finding.record for finding in findings] == [DKIM_RECORD, DMARC_RECORD]
    assert str(findings[0]) == f"TXT {AT} ok"


async def test_further_records_are_checked_too(server: NameServer) -> None:
    more = {
        "spf": {"type": "TXT", "name": "@", "value": "v=spf1 -all"},
        "host": {"type": "CNAME", "name": "track", "value": "c-1.unmta.net"},
        "mail": {"type": "MX", "name": "m", "value": "10 mx.unmta.net."},
    }
    server.publish("example.com", "TXT", "google-site-verification=1")
    wanted = domain(**more)
    *_, spf, host, mail = await check(wanted, resolver=server.resolver())
    assert [one.status for one in (spf, host, mail)] == ["missing", "missing", "missing"]
    server.publish("example.com", "TXT", "v=spf1 -all")
    server.publish("track.example.com", "CNAME", "c-1.UNMTA.net.")
    server.publish("m.example.com", "MX", "20 mx.unmta.net.")
    *_, spf, host, mail = await check(wanted, resolver=server.resolver())
    assert [one.status for one in (spf, host, mail)] == ["ok", "ok", "differs"]


# One value, and what it is.

DKIM = {
    KEY: "ok",
    f"v=DKIM1; k=rsa; {KEY}": "ok",
    f"v=DKIM1;k=rsa;{KEY};": "ok",
    f"v = DKIM1 ; p = {P[:100]} {P[100:]}": "ok",
    f"{KEY}; t=s; n=a note; h=sha1:sha256; s=email": "ok",
    f"{KEY}; unheard=of": "ok",
    "p=MIIBother": "differs: its tag p is another key",
    "v=DKIM1; k=rsa; p=": "differs: revokes",
    "p=": "differs: revokes",
    f"v=DKIM2; {KEY}": "differs: its tag v is 'DKIM2', not DKIM1",
    f"{KEY}; v=DKIM1": "differs: v does not come first",
    f"k=ed25519; {KEY}": "differs: its tag k is 'ed25519', not rsa",
    f"{KEY}; h=sha1": "differs: its tag h is 'sha1', not sha256",
    f"{KEY}; s=other": "differs: its tag s is 'other', not * or email",
    P: "differs: not a list of tags",
    f"{KEY}; {KEY}": "differs: not a list of tags",
    "v=DKIM1": "differs: no tag p",
    "v=spf1 -all": "differs: ",
    "": "differs: no tag p",
    KEY[:255]: "truncated: (255 characters of 394)",
    KEY[:-1]: "truncated",
    f"v=DKIM1; k=rsa; {KEY[:239]}": "truncated",
    f'"{KEY[:255]}" "{KEY[255:]}"': "quoted",
    f'"{KEY}"': "quoted",
    f"'{KEY}'": "quoted",
    f'"v=DKIM1; k=rsa; {KEY}"': "quoted",
    f"v=DKIM1\\; k=rsa\\; {KEY}": "quoted",
    f'"{KEY[:254]}': "quoted",
    '"p=other"': "differs: ",
}


@pytest.mark.parametrize(("value", "expected"), DKIM.items())
def test_a_dkim_record_is_compared_by_tag(value: str, expected: str) -> None:
    status, advice = verdict(DKIM_RECORD, Look(values=(value,)))
    wanted, _, part = expected.partition(": ")
    assert status == wanted
    assert part in advice
    assert (status == "ok") is (advice == "")


DMARCS: dict[tuple[str, ...], str] = {
    (): "missing",
    (DMARC,): "ok",
    ("v=DMARC1;p=reject;aspf=r;adkim=s;",): "ok",
    ("v=DMARC1; P=Reject; adkim=s",): "ok",
    (f"{DMARC}; rua=mailto:o'neil@example.com; pct=100",): "ok",
    (DMARC, "v=spf1 -all", "something else"): "ok",
    ("v=spf1 -all", "google-site-verification=1", "up=rejected"): "missing",
    ("v=spf1 -all", "v=dmarc1; p=reject"): "differs: does not begin with v=DMARC1",
    ("v=DMARC12; p=none",): "differs: publish no second one",
    ("p=reject",): "differs: publish no second one",
    (" v=DMARC1; p=none",): "differs: publish no second one",
    ("V=DMARC1; p=reject; adkim=s",): "ok",
    ("V = DMARC1; p=none",): "differs: keep it",
    (f'{DMARC}; rua=mailto:"a"@example.com',): "ok",
    ('v=DMARC1; p=none; rua=mailto:"a"@example.com',): "differs: keep it",
    ('v=DMARC1; p=reject; adkim="s"',): "quoted: take them out",
    ("v=DMARC1; p=none; rua=mailto:a@example.com",): "differs: p=none: mail that fails",
    ("v=DMARC1; p=quarantine; adkim=s",): "differs: p=quarantine",
    ("v=DMARC1; p=reject",): "differs: adkim=r",
    ("v=DMARC1; p=reject; adkim=s; sp=none",): "differs: sp=none",
    ("v=DMARC1; p=reject; adkim=s; pct=10",): "differs: pct=10",
    ("v=DMARC1",): "truncated",
    ("v=DMARC1; p=all",): "differs: no valid policy",
    ("v=DMARC1; rubbish",): "differs: no valid policy",
    ("v=DMARC1; p=rej",): "truncated",
    (DMARC, "v=DMARC1; p=none"): "multiple: ignore all",
    (f'"{DMARC}"',): "quoted",
    (DMARC.replace(";", "\\;"),): "quoted",
    ('"v=DMARC1; p=none"',): "quoted",
}


@pytest.mark.parametrize(("values", "expected"), DMARCS.items())
def test_a_dmarc_record_is_compared_by_policy(values: tuple[str, ...], expected: str) -> None:
    status, advice = verdict(DMARC_RECORD, Look(values=values))
    wanted, _, part = expected.partition(": ")
    assert status == wanted
    assert part in advice
    assert ("publish it" in advice) is (status == "missing")


@pytest.mark.parametrize("value", ["v=DMARC1; p=none", "v=DMARC1; p=reject", f"{DMARC}; pct=5"])
async def test_a_dmarc_policy_that_is_there_is_to_be_kept(server: NameServer, value: str) -> None:
    server.publish("_dmarc.example.com", "TXT", value)
    _, dmarc = await found(server)
    assert (dmarc.status, dmarc.seen) == ("differs", (value,))
    assert dmarc.advice.startswith("keep it")
    assert "replace" not in dmarc.advice
    assert "publish it" not in dmarc.advice


@pytest.mark.parametrize("values", [(KEY, "p=other"), (KEY, "v=spf1 -all")])
async def test_two_keys_at_a_selector_are_one_too_many(
    server: NameServer, values: Sequence[str]
) -> None:
    for value in values:
        server.publish(AT, "TXT", value)
    dkim, _ = await found(server)
    assert (dkim.status, dkim.seen) == ("multiple", tuple(sorted(values)))
    assert "several clusters" in dkim.advice


async def test_a_key_in_pieces_is_several_records(server: NameServer) -> None:
    server.publish(AT, "TXT", KEY[255:])
    server.publish(AT, "TXT", KEY[:255])
    dkim, _ = await found(server)
    assert dkim.status == "multiple"
    assert "the strings of one record" in dkim.advice


# Where it stands.


async def test_nothing_there_is_missing_and_the_zone_is_named(server: NameServer) -> None:
    dkim, dmarc = await found(server, "m.example.com")
    assert (dkim.status, dkim.seen) == ("missing", ())
    assert "as unmta._domainkey.m in the zone example.com" in dkim.advice
    assert dmarc.status == "missing"
    assert dmarc.advice == (
        "publish it, as _dmarc.m in the zone example.com; "
        "if example.com is not your zone, the domain is not delegated yet"
    )


async def test_a_name_with_others_below_it_is_missing_too(server: NameServer) -> None:
    server.publish(f"below.{AT}", "TXT", KEY)
    dkim, _ = await found(server)
    assert dkim.status == "missing"


async def test_a_missing_dmarc_record_may_be_inherited(server: NameServer) -> None:
    server.publish("_dmarc.example.com", "TXT", "v=DMARC1; p=none")
    _, dmarc = await found(server, "a.m.example.com")
    assert dmarc.status == "missing"
    assert dmarc.advice.endswith("until then the record of example.com counts: v=DMARC1; p=none")
    server.withdraw("_dmarc.example.com")
    server.publish("_dmarc.m.example.com", "TXT", "v=DMARC1; p=none")
    _, dmarc = await found(server, "a.m.example.com")
    assert "counts" not in dmarc.advice


async def test_a_doubled_name_is_found(server: NameServer) -> None:
    server.publish(f"{AT}example.com", "TXT", KEY)
    server.publish("_dmarc.m.example.com.example.com", "TXT", DMARC)
    dkim, _ = await found(server)
    assert dkim.status == "doubled-name"
    assert "stands at unmta._domainkey.example.com.example.com:" in dkim.advice
    assert "enter it as unmta._domainkey in the zone example.com" in dkim.advice
    _, dmarc = await found(server, "m.example.com")
    assert dmarc.status == "doubled-name"


async def test_a_record_placed_as_if_the_domain_were_the_zone_is_found(server: NameServer) -> None:
    server.publish(AT, "TXT", KEY)
    dkim, _ = await found(server, "m.example.com")
    assert dkim.status == "missing"
    assert "it stands at unmta._domainkey.example.com, where it does not count" in dkim.advice
    server.withdraw(AT)
    server.publish(AT, "TXT", "p=another")
    dkim, _ = await found(server, "m.example.com")
    assert "stands" not in dkim.advice


async def test_a_wildcard_is_no_record_of_its_own(server: NameServer) -> None:
    server.publish("*.example.com", "TXT", "v=spf1 -all")
    dkim, dmarc = await found(server)
    assert (dkim.status, dkim.seen) == ("missing", ("v=spf1 -all",))
    assert "wildcard" in dkim.advice
    assert dmarc.status == "missing"
    server.publish(AT, "TXT", "v=spf1 -all")
    dkim, _ = await found(server)
    assert dkim.status == "differs"


async def test_a_policy_by_wildcard_counts(server: NameServer) -> None:
    server.publish("*.example.com", "TXT", "v=DMARC1; p=none")
    _, dmarc = await found(server)
    assert dmarc.status == "differs"


async def test_an_alias_to_the_right_record_is_ok(server: NameServer) -> None:
    server.publish(AT, "CNAME", "key.example.net.")
    server.publish("key.example.net", "CNAME", "deep._domainkey.example.org.")
    server.publish("deep._domainkey.example.org", "TXT", KEY)
    server.publish("_dmarc.example.com", "CNAME", "policy.example.net.")
    server.publish("policy.example.net", "TXT", "v=DMARC1; p=none")
    dkim, dmarc = await found(server)
    assert (dkim.status, dkim.seen) == ("ok", (KEY,))
    assert (dmarc.status, dmarc.advice[:7]) == ("differs", "keep it")


@pytest.mark.parametrize("value", ["p=another", "v=spf1 -all", None])
async def test_any_other_alias_is_in_the_way(server: NameServer, value: str | None) -> None:
    for name in (AT, "_dmarc.example.com"):
        server.publish(name, "CNAME", "www.example.net.")
    server.load("", zone="example.net")
    if value is not None:
        server.publish("www.example.net", "TXT", value)
    dkim, dmarc = await found(server)
    assert (dkim.status, dmarc.status) == ("cname", "cname")
    assert "leads to www.example.net" in dkim.advice


async def test_an_alias_by_wildcard_is_not_in_the_way(server: NameServer) -> None:
    server.publish("*.example.com", "CNAME", "www.example.net.")
    dkim, dmarc = await found(server)
    assert (dkim.status, dmarc.status) == ("missing", "missing")
    assert "wildcard" in dkim.advice


@pytest.mark.parametrize(
    "targets", [[AT], ["a.example.com."], ["a.example.net.", "b.example.com."]], ids=len
)
async def test_aliases_in_a_circle_are_to_be_removed(
    server: NameServer, targets: list[str]
) -> None:
    server.load("", zone="example.net")
    names = [AT, *targets]
    for name, target in zip(names, [*names[1:], AT], strict=True):
        server.publish(name, "CNAME", target)
    dkim, _ = await found(server)
    assert dkim.status == "cname"
    assert f"leads to {names[1][:-1]}, which leads back to itself: remove it" in dkim.advice


@pytest.mark.parametrize("name", ["nobody.com", "nobody.co.uk"])
async def test_a_domain_that_is_not_registered_is_not_delegated(
    server: NameServer, name: str
) -> None:
    server.load("", zone="co.uk")
    dkim, dmarc = await found(server, name)
    assert (dkim.status, dmarc.status) == ("not-delegated", "not-delegated")


async def test_a_domain_with_a_zone_is_delegated_whatever_its_name(server: NameServer) -> None:
    server.load("", zone="net.io")
    dkim, _ = await found(server, "net.io")
    assert dkim.status == "missing"


async def test_an_alias_at_the_domain_itself_leads_nobody_astray(server: NameServer) -> None:
    server.load("", zone="example.net")
    server.publish("m.example.com", "CNAME", "www.example.net.")
    server.publish("www.example.net", "A", "192.0.2.1")
    server.publish("unmta._domainkey.m.example.com", "TXT", KEY)
    dkim, dmarc = await found(server, "m.example.com")
    assert dkim.status == "ok"
    assert "as _dmarc.m in the zone example.com;" in dmarc.advice


async def test_several_policies_behind_an_alias_are_to_be_kept(server: NameServer) -> None:
    server.publish("_dmarc.example.com", "CNAME", "policy.example.net.")
    for value in ("v=DMARC1; p=none", DMARC):
        server.publish("policy.example.net", "TXT", value)
    _, dmarc = await found(server)
    assert dmarc.status == "multiple"
    assert "remove it" not in dmarc.advice


async def test_a_zone_without_name_servers_is_not_delegated(server: NameServer) -> None:
    server.withdraw("example.com", "NS")
    dkim, _ = await found(server)
    assert dkim.status == "not-delegated"


@pytest.mark.parametrize("zone", ["unmta._domainkey.example.com", "_domainkey.example.com"])
async def test_a_zone_below_the_domain_is_followed(server: NameServer, zone: str) -> None:
    server.load("", zone=zone)
    server.publish(AT, "TXT", KEY)
    dkim, _ = await found(server)
    assert dkim.status == "ok"


# Several servers, and servers in trouble.


class Trouble(NameServer):
    """A name server that authoritative questions find in trouble."""

    def __init__(self, address: str, port: int, trouble: str) -> None:
        super().__init__(address, port)
        self.trouble = trouble
        self.asked: Counter[str] = Counter()

    def respond(self, query: dns.message.Message) -> dns.message.Message | None:
        self.asked[str(query.question[0].name)] += 1
        response = super().respond(query)
        assert response is not None
        if query.flags & dns.flags.RD:
            return response
        return self.in_trouble(query, response)

    def lead_on(self, response: dns.message.Message) -> None:
        """Give any name an alias that no other server gives it, nor this one again."""
        name = response.question[0].name
        target = f"x{self.asked.total()}-{self.address}.example.com."
        response.answer[:] = [dns.rrset.from_text(name, 1, "IN", "CNAME", target)]

    def in_trouble(
        self, query: dns.message.Message, response: dns.message.Message
    ) -> dns.message.Message | None:
        match self.trouble:
            case "silent":
                return None
            case "lost" if sum(self.asked.values()) == 1:
                return None
            case "servfail" | "refused":
                response.answer.clear()
                response.set_rcode(dns.rcode.from_text(self.trouble))
            case "no-edns" if query.edns >= 0:
                response = dns.message.make_response(query)
                response.use_edns(False)
                response.set_rcode(dns.rcode.FORMERR)
            case "aliases":
                self.lead_on(response)
            case "cache":
                response.flags &= ~dns.flags.AA
            case _:
                pass
        return response


class Servers:
    """A resolver, and as many authoritative servers of example.com as there are troubles."""

    def __init__(self, *troubles: str) -> None:
        self._troubles = troubles
        self._stack = AsyncExitStack()
        self.all: list[Trouble] = []

    async def __aenter__(self) -> Self:
        self.resolver = await self._stack.enter_async_context(NameServer())
        head = "@ 60 IN SOA ns1 me 7 1 1 1 1\n"
        for number, trouble in enumerate(self._troubles, 2):
            head += f"@ 60 IN NS ns{number}\nns{number} 60 IN A 127.0.0.{number}\n"
            server = Trouble(f"127.0.0.{number}", self.resolver.port, trouble)
            self.all.append(await self._stack.enter_async_context(server))
        for one in (self.resolver, *self.all):
            one.load(head, zone="example.com")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def dkim(self, timeout: float = 5.0) -> Finding:
        return (await found(self.resolver, timeout=timeout))[0]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("silent", "ns2.example.com did not answer within 0.2 seconds"),
        ("servfail", "ns2.example.com answers SERVFAIL"),
        ("refused", "ns2.example.com answers REFUSED"),
        ("cache", "ns2.example.com is not responsible for the zone"),
    ],
)
async def test_a_failure_to_ask_is_never_missing(trouble: str, said: str) -> None:
    async with Servers(trouble) as servers:
        dkim = await servers.dkim(SHORT)
    assert (dkim.status, dkim.seen) == ("unreachable", ())
    assert "ask again later" in dkim.advice
    assert said in dkim.advice


async def test_nobody_at_the_address_is_unreachable() -> None:
    async with Servers("") as servers:
        await servers.all[0].__aexit__()
        assert (await servers.dkim(SHORT)).status == "unreachable"


async def test_a_resolver_that_is_down_is_unreachable() -> None:
    async with NameServer() as gone:
        resolver = gone.resolver()
    for finding in await check(domain(), resolver=resolver, timeout=SHORT):
        assert finding.status == "unreachable"
        assert "the resolver" in finding.advice


async def test_a_delegation_to_nobody_is_to_be_corrected(server: NameServer) -> None:
    server.withdraw("example.com", "NS")
    for host in ("nowhere", "never"):
        server.publish("example.com", "NS", f"{host}.example.net.")
    dkim, _ = await found(server)
    assert dkim.status == "not-delegated"
    assert dkim.advice.startswith("correct the delegation")
    assert "nowhere.example.net has no address" in dkim.advice
    server.publish("example.com", "NS", "ns.sandbox.invalid.")
    dkim, _ = await found(server)
    assert dkim.status == "missing"


async def test_an_alias_into_a_zone_of_nobody_is_in_the_way(server: NameServer) -> None:
    server.load("@ 60 IN NS nowhere.example.org.", zone="example.net")
    server.publish(AT, "CNAME", "key.example.net.")
    dkim, _ = await found(server)
    assert dkim.status == "cname"


async def test_what_a_resolver_keeps_does_not_count() -> None:
    async with Servers("") as servers:
        servers.resolver.publish(AT, "TXT", KEY)
        assert (await servers.dkim()).status == "missing"
        servers.resolver.withdraw(AT)
        servers.all[0].publish(AT, "TXT", KEY)
        assert (await servers.dkim()).status == "ok"


async def test_a_lost_datagram_is_sent_again() -> None:
    async with Servers("lost") as servers:
        servers.all[0].publish(AT, "TXT", KEY)
        checker = Checker(resolver=servers.resolver.resolver(), timeout=1)
        dkim, _ = await checker.check(domain())
    assert dkim.status == "ok"
    assert max(servers.all[0].asked.values()) == 2


async def test_servers_that_disagree_are_told_apart() -> None:
    async with Servers("", "") as servers:
        servers.all[0].publish(AT, "TXT", KEY)
        dkim = await servers.dkim()
        assert (dkim.status, dkim.seen) == ("differs", (KEY,))
        assert "ok at ns2.example.com, missing at ns3.example.com" in dkim.advice
        assert "wait" in dkim.advice
        assert "publish" not in dkim.advice
        servers.all[1].publish(AT, "TXT", KEY)
        assert (await servers.dkim()).status == "ok"


async def test_one_server_that_answers_is_enough_and_others_are_mentioned() -> None:
    async with Servers("servfail", "") as servers:
        dkim = await servers.dkim()
        assert dkim.status == "missing"
        assert "ns2.example.com answers SERVFAIL" in dkim.advice
        servers.all[1].publish(AT, "TXT", KEY)
        dkim = await servers.dkim()
        assert (dkim.status, dkim.advice) == ("ok", "")
        assert dkim.note == "ns2.example.com answers SERVFAIL"
        assert str(dkim).endswith("ok (ns2.example.com answers SERVFAIL)")


@pytest.mark.parametrize("value", ["v=DMARC1; p=none", DMARC])
async def test_a_policy_that_one_server_has_is_never_published_again(value: str) -> None:
    for holder in (0, 1):
        async with Servers("", "") as servers:
            servers.all[holder].publish("_dmarc.example.com", "TXT", value)
            _, dmarc = await found(servers.resolver)
        assert (dmarc.status, dmarc.seen) == ("differs", (value,))
        assert "wait until all are up to date" in dmarc.advice
        assert "publish it" not in dmarc.advice


ALIAS = Look(alias="x.example.net.")
NONE = Look(values=("v=DMARC1; p=none",))
QUOTED = Look(values=(f'"{DMARC}"',))


@pytest.mark.parametrize(
    ("looks", "status"),
    [
        ([Look(), NONE], "differs"),
        ([Look(), QUOTED, Look(values=(DMARC,))], "quoted"),
        ([Look(), QUOTED, NONE], "differs"),
        ([Look(), ALIAS], "cname"),
        ([ALIAS, NONE, Look()], "differs"),
        ([Look(), Look(values=(*NONE.values, DMARC)), NONE], "multiple"),
    ],
)
def test_of_servers_that_disagree_whoever_has_something_counts(
    looks: list[Look], status: str
) -> None:
    told = [(f"ns{number}", look) for number, look in enumerate(looks)]
    for order in permutations(told):
        finding = conclude(DMARC_RECORD, order)
        assert finding.status == status
        assert "publish" not in finding.advice.replace("publish no second one", "")


async def test_a_key_that_is_marked_as_a_test_is_ok_and_it_is_said(server: NameServer) -> None:
    server.publish(AT, "TXT", f"{KEY}; t=s : y")
    dkim, _ = await found(server)
    assert (dkim.status, dkim.advice) == ("ok", "")
    assert "t=y marks it as a test" in dkim.note


async def test_a_server_without_edns_is_asked_without() -> None:
    async with Servers("no-edns") as servers:
        servers.all[0].publish(AT, "TXT", KEY)
        assert (await servers.dkim()).status == "ok"


async def test_aliases_without_end_are_given_up() -> None:
    async with Servers("aliases", "aliases", "aliases") as servers:
        dkim = await servers.dkim()
        assert sum(one.asked.total() for one in servers.all) <= 2 * _ask._QUESTIONS
    assert dkim.status == "unreachable"
    assert "it takes more than 100 questions to find out" in dkim.advice


async def test_a_name_is_asked_for_once_for_a_record_however_it_is_reached() -> None:
    async with Servers("", "") as servers:
        for server, first in zip(servers.all, ("a", "b"), strict=True):
            server.publish(AT, "CNAME", f"{first}.example.com.")
            for one in "ab":
                server.publish(f"{one}.example.com", "CNAME", "c.example.com.")
            server.publish("c.example.com", "TXT", KEY)
        assert (await servers.dkim()).status == "ok"
        assert [one.asked["c.example.com."] for one in servers.all] == [1, 1]


async def test_a_third_alias_of_a_name_is_not_followed() -> None:
    async with Servers("", "", "") as servers:
        for server, label in zip(servers.all, "abc", strict=True):
            server.publish(AT, "CNAME", f"{label}.example.com.")
            server.publish("a.example.com", "TXT", KEY)
        dkim = await servers.dkim()
    assert "alias to c.example.com., which is one too many" in dkim.advice


async def test_there_is_an_end_to_the_time_for_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ask, "_PATIENCE", 0.5)
    async with Servers("silent") as servers:
        dkim = await servers.dkim(SHORT)
    assert dkim.status == "unreachable"
    assert "it takes more than 0.1 seconds to find out" in dkim.advice


async def test_the_addresses_of_a_server_share_its_time(server: NameServer) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(9)]
        for number, one in enumerate(silent, 1):
            one.setblocking(False)
            one.bind((f"127.9.0.{number}", server.port))
            server.publish("ns.example.net", "A", f"127.9.0.{number}")
        server.withdraw("example.com", "NS")
        server.publish("example.com", "NS", "ns.example.net.")
        dkim, _ = await found(server, timeout=SHORT)
        asked = [one for one in silent if select.select([one], [], [], 0)[0]]
    assert "did not answer within 0.0" in dkim.advice
    assert len(asked) == 4


async def test_a_zone_of_many_servers_is_not_asked_at_all_of_them(server: NameServer) -> None:
    for number in range(20):
        server.publish("example.com", "NS", f"n{number}.example.net.")
        server.publish(f"n{number}.example.net", "A", server.address)
    server.publish(AT, "TXT", "p=")
    asked: Counter[str] = Counter()
    respond = server.respond

    def count(query: dns.message.Message) -> dns.message.Message | None:
        asked[str(query.question[0].name)] += not query.flags & dns.flags.RD
        return respond(query)

    server.respond = count  # type: ignore[method-assign]
    await found(server)
    assert asked[AT] == 13


class Unlucky(NameServer):
    """A resolver, and server, that some names are too much for."""

    def __init__(self, *names: str, rcode: str = "") -> None:
        super().__init__()
        self.names = names
        self.rcode = rcode

    def respond(self, query: dns.message.Message) -> dns.message.Message | None:
        recursive = query.flags & dns.flags.RD
        if not recursive or str(query.question[0].name) not in self.names:
            return super().respond(query)
        if not self.rcode:
            return None
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.from_text(self.rcode))
        return response


async def test_what_failed_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ask, "_FAILURES_LAST", 0.0)
    for name in ("example.com.", "ns.sandbox.invalid."):
        async with Unlucky(name) as server:
            server.load(render(records(domain()), "bind"))
            checker = Checker(resolver=server.resolver(), timeout=SHORT)
            dkim, _ = await checker.check(domain())
            assert dkim.status == "unreachable"
            assert "has no address" not in dkim.advice
            server.names = ()
            dkim, _ = await checker.check(domain())
            assert dkim.status == "ok"


async def test_a_server_that_was_given_up_is_tried_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_ask, "_PROBE", 0.1)
    async with Servers("silent") as servers:
        servers.all[0].publish(AT, "TXT", KEY)
        checker = Checker(resolver=servers.resolver.resolver(), timeout=0.05)
        dkims = [(await checker.check(domain()))[0] for _ in range(6)]
        assert "did not answer the questions before" in dkims[-1].advice
        servers.all[0].trouble = ""
        await asyncio.sleep(0.15)
        checker._asker.timeout = 5
        await checker.check(domain())  # one of its questions tries whether somebody is back
        assert [each.status for each in await checker.check(domain())] == ["ok", "missing"]


async def test_a_domain_that_the_resolver_fails_at_is_found_from_above() -> None:
    async with Unlucky("example.com.", rcode="SERVFAIL") as server:
        server.load("@ 60 IN NS ns.sandbox.invalid.", zone="com")
        server.publish("example.com", "NS", "nowhere.example.net.")
        server.withdraw("example.com", "SOA")
        dkim, _ = await found(server)
    assert dkim.status == "not-delegated"
    assert "nowhere.example.net has no address" in dkim.advice


async def test_a_zone_with_the_servers_of_its_parent_is_found_in_any_order(
    server: NameServer,
) -> None:
    server.load("", zone="m.example.com")
    server.publish("unmta._domainkey.m.example.com.m.example.com", "TXT", KEY)
    domains = [domain("example.com"), domain("m.example.com")]
    for order in (domains, domains[::-1]):
        checker = Checker(resolver=server.resolver())
        findings = {each.name: await checker.check(each) for each in order}
        dkim, dmarc = findings["m.example.com"]
        assert dkim.status == "doubled-name"
        assert "as unmta._domainkey in the zone m.example.com" in dkim.advice
        assert dmarc.advice == "publish it, as _dmarc in the zone m.example.com"


async def test_a_zone_below_the_domain_is_where_to_publish(server: NameServer) -> None:
    server.load("", zone="_domainkey.example.com")
    dkim, _ = await found(server)
    assert dkim.advice == "publish it, as unmta in the zone _domainkey.example.com"


@pytest.mark.parametrize(
    ("name", "zone", "is_sure"),
    [
        ("foo.me.uk", "me.uk", False),
        ("m.example.com", "example.com", False),
        ("foo.me.uk", "foo.me.uk", True),
        ("münchen.de", "xn--mnchen-3ya.de", True),
    ],
)
async def test_a_zone_that_may_be_somebody_elses_is_no_place_to_publish(
    server: NameServer, name: str, zone: str, is_sure: bool
) -> None:
    server.load("", zone=zone)
    for finding in await found(server, name):
        assert finding.status == "missing"
        assert f"in the zone {zone}" in finding.advice
        assert ("is not your zone" not in finding.advice) is is_sure


async def test_a_delegation_is_followed_to_where_it_leads() -> None:
    async with Servers("", "") as servers:
        parent, child = servers.all
        cut = "m 60 IN NS ns3"
        for one in (servers.resolver, parent):
            one.load(cut, zone="example.com")
        child.load("@ 60 IN NS ns3.example.com.", zone="m.example.com")
        child.publish("unmta._domainkey.m.example.com", "TXT", KEY)
        for one in (servers.resolver, parent):
            one.withdraw("example.com", "NS")
            one.publish("example.com", "NS", "ns2.example.com.")
        dkim, dmarc = await found(servers.resolver, "m.example.com")
    assert dkim.status == "ok"
    assert "as _dmarc in the zone m.example.com" in dmarc.advice


async def test_an_answer_that_is_cut_off_is_asked_for_over_tcp(server: NameServer) -> None:
    for number in range(20):
        server.publish("_dmarc.example.com", "TXT", f"{number:03}" * 80)
    server.publish("_dmarc.example.com", "TXT", DMARC)
    _, dmarc = await found(server)
    assert dmarc.status == "ok"
    assert len(dmarc.seen) == 21


# Many domains.


async def test_zones_are_found_once_for_many_domains() -> None:
    async with Trouble("127.0.0.1", 0, "") as server:
        server.load("", zone="example.com")
        checker = Checker(resolver=server.resolver(), timeout=5, concurrency=8)
        domains = [domain("example.com"), *(domain(f"m{n}.example.com") for n in range(100))]
        for each in domains[1::2]:
            server.load(render(records(each), "bind"))
        await checker.check(domains[0])
        before = server.asked.total()
        findings = await asyncio.gather(*map(checker.check, domains[1:]))
    assert Counter(dkim.status for dkim, _ in findings) == {"ok": 50, "missing": 50}
    assert server.asked["example.com."] <= 3
    assert server.asked["ns.sandbox.invalid."] == 2
    # Whether a domain is a zone, once; each record once; and for what is missing the other places
    # where it may stand, and what zones these are in.
    assert all(server.asked[f"m{n}.example.com."] == 1 for n in range(100))
    assert server.asked.total() - before <= 100 * 3 + 50 * 6


async def test_a_checker_is_no_worse_for_who_left_early(server: NameServer) -> None:
    server.load(render(records(domain()), "bind"))
    checker = Checker(resolver=server.resolver(), timeout=5)
    first, second = (asyncio.create_task(checker.check(domain())) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert [finding.status for finding in await second] == ["ok", "ok"]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_dead_server_does_not_hold_up_thousands() -> None:
    async with Servers("silent", "") as servers:
        checker = Checker(resolver=servers.resolver.resolver(), timeout=SHORT)
        for number in range(12):
            dkim, _ = await checker.check(domain(f"m{number}.example.com"))
            assert dkim.status == "missing"
    assert "ns2.example.com did not answer the questions before" in dkim.advice
    # One check has several questions under way, each sent twice.
    assert servers.all[0].asked.total() <= 2 * (5 + 8)


async def test_a_server_that_answers_now_and_then_is_not_given_up() -> None:
    async with Servers("silent") as servers:
        server = servers.all[0]
        asker = Checker(resolver=servers.resolver.resolver())._asker
        for trouble in [*["silent"] * 4, "", *["silent"] * 4, ""]:
            server.trouble, asker.timeout = trouble, 0.05 if trouble else 5
            async with asker.inquire() as inquiry:
                told = await inquiry.look(AT, "TXT")
            assert isinstance(told[0][1], Failure if trouble else Look)


async def test_nothing_is_asked_twice_and_registries_not_for_what_is_delegated() -> None:
    async with Trouble("127.0.0.1", 0, "") as server:
        server.load("", zone="example.com")
        checker = Checker(resolver=server.resolver())
        await checker.check(domain("nobody.com"))
        await checker.check(domain("example.com"))
    assert server.asked["unmta._domainkey.nobody.com."] == 1
    assert server.asked[AT] == 1
    assert server.asked["example.com."] == 2  # SOA and NS


# What cannot be asked.


async def test_a_listed_domain_has_nothing_to_check(server: NameServer) -> None:
    fields = attrs.asdict(domain(), recurse=False)
    fields.pop("dns_records")
    from unmta_async.models import Domain

    with pytest.raises(UsageError, match=r"client\.domains\.get"):
        await check(Domain(**fields), resolver=server.resolver())


@pytest.mark.parametrize("changes", [{"timeout": 0}, {"timeout": -1.0}, {"concurrency": 0}])
def test_numbers_that_make_no_sense_are_refused(changes: dict[str, float]) -> None:
    resolver = dns.asyncresolver.Resolver(configure=False)
    with pytest.raises(UsageError, match="must be positive"):
        Checker(resolver=resolver, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "TXT", "name": "x" * 64, "value": "x"},
        {"type": "TXT", "name": "a..b", "value": "x"},
        {"type": "UNHEARD", "name": "a", "value": "x"},
    ],
)
async def test_a_record_that_dns_cannot_have_is_unreachable(
    server: NameServer, odd: dict[str, str]
) -> None:
    *_, last = await check(domain(odd=odd), resolver=server.resolver())
    assert last.status == "unreachable"
    assert "cannot be asked for" in last.advice


def run(program: str) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_dnspython_is_loaded_by_the_call_alone() -> None:
    program = "import sys, unmta_async.dns; print('dns' in sys.modules)"
    assert run(program) == "False\n"


def test_without_dnspython_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['dns'] = None\n"
        "from unmta_async import UsageError\n"
        "from unmta_async.dns import Checker\n"
        "try: Checker()\n"
        "except UsageError as error: print(error)\n"
    )
    assert "needs dnspython: pip install 'unmta-async[dns]'" in run(program)


# Whatever is answered.

values = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([*DKIM, DMARC, "v=DMARC1", ";", "=", '"', "\\"]).map(str.encode),
    st.text(max_size=30).map(str.encode),
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    dkim=st.lists(values, max_size=3),
    dmarc=st.lists(values, max_size=3),
    alias=st.booleans(),
)
@example(dkim=[b""], dmarc=[b"\xff\xfe"], alias=False)
def test_any_answer_gives_findings(dkim: list[bytes], dmarc: list[bytes], alias: bool) -> None:
    async def ask() -> list[Finding]:
        async with NameServer() as server:
            server.load("", zone="example.com")
            names = [AT, "_dmarc.example.com."]
            if alias:
                for name in names:
                    server.publish(name, "CNAME", f"x.{name}")
                names = [f"x.{name}" for name in names]
            for name, texts in zip(names, (dkim, dmarc), strict=True):
                for text in texts:
                    server.publish(name, "TXT", text)
            return await check(domain(), resolver=server.resolver(), timeout=2)

    for finding in asyncio.run(ask()):
        assert finding.status in get_args(Status)
        assert (finding.status == "ok") is (finding.advice == "")
        assert str(finding).isprintable()


told = st.lists(
    st.tuples(
        st.text(max_size=5),
        st.one_of(
            st.builds(Failure, st.text(max_size=10), st.booleans()),
            st.builds(
                Look,
                values=st.lists(st.text(), max_size=3).map(tuple),
                alias=st.sampled_from(["", "x.example.net."]),
                zone=st.sampled_from(["example.com.", "com.", "."]),
            ),
        ),
    ),
    max_size=3,
)
clues = st.builds(
    Clues,
    zone=st.text(),
    delegated=st.booleans(),
    doubled=st.text(),
    misplaced=st.text(),
    wildcard=st.booleans(),
)


@given(
    kind=st.sampled_from(["TXT", "MX"]),
    fqdn=st.sampled_from([AT, "_dmarc.example.com.", "example.com."]),
    value=st.one_of(st.text(), st.sampled_from([KEY, DMARC])),
    told=told,
    clues=clues,
)
def test_anything_that_was_told_is_decided(
    kind: str, fqdn: str, value: str, told: list[tuple[str, Look | Failure]], clues: Clues
) -> None:
    wanted = Record(type=kind, fqdn=fqdn, name="@", value=value, ttl=60)
    finding = conclude(wanted, told)
    assert (finding.status == "ok") is (finding.advice == "")
    if all(isinstance(said, Failure) for _, said in told):
        lasts = all(said.for_good for _, said in told if isinstance(said, Failure))
        assert finding.status == ("not-delegated" if lasts else "unreachable")
    for order in permutations(told):
        assert conclude(wanted, order) == finding
        assert needs_clues(wanted, order) == needs_clues(wanted, told)
    assert explain(finding, clues).status in get_args(Status)
    assert str(finding).isprintable()


policies = st.sampled_from(
    [DMARC, "v=DMARC1; p=none", "V=DMARC1; p=all", f'"{DMARC}"', " v=dmarc1"]
)
others = st.sampled_from(["v=spf1 -all", "x"])
answers = st.one_of(
    st.builds(Failure, st.just("is silent"), st.booleans()),
    st.builds(
        Look,
        values=st.lists(st.one_of(policies, others), max_size=2).map(tuple),
        alias=st.sampled_from(["", "x.example.net."]),
        zone=st.just("example.com."),
    ),
)


@given(said=st.lists(answers, min_size=1, max_size=4), clues=clues)
def test_no_policy_is_published_where_one_server_has_one(
    said: list[Look | Failure], clues: Clues
) -> None:
    told = [(f"ns{number}", each) for number, each in enumerate(said)]
    finding = conclude(DMARC_RECORD, told)
    if needs_clues(DMARC_RECORD, told):
        by_wildcard = clues.wildcard and may_be_wildcard(finding)
        finding = explain(finding, attrs.evolve(clues, wildcard=by_wildcard))
    if any("dmarc" in value.lower() for value in finding.seen):
        assert finding.status != "missing"
        assert "publish it" not in finding.advice
        assert "publish the record" not in finding.advice

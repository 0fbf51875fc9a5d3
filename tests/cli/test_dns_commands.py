"""`unmta dns` and `unmta drift`: what is to be published, what is, and what the API says beyond."""

from __future__ import annotations

import csv
import json

import pytest

from unmta_async.cli.failures import CommandError
from unmta_async.cli.resolvers import resolver_of
from unmta_async.dns import Finding, records
from unmta_async.sandbox import Sandbox

from .terminal import check_snapshot, run

CLUSTER = "a1b2c3d4"


@pytest.fixture
def with_domains(sandbox):
    for name in ("example.com", "example.org"):
        sandbox.state.create_domain(CLUSTER, {"name": name})


@pytest.mark.usefixtures("with_domains")
def test_the_records_of_all_domains_are_written_for_a_name_server(call):
    code, out, err = call("dns", "export", "--all")
    assert (code, err) == (0, "4 records for 2 domains.\n")
    assert "unmta._domainkey.example.com." in out
    assert "_dmarc.example.org." in out
    assert call("dns", "export", "example.com", "example.org", "--quiet") == (0, out, "")


@pytest.mark.parametrize("what", ["export", "check"])
def test_all_domains_take_two_calls_however_many_they_are(call, sandbox, what):
    for number in range(30):
        sandbox.state.create_domain(CLUSTER, {"name": f"d{number}.example.com"})
    call("dns", what, "--all", *(("--resolver", "127.0.0.1:1") if what == "check" else ()))
    calls = [each.operation for each in sandbox.calls]
    assert [each for each in calls if each != "clusters.list"] == ["domains.list", "domains.get"]


@pytest.mark.usefixtures("with_domains")
def test_the_records_are_written_for_other_programs(call):
    export = ("dns", "export", "example.com", "--ttl", "300", "--format")
    listed = json.loads(call(*export, "json").out)
    assert {record["ttl"] for record in listed} == {300}
    rows = list(csv.DictReader(call(*export, "csv").out.splitlines()))
    assert [row["fqdn"] for row in rows] == [record["fqdn"] for record in listed]
    assert json.loads(call("dns", "export", "example.com", "--ttl=300", "-o", "json").out) == listed
    assert 'resource "aws_route53_record"' in call(*export, "terraform").out
    assert "_dmarc" in call(*export, "octodns").out


@pytest.mark.usefixtures("with_domains")
def test_a_zone_that_a_domain_is_not_within_is_refused(call):
    code, out, err = call("dns", "export", "example.com", "--zone", "example.org")
    assert (code, out) == (2, "")
    assert "example.com is not within the zone example.org" in err


@pytest.mark.usefixtures("with_domains")
def test_of_a_domain_that_is_not_there_nothing_is_written_and_its_name_is_told(call):
    code, out, err = call("dns", "export", "example.com", "nope.example.net")
    assert (code, out) == (1, "")
    assert "domain nope.example.net" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export",), "give the names of domains, or --all"),
        (("check",), "give the names of domains, or --all"),
        (("check", "example.com", "--all"), "not both"),
        (("check", "not a name"), "is not a domain name"),
        (("check", "example.com", "--resolver", "ns.example"), "is no address"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words, said):
    code, out, err = call("dns", *words)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("::1", "::1", 53),
        ("[::1]:5353", "::1", 5353),
    ],
)
def test_a_resolver_is_an_address_and_perhaps_a_port(text, address, port):
    resolver = resolver_of(text)
    assert (resolver.nameservers, resolver.port) == ([address], port)


@pytest.mark.parametrize(
    "text", ["", "a.example", "127.0.0.1:", "127.0.0.1:70000", "[::1", "1:2:3"]
)
def test_what_is_no_address_is_no_resolver(text):
    with pytest.raises(CommandError, match="is no address"):
        resolver_of(text)


def test_a_check_tells_how_each_record_stands_and_what_to_do(tmp_path):
    with Sandbox(verification="dns") as sandbox:
        server = sandbox.nameserver
        env = {
            "UNMTA_BASE_URL": sandbox.base_url,
            "UNMTA_API_TOKEN": sandbox.token,
            "UNMTA_CLUSTER": CLUSTER,
        }
        for name in ("example.com", "example.org"):
            sandbox.state.create_domain(CLUSTER, {"name": name})
        zone = run("dns", "export", "example.com", env=env).out
        server.load(zone)
        check = ("dns", "check", "--resolver", f"{server.address}:{server.port}")
        fine = run(*check, "example.com", env=env)
        assert (fine.code, fine.err) == (0, "2 of 2 records are as they should be.\n")
        piped = run(*check, "--all", env=env)
        assert piped.code == 1
        check_snapshot("dns_check", piped.out)
        narrow = run(*check, "--all", "--quiet", tty=True, env=env)
        assert narrow.code == 1
        check_snapshot("dns_check_in_a_terminal", narrow.out.replace("\x1b", "<ESC>"))
        lines = run(*check, "--all", "-o", "jsonl", env=env).out.splitlines()
        found = [json.loads(line) for line in lines]
    assert {each["status"] for each in found} == {"ok", "not-delegated"}
    assert {each["domain"] for each in found} == {"example.com", "example.org"}


class Fine:
    """A checker of name servers that have all that they are to have."""

    def __init__(self, **_):
        pass

    async def check(self, domain):
        return [Finding(record=record, status="ok") for record in records(domain)]


@pytest.mark.usefixtures("with_domains")
@pytest.mark.parametrize("form", ["table", "jsonl", "json", "csv"])
def test_a_domain_that_the_api_does_not_tell_of_is_one_line_among_the_others(
    call, monkeypatch, form
):
    monkeypatch.setattr("unmta_async.cli.dns.Checker", Fine)
    names = ("example.com", "nope.example.net", "example.org")
    code, out, err = call("dns", "check", *names, "-o", form, "--concurrency", "1")
    assert (code, err) == (1, "4 of 4 records are as they should be, 1 domain failed.\n")
    assert [out.index(name) for name in names] == sorted(out.index(name) for name in names)
    assert "failed" in out
    assert "404" in out


@pytest.mark.usefixtures("with_domains")
def test_a_check_shows_each_domain_as_soon_as_it_can(call, monkeypatch, sandbox):
    monkeypatch.setattr("unmta_async.cli.dns.Checker", Fine)
    sandbox.faults.add("domains.get", "token-revoked", nth=2)
    code, out, err = call("dns", "check", "example.com", "example.org", "--concurrency", "1")
    assert (code, "example.com" in out, "example.org" in out) == (1, True, False)
    assert "401" in err


@pytest.mark.usefixtures("with_domains")
def test_drift_tells_what_the_contract_does_not_say(call, sandbox):
    code, out, err = call("drift")
    assert (code, err) == (0, "")
    check_snapshot("drift", out)
    whole = json.loads(call("drift", "-o", "json").out)
    assert (whole["findings"], whole["not_looked_at"]["domains.create"]) == ([], "no GET")
    assert whole["looked_at"]["domains.list"] == 2
    assert call("drift", "--yaml").out == ""
    assert call("drift", "--yaml", "-o", "csv").code == 2


def test_drift_fails_where_nothing_can_be_looked_at(call, monkeypatch):
    monkeypatch.setenv("UNMTA_API_TOKEN", "wrong")
    code, out, err = call("drift")
    assert (code, out) == (1, "")
    assert "nothing could be looked at: 401" in err

"""The DNS records of a domain, and BIND's way to write them."""

import json
import re
from datetime import UTC, datetime

import attrs
import pytest

from unmta_async import UsageError, dns, models
from unmta_async._convert import reader
from unmta_async.models import DomainDetail

KEY = "p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 12 + "MIIBIjAN"
DMARC = "v=DMARC1; p=reject; adkim=s; aspf=r"


def domain(name="example.com", **more):
    records = {
        "dkim": {"type": "TXT", "name": "unmta._domainkey", "value": KEY},
        "dmarc": {"type": "TXT", "name": "_dmarc", "value": DMARC},
        **more,
    }
    times = {"created_at": "2025-01-15T10:30:00Z", "updated_at": "2025-01-15T10:30:00Z"}
    whole = {"name": name, "status": "pending", "dkim_public_key": "M", "dns_records": records}
    return reader(DomainDetail)(json.dumps(whole | times).encode())


def record(value="x", **changes):
    told = {"type": "TXT", "fqdn": "a.de.", "name": "@", "value": value, "ttl": 60}
    return dns.Record(**told | changes)


def strings_of(text):
    """Read the quoted strings of a zone file line, as RFC 1035 5.1 says."""

    def char(match):
        return bytes([int(match[1])]) if match[1] else match[2]

    quoted = re.findall(rb'"((?:[^"\\]|\\.)*)"', text.encode("ascii"), re.DOTALL)
    return [re.sub(rb"\\(?:(\d{3})|(.))", char, piece, flags=re.DOTALL) for piece in quoted]


def test_the_records_are_those_of_the_api_verbatim():
    dkim, dmarc = dns.records(domain())
    assert attrs.asdict(dkim) == {
        "type": "TXT",
        "fqdn": "unmta._domainkey.example.com.",
        "name": "unmta._domainkey",
        "value": KEY,
        "ttl": 3600,
        "name_in_domain": "unmta._domainkey",
    }
    assert (dmarc.name, dmarc.value) == ("_dmarc", DMARC)


@pytest.mark.parametrize(
    ("name", "zone", "within", "fqdn"),
    [
        ("example.com", None, "_dmarc", "_dmarc.example.com."),
        ("example.com", "example.com", "_dmarc", "_dmarc.example.com."),
        ("m.example.com", None, "_dmarc", "_dmarc.m.example.com."),
        ("m.example.com", "example.com", "_dmarc.m", "_dmarc.m.example.com."),
        ("a.b.example.com", "example.com", "_dmarc.a.b", "_dmarc.a.b.example.com."),
        ("M.Example.COM", "example.com.", "_dmarc.m", "_dmarc.m.example.com."),
        ("m.example.com", "EXAMPLE.com", "_dmarc.m", "_dmarc.m.example.com."),
        ("com.com", "com", "_dmarc.com", "_dmarc.com.com."),
    ],
)
def test_names_are_relative_to_the_zone(name, zone, within, fqdn):
    _, dmarc = dns.records(domain(name), zone=zone)
    assert (dmarc.name, dmarc.fqdn, dmarc.name_in_domain) == (within, fqdn, "_dmarc")


@pytest.mark.parametrize("own", ["@", ""])
@pytest.mark.parametrize(("zone", "within"), [(None, "@"), ("com", "example")])
def test_a_record_of_the_domain_itself(own, zone, within):
    spf = {"type": "TXT", "name": own, "value": "v=spf1 -all"}
    *_, last = dns.records(domain(spf=spf), zone=zone)
    assert (last.name, last.fqdn) == (within, "example.com.")


def test_international_names_are_written_as_dns_has_them():
    """The API says xn--…, whatever form a person gives the zone in."""
    _, dmarc = dns.records(domain("m.xn--bcher-kva.de"), zone="Bücher.de.")
    assert (dmarc.name, dmarc.fqdn) == ("_dmarc.m", "_dmarc.m.xn--bcher-kva.de.")
    assert dns.records(domain("bücher.de"))[1].fqdn == "_dmarc.xn--bcher-kva.de."


@pytest.mark.parametrize("zone", ["other.com", "ample.com", "m.example.com", ""])
def test_a_domain_outside_the_zone_is_refused(zone):
    with pytest.raises(UsageError, match=r"example\.com is not within the zone"):
        list(dns.records(domain(), zone=zone))


def test_the_ttl_is_the_callers():
    assert {entry.ttl for entry in dns.records(domain(), ttl=60)} == {60}


def test_bind_writes_one_line_a_record():
    lines = dns.render(dns.records(domain()), "bind").splitlines()
    assert lines[1] == f'_dmarc.example.com.\t3600\tIN\tTXT\t"{DMARC}"'
    assert len(lines) == 2
    assert dns.render([], "bind") == ""


def test_a_2048_bit_key_is_two_strings():
    assert len(KEY) == 394
    line = dns.render(dns.records(domain()), "bind").splitlines()[0]
    assert line.endswith(f'TXT\t"{KEY[:255]}" "{KEY[255:]}"')


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x" * 255,
        "x" * 256,
        "x" * 600,
        'say "hello" \\ ; (not a comment)',
        '"' * 300,
        "ü" * 200,
        "tab\tline\nreturn\rnul\0del\x7f",
        "\\032",
    ],
)
def test_bind_gives_any_value_back(value):
    text = dns.render([record(value)], "bind")
    strings = strings_of(text)
    assert b"".join(strings).decode() == value
    assert strings
    assert all(len(piece) <= 255 for piece in strings)
    assert text.isascii()
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("MX", "10 mx.a.de.", "10 mx.a.de."),
        ("CNAME", "c-1.unmta.net", "c-1.unmta.net."),
        ("A", "203.0.113.1", "203.0.113.1"),
        ("AAAA", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_other_types_are_written_unquoted_and_hosts_in_full(kind, value, written):
    """A host without a dot at its end would be one within the zone."""
    line = dns.render([record(value, type=kind)], "bind")
    assert line == f"a.de.\t60\tIN\t{kind}\t{written}\n"


def test_a_listed_domain_has_no_records():
    listed = models.Domain(
        name="a.de",
        status=models.DomainStatus.PENDING,
        dkim_public_key="k",
        created_at=datetime.now(UTC),
        updated_at=datetime.now(UTC),
    )
    with pytest.raises(UsageError, match=r"client\.domains\.get"):
        dns.records(listed)

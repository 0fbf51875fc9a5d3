"""What is wished, what exists and what stands in the DNS, compared."""

from __future__ import annotations

import json

import pytest
from scripted import DOMAIN, Scripted, answer

from unmta_async import NotFoundError, UnmtaError
from unmta_async.dns import records, render
from unmta_async.provisioning import ClusterSpec, CredentialSpec, Manifest, audit
from unmta_async.sandbox import Sandbox

CLUSTER = "a1b2c3d4"
OTHER = "e5f6g7h8"
DIFFERS = (
    "  credential batch differs: allow_all_domains: true -> false, domains: + pending.example.com"
)
WARNING = (
    "Warning: the credential new may send from elsewhere.example.com, which is not among the "
    "domains of the cluster a1b2c3d4; add it there, or correct the name"
)


def numbered(count):
    return [f"d{n}.example.com" for n in range(count)]


def wish(domains=None, credentials=None, cluster=CLUSTER):
    return Manifest({cluster: ClusterSpec(domains=domains, credentials=credentials)})


def found(report):
    return {(each.kind, each.target): each.problem for each in report.findings}


# Against what exists.


async def test_what_is_as_it_should_be_is_no_finding(client, sandbox):
    await client.domains.create(CLUSTER, name="a.example.com")
    sandbox.state.verify(CLUSTER, "a.example.com")
    await client.credentials.create(CLUSTER, user="webapp", domains=["A.example.com"])
    spec = CredentialSpec(user="webapp", domains=["a.example.com"])
    report = await audit(client, wish(["a.example.com"], [spec]))
    assert report.findings == ()
    assert str(report) == "All as it should be: 1 domain, 1 credential."


async def test_each_kind_of_difference_is_told(client):
    for name in ("old.example.com", "pending.example.com"):
        await client.domains.create(CLUSTER, name=name)
    for user in ("old", "batch"):
        await client.credentials.create(CLUSTER, user=user, allow_all_domains=True)
    specs = [
        CredentialSpec(user="batch", domains=["pending.example.com"]),
        CredentialSpec(user="new", domains=["elsewhere.example.com"]),
    ]
    report = await audit(client, wish(["new.example.com", "pending.example.com"], specs))
    assert found(report) == {
        ("domain", "new.example.com"): "missing",
        ("domain", "old.example.com"): "unexpected",
        ("domain", "pending.example.com"): "not-verified",
        ("credential", "batch"): "differs",
        ("credential", "new"): "missing",
        ("credential", "old"): "unexpected",
    }
    assert str(report).splitlines() == [
        "Cluster a1b2c3d4",
        "  domain new.example.com missing",
        "  domain old.example.com unexpected",
        "  domain pending.example.com not-verified: its status is pending",
        DIFFERS,
        "  credential new missing",
        "  credential old unexpected",
        "",
        WARNING,
        "",
        "6 findings: 2 domains, 2 credentials.",
    ]


async def test_what_the_manifest_does_not_speak_of_is_no_finding(client):
    await client.domains.create(CLUSTER, name="old.example.com")
    await client.credentials.create(CLUSTER, user="old", allow_all_domains=True)
    assert not (await audit(client, wish())).findings
    assert not (await audit(client, wish([], [], cluster=OTHER))).findings


async def test_it_has_a_form_for_programs(client):
    report = json.loads((await audit(client, wish(["a.example.com"]))).to_json())
    assert report == {
        "version": 1,
        "checked": {"domains": 0, "credentials": 0},
        "findings": [
            {
                "cluster": CLUSTER,
                "kind": "domain",
                "target": "a.example.com",
                "problem": "missing",
                "detail": "",
            }
        ],
        "warnings": [],
    }


async def test_a_cluster_that_cannot_be_seen_is_told(client):
    with pytest.raises(NotFoundError):
        await audit(client, wish(["a.example.com"], cluster="no-such"))


async def test_a_live_name_cannot_write_to_the_terminal():
    evil = answer(200, {"data": [DOMAIN | {"name": "old\x1b[2J.example.com"}]})
    async with Scripted(evil) as server, server.client() as client:
        text = str(await audit(client, wish([])))
    assert "old" in text
    assert "\x1b" not in text


# Against the DNS.


@pytest.fixture
async def published():
    """A sandbox with a name server of its own, and the names that are published there."""
    async with Sandbox(verification="dns") as sandbox, sandbox.client() as client:
        yield sandbox, client


async def publish(sandbox, client, *names):
    for name in names:
        domain = await client.domains.get(CLUSTER, name)
        zone = render(records(domain, zone="example.com"), "bind")
        sandbox.nameserver.load(zone, zone="example.com")
    sandbox.clock.advance(5)  # it looks no more often


async def test_records_are_looked_up_at_their_name_servers(published):
    sandbox, client = published
    for name in numbered(3):
        await client.domains.create(CLUSTER, name=name)
    await publish(sandbox, client, "d0.example.com", "d1.example.com")
    resolver = sandbox.nameserver.resolver()
    report = await audit(client, wish(numbered(3)), dns=True, resolver=resolver)
    assert found(report) == {
        ("domain", "d2.example.com"): "not-verified",
        ("record", "TXT unmta._domainkey.d2.example.com."): "missing",
        ("record", "TXT _dmarc.d2.example.com."): "missing",
    }
    assert report.checked == {"domains": 3, "credentials": 0, "records": 6}
    assert all(each.detail for each in report.findings)


async def test_it_takes_one_more_call_for_each_cluster_however_many_domains_there_are(published):
    sandbox, client = published
    for name in numbered(40):
        await client.domains.create(CLUSTER, name=name)
    sandbox.calls.clear()
    resolver = sandbox.nameserver.resolver()
    report = await audit(client, wish(numbered(40), []), dns=True, resolver=resolver)
    assert report.checked["records"] == 80
    assert [call.operation for call in sandbox.calls] == [
        "domains.list",
        "credentials.list",
        "domains.get",
    ]


async def test_the_key_of_each_domain_is_its_own(published):
    """The record of one domain serves as the template of the others, but for its key."""
    sandbox, client = published
    for name in numbered(2):
        await client.domains.create(CLUSTER, name=name)
    await publish(sandbox, client, "d0.example.com")
    swapped = await client.domains.get(CLUSTER, "d0.example.com")
    sandbox.nameserver.publish(
        "unmta._domainkey.d1.example.com", "TXT", swapped.dns_records.dkim.value
    )
    resolver = sandbox.nameserver.resolver()
    report = await audit(client, wish(numbered(2)), dns=True, resolver=resolver)
    assert found(report)["record", "TXT unmta._domainkey.d1.example.com."] == "differs"


async def test_a_failed_look_at_the_template_ends_the_audit(published):
    sandbox, client = published
    await client.domains.create(CLUSTER, name="d0.example.com")
    sandbox.faults.add("domains.get", "json-500", times=None)
    with pytest.raises(UnmtaError, match=r"domains\.get"):
        await audit(client, wish(numbered(1)), dns=True, resolver=sandbox.nameserver.resolver())

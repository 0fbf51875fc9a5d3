"""From a new domain to a verified one, with real DNS in between, on loopback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from unmta_async.dns import check, records, render
from unmta_async.sandbox import Sandbox

CLUSTER = "a1b2c3d4"
EXAMPLE = Path(__file__).parents[1] / "examples" / "publish_and_verify.py"


async def test_what_is_created_and_published_is_verified_and_found() -> None:
    async with Sandbox(verification="dns") as sandbox, sandbox.client() as client:
        names = ["example.com", "mail.example.com", "example.org"]
        for name in names:
            domain = await client.domains.create(CLUSTER, name=name)
            sandbox.nameserver.load(render(records(domain), "bind"))
        listed = await client.domains.list(CLUSTER)
        assert [(domain.name, domain.status) for domain in listed] == [
            (name, "verified") for name in names
        ]
        for name in names:
            domain = await client.domains.get(CLUSTER, name)
            findings = await check(domain, resolver=sandbox.nameserver.resolver())
            assert [finding.status for finding in findings] == ["ok", "ok"]


async def test_a_domain_in_two_clusters_is_found_out() -> None:
    """Each cluster has a key of its own for it, at the same name."""
    async with Sandbox(verification="dns") as sandbox, sandbox.client() as client:
        domains = [
            await client.domains.create(cluster.id, name="example.com")
            for cluster in await client.clusters.list()
        ]
        for domain in domains:
            sandbox.nameserver.load(render(records(domain), "bind"))
        for domain in domains:
            dkim, dmarc = await check(domain, resolver=sandbox.nameserver.resolver())
            assert (dkim.status, dmarc.status) == ("multiple", "ok")
            assert set(dkim.seen) == {each.dns_records.dkim.value for each in domains}


def test_the_example_shows_each_step() -> None:
    shown = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLE], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert [line.split(":")[0] for line in shown] == [
        "example.com is pending",
        "  TXT unmta._domainkey.example.com. not-delegated",
        "  TXT _dmarc.example.com. not-delegated",
        "publishing",
        *(line for line in shown if "\tIN\tTXT\t" in line),
        "  TXT unmta._domainkey.example.com. ok",
        "  TXT _dmarc.example.com. ok",
        "example.com is verified",
    ]
    assert sum("\tIN\tTXT\t" in line for line in shown) == 2

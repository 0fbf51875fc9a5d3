"""Waiting for domains: one request a look, each change as it happens, and what is amiss."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import pickle
import socket

import attrs
import dns.asyncresolver
import pytest
from scripted import DETAIL, DOMAIN, Act, Scripted, answer, failure, html, until

from unmta_async import (
    AuthenticationError,
    ClientClosedError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    UnmtaError,
    UsageError,
    models,
)
from unmta_async.dns import Finding, records
from unmta_async.provisioning import waiting
from unmta_async.provisioning._details import detail_like
from unmta_async.provisioning.waiting import (
    Laggard,
    NotVerifiedError,
    StatusChange,
    _changes,
    _jittered,
    _next_interval,
    wait_verified,
)

CLUSTER = "a1b2c3d4"
NO_RETRY = RetryPolicy.none()
QUICK = {"timeout": 5, "min_interval": 0.01, "max_interval": 0.02}


RealChecker = waiting.Checker


class NoChecker:
    """What there is where the extra is not installed."""

    def __init__(self, *, resolver=None):
        raise UsageError("dns.check needs dnspython: pip install 'unmta-async[dns]'")


class FakeChecker:
    """It finds the DKIM record of a domain missing, hangs for one on b, and fails for one on x."""

    def __init__(self, *, resolver=None):
        self.resolver = resolver
        resolver.append(self)

    async def check(self, domain):
        if domain.name.startswith("x."):
            raise OSError("no network")
        if domain.name.startswith("b."):
            self.resolver.append("hangs")
            await asyncio.Event().wait()
        dkim, dmarc = records(domain)
        status = "ok" if domain.name.startswith("c.") else "missing"
        return [
            Finding(record=dkim, status=status, advice="do it"),
            Finding(record=dmarc, status="ok"),
        ]


@pytest.fixture(autouse=True)
def nothing_is_looked_up(monkeypatch):
    """No test asks the DNS of this machine."""
    monkeypatch.setattr(waiting, "Checker", NoChecker)


def add(sandbox, *names, status="pending"):
    for name in names:
        sandbox.state.add_domain(CLUSTER, name, status=status)


def operations(sandbox):
    return [call.operation for call in sandbox.calls]


def lists(sandbox):
    return operations(sandbox).count("domains.list")


async def wait(client, names, **options):
    return [str(change) async for change in wait_verified(client, CLUSTER, names, **options)]


async def laggards_of(client, names, **options):
    error = await failure(wait(client, names, **QUICK | options))
    assert isinstance(error, NotVerifiedError)
    return error


# What is seen.


async def test_what_is_verified_already_takes_one_look_and_each_name_is_told_once(client, sandbox):
    add(sandbox, "b.example.com", "a.example.com", "other.example.com", status="verified")
    names = ["b.example.com", "A.example.com", "a.example.com", "a.example.com."]
    run = wait_verified(client, CLUSTER, names, timeout=5)
    changes = [change async for change in run]
    assert [(change.name, change.status, change.previous) for change in changes] == [
        ("b.example.com", "verified", None),
        ("A.example.com", "verified", None),
    ]
    assert [change.domain.name for change in changes] == ["b.example.com", "a.example.com"]
    assert operations(sandbox) == ["domains.list"]


async def test_changes_are_told_as_they_happen_and_it_ends_when_all_are_verified(client, sandbox):
    add(sandbox, "a.example.com", "b.example.com")
    seen = []
    async for change in wait_verified(client, CLUSTER, ["a.example.com", "b.example.com"], **QUICK):
        seen.append(str(change))
        if seen[-1].startswith("b.example.com"):
            sandbox.state.verify(CLUSTER, "a.example.com")
        if seen[-1].startswith("a.example.com: pending -> verified"):
            sandbox.state.verify(CLUSTER, "b.example.com")
    assert seen == [
        "a.example.com: pending",
        "b.example.com: pending",
        "a.example.com: pending -> verified",
        "b.example.com: pending -> verified",
    ]


async def test_a_domain_that_falls_back_is_told_and_waited_for_again(client, sandbox):
    add(sandbox, "a.example.com", "b.example.com")
    sandbox.state.verify(CLUSTER, "a.example.com")
    seen = []
    async for change in wait_verified(client, CLUSTER, ["a.example.com", "b.example.com"], **QUICK):
        seen.append(str(change))
        match seen[-1]:
            case "b.example.com: pending":
                sandbox.state.unverify(CLUSTER, "a.example.com")
                sandbox.state.verify(CLUSTER, "b.example.com")
            case "b.example.com: pending -> verified":
                sandbox.state.verify(CLUSTER, "a.example.com")
    assert seen[2:] == [
        "a.example.com: verified -> pending",
        "b.example.com: pending -> verified",
        "a.example.com: pending -> verified",
    ]


async def test_a_status_that_nobody_knows_is_told_and_not_taken_for_verified(client, sandbox):
    add(sandbox, "a.example.com", status="verified")
    sandbox.faults.add("domains.list", "unknown-values")
    assert await wait(client, ["a.example.com"], **QUICK) == [
        "a.example.com: unheard-of",
        "a.example.com: unheard-of -> verified",
    ]


async def test_an_international_name_is_told_as_it_was_given(client, sandbox):
    add(sandbox, "xn--bcher-kva.example.com", status="verified")
    seen = await wait(client, ["Bücher.example.com", "xn--bcher-kva.example.com"], **QUICK)
    assert seen == ["Bücher.example.com: verified"]


async def test_no_names_are_no_wait_and_no_request(client, sandbox):
    assert await wait(client, iter([]), **QUICK) == []
    assert not sandbox.calls


async def test_one_request_a_look_however_many_domains(client, sandbox):
    names = [f"d{n}.example.com" for n in range(200)]
    add(sandbox, *names)
    seen = 0
    async for _ in wait_verified(client, CLUSTER, names, **QUICK):
        seen += 1
        if seen == 200:
            for name in names:
                sandbox.state.verify(CLUSTER, name)
    assert seen == 400
    assert operations(sandbox) == ["domains.list"] * 2


# What is missing.


async def test_a_name_that_the_cluster_does_not_have_is_told_at_once(client, sandbox):
    add(sandbox, "a.example.com")
    error = None
    seen = []
    try:
        async for change in wait_verified(
            client, CLUSTER, ["a.example.com", "typo.example.com"], **QUICK
        ):
            seen.append(str(change))
            if seen[-1] == "typo.example.com: missing":
                assert change.domain is None
                sandbox.state.verify(CLUSTER, "a.example.com")
    except NotVerifiedError as caught:
        error = caught
    assert seen == [
        "a.example.com: pending",
        "typo.example.com: missing",
        "a.example.com: pending -> verified",
    ]
    assert [laggard.name for laggard in error.laggards] == ["typo.example.com"]
    assert "typo.example.com: missing, the cluster has no such domain" in str(error)


async def test_where_all_that_is_left_is_missing_nobody_waits(client, sandbox):
    add(sandbox, "a.example.com", status="verified")
    async with asyncio.timeout(10):
        error = await laggards_of(client, ["a.example.com", "b.example.com"], timeout=3600)
    assert [(each.name, each.status) for each in error.laggards] == [("b.example.com", "missing")]
    assert operations(sandbox) == ["domains.list"]


async def test_a_missing_name_that_is_created_meanwhile_is_waited_for(client, sandbox):
    add(sandbox, "a.example.com")
    names, seen = ["a.example.com", "b.example.com"], []
    async for change in wait_verified(client, CLUSTER, names, **QUICK):
        seen.append(str(change))
        if seen[-1] == "b.example.com: missing":
            add(sandbox, "b.example.com", status="verified")
            sandbox.state.verify(CLUSTER, "a.example.com")
    assert "b.example.com: missing -> verified" in seen


# What fails.


@pytest.mark.parametrize("fault", ["html-502", "reset-after-reading", "html-401", "no-data"])
async def test_a_look_that_fails_is_made_again(sandbox, fault):
    add(sandbox, "a.example.com", status="verified")
    sandbox.faults.add("domains.list", fault, times=3)
    async with sandbox.client(retry=NO_RETRY) as client:
        assert await wait(client, ["a.example.com"], **QUICK) == ["a.example.com: verified"]
    assert lists(sandbox) == 4


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("json-401", AuthenticationError),
        ("json-403", PermissionDeniedError),
        ("json-404", NotFoundError),
    ],
)
async def test_what_the_api_itself_refuses_is_raised_at_once(client, sandbox, fault, kind):
    add(sandbox, "a.example.com")
    sandbox.faults.add("domains.list", fault, nth=2, times=None)
    error = await failure(wait(client, ["a.example.com"], **QUICK))
    assert type(error) is kind
    assert lists(sandbox) == 2


async def test_a_client_that_is_closed_ends_the_wait(sandbox):
    add(sandbox, "a.example.com")
    client = sandbox.client()
    run = wait_verified(client, CLUSTER, ["a.example.com"], **QUICK)
    await anext(run)
    await client.close()
    assert isinstance(await failure(anext(run)), ClientClosedError)


async def test_the_last_failure_is_told_with_the_laggards():
    script = answer(200, {"data": [DOMAIN]}), html(502)
    async with Scripted(*script) as server, server.client(retry=NO_RETRY) as client:
        error = await laggards_of(client, ["example.com"], timeout=0.1)
    assert isinstance(error.reason, ServerError)
    assert "502" in str(error)
    assert [(each.name, each.status) for each in error.laggards] == [("example.com", "pending")]


async def test_where_no_look_came_through_nothing_is_said_of_the_domains():
    async with Scripted(html(502)) as server, server.client(retry=NO_RETRY) as client:
        error = await laggards_of(client, ["example.com"], timeout=0.05)
    assert [(each.name, each.status) for each in error.laggards] == [("example.com", None)]
    assert "example.com: not seen" in str(error)


async def test_a_look_that_hangs_does_not_outlast_the_deadline():
    async with Scripted(Act.HANG) as server, server.client() as client:
        async with asyncio.timeout(10):
            error = await laggards_of(client, ["example.com"], timeout=0.1)
        assert isinstance(error.reason, RequestTimeoutError)
        assert server.count("GET") == 1
        await until(lambda: server.connections == 0)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_pause_that_the_api_asks_for_is_kept(status):
    limited = answer(status, {"message": "Later."}, Retry_After="1")
    script = limited, answer(200, {"data": [DOMAIN | {"status": "verified"}]})
    async with Scripted(*script) as server, server.client(retry=NO_RETRY) as client:
        await wait(client, ["example.com"], **QUICK)
    assert len(server.requests) == 2
    assert server.arrived[1] - server.arrived[0] >= 1


async def test_a_pause_beyond_the_deadline_ends_the_wait():
    limited = answer(429, {"message": "Too Many Attempts."}, Retry_After="3600")
    async with Scripted(limited) as server, server.client() as client, asyncio.timeout(10):
        error = await laggards_of(client, ["example.com"], timeout=1800)
    assert isinstance(error.reason, RateLimitError)
    assert len(server.requests) == 1


# When it looks.


def test_the_interval_grows_and_is_short_again_after_a_change():
    intervals, interval = [], 0.0
    for changed in [True, *[False] * 9, True, False]:
        interval = _next_interval(interval, changed, 15, 300)
        intervals.append(interval)
    assert (intervals[0], intervals[9], intervals[10]) == (15, 300, 15)
    assert all(a < b <= 2 * a for a, b in itertools.pairwise(intervals[:7]))
    assert intervals[11] == intervals[1]


def test_a_first_look_that_failed_is_followed_after_the_shortest_interval():
    assert _next_interval(0.0, False, 15, 300) == 15


@pytest.mark.parametrize("interval", [15, 100, 300])
def test_jitter_stays_near_the_interval_and_within_the_bounds(interval):
    drawn = [_jittered(interval, 15, 300) for _ in range(200)]
    assert len(set(drawn)) > 20
    assert max(15, 0.8 * interval) <= min(drawn) <= max(drawn) <= min(300, 1.2 * interval)


async def test_the_interval_between_looks_really_grows(sandbox):
    add(sandbox, "a.example.com")
    options = {"timeout": 1, "min_interval": 0.02, "max_interval": 60}
    async with sandbox.client() as client:
        await laggards_of(client, ["a.example.com"], **options)
    assert 4 <= lists(sandbox) <= 10


async def test_the_last_look_is_at_the_deadline(client, sandbox):
    """What turned verified during a long pause counts."""
    add(sandbox, "a.example.com")
    options = {"timeout": 0.2, "min_interval": 60, "max_interval": 60}
    seen = []
    async for change in wait_verified(client, CLUSTER, ["a.example.com"], **options):
        seen.append(str(change))
        sandbox.state.verify(CLUSTER, "a.example.com")
    assert seen == ["a.example.com: pending", "a.example.com: pending -> verified"]
    assert lists(sandbox) == 2


async def test_a_consumer_that_is_slower_than_the_deadline_gets_a_last_look(client, sandbox):
    add(sandbox, "a.example.com")
    seen = []
    async for change in wait_verified(
        client, CLUSTER, ["a.example.com"], timeout=0.05, min_interval=0.02, max_interval=0.02
    ):
        seen.append(str(change))
        sandbox.state.verify(CLUSTER, "a.example.com")
        await asyncio.sleep(0.15)
    assert seen[-1] == "a.example.com: pending -> verified"
    assert lists(sandbox) == 2


# What is said at last.


async def test_laggards_are_told_with_the_records_they_need_after_one_get(client, sandbox):
    names = ["a.example.com", "b.example.com", "c.example.com"]
    add(sandbox, *names, "fine.example.com")
    sandbox.state.verify(CLUSTER, "fine.example.com")
    error = await laggards_of(client, [*names, "fine.example.com"], timeout=0.05)
    assert operations(sandbox).count("domains.get") == 1
    assert [(each.name, each.status) for each in error.laggards] == [(n, "pending") for n in names]
    for laggard in error.laggards:
        real = await client.domains.get(CLUSTER, laggard.name)
        assert laggard.records == tuple(records(real))
    text = str(error)
    assert "3 of 4 domains" in text
    assert "a.example.com: pending, needs TXT unmta._domainkey.a.example.com. and TXT _dm" in text
    assert "fine.example.com:" not in text


async def test_the_text_of_the_error_is_bounded_and_counts_the_rest(client, sandbox):
    names = [f"d{n}.example.com" for n in range(150)]
    add(sandbox, *names)
    error = await laggards_of(client, names, timeout=0.05)
    assert len(error.laggards) == 150
    assert all(len(laggard.records) == 2 for laggard in error.laggards)
    assert str(error).count("pending") == 10
    assert "and 140 more" in str(error)
    assert len(str(error)) < 5000


async def test_the_error_is_a_timeout_and_can_be_copied_and_pickled(client, sandbox):
    add(sandbox, "a.example.com")
    error = await laggards_of(client, ["a.example.com"], timeout=0.05)
    assert isinstance(error, TimeoutError)
    for clone in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), copy.copy(error)):
        assert type(clone) is NotVerifiedError
        assert (str(clone), clone.laggards) == (str(error), error.laggards)


@pytest.mark.parametrize("fault", ["html-502", "json-404", "hang-before-headers"])
async def test_records_that_cannot_be_had_do_not_hide_the_laggards(sandbox, fault):
    add(sandbox, "a.example.com", "b.example.com")
    sandbox.faults.add("domains.get", fault, times=None)
    async with sandbox.client(retry=NO_RETRY) as client, asyncio.timeout(10):
        error = await laggards_of(client, ["a.example.com", "b.example.com"], timeout=0.1)
    assert [each.records for each in error.laggards] == [(), ()]
    assert "a.example.com: pending; b.example.com: pending" in str(error)


async def test_what_stands_in_the_dns_is_told(client, sandbox, monkeypatch):
    monkeypatch.setattr(waiting, "Checker", FakeChecker)
    add(sandbox, "a.example.com")
    asked = []
    error = await laggards_of(client, ["a.example.com"], timeout=0.1, resolver=asked)
    (laggard,) = error.laggards
    assert [found.status for found in laggard.findings] == ["missing", "ok"]
    assert laggard.records == (laggard.findings[0].record,)
    assert "pending, TXT unmta._domainkey.a.example.com. missing: do it" in str(error)
    assert "_dmarc" not in str(error)
    assert len(asked) == 1


async def test_of_many_laggards_the_first_hundred_are_looked_up(client, sandbox, monkeypatch):
    monkeypatch.setattr(waiting, "Checker", FakeChecker)
    names = [f"d{n}.example.com" for n in range(120)]
    add(sandbox, *names)
    asked = []
    error = await laggards_of(client, names, timeout=0.5, resolver=asked)
    assert [bool(each.findings) for each in error.laggards] == [True] * 100 + [False] * 20
    assert all(each.records for each in error.laggards)
    assert operations(sandbox).count("domains.get") == 1
    assert len(asked) == 1


async def test_a_look_into_the_dns_that_hangs_or_fails_ends_and_hides_nothing(
    client, sandbox, monkeypatch
):
    monkeypatch.setattr(waiting, "Checker", FakeChecker)
    names = ["x.example.com", "b.example.com", "c.example.com"]
    add(sandbox, *names)
    async with asyncio.timeout(10):
        error = await laggards_of(client, names, timeout=0.3, resolver=[])
    assert [len(each.findings) for each in error.laggards] == [0, 0, 2]
    assert [len(each.records) for each in error.laggards] == [2, 2, 0]
    assert "c.example.com: pending, its records are published" in str(error)


async def test_where_no_name_server_answers_the_laggards_are_told_in_time(
    client, sandbox, monkeypatch
):
    monkeypatch.setattr(waiting, "Checker", RealChecker)
    resolver = dns.asyncresolver.Resolver(configure=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver.nameservers, resolver.port = ["127.0.0.1"], silent.getsockname()[1]
        add(sandbox, "a.example.com")
        async with asyncio.timeout(10):
            error = await laggards_of(client, ["a.example.com"], timeout=0.2, resolver=resolver)
        assert silent.recv(512)
    assert [each.name for each in error.laggards] == ["a.example.com"]
    assert len(error.laggards[0].records) == 2


# The records of listed domains.


def a_domain(**changes):
    known = {"created_at": "x", "updated_at": "x", "status": models.DomainStatus("pending")}
    return models.Domain(**{"name": "b.com", "dkim_public_key": "OWN"} | known | changes)


def a_template(key, value):
    dkim = models.DnsRecord(type="TXT", name="unmta._domainkey", value=value)
    dmarc = models.DnsRecord(type="TXT", name="_dmarc", value="v=DMARC1")
    return models.DomainDetail(
        name="a.com",
        status=models.DomainStatus("verified"),
        dkim_public_key=key,
        created_at="y",
        updated_at="y",
        dns_records=models.DnsRecords(dkim=dkim, dmarc=dmarc),
    )


def test_a_listed_domain_gets_the_records_of_another_with_its_own_key():
    domain, template = a_domain(), a_template("KEY", "v=DKIM1; p=KEY")
    detail = detail_like(domain, template)
    assert detail.dns_records.dkim.value == "v=DKIM1; p=OWN"
    assert detail.dns_records.dmarc == template.dns_records.dmarc
    assert attrs.asdict(detail) | {"dns_records": None} == attrs.asdict(domain) | {
        "dns_records": None
    }


@pytest.mark.parametrize(
    ("own", "key", "value"), [("OWN", "KEY", "p=x"), ("OWN", "", "p="), ("", "KEY", "p=KEY")]
)
def test_a_template_that_does_not_show_its_key_is_none(own, key, value):
    assert detail_like(a_domain(dkim_public_key=own), a_template(key, value)) is None


async def test_a_template_that_does_not_show_its_key_costs_a_get_for_each():
    odd = copy.deepcopy(DETAIL)
    odd["dns_records"]["dkim"]["value"] = "p=other"
    listed = answer(200, {"data": [DOMAIN, DOMAIN | {"name": "b.example.com"}]})
    gets = answer(200, {"data": odd}), answer(200, {"data": odd})
    script = listed, listed, *gets, answer(200, {"data": odd | {"name": "b.example.com"}})
    options = {"timeout": 0.3, "min_interval": 60, "max_interval": 60}
    async with Scripted(*script) as server, server.client() as client:
        error = await laggards_of(client, ["example.com", "b.example.com"], **options)
    assert len(server.requests) == 5
    assert error.laggards[0].records[0].value == "p=other"


# Decided without waiting.


def test_two_looks_differ_in_what_is_new_gone_or_of_another_status():
    wanted = {"same": "Same", "new": "New", "gone": "Gone", "turned": "Turned"}
    pending, verified = a_domain(), a_domain(status=models.DomainStatus("verified"))
    before = {"same": pending, "gone": pending, "turned": pending}
    now = {"same": pending, "new": verified, "gone": None, "turned": verified}
    assert _changes(wanted, before, now) == [
        StatusChange(name="New", status="verified", previous=None, domain=verified),
        StatusChange(name="Gone", status="missing", previous="pending", domain=None),
        StatusChange(name="Turned", status="verified", previous="pending", domain=verified),
    ]


def test_foreign_text_is_shown_without_its_control_characters():
    change = StatusChange(name="a.com", status="\x1b[2J", previous=None, domain=None)
    assert "\x1b" not in str(change)
    assert "\x1b" not in str(Laggard(name="a.com", status="\x1b[2J"))


# What is refused.


@pytest.mark.parametrize("names", ["example.com", b"example.com", ["a.com", 5], ["bü cher.de"]])
async def test_names_that_make_no_sense_are_refused(client, sandbox, names):
    with pytest.raises(UsageError):
        await wait(client, names, **QUICK)
    assert not sandbox.calls


@pytest.mark.parametrize("option", ["timeout", "min_interval", "max_interval"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "5", None])
async def test_seconds_that_make_no_sense_are_refused(client, sandbox, option, value):
    with pytest.raises(UsageError, match=option):
        await wait(client, ["a.com"], **{"timeout": 5, option: value})
    assert not sandbox.calls


async def test_intervals_the_wrong_way_round_are_refused(client):
    with pytest.raises(UsageError, match=r"min_interval=600.*max_interval"):
        await wait(client, ["a.com"], timeout=5, min_interval=600)


# Stopping early.


def tasks():
    return {task for task in asyncio.all_tasks() if "_serve" not in str(task.get_coro())}


async def test_a_plain_break_leaves_no_task():
    async with Scripted(answer(200, {"data": [DOMAIN]})) as server, server.client() as client:
        before = tasks()
        async for _ in wait_verified(client, CLUSTER, ["example.com"], **QUICK):
            break
        assert tasks() == before
        requests = len(server.requests)
        await asyncio.sleep(0.1)
        assert len(server.requests) == requests


@pytest.mark.parametrize("at", ["a look", "a pause", "the diagnosis"])
async def test_cancelling_ends_it_at_once_and_leaves_nothing(at, monkeypatch):
    monkeypatch.setattr(waiting, "Checker", FakeChecker)
    listed, asked = answer(200, {"data": [DOMAIN | {"name": "b.com"}]}), []
    detail = answer(200, {"data": DETAIL | {"name": "b.com"}})
    script = [Act.HANG] if at == "a look" else [listed, listed, detail]
    short = {"timeout": 1, "min_interval": 1, "max_interval": 1}
    options = short if at == "the diagnosis" else {"timeout": 600}
    async with Scripted(*script) as server, server.client() as client:
        before = tasks()
        run = asyncio.create_task(wait(client, ["b.com"], resolver=asked, **options))
        await until(lambda: "hangs" in asked if at == "the diagnosis" else server.requests)
        await asyncio.sleep(0.05)
        run.cancel()
        async with asyncio.timeout(1):
            with pytest.raises(asyncio.CancelledError):
                await run
        await asyncio.sleep(0)
        assert tasks() == before


async def test_a_timeout_around_it_is_the_caller_s_own(client, sandbox):
    add(sandbox, "a.example.com")
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.1):
            await wait(client, ["a.example.com"], timeout=60)
    assert not isinstance(caught.value, UnmtaError)


async def test_a_run_that_is_closed_ends(client, sandbox):
    add(sandbox, "a.example.com")
    async with contextlib.aclosing(
        wait_verified(client, CLUSTER, ["a.example.com"], timeout=60)
    ) as run:
        assert (await anext(run)).status == "pending"
    assert lists(sandbox) == 1

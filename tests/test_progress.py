"""How far a run has come, and what it does when the API wants to be left alone."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from scripted import DETAIL, DOMAIN, Scripted, answer, until

from unmta_async import (
    ConflictError,
    RateLimitError,
    RetryPolicy,
    ServiceUnavailableError,
    UsageError,
)
from unmta_async.provisioning import Progress, RunTimeoutError, _patience, provision_domains
from unmta_async.provisioning._words import duration
from unmta_async.provisioning.progress import Meter

CLUSTER = "a1b2c3d4"
EMPTY = answer(200, {"data": []})
LATER = answer(429, {"message": "Too Many Attempts."}, Retry_After=61)


def numbered(count):
    return [f"d{n}.example.com" for n in range(count)]


async def provision(client, names, **options):
    return [outcome async for outcome in provision_domains(client, CLUSTER, names, **options)]


async def collect(outcomes, run):
    async for outcome in run:
        outcomes.append(outcome)


def progress(**changes):
    told = {"done": 1204, "failed": 0, "total": 10_000, "seconds": 4.0, "rate": 310.0}
    return Progress(**told | {"eta": 28.4, "paused_until": None} | changes)


# What it shows.


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "1,204/10,000 done, 310/s, 28 s left"),
        ({"failed": 3}, "1,204/10,000 done, 3 failed, 310/s, 28 s left"),
        ({"total": None, "eta": None}, "1,204 done, 310/s"),
        ({"rate": 2.25, "eta": 3909.0}, "1,204/10,000 done, 2.2/s, 1 h 5 min left"),
        ({"done": 0, "rate": 0.0, "eta": None}, "0/10,000 done"),
        ({"done": 10_000, "eta": 0.0}, "10,000/10,000 done, 310/s"),
    ],
)
def test_it_is_one_line_of_a_log(changes, line):
    assert str(progress(**changes)) == line


def test_a_pause_is_told_in_the_place_of_the_rate():
    soon = datetime.now(UTC) + timedelta(seconds=12.2)
    assert "paused 12 s: rate limit" in str(progress(paused_until=soon))
    assert "/s" not in str(progress(paused_until=soon))
    assert progress(paused_until=soon - timedelta(minutes=1)).paused_for == 0
    assert "310/s" in str(progress(paused_until=soon - timedelta(minutes=1)))


def test_its_fields_are_plain_data():
    told = attrs.asdict(progress(paused_until=datetime(2026, 1, 1, tzinfo=UTC)))
    assert json.loads(json.dumps(told, default=str))["done"] == 1204


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_said_in_words(seconds, text):
    assert duration(seconds) == text


# What it counts.


def metered(total=None, step=0.0):
    heard, now = [], [100.0]
    meter = Meter(heard.append, total, clock=lambda: now[0])

    def count(number=1, *, failed=False):
        for _ in range(number):
            now[0] += step
            meter.count(failed=failed)
        return heard[-1]

    return meter, heard, now, count


def test_the_rate_is_that_of_the_last_seconds():
    _, _, now, count = metered(step=0.1)
    assert count(100).rate == pytest.approx(10)
    now[0] += 60  # a long pause
    assert count(5).rate < 2
    assert count(1000).rate == pytest.approx(10)


def test_the_end_is_told_from_the_rate_and_the_pause_that_is_on():
    meter, heard, now, count = metered(total=300, step=0.1)
    assert count(100).eta == pytest.approx(20)
    meter.pause(30)
    assert heard[-1].eta == pytest.approx(50)
    assert heard[-1].paused_for == pytest.approx(30, abs=1)
    now[0] += 31
    assert count().paused_until is None


def test_a_shorter_pause_within_a_longer_one_is_not_told():
    meter, heard, _, _ = metered()
    meter.pause(30)
    meter.pause(10)
    assert len(heard) == 1


@pytest.mark.parametrize("total", [None, 3])
def test_without_a_total_or_a_rate_nobody_can_tell_the_end(total):
    _, _, _, count = metered(total=total)
    assert count().eta is None


async def test_every_name_is_counted_once(client):
    heard = []
    names = [*numbered(5), "localhost"]
    await provision(client, names, on_progress=heard.append)
    assert [each.done for each in heard] == list(range(1, 7))
    assert (heard[-1].failed, heard[-1].total, heard[-1].eta) == (1, 6, 0)


async def test_of_a_generator_nobody_knows_the_total(client):
    heard = []
    await provision(client, iter(numbered(3)), on_progress=heard.append)
    assert {each.total for each in heard} == {None}


async def test_an_exception_of_the_listener_is_logged_and_fails_nothing_else(client, caplog):
    outcomes = await provision(client, numbered(3), on_progress=lambda _: 1 / 0)
    assert {outcome.status for outcome in outcomes} == {"created"}
    assert "on_progress failed" in caplog.text


async def test_a_wait_that_the_client_makes_by_itself_is_told():
    heard = []
    wait = answer(429, {"message": "Too Many Attempts."}, Retry_After=1)
    created = answer(201, {"data": DETAIL})
    async with Scripted(EMPTY, wait, created) as server, server.client() as client:
        await provision(client, ["example.com"], on_progress=heard.append)
    assert [each.done for each in heard] == [0, 1]
    assert heard[0].paused_for >= 0
    assert heard[0].paused_until is not None


# An API that wants to be left alone.


@pytest.fixture(autouse=True)
def no_least_pause(monkeypatch):
    monkeypatch.setattr(_patience, "_LEAST_SECONDS", 0.001)


def refused(kind=RateLimitError, **changes):
    error = kind("later", status=429, confirmed=True, retry_after=0.02)
    for name, value in changes.items():
        setattr(error, name, value)
    return error


class Calls:
    """Calls that end in one thing after the other, an error or a value."""

    def __init__(self, *ends):
        self.made = 0
        self._ends = iter(ends)

    async def __call__(self):
        self.made += 1
        await asyncio.sleep(0)
        end = next(self._ends)
        if isinstance(end, Exception):
            raise end
        return end


async def patient(*ends, timeout=None):
    """Make one call patiently; return what it ended in, and the pauses."""
    pauses = []
    patience = _patience.Patience(timeout, pauses.append)
    calls = Calls(*ends)
    try:
        result = await patience.call(calls)
    except _patience.StopRun:
        result = patience.reason
    return result, pauses, calls.made


@pytest.mark.parametrize("kind", [RateLimitError, ServiceUnavailableError])
async def test_a_refused_call_is_made_again_after_the_pause(kind):
    assert await patient(refused(kind), "done") == ("done", [0.02], 2)


async def test_an_unconfirmed_429_is_believed_too():
    assert await patient(refused(confirmed=False), "done") == ("done", [0.02], 2)


@pytest.mark.parametrize(
    "error",
    [
        refused(ServiceUnavailableError, confirmed=False),
        refused(ServiceUnavailableError, may_have_been_applied=True),
        refused(may_have_been_applied=True),
    ],
)
async def test_what_may_have_been_applied_or_is_a_proxys_is_not_made_again(error):
    with pytest.raises(type(error)):
        await patient(error, "done")


async def test_pauses_in_vain_stop_the_run_with_the_refusal():
    last = refused()
    result, pauses, made = await patient(*(refused() for _ in range(4)), last)
    assert result is last
    assert (len(pauses), made) == (4, 5)


async def test_an_answer_of_any_kind_between_pauses_shows_that_they_are_not_in_vain():
    patience = _patience.Patience(None, lambda _: None)
    for _ in range(5):
        with pytest.raises(ConflictError):
            await patience.call(Calls(refused(), refused(), ConflictError("no")))


async def test_without_a_time_pauses_grow(monkeypatch):
    monkeypatch.setattr(_patience, "_FIRST_SECONDS", 0.01)
    refusals = [refused(retry_after=None) for _ in range(3)]
    assert await patient(*refusals, "done") == ("done", [0.01, 0.02, 0.04], 4)


async def test_a_success_between_pauses_shows_that_they_are_not_in_vain():
    patience = _patience.Patience(None, lambda _: None)
    for _ in range(5):
        assert await patience.call(Calls(refused(), refused(), "done")) == "done"


async def test_calls_that_are_refused_together_make_one_pause():
    pauses = []
    patience = _patience.Patience(None, pauses.append)
    many = [Calls(refused(), "done") for _ in range(20)]
    assert await asyncio.gather(*map(patience.call, many)) == ["done"] * 20
    assert len(pauses) <= 20
    assert max(pauses) == 0.02


async def test_a_pause_longer_than_the_run_may_take_is_not_made():
    error = refused(retry_after=3600)
    assert await patient(error, timeout=5) == (error, [], 1)


async def test_nothing_is_begun_when_the_time_is_over():
    patience = _patience.Patience(0.001, lambda _: None)
    await asyncio.sleep(0.002)
    calls = Calls("done")
    with pytest.raises(_patience.StopRun):
        await patience.call(calls)
    assert isinstance(patience.reason, RunTimeoutError)
    assert not calls.made


async def test_a_stop_ends_the_pause_of_others():
    patience = _patience.Patience(None, lambda _: None)
    waiting = asyncio.create_task(patience.call(Calls(refused(retry_after=3600))))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    patience.stop()
    with pytest.raises(_patience.StopRun):
        await waiting


async def test_a_longer_pause_than_the_client_makes_pauses_the_whole_run(client, sandbox):
    """Nobody fails, and each name is asked for until it goes through."""
    heard = []
    impatient = client.with_options(retry=RetryPolicy(max_retry_after=0.5, throttle_attempts=1))
    sandbox.faults.add("domains.create", "rate-limited", times=2, retry_after="1")
    outcomes = await provision(impatient, numbered(6), concurrency=2, on_progress=heard.append)
    assert {outcome.status for outcome in outcomes} == {"created"}
    calls = [call.status for call in sandbox.calls if call.operation == "domains.create"]
    assert calls == [429] * 2 + [201] * 6
    assert any(each.paused_until for each in heard)
    assert heard[-1].seconds > 0.9


async def test_a_pause_beyond_the_time_of_the_run_is_raised_at_once():
    async with Scripted(EMPTY, LATER) as server, server.client() as client:
        with pytest.raises(RateLimitError) as caught:
            await provision(client, numbered(50), timeout=30)
    assert caught.value.retry_after == 61
    assert server.count("POST") <= 16


async def test_names_that_exist_do_not_show_that_the_api_answers():
    """They need no call; a run that is refused in vain ends, however many of them there are."""

    async def names():
        yield "new.example.com"
        while True:
            await asyncio.sleep(0)
            yield DOMAIN["name"]

    listed = answer(200, {"data": [DOMAIN]})
    refused = answer(429, {"message": "Too Many Attempts."}, Retry_After=0)
    retry = RetryPolicy(throttle_attempts=1)
    async with Scripted(listed, refused) as server, server.client(retry=retry) as client:
        with pytest.raises(RateLimitError):
            async with asyncio.timeout(10):
                await provision(client, names(), concurrency=2)
    assert server.count("POST") == 5


async def test_a_cancelled_run_does_not_wait_for_the_end_of_a_pause():
    async with Scripted(EMPTY, LATER) as server, server.client() as client:
        heard = []
        run = asyncio.create_task(provision(client, numbered(50), on_progress=heard.append))
        await until(lambda: any(each.paused_until for each in heard))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await run


async def test_a_run_whose_time_is_over_says_so_and_what_was_done(client):
    done = []
    run = provision_domains(
        client, CLUSTER, (f"d{n}.example.com" for n in itertools.count()), timeout=0.1
    )
    with pytest.raises(RunTimeoutError, match=r"within 0\.1 s.*Run it again"):
        await collect(done, run)
    assert done
    assert len(done) == len(await client.domains.list(CLUSTER))
    assert isinstance(RunTimeoutError("x"), TimeoutError)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
async def test_a_time_limit_that_makes_no_sense_is_refused(client, timeout):
    with pytest.raises(UsageError, match="timeout"):
        await provision(client, numbered(1), timeout=timeout)

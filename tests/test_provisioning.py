"""Many domains at once: an outcome for each, no failure that spreads, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import pytest
from scripted import DETAIL, DOMAIN, Act, Scripted, answer, failure, html, until

from unmta_async import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    UsageError,
    ValidationError,
    models,
)
from unmta_async.provisioning import Outcome, _workers, provision_domains

CLUSTER = "a1b2c3d4"
SERVERS = ("RequestHandler.start", "Scripted._serve", "AppRunner", "BaseRunner", "TCPSite")
UNAUTHENTICATED = answer(401, {"message": "Unauthenticated."})


def numbered(count):
    return [f"d{n}.example.com" for n in range(count)]


def created(number):
    return answer(201, {"data": DETAIL | {"name": f"d{number}.example.com"}})


def count(sandbox, operation):
    return sum(call.operation == operation for call in sandbox.calls)


async def provision(client, names, **options):
    return [outcome async for outcome in provision_domains(client, CLUSTER, names, **options)]


async def collect(outcomes, run):
    async for outcome in run:
        outcomes.append(outcome)


async def statuses(client, names, **options):
    return {outcome.name: outcome.status for outcome in await provision(client, names, **options)}


@contextlib.asynccontextmanager
async def nothing_left():
    """Fail if a task is left behind, other than those that serve."""
    yield
    for _ in range(10):
        await asyncio.sleep(0)
    left = {str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}}
    assert not [name for name in left if not any(server in name for server in SERVERS)]


# Outcomes.


async def test_what_is_missing_is_created_and_what_is_there_is_left_alone(client, sandbox):
    await client.domains.create(CLUSTER, name="d0.example.com")
    sandbox.calls.clear()
    names = ["D0.example.com", "d1.example.com", "localhost"]
    outcomes = {outcome.name: outcome for outcome in await provision(client, names)}
    assert [outcomes[name].status for name in names] == ["existed", "created", "failed"]

    existed, created, failed = (outcomes[name] for name in names)
    assert isinstance(existed.domain, models.Domain)
    assert existed.domain.name == "d0.example.com"
    assert isinstance(created.domain, models.DomainDetail)
    assert (existed.error, created.error) == (None, None)
    assert isinstance(failed.error, ValidationError)
    assert failed.domain is None
    assert count(sandbox, "domains.list") == 1
    assert count(sandbox, "domains.create") == 2


async def test_a_second_run_finds_everything_with_one_call(client, sandbox):
    names = numbered(50)
    assert set((await statuses(client, names)).values()) == {"created"}
    sandbox.calls.clear()
    assert set((await statuses(client, names)).values()) == {"existed"}
    assert len(sandbox.calls) == 1


def generator(names):
    yield from names


async def async_generator(names):
    for name in names:
        await asyncio.sleep(0)
        yield name


class Slow:
    """An async iterator that is no generator and knows no `aclose`."""

    def __init__(self, names):
        self._names = iter(names)

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        try:
            return next(self._names)
        except StopIteration:
            raise StopAsyncIteration from None


@pytest.mark.parametrize("make", [list, tuple, set, generator, async_generator, Slow])
@pytest.mark.parametrize("concurrency", [1, 3, 100])
async def test_names_come_from_any_iterable_each_once(client, make, concurrency):
    names = numbered(20)
    outcomes = await provision(client, make(names), concurrency=concurrency)
    assert sorted(outcome.name for outcome in outcomes) == sorted(names)
    assert {outcome.status for outcome in outcomes} == {"created"}


async def test_no_names_are_no_outcomes(client):
    assert await provision(client, []) == []


async def test_a_name_that_comes_twice_is_created_once(client):
    outcomes = await provision(client, ["d0.example.com", "D0.example.com"] * 5)
    assert len(outcomes) == 10
    assert sorted(outcome.status for outcome in outcomes) == ["created"] + ["existed"] * 9


async def test_an_international_name_is_one_domain_in_every_form(client, sandbox):
    names = ["bücher.example.com", "BÜCHER.example.com", "xn--bcher-kva.example.com"]
    assert [o.status for o in await provision(client, names[:1])] == ["created"]
    outcomes = await provision(client, names)
    assert [(o.name, o.status) for o in outcomes] == [(name, "existed") for name in names]
    assert count(sandbox, "domains.create") == 1


async def test_a_name_that_is_none_fails_alone(client):
    found = await statuses(client, ["bü cher.example.com", "example.com"])
    assert found == {"bü cher.example.com": "failed", "example.com": "created"}


async def test_a_name_that_somebody_else_takes_in_mid_run_existed(client, sandbox):
    async def names():
        yield "d0.example.com"
        async with sandbox.client() as somebody:
            await somebody.domains.create(CLUSTER, name="d1.example.com")
        yield "d1.example.com"

    found = await statuses(client, names())
    assert found == {"d0.example.com": "created", "d1.example.com": "existed"}


async def test_a_name_that_is_taken_and_cannot_be_looked_up_is_settled_at_the_end():
    taken = answer(422, {"message": "x", "errors": {"name": ["The name has been taken."]}})
    listed = answer(200, {"data": [DOMAIN]})
    script = [answer(200, {"data": []}), taken, html(502), html(502), html(502), listed]
    async with Scripted(*script) as server, server.client() as client:
        assert await statuses(client, ["example.com"]) == {"example.com": "existed"}
    assert len(server.requests) == len(script)


async def test_an_outcome_comes_as_soon_as_it_is_known(client):
    """The first outcome does not wait for the names that come later."""
    first_seen = asyncio.Event()

    async def names():
        yield "d0.example.com"
        await first_seen.wait()
        yield "d1.example.com"

    async with asyncio.timeout(5):
        async for outcome in provision_domains(client, CLUSTER, names()):
            assert outcome.status == "created"
            first_seen.set()


async def test_outcomes_can_be_compared_and_show_themselves():
    assert Outcome(name="a", status="failed") == Outcome(name="a", status="failed")
    assert "failed" in repr(Outcome(name="a", status="failed"))


# Failures.


async def test_a_failure_ends_its_own_name_only(client):
    names = [*numbered(10), "localhost", "127.0.0.1", *(f"e{n}.example.com" for n in range(10))]
    found = await statuses(client, names, concurrency=2)
    assert {name for name, status in found.items() if status == "failed"} == {
        "localhost",
        "127.0.0.1",
    }


async def test_an_unknown_cluster_is_told_at_once(client, sandbox):
    error = await failure(anext(provision_domains(client, "nowhere", numbered(5))))
    assert isinstance(error, NotFoundError)
    assert len(sandbox.calls) == 1


async def test_a_confirmed_401_stops_the_run(client, sandbox):
    taken = []

    def names():
        for name in numbered(1000):
            taken.append(name)
            if len(taken) == 20:
                sandbox.revoke_token()
            yield name

    outcomes = []
    with pytest.raises(AuthenticationError):
        await collect(outcomes, provision_domains(client, CLUSTER, names(), concurrency=4))
    refused = [call for call in sandbox.calls if call.status == 401]
    assert 1 <= len(refused) <= 4
    assert len(taken) < 40
    assert {outcome.status for outcome in outcomes} == {"created"}
    assert len(outcomes) == len(sandbox.state.list_domains(CLUSTER)[1]["data"])


async def test_a_confirmed_403_stops_the_run():
    refused = answer(403, {"message": "This action is unauthorized."})
    script = answer(200, {"data": []}), refused, answer(201, {"data": DETAIL})
    async with Scripted(*script) as server, server.client() as client:
        with pytest.raises(PermissionDeniedError):
            await provision(client, numbered(100), concurrency=2)
    assert len(server.requests) < 10


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_of_a_proxy_does_not_stop_the_run(status):
    script = answer(200, {"data": []}), html(status), *map(created, range(1, 5))
    async with Scripted(*script) as server, server.client() as client:
        outcomes = await provision(client, numbered(5), concurrency=1)
    assert [outcome.status for outcome in outcomes] == ["failed"] + ["created"] * 4


async def test_a_refusal_stops_a_run_whose_names_are_yet_to_come():
    """It does not wait for a name that may never come."""

    async def waiting():
        yield "example.com"
        await asyncio.Event().wait()

    script = answer(200, {"data": []}), UNAUTHENTICATED
    async with Scripted(*script) as server, server.client() as client, asyncio.timeout(10):
        with pytest.raises(AuthenticationError):
            await provision(client, waiting())


# Doubts.

LOST = answer(200, {"data": []}), Act.CLOSE, html(502), created(2)


async def test_creates_in_doubt_are_settled_at_the_end_by_one_list_call():
    listed = answer(200, {"data": [DOMAIN | {"name": "d0.example.com"}]})
    async with Scripted(*LOST, listed) as server, server.client() as client:
        outcomes = await provision(client, numbered(3), concurrency=1)
    assert [outcome.name for outcome in outcomes] == [f"d{n}.example.com" for n in (2, 0, 1)]
    assert [outcome.status for outcome in outcomes] == ["created", "existed", "failed"]
    assert isinstance(outcomes[2].error, ServerError)
    assert (server.count("POST"), server.count("GET")) == (3, 2)


async def test_a_doubt_that_cannot_be_settled_failed_and_says_that_it_is_one():
    async with Scripted(*LOST[:3], html(500)) as server, server.client() as client:
        outcomes = await provision(client, numbered(2), concurrency=1)
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]
    assert all(outcome.error.may_have_been_applied for outcome in outcomes)


async def test_a_run_that_is_stopped_still_gives_the_outcomes_in_doubt():
    outcomes = []
    async with Scripted(*LOST[:2], UNAUTHENTICATED) as server, server.client() as client:
        with pytest.raises(AuthenticationError):
            await collect(outcomes, provision_domains(client, CLUSTER, numbered(9), concurrency=1))
    assert [(o.name, o.status) for o in outcomes] == [("d0.example.com", "failed")]
    assert len(server.requests) == 3


# The names.


class OddError(Exception):
    pass


def raising(names):
    yield from names
    raise OddError


async def async_raising(names):
    for name in raising(names):
        yield name


@pytest.mark.parametrize("make", [raising, async_raising])
async def test_an_exception_of_the_names_reaches_the_consumer_after_the_outcomes(client, make):
    outcomes = []
    async with nothing_left():
        with pytest.raises(OddError):
            await collect(outcomes, provision_domains(client, CLUSTER, make(numbered(5))))
    assert {outcome.status for outcome in outcomes} == {"created"}
    assert len(outcomes) == 5


async def test_names_that_are_cancelled_from_elsewhere_do_not_hang_the_run(client):
    async def names():
        yield "d0.example.com"
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await provision(client, names())
    assert not asyncio.current_task().cancelling()


@pytest.mark.parametrize("odd", [None, 5, b"d1.example.com"])
async def test_a_name_that_is_no_string_is_told_and_hides_none_behind_it(client, odd):
    with pytest.raises(UsageError, match="string"):
        await provision(client, ["d0.example.com", odd, "d2.example.com"])


@pytest.mark.parametrize("names", ["example.com", b"example.com"])
async def test_a_single_string_is_refused(client, sandbox, names):
    with pytest.raises(UsageError, match="string"):
        await provision(client, names)
    assert not sandbox.calls


@pytest.mark.parametrize("concurrency", [0, -1])
async def test_no_concurrency_is_refused(client, sandbox, concurrency):
    with pytest.raises(UsageError, match="concurrency"):
        await provision(client, [], concurrency=concurrency)
    assert not sandbox.calls


# Limits.


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_no_more_creates_are_in_flight_than_were_asked_for(concurrency):
    script = answer(200, {"data": []}), (Act.PAUSE, answer(201, {"data": DETAIL}))
    async with Scripted(*script) as server, server.client() as client:
        await provision(client, numbered(100), concurrency=concurrency)
    assert server.count("POST") == 100
    assert server.peak == concurrency


async def test_no_more_names_are_taken_than_there_are_connections(sandbox):
    taken = []

    def names():
        for name in numbered(100):
            taken.append(name)
            yield name

    async with sandbox.client(max_connections=2) as client:
        run = provision_domains(client, CLUSTER, names(), concurrency=1000)
        async with contextlib.aclosing(run):
            await anext(run)
    assert len(taken) <= 5


@pytest.mark.parametrize("make", [iter, async_generator])
async def test_a_slow_consumer_holds_the_names_back(client, make):
    """However many names there are, only a few are taken ahead of the consumer."""
    taken = []

    def names():
        for name in numbered(200):
            taken.append(name)
            yield name

    ahead, seen, concurrency = 0, 0, 4
    async for _ in provision_domains(client, CLUSTER, make(names()), concurrency=concurrency):
        seen += 1
        if seen < 20:
            await asyncio.sleep(0.01)
        ahead = max(ahead, len(taken) - seen)
    assert seen == 200
    assert ahead <= 2 * concurrency + 1


# Stopping early.


async def test_a_consumer_that_breaks_leaves_nothing_behind(client):
    async with nothing_left():
        async for _ in provision_domains(client, CLUSTER, numbered(500)):
            break
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("make", [list, generator, async_generator])
async def test_a_run_that_is_closed_leaves_nothing_behind(client, make):
    async with nothing_left():
        run = provision_domains(client, CLUSTER, make(numbered(500)))
        async with contextlib.aclosing(run):
            await anext(run)


async def test_an_exception_of_the_consumer_leaves_nothing_behind(client):
    async def consume():
        async with contextlib.aclosing(provision_domains(client, CLUSTER, numbered(500))) as run:
            async for _ in run:
                raise OddError

    async with nothing_left():
        with pytest.raises(OddError):
            await consume()


@pytest.mark.parametrize("at", ["the list call", "a create", "the names"])
async def test_a_run_that_is_cancelled_leaves_nothing_behind(at, monkeypatch):
    async def names():
        if at == "the names":
            reached.set()
            await asyncio.Event().wait()
        yield "d0.example.com"

    monkeypatch.setattr(_workers, "GRACE", 0.01)
    reached = asyncio.Event()
    script = (answer(200, {"data": []}), Act.HANG) if at != "the list call" else (Act.HANG,)
    async with Scripted(*script) as server, server.client() as client, nothing_left():
        run = asyncio.create_task(provision(client, names()))
        await until(lambda: len(server.requests) == len(script) or reached.is_set())
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await until(lambda: server.connections == (at == "the names"))


@pytest.mark.parametrize("way", ["cancelled", "stopped"])
async def test_a_run_that_ends_early_lets_what_is_in_flight_finish(way):
    """It takes no new names; if it was asked to stop, it says what was done."""
    outcomes, stop = [], asyncio.Event()
    script = answer(200, {"data": []}), (Act.PAUSE, created(0)), (Act.PAUSE, created(1))
    async with Scripted(*script) as server, server.client() as client, nothing_left():
        run = provision_domains(client, CLUSTER, numbered(100), concurrency=2, stop=stop)
        task = asyncio.create_task(collect(outcomes, run))
        await until(lambda: len(server.requests) == 3)
        if way == "stopped":
            stop.set()
        else:
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() == (way == "cancelled")
        assert len(server.requests) == 3
        assert server.connections == 2  # they would have been closed
    told = {(outcome.name, outcome.status) for outcome in outcomes}
    both = {("d0.example.com", "created"), ("d1.example.com", "created")}
    assert told == (both if way == "stopped" else set())


async def test_a_stop_is_heard_while_the_names_are_waited_for(client):
    async def names():
        yield "d0.example.com"
        await asyncio.Event().wait()

    stop, outcomes = asyncio.Event(), []
    async with nothing_left():
        async for outcome in provision_domains(client, CLUSTER, names(), stop=stop):
            outcomes.append(outcome)
            stop.set()
    assert [outcome.status for outcome in outcomes] == ["created"]


async def test_whoever_stands_in_line_for_a_name_takes_none_after_a_stop():
    stop, go_on, taken = asyncio.Event(), asyncio.Event(), []

    async def names():
        for name in numbered(10):
            taken.append(name)
            yield name
            await go_on.wait()

    script = answer(200, {"data": []}), (Act.PAUSE, created(0))
    async with Scripted(*script) as server, server.client() as client, nothing_left():
        run = asyncio.create_task(provision(client, names(), stop=stop))
        await until(lambda: len(server.requests) == 2)
        stop.set()
        for _ in range(5):
            await asyncio.sleep(0)
        go_on.set()
        assert [outcome.name for outcome in await run] == taken[:1]
    assert len(taken) <= 2  # one was being waited for


async def test_a_cancellation_is_never_swallowed_nor_raised_late(client, sandbox):
    """Whatever a consumer does next: a time limit around one step ends that step."""
    sandbox.faults.add("domains.create", "slow-body", times=None, seconds=0.2)
    run = provision_domains(client, CLUSTER, numbered(3), concurrency=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(run)
    assert not asyncio.current_task().cancelling()
    with pytest.raises(StopAsyncIteration):
        await anext(run)


async def test_a_second_cancellation_ends_what_is_in_flight():
    script = answer(200, {"data": []}), Act.HANG
    async with Scripted(*script) as server, server.client() as client, nothing_left():
        run = asyncio.create_task(provision(client, numbered(100)))
        await until(lambda: len(server.requests) == 17)
        run.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not run.done()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(_workers.GRACE / 2):
                await run
    assert len(server.requests) == 17


async def test_work_that_somebody_else_cancels_is_not_waited_for():
    """As `asyncio.run` does, after a second Ctrl-C."""
    script = answer(200, {"data": []}), Act.HANG
    async with Scripted(*script) as server, server.client() as client, nothing_left():
        run = asyncio.create_task(provision(client, numbered(100), concurrency=2))
        await until(lambda: len(server.requests) == 3)
        run.cancel()
        await asyncio.sleep(0)
        for task in asyncio.all_tasks():
            if "_Crew" in repr(task.get_coro()):
                task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(_workers.GRACE / 2):
                await run


async def test_a_run_that_is_stopped_leaves_the_names_that_it_has_not_begun(client):
    """They can be given to the next one. Of names that are waited for, one may be lost to it."""
    stop, told, names = asyncio.Event(), [], generator(numbered(100))
    run = provision_domains(client, CLUSTER, names, concurrency=4, stop=stop)
    async for outcome in run:
        told.append(outcome.name)
        stop.set()
    told += [outcome.name for outcome in await provision(client, names)]
    assert sorted(told) == sorted(numbered(100))


async def test_a_run_that_is_closed_lets_what_is_in_flight_finish(client, sandbox):
    run = provision_domains(client, CLUSTER, numbered(500), concurrency=4)
    async with contextlib.aclosing(run):
        await anext(run)
    answered = [call.status for call in sandbox.calls if call.operation == "domains.create"]
    assert set(answered) == {201}
    assert len(answered) == len(await client.domains.list(CLUSTER))


async def test_a_time_limit_around_a_cancelled_run_is_still_a_timeout(client):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await provision(client, (f"d{n}.example.com" for n in itertools.count()))


async def test_doubts_of_a_stopped_run_have_an_outcome():
    stop = asyncio.Event()
    script = answer(200, {"data": []}), html(502), (Act.PAUSE, created(1))
    async with Scripted(*script) as server, server.client() as client:
        run = provision_domains(client, CLUSTER, numbered(100), concurrency=1, stop=stop)
        task = asyncio.create_task(collect(outcomes := [], run))
        await until(lambda: len(server.requests) == 3)
        stop.set()
        await task
    assert [outcome.status for outcome in outcomes] == ["created", "failed"]
    assert outcomes[1].error.may_have_been_applied
    assert len(server.requests) == 3

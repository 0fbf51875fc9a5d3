"""The rate limit: how much it lets in, and what the others are told."""

import aiohttp
import pytest

from unmta_async.sandbox import Sandbox, rules
from unmta_async.sandbox.throttle import Throttle

from .proofs import proves
from .test_http import DOMAINS, call, raw  # noqa: F401 - a fixture


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(rate_limit=3, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def http(sandbox):
    """A session that may be told to wait, which the contract says nothing of."""
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with aiohttp.ClientSession(sandbox.base_url + "/", headers=headers) as session:
        yield session


@proves(rules.REQUEST_RATE)
async def test_a_second_s_worth_comes_in_and_the_next_is_a_429(http, sandbox, clock):
    left = []
    for number in range(3):
        async with http.post(DOMAINS[1:], json={"name": f"d{number}.com"}) as response:
            assert response.status == 201
            assert response.headers["X-RateLimit-Limit"] == "3"
            left.append(response.headers["X-RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    async with http.post(DOMAINS[1:], json={"name": "late.com"}) as response:
        assert (response.status, await response.json()) == (429, {"message": "Too Many Attempts."})
        assert response.headers["Retry-After"] == "1"
        assert response.headers["X-RateLimit-Limit"] == "3"
        assert response.headers["X-RateLimit-Remaining"] == "0"
        assert "Date" in response.headers
    clock.advance(1)
    _, listed = await call(http, "GET", DOMAINS)
    assert len(listed["data"]) == 3
    assert [one.status for one in sandbox.calls] == [201, 201, 201, 429, 200]


@proves(rules.REQUEST_RATE)
async def test_it_stands_in_front_of_the_token_and_the_route(raw):  # noqa: F811
    statuses = []
    for path in ("/api/v1/clusters", "/api/v1/nothing", "/api/v1/clusters", "/api/v1/clusters"):
        async with raw.get(path, headers={"Accept": "application/json"}) as response:
            statuses.append(response.status)
    assert statuses == [401, 401, 401, 429]
    async with raw.get("/__sandbox/rules") as response:
        assert response.status == 200
        assert "X-RateLimit-Limit" not in response.headers


async def test_a_fault_is_not_used_up_by_who_is_not_let_in(http, sandbox, clock):
    sandbox.faults.add("clusters.list", "rate-limited", nth=4)
    statuses = [(await call(http, "GET", "/clusters"))[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert sandbox.calls[-1].fault is None
    clock.advance(1)
    async with http.get("clusters") as response:
        assert (response.status, response.headers["X-RateLimit-Limit"]) == (429, "60")
    assert sandbox.calls[-1].fault == "rate-limited"


def admitted(throttle, times):
    return [throttle.admit().retry_after for _ in range(times)]


@proves(rules.REQUEST_RATE)
def test_the_bucket_fills_with_time_and_never_over_its_size(clock):
    throttle = Throttle(2, clock)
    assert admitted(throttle, 3) == [0, 0, 1]
    clock.advance(0.5)
    assert admitted(throttle, 2) == [0, 1]
    clock.advance(3600)
    assert admitted(throttle, 3) == [0, 0, 1]


def test_a_slow_rate_has_room_for_one_and_says_how_long_to_wait(clock):
    throttle = Throttle(0.1, clock)
    assert throttle.admit().limit == 1
    assert admitted(throttle, 1) == [10]
    clock.advance(8.5)
    assert admitted(throttle, 1) == [2]
    clock.advance(1.5)
    assert admitted(throttle, 1) == [0]


async def test_a_client_that_waits_as_it_is_told_gets_everything_done():
    async with Sandbox(rate_limit=20) as sandbox, sandbox.client() as client:
        for number in range(25):
            await client.domains.create("a1b2c3d4", name=f"d{number}.com")
        assert len(await client.domains.list("a1b2c3d4")) == 25
        assert 429 in {one.status for one in sandbox.calls}


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_what_is_no_rate(rate):
    with pytest.raises(ValueError, match="positive number"):
        Sandbox(rate_limit=rate)

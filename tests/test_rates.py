"""Message rates: read in every form that the API may use, and multiplied by the MTAs."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unmta_async import UnmtaClient
from unmta_async.provisioning.rates import MessageRate, effective_rate

CLUSTER = "a1b2c3d4"


@pytest.mark.parametrize(
    ("text", "quantity", "period", "burst"),
    [
        ("500/hr", 500, 3600, None),
        ("1,000/day", 1000, 86_400, None),
        ("1_000_000/d", 1_000_000, 86_400, None),
        ("50/hr,max_burst=10", 50, 3600, 10),
        ("50/hr, max_burst = 1,000", 50, 3600, 1000),
        ("500/30min", 500, 1800, None),
        ("local:10/s", 10, 1, None),
        ("10/sec", 10, 1, None),
        ("10/second", 10, 1, None),
        ("10/m", 10, 60, None),
        ("10/minute", 10, 60, None),
        ("10/h", 10, 3600, None),
        ("10/hour", 10, 3600, None),
        ("10/2hours", 10, 7200, None),
        (" 10 / 2 Hours ", 10, 7200, None),
        ("0/day", 0, 86_400, None),
    ],
)
def test_a_rate_is_read_in_every_form(text, quantity, period, burst):
    rate = MessageRate.parse(text)
    assert (rate.quantity, rate.period, rate.burst) == (quantity, period, burst)
    assert rate.raw == text
    assert not rate.is_unlimited


@pytest.mark.parametrize(
    "text",
    [
        *("fast", "500", "/hr", "500/", "500/fortnight", "500/0min", "5.5/hr", "-5/hr"),
        *("500/ms", "500/hr 5"),
        *("500/hr,burst=3", "500/hr,max_burst=", "\u0665/hr", "9" * 5000 + "/hr"),
    ],
)
def test_what_is_not_understood_keeps_its_text_and_nothing_else(text):
    rate = MessageRate.parse(text)
    assert (rate.quantity, rate.period, rate.burst, rate.raw) == (None, None, None, text)
    assert not rate.is_unlimited
    assert str(rate) == text


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_rate_is_unknown_and_not_unlimited(text):
    rate = MessageRate.parse(text)
    assert (rate.quantity, rate.raw) == (None, text)
    assert not rate.is_unlimited
    assert str(rate) == "unknown"


def test_no_rate_is_no_limit():
    rate = MessageRate.parse(None)
    assert rate.is_unlimited
    assert (rate.quantity, rate.raw) == (None, None)
    assert str(rate) == "unlimited"


@given(st.text())
def test_no_text_makes_it_fail(text):
    assert MessageRate.parse(text).raw == text


@given(st.integers(0, 10**31 - 1), st.integers(1, 10**7), st.none() | st.integers(0, 10**31 - 1))
@example(10**31 - 1, 1, 10**31 - 1)
def test_what_it_shows_is_read_as_the_same_rate(quantity, period, burst):
    rate = MessageRate(quantity=quantity, period=period, burst=burst)
    assert attrs.evolve(MessageRate.parse(str(rate)), raw=None) == rate


@pytest.mark.parametrize(
    ("text", "count", "shown"),
    [
        ("500/hr", 3, "1,500/hr"),
        ("50/hr,max_burst=10", 3, "150/hr,max_burst=30"),
        ("500/30min", 1, "500/30min"),
        ("500/hr", 0, "0/hr"),
        (None, 3, "unlimited"),
        ("as it comes", 3, "3 x as it comes"),
        ("", 3, "3 x unknown"),
    ],
)
async def test_a_cluster_may_send_as_much_as_all_of_its_mtas(
    client: UnmtaClient, text, count, shown
):
    cluster, *_ = await client.clusters.list()
    mta, *_ = await client.mtas.list(CLUSTER)
    rate = effective_rate(attrs.evolve(cluster, max_message_rate=text), [mta] * count)
    assert str(rate) == shown
    assert rate.is_unlimited == (text is None)
    assert rate == MessageRate.parse(rate.raw)

"""A world that stands still at the time of the API's examples."""

from datetime import UTC, datetime

import pytest

from unmta_async.sandbox import Clock, State

START = "2025-01-15T10:30:00Z"


@pytest.fixture
def clock():
    return Clock(datetime(2025, 1, 15, 10, 30, tzinfo=UTC))


@pytest.fixture
def state(clock):
    return State(clock=clock)

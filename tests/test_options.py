"""What a caller may choose, and what they may hear."""

import math

import attrs
import pytest

from unmta_async import Attempt, RetryPolicy, Secret, Timeout, UnmtaError, UsageError

NO_NUMBERS = ["5", True, math.nan, math.inf, -math.inf, -1]


def test_timeout_defaults_are_what_is_documented():
    assert attrs.asdict(Timeout()) == {"total": 120, "attempt": 30, "connect": 10}


def test_retry_defaults_are_what_is_documented():
    assert attrs.asdict(RetryPolicy()) == {
        "attempts": 3,
        "throttle_attempts": 5,
        "backoff": 0.1,
        "max_backoff": 2.0,
        "max_retry_after": 60.0,
        "budget": 500,
    }


@pytest.mark.parametrize("field", ["total", "attempt", "connect"])
@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, 0.0])
def test_a_timeout_is_a_number_above_zero(field, value):
    with pytest.raises(UsageError, match=f"Timeout: {field}="):
        Timeout(**{field: value})


@pytest.mark.parametrize("field", ["total", "attempt", "connect"])
@pytest.mark.parametrize("value", [None, 1, 0.001])
def test_none_is_no_bound(field, value):
    assert getattr(Timeout(**{field: value}), field) == value


def test_a_number_bounds_the_whole_call():
    assert Timeout.of(5) == Timeout(total=5)
    assert Timeout.of(given := Timeout(attempt=1)) is given
    with pytest.raises(UsageError, match="total=0"):
        Timeout.of(0)


@pytest.mark.parametrize("field", ["attempts", "throttle_attempts"])
@pytest.mark.parametrize("value", [*NO_NUMBERS, None, 0, 1.5])
def test_a_number_of_attempts_is_whole_and_above_zero(field, value):
    with pytest.raises(UsageError, match=f"RetryPolicy: {field}="):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize("field", ["backoff", "max_backoff", "max_retry_after", "budget"])
@pytest.mark.parametrize("value", [*NO_NUMBERS, None])
def test_waits_and_budget_are_numbers_from_zero_on(field, value):
    with pytest.raises(UsageError, match=f"RetryPolicy: {field}="):
        RetryPolicy(**{field: value})
    assert getattr(RetryPolicy(**{field: 0}), field) == 0


def test_none_is_one_attempt_whatever_happens():
    assert (RetryPolicy.none().attempts, RetryPolicy.none().throttle_attempts) == (1, 1)


@pytest.mark.parametrize("options", [Timeout(), RetryPolicy()])
def test_options_are_values(options):
    assert options == type(options)()
    assert hash(options) == hash(type(options)())
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.total = 1


def attempt(**changes):
    told = {
        "operation": "domains.get",
        "method": "GET",
        "route": "/clusters/{cluster}/domains/{domain}",
        "number": 2,
        "seconds": 0.25,
        "status": 200,
        "request_id": "r-1",
        "error": None,
    }
    return Attempt(**told | changes)


def test_an_attempt_reads_as_one_line():
    assert str(attempt()) == (
        "domains.get: GET /clusters/{cluster}/domains/{domain} -> 200 in 0.250 s "
        "(attempt 2, request id r-1)"
    )
    assert attempt().retry_in is None


def test_an_attempt_without_answer_names_the_error():
    text = str(attempt(status=None, request_id=None, error=UnmtaError("x")))
    assert "-> UnmtaError in" in text
    assert "request id none" in text


def test_the_line_of_an_attempt_holds_no_values():
    error = UnmtaError("about example.com")
    error.password = Secret("hunter2")
    error.path_params = {"domain": "example.com"}
    for status in (None, 500):
        text = str(attempt(status=status, error=error))
        assert "example.com" not in text
        assert "hunter2" not in text

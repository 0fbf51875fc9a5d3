"""Whether to try again, and how long to wait: pure tables, no clock."""

import math

import pytest

from unmta_async import RetryPolicy, Secret, errors
from unmta_async._retry import POLICY, Effect, Fault, Gate, RetryBudget, Tries, Verdict, classify
from unmta_async.errors import (
    APIError,
    AuthenticationError,
    ClientClosedError,
    ConflictError,
    ConnectError,
    ConnectionLostError,
    ConnectTimeoutError,
    NotFoundError,
    PasswordLostError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    ServiceUnavailableError,
    TLSError,
    TransportError,
    UnexpectedResponseError,
    UnmtaError,
    UsageError,
    ValidationError,
)


def status(kind, code, *, confirmed=False):
    return kind("x", status=code, confirmed=confirmed)


def rate_limited(retry_after=None):
    return RateLimitError("x", status=429, retry_after=retry_after)


def unavailable(*, confirmed):
    return status(ServiceUnavailableError, 503, confirmed=confirmed)


# The table of reliability.md: what happened, and what then for
# GET, PUT, DELETE, POST of a domain, POST of a credential.
RETRY, WAIT, RAISE = Verdict.RETRY, Verdict.WAIT, Verdict.RAISE
DOUBT, LOST = Verdict.DOUBT, Verdict.PASSWORD_LOST
COLUMNS = (Effect.READ, Effect.REPLACE, Effect.DELETE, Effect.CREATE, Effect.CREATE_SECRET)
LOOK = DOUBT  # a DELETE does not look yet: it raises its doubt
TABLE = [
    (
        "never sent: DNS, refused, connect timeout",
        [ConnectError("x"), ConnectTimeoutError("x")],
        (RETRY, RETRY, RETRY, RETRY, RETRY),
    ),
    ("TLS", [TLSError("x")], (RAISE, RAISE, RAISE, RAISE, RAISE)),
    (
        "lost, cut or timed out after sending; 408, 500, 502, 504, 52x, 503 of somebody else",
        [
            ConnectionLostError("x"),
            RequestTimeoutError("x"),
            status(APIError, 408),
            *(status(ServerError, code) for code in (500, 502, 504, 520, 522, 524, 529)),
            status(ServerError, 500, confirmed=True),
            unavailable(confirmed=False),
        ],
        (RETRY, RETRY, LOOK, DOUBT, LOST),
    ),
    (
        "429; 503 with the API's own JSON",
        [rate_limited(), unavailable(confirmed=True)],
        (WAIT, WAIT, WAIT, WAIT, WAIT),
    ),
    (
        "3xx, 401, 403, 404, 405, 409, 413, 419, 422, other 4xx",
        [
            *(UnexpectedResponseError("x", status=code) for code in (301, 302, 307, 308)),
            status(AuthenticationError, 401),
            status(PermissionDeniedError, 403),
            status(NotFoundError, 404, confirmed=True),
            *(status(APIError, code) for code in (400, 405, 413, 418, 419, 451)),
            status(ConflictError, 409),
            ValidationError("x"),
        ],
        (RAISE, RAISE, RAISE, RAISE, RAISE),
    ),
    (
        "an answer we cannot vouch for",
        [
            UnexpectedResponseError("x", status=200),
            UnexpectedResponseError("x", status=500),
            ClientClosedError("x"),
        ],
        (RAISE, DOUBT, LOOK, DOUBT, LOST),
    ),
]
FAULTS = {
    UnmtaError("x"): Fault.REFUSED,
    UsageError("x"): Fault.REFUSED,
    ClientClosedError("x"): Fault.UNVOUCHED,
    TransportError("x"): Fault.AMBIGUOUS,
    ConnectError("x"): Fault.UNSENT,
    ConnectTimeoutError("x"): Fault.UNSENT,
    TLSError("x"): Fault.UNTRUSTED,
    ConnectionLostError("x"): Fault.AMBIGUOUS,
    RequestTimeoutError("x"): Fault.AMBIGUOUS,
    UnexpectedResponseError("x", status=200): Fault.UNVOUCHED,
    APIError("x", status=400): Fault.REFUSED,
    AuthenticationError("x"): Fault.REFUSED,
    PermissionDeniedError("x"): Fault.REFUSED,
    NotFoundError("x"): Fault.REFUSED,
    ConflictError("x"): Fault.REFUSED,
    ValidationError("x"): Fault.REFUSED,
    RateLimitError("x"): Fault.THROTTLED,
    ServerError("x"): Fault.AMBIGUOUS,
    ServiceUnavailableError("x"): Fault.AMBIGUOUS,
    PasswordLostError("x"): Fault.REFUSED,
}
CASES = [
    pytest.param(error, effect, verdict, id=f"{error.__class__.__name__}-{effect.name}")
    for _, examples, verdicts in TABLE
    for error in examples
    for effect, verdict in zip(COLUMNS, verdicts, strict=True)
]
UNSENT = ConnectError("x")
every_effect = pytest.mark.parametrize("effect", Effect)


def tries(effect=Effect.READ, budget=500, jitter=1.0, **policy):
    return Tries(RetryPolicy(**policy), RetryBudget(budget), effect, lambda: jitter)


# The table.


@pytest.mark.parametrize(("error", "effect", "verdict"), CASES)
def test_the_policy_is_that_of_the_table(error, effect, verdict):
    assert POLICY[classify(error), effect] is verdict


def test_the_table_and_the_policy_cover_each_other():
    faults = {classify(error) for _, examples, _ in TABLE for error in examples}
    assert faults == set(Fault)
    assert set(POLICY) == {(fault, effect) for fault in Fault for effect in Effect}
    assert set(COLUMNS) == set(Effect)


@pytest.mark.parametrize(("error", "fault"), FAULTS.items(), ids=lambda value: type(value).__name__)
def test_every_error_is_classified(error, fault):
    assert classify(error) is fault


def test_the_classification_is_complete():
    assert sorted(type(error).__name__ for error in FAULTS) == sorted(errors.__all__)


@pytest.mark.parametrize(
    ("method", "effect"),
    [
        ("GET", Effect.READ),
        ("HEAD", Effect.READ),
        ("OPTIONS", Effect.READ),
        ("PUT", Effect.REPLACE),
        ("DELETE", Effect.DELETE),
        ("POST", Effect.CREATE),
        ("PATCH", Effect.CREATE),
        ("PURGE", Effect.CREATE),
    ],
)
def test_the_effect_of_a_method(method, effect):
    assert Effect.of(method, secret=False) is effect
    assert Effect.of(method, secret=True) is Effect.CREATE_SECRET


@pytest.mark.parametrize(("error", "effect", "verdict"), CASES)
def test_a_call_does_as_the_table_says(error, effect, verdict):
    call = tries(effect)
    wait = call.failed(error, math.inf)
    assert (wait is not None) is (verdict in {RETRY, WAIT})
    assert call.doubt is error.may_have_been_applied
    if verdict in {RAISE, WAIT}:
        assert not call.doubt
    if verdict in {DOUBT, LOST}:
        assert call.doubt
    assert call.lost_password(error, "user") is (verdict is LOST)


# Counting.


@pytest.mark.parametrize("attempts", [1, 2, 3, 10])
def test_a_failure_is_tried_as_often_as_allowed(attempts):
    call = tries(attempts=attempts)
    waits = [call.failed(error := ConnectError("x"), math.inf) for _ in range(attempts)]
    assert [wait is not None for wait in waits] == [True] * (attempts - 1) + [False]
    assert error.attempts == attempts


def test_throttling_is_counted_apart():
    call = tries(attempts=2, throttle_attempts=3)
    failures = [rate_limited(), UNSENT, unavailable(confirmed=True), rate_limited()]
    waits = [call.failed(error, math.inf) for error in failures]
    assert [wait is not None for wait in waits] == [True, True, True, False]
    assert failures[-1].attempts == 4


def test_none_tries_once():
    for error in (UNSENT, rate_limited(0.0)):
        once = Tries(RetryPolicy.none(), RetryBudget(500), Effect.READ)
        assert once.failed(error, math.inf) is None


def test_an_attempt_with_a_renewed_token_counts_too():
    call = tries()
    assert call.number == 1
    call.renewed = True
    assert call.number == 2
    call.failed(error := AuthenticationError("x"), math.inf)
    assert error.attempts == 2


# Waiting.


def test_the_backoff_doubles_up_to_its_limit():
    call = tries(attempts=7)
    waits = [call.failed(UNSENT, math.inf) for _ in range(7)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, None]


def test_the_backoff_of_throttling_doubles_on_its_own():
    call = tries()
    failures = [rate_limited(), UNSENT, rate_limited(), UNSENT]
    assert [call.failed(error, math.inf) for error in failures] == [0.1, 0.1, 0.2, 0.2]


@pytest.mark.parametrize("jitter", [0.0, 0.25, 1.0])
def test_the_jitter_is_full(jitter):
    call = tries(jitter=jitter, backoff=8.0, max_backoff=16.0)
    assert call.failed(UNSENT, math.inf) == jitter * 8.0
    assert call.failed(UNSENT, math.inf) == jitter * 16.0


def test_by_default_the_jitter_differs():
    waits = {
        Tries(RetryPolicy(), RetryBudget(500), Effect.READ).failed(UNSENT, math.inf)
        for _ in range(10)
    }
    assert len(waits) > 1
    assert all(0 <= wait < 0.1 for wait in waits)


def test_the_backoff_survives_any_number_of_attempts():
    call = tries(attempts=3000, budget=10**6)
    waits = [call.failed(UNSENT, math.inf) for _ in range(2999)]
    assert set(waits[5:]) == {2.0}


@pytest.mark.parametrize(
    ("asked", "wait"),
    [(None, 0.1), (0.0, 0.1), (7.0, 7.1), (60.0, 60.1), (60.5, None), (math.inf, None)],
)
@pytest.mark.parametrize("make", [RateLimitError, ServiceUnavailableError])
def test_retry_after_is_honoured_up_to_its_limit(make, asked, wait):
    error = make("x", retry_after=asked, confirmed=True)
    assert tries().failed(error, math.inf) == wait
    assert error.retry_after == asked


def test_the_jitter_never_shortens_what_was_asked():
    assert tries(jitter=0.0).failed(rate_limited(7.0), math.inf) == 7.0


@pytest.mark.parametrize(("left", "wait"), [(0.11, 0.1), (0.1, None), (0.0, None), (-1.0, None)])
def test_no_wait_reaches_the_deadline(left, wait):
    assert tries().failed(ConnectError("x"), left) == wait
    assert tries().failed(rate_limited(), left) == wait


# The budget.


def test_a_retry_costs_14_and_a_throttled_one_5():
    budget = RetryBudget(33)
    call = Tries(RetryPolicy(attempts=9, throttle_attempts=9), budget, Effect.READ)
    failures = [UNSENT, rate_limited(), UNSENT, rate_limited()]
    assert [call.failed(error, math.inf) is None for error in failures] == [False] * 3 + [True]
    call.succeeded()
    assert budget.take(33)


def test_an_outage_is_not_multiplied():
    budget = RetryBudget(500)
    calls = [Tries(RetryPolicy(), budget, Effect.READ) for _ in range(1000)]
    retried = sum(call.failed(ConnectError("x"), math.inf) is not None for call in calls)
    assert retried == 500 // 14


def test_success_gives_back_what_its_retries_took_and_a_clean_one_gives_1():
    budget = RetryBudget(100)
    assert budget.take(100)
    assert not budget.take(1)
    Tries(RetryPolicy(), budget, Effect.READ).succeeded()
    assert budget.take(1)
    assert not budget.take(1)
    budget.give(1000)
    assert budget.take(100)
    assert not budget.take(1)


def test_what_is_not_tried_again_costs_nothing():
    budget = RetryBudget(14)
    for error, left in [(TLSError("x"), math.inf), (UNSENT, 0.0), (rate_limited(99.0), math.inf)]:
        assert Tries(RetryPolicy(), budget, Effect.READ).failed(error, left) is None
    assert budget.take(14)


def test_without_a_budget_nothing_is_tried_again():
    assert tries(budget=0).failed(UNSENT, math.inf) is None
    assert tries(budget=4).failed(rate_limited(), math.inf) is None


# Doubt.


@pytest.mark.parametrize("effect", [Effect.REPLACE, Effect.DELETE, Effect.CREATE])
@pytest.mark.parametrize("later", [ConnectError("x"), NotFoundError("x"), TLSError("x")])
def test_doubt_stays_whatever_comes_later(effect, later):
    call = tries(effect)
    call.failed(ConnectionLostError("x"), math.inf)
    call.failed(later, math.inf)
    assert later.may_have_been_applied


def test_a_read_is_never_in_doubt():
    for _, examples, _ in TABLE:
        for error in examples:
            call = tries(Effect.READ)
            call.failed(error, math.inf)
            assert not call.doubt


def test_an_error_that_holds_the_password_has_not_lost_it():
    error = UnexpectedResponseError("x", status=201)
    error.password = Secret("hunter2")
    call = tries(Effect.CREATE_SECRET)
    call.failed(error, math.inf)
    assert error.may_have_been_applied
    assert not call.lost_password(error, "user")


@pytest.mark.parametrize(
    ("first", "faults", "lost"),
    [
        (unavailable(confirmed=True), {"user": ["Taken."]}, True),
        (rate_limited(), {"user": ["Taken."]}, True),
        (rate_limited(), {"domains.0": ["Unknown."]}, False),
        (UNSENT, {"user": ["Taken."]}, False),
        (None, {"user": ["Taken."]}, False),
    ],
)
def test_a_name_taken_after_a_wait_is_a_doubt(first, faults, lost):
    call = tries(Effect.CREATE_SECRET)
    if first is not None:
        assert call.failed(first, math.inf) is not None
    refusal = ValidationError("x", errors=faults)
    assert call.failed(refusal, math.inf) is None
    assert call.lost_password(refusal, "user") is lost


@every_effect
def test_only_what_makes_a_password_can_lose_one(effect):
    call = tries(effect)
    call.failed(error := ConnectionLostError("x"), math.inf)
    assert call.lost_password(error, "user") is (effect is Effect.CREATE_SECRET)


# The gate.


def test_the_gate_holds_until_the_latest_time_it_was_told():
    gate = Gate()
    assert gate.pause(5.0) == 0.0
    gate.close(10.0)
    gate.close(7.0)
    assert gate.pause(4.0) == 6.0
    assert gate.pause(10.0) == gate.pause(11.0) == 0.0

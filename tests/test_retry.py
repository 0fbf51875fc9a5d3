"""Whether to try again, and how long to wait: pure tables, no clock."""

import copy
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from unmta_async import RetryPolicy, Secret, errors
from unmta_async._operation import Dated, Effect, Look, Operation
from unmta_async._policy import POLICY, Fault, Finding, Verdict, classify, judge
from unmta_async._retry import Gate, RetryBudget, Tries
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
from unmta_async.models import Domain, DomainStatus


def status(kind, code, *, confirmed=False):
    return kind("x", status=code, confirmed=confirmed)


def rate_limited(retry_after=None):
    return RateLimitError("x", status=429, retry_after=retry_after)


def unavailable(*, confirmed):
    return status(ServiceUnavailableError, 503, confirmed=confirmed)


def closed_under_way():
    """Return the error of a call that was sent when its client was closed."""
    error = ClientClosedError("x")
    error.may_have_been_applied = True
    return error


def lost(call, error):
    """Whether a call that an error ends is one whose password is lost."""
    final = call.final(error, ("a1b2c3d4", "web"), "user")
    assert final is error or final.reason is error
    return isinstance(final, PasswordLostError)


# The table of reliability.md: what happened, and what then for
# GET, PUT, DELETE, POST of a domain, POST of a credential.
RETRY, WAIT, RAISE = Verdict.RETRY, Verdict.WAIT, Verdict.RAISE
LOOK, DOUBT, LOST = Verdict.LOOK, Verdict.DOUBT, Verdict.PASSWORD_LOST
COLUMNS = (Effect.READ, Effect.REPLACE, Effect.DELETE, Effect.ONCE, Effect.CREATE_SECRET)
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
            closed_under_way(),
        ],
        (RAISE, DOUBT, LOOK, DOUBT, LOST),
    ),
]
FAULTS = {
    UnmtaError("x"): Fault.REFUSED,
    UsageError("x"): Fault.REFUSED,
    ClientClosedError("x"): Fault.REFUSED,
    closed_under_way(): Fault.UNVOUCHED,
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
    pytest.param(copy.copy(error), effect, verdict, id=f"{type(error).__name__}-{effect.name}")
    for _, examples, verdicts in TABLE
    for error in examples
    for effect, verdict in zip(COLUMNS, verdicts, strict=True)
]
UNSENT = ConnectError("x")
TAKEN = {"user": ["The user has already been taken."]}
OTHER = {"domains.0": ["The domains.0 field must be a string."]}
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
    assert {type(error).__name__ for error in FAULTS} == set(errors.__all__)


LIST = Operation(name="things.list", method="GET", route="/things", returns=Sequence[Domain])
GET = Operation(name="things.get", method="GET", route="/things/{thing}", returns=Domain)


@pytest.mark.parametrize(
    ("method", "effect"),
    [
        ("GET", Effect.READ),
        ("HEAD", Effect.READ),
        ("OPTIONS", Effect.READ),
        ("PUT", Effect.REPLACE),
        ("DELETE", Effect.ONCE),  # there is no way to look
        ("POST", Effect.ONCE),
        ("PATCH", Effect.ONCE),
        ("PURGE", Effect.ONCE),
    ],
)
def test_the_effect_of_a_method(method, effect):
    operation = Operation(name="things.do", method=method, route="/things")
    assert operation.effect is effect
    assert attrs.evolve(operation, secret="password").effect is Effect.CREATE_SECRET


def test_a_deletion_that_can_be_looked_at_has_an_effect_of_its_own():
    operation = Operation(name="things.delete", method="DELETE", route="/things", look=Look(GET))
    assert operation.effect is Effect.DELETE


@pytest.mark.parametrize(("error", "effect", "verdict"), CASES)
def test_a_call_does_as_the_table_says(error, effect, verdict):
    call, error = tries(effect), copy.copy(error)
    wait = call.failed(error, math.inf)
    assert (wait is not None) is (verdict in {RETRY, WAIT, LOOK})
    assert call.doubt is error.may_have_been_applied
    if verdict in {RAISE, WAIT}:
        assert not call.doubt
    if verdict in {LOOK, DOUBT, LOST}:
        assert call.doubt
    assert call.must_look is (verdict is LOOK)
    assert lost(call, error) is (verdict is LOST)


# What a look tells of a deletion.

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOOK_AT_ONE = Look(GET, created="created_at")
LOOK_AT_LIST = Look(LIST, identity="name", created="created_at")


def thing(name="example.com", age=60.0):
    created = NOW - timedelta(seconds=age)
    return Domain(
        name=name,
        status=DomainStatus.PENDING,
        dkim_public_key="MIIB",
        created_at=created,
        updated_at=created,
    )


def not_found(*, confirmed):
    return status(NotFoundError, 404, confirmed=confirmed)


@pytest.mark.parametrize(
    ("look", "seen", "finding"),
    [
        (LOOK_AT_ONE, not_found(confirmed=True), Finding.GONE),
        (LOOK_AT_ONE, not_found(confirmed=False), Finding.UNCLEAR),
        (LOOK_AT_LIST, not_found(confirmed=True), Finding.UNCLEAR),  # the cluster was not found
        (LOOK_AT_ONE, ConnectionLostError("x"), Finding.UNCLEAR),
        (LOOK_AT_LIST, status(ServerError, 502), Finding.UNCLEAR),
        (LOOK_AT_ONE, Dated(thing(), NOW), Finding.OLDER),
        (LOOK_AT_ONE, Dated(thing(age=12.1), NOW), Finding.OLDER),
        (LOOK_AT_ONE, Dated(thing(age=12.0), NOW), Finding.UNCLEAR),
        (LOOK_AT_ONE, Dated(thing(age=1.0), NOW), Finding.UNCLEAR),
        (LOOK_AT_ONE, Dated(thing(age=-60.0), NOW), Finding.UNCLEAR),
        (LOOK_AT_ONE, Dated(thing(), None), Finding.UNCLEAR),
        (Look(GET), Dated(thing(), NOW), Finding.UNCLEAR),
        (LOOK_AT_LIST, Dated([], NOW), Finding.GONE),
        (LOOK_AT_LIST, Dated([thing("other.com")], NOW), Finding.GONE),
        (LOOK_AT_LIST, Dated([thing("other.com"), thing("Example.COM")], NOW), Finding.OLDER),
        (LOOK_AT_LIST, Dated([thing("other.com"), thing(age=1.0)], NOW), Finding.UNCLEAR),
        (LOOK_AT_LIST, Dated([thing("Example.com"), thing(age=1.0)], NOW), Finding.UNCLEAR),
    ],
)
def test_what_a_look_tells(look, seen, finding):
    assert judge(look, seen, "example.com", passed=10.0) is finding


@pytest.mark.parametrize(
    ("effect", "first", "last", "finding", "applied"),
    [
        (Effect.DELETE, ConnectionLostError("x"), not_found(confirmed=True), None, True),
        (Effect.DELETE, ConnectionLostError("x"), not_found(confirmed=False), None, False),
        (Effect.DELETE, ConnectError("x"), not_found(confirmed=True), None, False),
        (Effect.DELETE, rate_limited(), not_found(confirmed=True), None, False),
        (Effect.DELETE, unavailable(confirmed=True), not_found(confirmed=True), None, False),
        (Effect.REPLACE, ConnectionLostError("x"), not_found(confirmed=True), None, False),
        (Effect.DELETE, ConnectionLostError("x"), ConnectionLostError("x"), Finding.GONE, True),
        (Effect.DELETE, ConnectionLostError("x"), ConnectionLostError("x"), Finding.OLDER, False),
        (Effect.DELETE, ConnectionLostError("x"), ConnectionLostError("x"), None, False),
    ],
)
def test_a_deletion_happened_if_what_an_ambiguous_try_of_it_left_is_nothing(
    effect, first, last, finding, applied
):
    call = tries(effect)
    assert call.failed(copy.copy(first), math.inf) is not None
    call.finding = finding
    assert call.was_applied(last) is applied


def test_a_404_to_the_first_try_of_a_deletion_is_a_404():
    assert not tries(Effect.DELETE).was_applied(not_found(confirmed=True))


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


@pytest.mark.parametrize("effect", [Effect.REPLACE, Effect.DELETE, Effect.ONCE])
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
    assert not lost(call, error)


@pytest.mark.parametrize(
    ("first", "faults", "doubtful"),
    [
        (unavailable(confirmed=True), {"user": ["Taken."]}, True),
        (rate_limited(), {"user": ["Taken."]}, True),
        (rate_limited(), {"domains.0": ["Unknown."]}, False),
        (UNSENT, {"user": ["Taken."]}, False),
        (None, {"user": ["Taken."]}, False),
    ],
)
def test_a_name_taken_after_a_wait_is_a_doubt(first, faults, doubtful):
    call = tries(Effect.CREATE_SECRET)
    if first is not None:
        assert call.failed(first, math.inf) is not None
    refusal = ValidationError("x", errors=faults)
    assert call.failed(refusal, math.inf) is None
    assert lost(call, refusal) is doubtful


@pytest.mark.parametrize(
    ("effect", "first", "last", "doubtful"),
    [
        (Effect.ONCE, unavailable(confirmed=True), ValidationError("x", errors=TAKEN), True),
        (Effect.ONCE, unavailable(confirmed=True), ValidationError("x"), True),  # body was cut
        (Effect.ONCE, unavailable(confirmed=True), ValidationError("x", errors=OTHER), False),
        (Effect.ONCE, rate_limited(), ValidationError("x", errors=TAKEN), False),
        (Effect.ONCE, UNSENT, ValidationError("x", errors=TAKEN), False),
        (Effect.DELETE, unavailable(confirmed=True), not_found(confirmed=True), True),
        (Effect.ONCE, unavailable(confirmed=True), not_found(confirmed=True), False),
        (Effect.CREATE_SECRET, rate_limited(), not_found(confirmed=True), False),
        (Effect.DELETE, rate_limited(), not_found(confirmed=True), False),
        (Effect.DELETE, unavailable(confirmed=True), status(APIError, 400), False),
        (Effect.READ, unavailable(confirmed=True), not_found(confirmed=True), False),
        (Effect.REPLACE, unavailable(confirmed=True), not_found(confirmed=True), False),
        (Effect.REPLACE, unavailable(confirmed=True), ValidationError("x"), False),
    ],
)
def test_an_answer_that_contradicts_a_503_of_the_api_is_in_doubt(effect, first, last, doubtful):
    """The API says that it did nothing; then the name is taken, or the resource gone."""
    call, last = tries(effect), copy.copy(last)
    assert call.failed(copy.copy(first), math.inf) is not None
    call.failed(last, math.inf)
    assert call.final(last, ("a1b2c3d4", "web"), "user") is last
    assert last.may_have_been_applied is doubtful


def test_an_error_that_holds_the_password_is_the_last():
    error = unavailable(confirmed=True)
    error.password = Secret("hunter2")
    assert tries(Effect.CREATE_SECRET).failed(error, math.inf) is None


@every_effect
def test_only_what_makes_a_password_can_lose_one(effect):
    call = tries(effect)
    call.failed(error := ConnectionLostError("x"), math.inf)
    assert lost(call, error) is (effect is Effect.CREATE_SECRET)


# The gate.


def test_the_gate_holds_until_the_latest_time_it_was_told():
    gate = Gate()
    assert gate.pause(5.0) == 0.0
    gate.close(10.0)
    gate.close(7.0)
    assert gate.pause(4.0) == 6.0
    assert gate.pause(10.0) == gate.pause(11.0) == 0.0

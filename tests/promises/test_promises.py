"""Every promise about every fault of the sandbox, and what holds whatever was promised."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from unmta_async import (
    PasswordLostError,
    RateLimitError,
    RetryPolicy,
    ServiceUnavailableError,
)
from unmta_async.sandbox import FAULTS

from .cases import ALL, COLUMNS, NEXT, OPERATIONS, RENEWALS, RETURNS, SECURE, WORDS, Case
from .laws import broken
from .stage import PASSWORD, Run, ours, play


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_to_the_garbage_collector() -> Iterator[None]:
    """What nobody closed warns when it is collected, and a warning is an error."""
    yield
    gc.collect()


def told(run: Run) -> dict[str, object]:
    """Return what was told, in the words of a promise."""
    error = run.told.error
    if error is None:
        return {"word": "returns", "requests": len(run.calls)}
    kept = error.reason if isinstance(error, PasswordLostError) else error
    doubt = "doubt" if run.told.claim == "unknown" else "raise"
    saved = "saved" if run.told.password == PASSWORD and doubt == "doubt" else doubt
    return {
        "word": "lost" if run.told.is_lost and doubt == "doubt" else saved,
        "error": type(kept).__name__,
        "requests": len(run.calls),
    }


def promised(case: Case) -> dict[str, object]:
    """Return what a case promises, in the same words."""
    if case.word in RETURNS:
        return {"word": "returns", "requests": case.requests}
    return {"word": case.word, "error": case.error, "requests": case.requests}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in ALL])
async def test_a_promise_is_kept(case: Case) -> None:
    """What the table says happens, with as many requests; and no law is broken."""
    await keep(case)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in SECURE])
async def test_a_promise_is_kept_over_tls(case: Case) -> None:
    """TLS changes nothing."""
    await keep(case)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in RENEWALS])
async def test_a_promise_is_kept_with_a_callable_for_the_token(case: Case) -> None:
    """It is asked again once, and only if it was the API itself that said 401."""
    run = await keep(case)
    assert run.asked == (1 if "html-401" in case.row else 2)


PAUSES = [case for case in ALL if "retry_after" in case.row and case.word == "raise"]


@pytest.mark.parametrize(
    "case", [pytest.param(one, id=one.id) for one in PAUSES if one.call == "GET"]
)
async def test_a_pause_is_told(case: Case) -> None:
    """Whoever called may wait for it, if it was too long; it is never less than none."""
    error = (await keep(case)).told.error
    assert isinstance(error, RateLimitError | ServiceUnavailableError)
    assert error.retry_after is None or error.retry_after >= 0
    if case.requests == 1:
        assert (error.retry_after or 0) > RetryPolicy().max_retry_after
        assert f"Try again in {error.retry_after:g} s" in str(error)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in NEXT])
async def test_what_a_call_leaves_behind_is_not_the_answer_to_the_next(case: Case) -> None:
    """Connections on which something is left are not used again."""
    await keep(case)


async def keep(case: Case) -> Run:
    """Play a case, and see whether all is as promised."""
    run = await play(case, ours)
    assert told(run) == promised(case), repr(run.told.error)
    assert broken(run) == []
    assert all(run.hits), "a fault did not happen"
    return run


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_promise_for_every_call_that_it_fits(fault: str) -> None:
    """A new fault of the sandbox needs a row; one that is left open needs two."""
    rows = [case for case in ALL if [fault] == [one.fault for one in case.faults]]
    fitting = {call for call, name in OPERATIONS.items() if FAULTS[fault].fits(name)}
    assert {case.call for case in rows} == fitting
    if FAULTS[fault].may_choose:
        applied = {case.call for case in rows if case.faults[0].applied}
        assert applied == fitting


def test_every_word_of_the_tables_is_explained() -> None:
    """And every call has a column."""
    assert {case.word for case in (*ALL, *RENEWALS, *SECURE)} == WORDS.keys() - {"·"}
    assert {call for calls in COLUMNS.values() for call in calls} == OPERATIONS.keys()

"""What the helpers that settle doubts promise, and that what they say is so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from unmta_async import RetryPolicy, UnmtaClient, UnmtaError, to_dict
from unmta_async.provisioning import (
    Outcome,
    ensure_domain,
    ensure_domain_absent,
    provision_domains,
)
from unmta_async.sandbox import FAULTS, Sandbox
from unmta_async.sandbox.changes import DomainAdded, DomainDeleted

from .cases import injections, lines
from .stage import CLUSTER, DOMAIN, furnish, record, state_of

# `True` and `False` are what `ensure_domain_absent` returns; other words are outcomes, or those of
# `cases`. `3+1` is how many of four names a run created, and found; in `2+1-1` one failed.
# The requests are counted as there.
HELPERS = """
                                      ensure_domain        ensure_domain_absent
                                      new       there      there     missing    provision_domains

UnmtaError: nothing goes wrong, or nothing that matters
-                                     created/1 existed/2  True/1    False/2    3+1/4
unsolicited-answer                    created/1 ·          True/1    ·          ·
rate-limited retry_after=0            created/2 existed/3  True/2    False/3    3+1/5
json-503                              created/2 existed/3  True/2    True/4     3+1/5

ConnectionLostError: it looks
reset-before-reading                  doubt/2   existed/2  True/3    True/2     2+1-1/5
reset-after-reading                   doubt/2   existed/2  True/3    True/2     2+1-1/5
reset-after-applying                  existed/2 existed/2  True/2    True/2     2+2/5
close, applied                        existed/2 existed/2  True/2    True/2     2+2/5
cut-body                              existed/2 existed/2  True/2    ·          2+2/5
cut-chunk                             existed/2 existed/2  True/2    ·          2+2/5

ServerError: it looks
html-502                              doubt/2   existed/2  True/3    True/2     2+1-1/5
html-502, applied                     existed/2 existed/2  True/2    True/2     2+2/5
late-commit                           doubt/2   existed/2  ·         ·          2+2/5
late-commit after=0                   existed/2 existed/2  ·         ·          2+2/5
late-delete                           ·         ·          True/3    True/2     ·
late-delete after=0                   ·         ·          True/2    True/2     ·

UnexpectedResponseError: it looks
html-200                              doubt/2   existed/2  True/3    True/2     2+1-1/5
html-200, applied                     existed/2 existed/2  True/2    True/2     2+2/5
other-resource                        existed/2 ·          ·         ·          2+2/5
no-data                               existed/2 ·          True/1    ·          2+2/5

UnmtaError: it was applied, though the API said that it was busy
json-503, applied                     existed/3 existed/3  True/4    ·          2+2/6

UnexpectedResponseError: refused
html-302                              raise/1   raise/1    raise/1   raise/1    2+1-1/4

PermissionDeniedError: refused
json-403                              raise/1   raise/1    raise/1   raise/1    raise/2
html-403                              raise/1   raise/1    raise/1   raise/1    2+1-1/4

NotFoundError: refused, and it is no proof if a page says it
html-404                              raise/1   raise/1    raise/1   raise/1    2+1-1/4

AuthenticationError: refused
token-revoked                         raise/1   raise/1    raise/1   raise/1    raise/2
"""
NAMES = ["aside.example.com", DOMAIN, "b.example.com", "c.example.com"]

Helper = Callable[[UnmtaClient], Awaitable[Any]]


async def _provision(client: UnmtaClient) -> list[Outcome]:
    return [one async for one in provision_domains(client, CLUSTER, NAMES, concurrency=1)]


# The helper, what the sandbox is furnished for, and the operation that goes wrong.
CALLS: dict[str, tuple[Helper, str, str]] = {
    "ensure new": (lambda client: ensure_domain(client, CLUSTER, DOMAIN), "POST", "create"),
    "ensure there": (lambda client: ensure_domain(client, CLUSTER, DOMAIN), "GET", "create"),
    "absent there": (lambda client: ensure_domain_absent(client, CLUSTER, DOMAIN), "GET", "delete"),
    "absent missing": (
        lambda client: ensure_domain_absent(client, CLUSTER, DOMAIN),
        "POST",
        "delete",
    ),
    "provision": (_provision, "POST", "create"),
}
CASES = [
    pytest.param(helper, row, error, cell, id=f"{helper}-{row}")
    for error, row, cells in lines(HELPERS, len(CALLS))
    for helper, cell in zip(CALLS, cells, strict=True)
    if cell != "·"
]


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[UnmtaClient]:
    async with sandbox.client(retry=RetryPolicy(backoff=0)) as client:
        yield client


@pytest.mark.parametrize(("helper", "row", "error", "cell"), CASES)
async def test_a_helper_keeps_its_promise(
    sandbox: Sandbox, client: UnmtaClient, helper: str, row: str, error: str, cell: str
) -> None:
    """It says what the table says; all that it says is so; and nothing else was changed."""
    run, furnished, verb = CALLS[helper]
    furnish(sandbox, furnished)
    before, changes = state_of(sandbox), record(sandbox)
    faults = [_add(sandbox, verb, one) for one in injections(row)]
    try:
        said: Any = await run(client)
    except UnmtaError as failure:
        said = failure
    count = len(sandbox.calls)
    sandbox.faults.settle()
    after, made = state_of(sandbox), [one for one in changes if hasattr(one, "cluster")]
    assert f"{_word(said)}/{count}" == cell, repr(said)
    if isinstance(said, UnmtaError):
        assert type(said).__name__ == error
        assert said.may_have_been_applied or not made
    if isinstance(said, bool):
        assert (CLUSTER, "domain", DOMAIN) not in after
        assert said or not made, "it says that there was none, and deleted it"
    for outcome in _outcomes(said):
        _check_outcome(outcome, made, after)
    assert {one.name for one in _outcomes(said)} <= set(NAMES)
    assert all(isinstance(one, DomainAdded | DomainDeleted) for one in made)
    assert len({one.name for one in made}) == len(made)
    assert all(after.get(one) == before[one] for one in before if one[2] != DOMAIN)
    assert all(fault.hits for fault in faults)


def _add(sandbox: Sandbox, verb: str, one: Any) -> Any:
    return sandbox.faults.add(f"domains.{verb}", one.fault, applied=one.applied, **one.details)


def _word(said: Any) -> str:
    if isinstance(said, UnmtaError):
        return "doubt" if said.may_have_been_applied else "raise"
    if isinstance(said, list):
        number = {
            status: sum(one.status == status for one in said)
            for status in ("created", "existed", "failed")
        }
        failed = f"-{number['failed']}" if number["failed"] else ""
        return f"{number['created']}+{number['existed']}{failed}"
    return said.status if isinstance(said, Outcome) else str(said)


def _outcomes(said: Any) -> list[Outcome]:
    if isinstance(said, list):
        return said
    return [said] if isinstance(said, Outcome) else []


def _check_outcome(outcome: Outcome, made: list[Any], after: dict[Any, Any]) -> None:
    """See whether an outcome is true."""
    was_added = any(one.name == outcome.name for one in made)
    if outcome.status == "created":
        assert was_added
    if outcome.error is not None and was_added:
        assert outcome.error.may_have_been_applied
    if outcome.domain is not None:
        told, real = to_dict(outcome.domain), after[CLUSTER, "domain", outcome.name]
        assert all(told[name] == real[name] for name in real)


def test_every_fault_here_is_one_of_the_sandbox() -> None:
    """And every name has one outcome, so the numbers of a run add up to the names."""
    rows = [row for _, row, _ in lines(HELPERS, len(CALLS))]
    assert {one.fault for row in rows for one in injections(row)} <= FAULTS.keys()
    for _, _, (*_, cell) in lines(HELPERS, len(CALLS)):
        numbers = cell.partition("/")[0].replace("-", "+").split("+")
        assert not numbers[0].isdigit() or sum(map(int, numbers)) == len(NAMES)

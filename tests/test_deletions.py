"""A DELETE whose answer was lost: the client looks before it deletes again, and never guesses."""

from __future__ import annotations

import pytest
from scripted import CREDENTIAL, DETAIL, DOMAIN, Act, Scripted, answer, failure, html

from unmta_async import (
    ConnectionLostError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    UnexpectedResponseError,
    UnmtaClient,
    UnmtaError,
)

THEN, NOW = "2025-01-15T10:30:00Z", "Wed, 15 Jan 2025 10:31:00 GMT"  # a minute later
JUST_NOW = "2025-01-15T10:30:59Z"
NOT_FOUND = answer(404, {"message": "Not Found"})
DELETED = answer(204, b"")


def domain(created=THEN, date=NOW, **changes):
    headers = {} if date is None else {"Date": date}
    return answer(200, {"data": DETAIL | {"created_at": created} | changes}, **headers)


def credentials(*users, created=THEN):
    listed = [CREDENTIAL | {"user": user, "created_at": created} for user in users]
    return answer(200, {"data": listed}, Date=NOW)


def delete_domain(client: UnmtaClient):
    return client.domains.delete("a1b2c3d4", "example.com")


def delete_credential(client: UnmtaClient):
    return client.credentials.delete("a1b2c3d4", "webapp")


def methods(server: Scripted) -> list[str]:
    return [request.split(b" ")[0].decode() for request in server.requests]


AMBIGUOUS = {
    "reset": Act.RESET,
    "closed": Act.CLOSE,
    "502": html(502),
    "500 of the API": answer(500, {"message": "Server Error"}),
    "503 of a proxy": html(503),
    "408": html(408),
    "a page": html(200),
    "a page, 204 in disguise": (answer(204, b""), Act.CLOSE),
}


@pytest.mark.parametrize("fault", [f for name, f in AMBIGUOUS.items() if "204" not in name])
@pytest.mark.parametrize(
    ("delete", "gone"),
    [(delete_domain, NOT_FOUND), (delete_credential, credentials("web-app", "webap"))],
)
async def test_what_is_gone_after_a_lost_answer_was_deleted(fault, delete, gone):
    async with Scripted(fault, gone) as server, server.client() as client:
        await delete(client)
    assert methods(server) == ["DELETE", "GET"]


@pytest.mark.parametrize("last", [DELETED, NOT_FOUND])
@pytest.mark.parametrize(
    ("delete", "there"),
    [(delete_domain, domain()), (delete_credential, credentials("other", "webapp"))],
)
async def test_what_is_still_there_and_older_is_deleted_once_more(delete, there, last):
    async with Scripted(Act.RESET, there, last) as server, server.client() as client:
        await delete(client)
    assert methods(server) == ["DELETE", "GET", "DELETE"]


@pytest.mark.parametrize(
    ("delete", "there"),
    [
        (delete_domain, domain(created=JUST_NOW)),
        (delete_domain, domain(date=None)),
        (delete_domain, domain(date="yesterday")),
        (delete_domain, domain(created="2025-01-15T10:32:00Z")),
        (delete_credential, credentials("webapp", created=JUST_NOW)),
    ],
)
async def test_what_somebody_may_have_made_anew_is_left_alone(delete, there):
    async with Scripted(html(502), there, DELETED) as server, server.client() as client:
        error = await failure(delete(client))
    assert methods(server) == ["DELETE", "GET"]
    assert isinstance(error, ServerError)
    assert (error.attempts, error.may_have_been_applied) == (1, True)


@pytest.mark.parametrize(
    "look",
    [html(404), answer(403, {"message": "Forbidden"}), html(200), domain(name="example.org")],
)
async def test_a_look_that_fails_leaves_the_deletion_in_its_own_doubt(look):
    async with Scripted(Act.RESET, look, DELETED) as server, server.client() as client:
        error = await failure(delete_domain(client))
    assert methods(server) == ["DELETE", "GET"]
    assert isinstance(error, ConnectionLostError)
    assert (error.operation, error.may_have_been_applied) == ("domains.delete", True)


async def test_a_look_is_tried_again_like_any_other_read():
    script = [Act.RESET, html(502), Act.CLOSE, NOT_FOUND]
    async with Scripted(*script) as server, server.client() as client:
        await delete_domain(client)
    assert methods(server) == ["DELETE", "GET", "GET", "GET"]


async def test_each_further_try_looks_first_and_all_of_them_are_counted():
    script = [Act.RESET, domain(), html(502), domain(), html(504), domain(), DELETED]
    async with Scripted(*script) as server, server.client() as client:
        error = await failure(delete_domain(client))
    assert methods(server) == ["DELETE", "GET", "DELETE", "GET", "DELETE"]
    assert (error.attempts, error.may_have_been_applied) == (3, True)


async def test_a_pause_that_the_api_asks_for_is_followed_by_a_look_if_there_is_doubt():
    """While it waits, somebody may make anew what the first try deleted."""
    busy = answer(429, {"message": "Too Many Requests"})
    script = [Act.RESET, domain(), busy, domain(created=JUST_NOW), DELETED]
    async with Scripted(*script) as server, server.client() as client:
        error = await failure(delete_domain(client))
    assert methods(server) == ["DELETE", "GET", "DELETE", "GET"]
    assert error.may_have_been_applied


async def test_a_401_in_between_keeps_the_doubt():
    """A new token helps the look, which finds that the deletion must not be sent again."""
    tokens = iter(["revoked", "new"])

    async def token():
        return next(tokens)

    refused = answer(401, {"message": "Unauthenticated."})
    script = [html(502), domain(), refused, domain(created=JUST_NOW), DELETED]
    async with Scripted(*script) as server, server.client(token=token) as client:
        error = await failure(delete_domain(client))
    assert methods(server) == ["DELETE", "GET", "DELETE", "GET"]
    assert (error.attempts, error.may_have_been_applied) == (2, True)


async def test_a_404_after_a_429_is_a_404():
    busy = answer(429, {"message": "Too Many Requests"})
    async with Scripted(busy, NOT_FOUND) as server, server.client() as client:
        error = await failure(delete_domain(client))
    assert methods(server) == ["DELETE", "DELETE"]
    assert isinstance(error, NotFoundError)
    assert not error.may_have_been_applied


async def test_a_404_after_a_503_of_the_api_is_in_doubt():
    """It says that nothing was done; but then who deleted it?"""
    down = answer(503, {"message": "Service Unavailable"})
    async with Scripted(down, NOT_FOUND) as server, server.client() as client:
        error = await failure(delete_domain(client))
    assert methods(server) == ["DELETE", "DELETE"]
    assert isinstance(error, NotFoundError)
    assert error.may_have_been_applied


async def test_a_404_to_the_first_try_is_a_404():
    async with Scripted(NOT_FOUND) as server, server.client() as client:
        assert isinstance(await failure(delete_domain(client)), NotFoundError)
    assert methods(server) == ["DELETE"]


async def test_a_404_of_a_proxy_is_no_success_even_after_doubt():
    async with Scripted(Act.RESET, domain(), html(404)) as server, server.client() as client:
        error = await failure(delete_domain(client))
    assert isinstance(error, NotFoundError)
    assert error.may_have_been_applied


async def test_without_retries_nothing_is_looked_at():
    async with Scripted(Act.RESET) as server, server.client(retry=RetryPolicy.none()) as client:
        error = await failure(delete_domain(client))
    assert (methods(server), error.may_have_been_applied) == (["DELETE"], True)


async def test_where_the_contract_offers_no_look_the_doubt_is_raised():
    async with Scripted(Act.RESET) as server, server.client() as client:
        error = await failure(client.request("DELETE", "/things/{thing}", path={"thing": "x"}))
    assert (methods(server), error.may_have_been_applied) == (["DELETE"], True)


async def test_a_look_ends_with_the_time_of_the_call():
    async with Scripted(Act.RESET, Act.HANG) as server, server.client(timeout=0.2) as client:
        error = await failure(delete_domain(client))
    assert isinstance(error, ConnectionLostError)
    assert (methods(server), error.may_have_been_applied) == (["DELETE", "GET"], True)


async def test_a_deletion_that_is_settled_costs_the_retry_budget_nothing():
    retry = RetryPolicy(backoff=0, budget=14)
    script = [Act.RESET, NOT_FOUND] * 3
    async with Scripted(*script) as server, server.client(retry=retry) as client:
        for _ in range(3):
            await delete_domain(client)
    assert len(server.requests) == 6


async def test_on_attempt_hears_of_the_look_under_its_own_name():
    heard: list[tuple[str, int, UnmtaError | None]] = []
    async with (
        Scripted(Act.RESET, domain(), DELETED) as server,
        server.client(on_attempt=lambda a: heard.append((a.operation, a.number))) as client,
    ):
        await delete_domain(client)
    assert heard == [("domains.delete", 1), ("domains.get", 1), ("domains.delete", 2)]


async def test_an_answer_that_cannot_be_vouched_for_is_looked_into():
    page = answer(200, {"data": DOMAIN}, Content_Type="text/html")
    async with Scripted(page) as server, server.client() as client:
        await delete_domain(client)  # JSON of any kind is fine for what answers nothing
    assert methods(server) == ["DELETE"]
    async with Scripted(html(200), html(200)) as server, server.client() as client:
        error = await failure(delete_domain(client))
    assert isinstance(error, UnexpectedResponseError)
    assert error.may_have_been_applied

"""One domain that is to be there, or not: no guess, and no request more than it takes."""

from __future__ import annotations

import pytest
from scripted import DETAIL, TOKEN, Act, Scripted, answer, failure, html

from unmta_async import (
    ConnectionLostError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    UsageError,
    ValidationError,
)
from unmta_async.provisioning import ensure_domain, ensure_domain_absent

CLUSTER, NAME = "a1b2c3d4", "example.com"
FOUND = answer(200, {"data": DETAIL})
CREATED = answer(201, {"data": DETAIL})
NOT_FOUND = answer(404, {"message": "Not Found"})
TAKEN = answer(422, {"message": "x", "errors": {"name": ["The name has already been taken."]}})
CLUSTER_JSON = {
    "id": CLUSTER,
    "hostname": "c-a1b2c3d4.unmta.net",
    "region": "us-dal-1",
    "status": "active",
    "max_message_rate": None,
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00Z",
}
VISIBLE = answer(200, {"data": [CLUSTER_JSON]})
INVISIBLE = answer(200, {"data": [CLUSTER_JSON | {"id": "e5f6g7h8"}]})


def methods(server):
    return [request.split(b" ")[0].decode() for request in server.requests]


# There.


async def test_a_domain_is_created_with_one_request_and_found_with_two(client, sandbox):
    created = await ensure_domain(client, CLUSTER, NAME)
    assert (created.name, created.status, len(sandbox.calls)) == (NAME, "created", 1)
    existed = await ensure_domain(client, CLUSTER, "Example.com")
    assert (existed.name, existed.status, len(sandbox.calls)) == ("Example.com", "existed", 3)
    assert existed.domain == created.domain


async def test_an_international_name_is_one_domain_in_every_form(client):
    created = await ensure_domain(client, CLUSTER, "Bücher.example.com")
    assert created.domain.name == "xn--bcher-kva.example.com"
    existed = await ensure_domain(client, CLUSTER, "xn--bcher-kva.example.com")
    assert existed.domain == created.domain


@pytest.mark.parametrize("fault", [Act.RESET, html(502), answer(201, "{")])
async def test_a_creation_in_doubt_is_looked_for(fault):
    async with Scripted(fault, FOUND) as server, server.client() as client:
        outcome = await ensure_domain(client, CLUSTER, NAME)
    assert (outcome.status, outcome.domain.name) == ("existed", NAME)
    assert methods(server) == ["POST", "GET"]


@pytest.mark.parametrize("look", [NOT_FOUND, html(404), html(500), html(200)])
async def test_a_look_that_finds_nothing_leaves_the_creation_in_its_doubt(look):
    """A 404 after a lost POST proves nothing: the commit may come late."""
    async with Scripted(Act.RESET, look) as server, server.client() as client:
        error = await failure(ensure_domain(client, CLUSTER, NAME))
    assert isinstance(error, ConnectionLostError)
    assert (error.operation, error.may_have_been_applied) == ("domains.create", True)
    assert methods(server)[:2] == ["POST", "GET"]


@pytest.mark.parametrize("look", [NOT_FOUND, html(502)])
async def test_a_name_that_is_refused_and_not_found_is_refused(look):
    retry = RetryPolicy.none()
    async with Scripted(TAKEN, look) as server, server.client(retry=retry) as client:
        assert isinstance(await failure(ensure_domain(client, CLUSTER, NAME)), ValidationError)
    assert methods(server) == ["POST", "GET"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (NOT_FOUND, NotFoundError),
        (answer(422, {"message": "x", "errors": {"other": ["x"]}}), ValidationError),
    ],
)
async def test_what_a_look_could_not_tell_is_not_looked_for(fault, kind):
    async with Scripted(fault) as server, server.client() as client:
        assert isinstance(await failure(ensure_domain(client, CLUSTER, NAME)), kind)
    assert methods(server) == ["POST"]


async def test_a_name_that_cannot_be_sent_is_not_looked_for():
    async with Scripted(FOUND) as server, server.client() as client:
        assert isinstance(await failure(ensure_domain(client, CLUSTER, "bü cher.de")), UsageError)
        assert isinstance(await failure(ensure_domain(client, "../x", NAME)), UsageError)
    assert not server.requests


# Not there.


async def test_a_domain_is_deleted_with_one_request(client, sandbox):
    await client.domains.create(CLUSTER, name=NAME)
    assert await ensure_domain_absent(client, CLUSTER, "EXAMPLE.com") is True
    assert len(sandbox.calls) == 2
    assert await client.domains.list(CLUSTER) == []


async def test_what_is_not_there_is_not_deleted(client, sandbox):
    assert await ensure_domain_absent(client, CLUSTER, NAME) is False
    assert [call.operation for call in sandbox.calls] == ["domains.delete", "clusters.list"]


@pytest.mark.parametrize("clusters", [INVISIBLE, html(502)])
async def test_a_cluster_that_cannot_be_seen_is_not_one_without_the_domain(clusters):
    retry = RetryPolicy.none()
    async with Scripted(NOT_FOUND, clusters) as server, server.client(retry=retry) as client:
        error = await failure(ensure_domain_absent(client, CLUSTER, NAME))
    assert isinstance(error, NotFoundError)
    assert methods(server) == ["DELETE", "GET"]


async def test_a_404_of_a_proxy_tells_nothing():
    async with Scripted(html(404), VISIBLE) as server, server.client() as client:
        assert isinstance(await failure(ensure_domain_absent(client, CLUSTER, NAME)), NotFoundError)
    assert methods(server) == ["DELETE"]


@pytest.mark.parametrize("fault", [Act.RESET, html(504)])
async def test_a_deletion_in_doubt_is_settled_by_the_client(fault):
    async with Scripted(fault, NOT_FOUND) as server, server.client() as client:
        assert await ensure_domain_absent(client, CLUSTER, NAME) is True
    assert methods(server) == ["DELETE", "GET"]


async def test_a_client_that_tries_nothing_again_leaves_the_look_to_the_helper():
    retry = RetryPolicy.none()
    script = [Act.RESET, NOT_FOUND, VISIBLE]
    async with Scripted(*script) as server, server.client(retry=retry) as client:
        assert await ensure_domain_absent(client, CLUSTER, NAME) is True
    assert methods(server) == ["DELETE", "GET", "GET"]


DOWN = answer(503, {"message": "Service Unavailable"})


@pytest.mark.parametrize(
    "script",
    [
        [DOWN, NOT_FOUND, html(502), VISIBLE],  # the look fails
        [DOWN, NOT_FOUND, FOUND, VISIBLE],  # made anew
        [DOWN, NOT_FOUND, NOT_FOUND, INVISIBLE],
        [DOWN, NOT_FOUND, NOT_FOUND, html(502)],
    ],
)
async def test_a_404_in_doubt_is_not_taken_for_the_absence_of_the_domain(script):
    retry = RetryPolicy(backoff=0, attempts=1)
    async with Scripted(*script) as server, server.client(retry=retry) as client:
        error = await failure(ensure_domain_absent(client, CLUSTER, NAME))
    assert isinstance(error, NotFoundError)
    assert error.may_have_been_applied


@pytest.mark.parametrize("look", [FOUND, html(404)])
async def test_what_may_have_been_made_anew_is_left_alone(look):
    retry = RetryPolicy.none()
    async with Scripted(html(502), look) as server, server.client(retry=retry) as client:
        error = await failure(ensure_domain_absent(client, CLUSTER, NAME))
    assert isinstance(error, ServerError)
    assert error.may_have_been_applied
    assert TOKEN not in str(error)

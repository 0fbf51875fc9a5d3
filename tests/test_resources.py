"""The ten operations, against the sandbox: what is called, what is sent, what comes back."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime

import pytest
from contract import document
from scripted import CREDENTIAL, Scripted, answer, failure

from unmta_async import (
    UNSET,
    AuthenticationError,
    NotFoundError,
    Secret,
    UsageError,
    ValidationError,
    models,
)
from unmta_async._generated import OPERATIONS

CLUSTER = "a1b2c3d4"

METHODS = {
    "clusters": ["list"],
    "mtas": ["list"],
    "domains": ["list", "get", "create", "delete"],
    "credentials": ["list", "create", "update", "delete"],
}
SIGNATURES = {
    "clusters.list": ([], []),
    "mtas.list": (["cluster"], []),
    "domains.list": (["cluster"], []),
    "domains.get": (["cluster", "domain"], []),
    "domains.create": (["cluster"], ["name"]),
    "domains.delete": (["cluster", "domain"], []),
    "credentials.list": (["cluster"], []),
    "credentials.create": (
        ["cluster"],
        ["user", "allow_all_domains", "domains", "allow_all_ips", "allowed_ips"],
    ),
    "credentials.update": (
        ["cluster", "user"],
        ["allow_all_domains", "domains", "allow_all_ips", "allowed_ips"],
    ),
    "credentials.delete": (["cluster", "user"], []),
}


def test_every_operation_of_the_contract_is_listed_here():
    routes = document()["paths"].values()
    count = sum(len(set(item) - {"parameters"}) for item in routes)
    assert {operation.name for operation in OPERATIONS} == set(SIGNATURES)
    assert count == len(SIGNATURES)


@pytest.mark.parametrize("resource", METHODS)
async def test_methods_come_in_the_same_order_everywhere(client, resource):
    of = type(getattr(client, resource))
    assert [name for name in vars(of) if not name.startswith("_")] == METHODS[resource]


@pytest.mark.parametrize("operation", SIGNATURES)
async def test_identity_is_positional_and_the_rest_keyword(client, operation):
    resource, method = operation.split(".")
    parameters = inspect.signature(getattr(getattr(client, resource), method)).parameters.values()
    kinds = {
        kind: [p.name for p in parameters if p.kind is kind]
        for kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    }
    positional, keyword = SIGNATURES[operation]
    assert list(kinds.values()) == [positional, [*keyword, "timeout", "headers"]]


# What they do.


async def test_clusters_list(client):
    first, second = await client.clusters.list()
    assert isinstance(first, models.Cluster)
    assert (first.id, second.id) == (CLUSTER, "e5f6g7h8")
    assert first.hostname == "c-a1b2c3d4.unmta.net"
    assert first.status is models.ClusterStatus.ACTIVE
    assert first.created_at.tzinfo is not None
    assert abs(datetime.now(UTC) - first.created_at).total_seconds() < 3600


async def test_mtas_list(client):
    for mta in await client.mtas.list(CLUSTER):
        assert isinstance(mta, models.Mta)
        assert mta.hostname == f"m-{mta.id}.unmta.net"
        assert all(isinstance(ip, models.OutboundIp) for ip in mta.outbound_ips)


async def test_a_domain_from_its_creation_to_its_end(client, sandbox):
    created = await client.domains.create(CLUSTER, name="mail.example.com")
    assert isinstance(created, models.DomainDetail)
    assert created.name == "mail.example.com"
    assert created.status is models.DomainStatus.PENDING
    assert created.dns_records.dkim.value == f"p={created.dkim_public_key}"
    assert [record.name for record in created.dns_records] == ["unmta._domainkey", "_dmarc"]

    assert await client.domains.get(CLUSTER, "MAIL.example.com") == created
    sandbox.state.verify(CLUSTER, "mail.example.com")
    (listed,) = await client.domains.list(CLUSTER)
    assert type(listed) is models.Domain
    assert (listed.name, listed.status) == ("mail.example.com", "verified")

    assert await client.domains.delete(CLUSTER, "mail.example.com") is None
    assert list(await client.domains.list(CLUSTER)) == []


async def test_a_credential_from_its_creation_to_its_end(client):
    created = await client.credentials.create(CLUSTER, user="webapp", allow_all_domains=True)
    assert isinstance(created, models.CreatedCredential)
    assert isinstance(created.password, Secret)
    assert len(created.password.reveal()) == 32
    assert created.credential.user == "webapp"
    assert list(await client.credentials.list(CLUSTER)) == [created.credential]

    await client.domains.create(CLUSTER, name="example.com")
    updated = await client.credentials.update(
        CLUSTER, "webapp", domains=["example.com"], allowed_ips=["203.0.113.0/24"]
    )
    assert isinstance(updated, models.Credential)
    assert (updated.allow_all_domains, updated.allow_all_ips) == (False, False)
    assert (list(updated.domains), list(updated.allowed_ips)) == (
        ["example.com"],
        ["203.0.113.0/24"],
    )

    assert await client.credentials.delete(CLUSTER, "webapp") is None
    assert list(await client.credentials.list(CLUSTER)) == []


async def test_refusals_say_what_was_called(client, sandbox):
    missing = await failure(client.domains.get(CLUSTER, "missing.example.com"))
    assert isinstance(missing, NotFoundError)
    assert (missing.operation, missing.method, missing.status) == ("domains.get", "GET", 404)
    assert missing.route == "/clusters/{cluster}/domains/{domain}"
    assert missing.path_params == {"cluster": CLUSTER, "domain": "missing.example.com"}
    assert missing.attempts == 1

    invalid = await failure(client.domains.create(CLUSTER, name="localhost"))
    assert isinstance(invalid, ValidationError)
    assert list(invalid.errors) == ["name"]

    sandbox.revoke_token()
    refused = await failure(client.clusters.list())
    assert isinstance(refused, AuthenticationError)
    assert refused.confirmed


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda client: client.domains.list(""), "cluster"),
        (lambda client: client.domains.get(CLUSTER, "../credentials/prod"), "domain"),
        (lambda client: client.domains.delete(CLUSTER, ".."), "domain"),
        (lambda client: client.credentials.delete(CLUSTER, "."), "user"),
        (lambda client: client.credentials.delete(CLUSTER, "a/b"), "user"),
        (lambda client: client.domains.list(None), "cluster"),
    ],
)
async def test_an_id_that_cannot_be_sent_is_refused_before_anything_is(client, sandbox, call, name):
    error = await failure(call(client))
    assert isinstance(error, UsageError)
    assert f"{name}=" in str(error)
    assert error.operation
    assert (error.attempts, error.may_have_been_applied) == (0, False)
    assert not sandbox.calls


# Presence: only what was given is sent.

GIVEN = [
    {},
    {"allow_all_domains": False},
    {"domains": []},
    {"domains": ["example.com"]},
    {"allow_all_ips": True, "allowed_ips": ["203.0.113.5"]},
]


@pytest.mark.parametrize("given", GIVEN)
async def test_an_update_sends_what_was_given_and_nothing_else(given):
    async with Scripted(answer(200, {"data": CREDENTIAL})) as server, server.client() as client:
        await client.credentials.update(CLUSTER, "webapp", **given)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /api/v1/clusters/a1b2c3d4/credentials/webapp HTTP/1.1\r\n")
    assert json.loads(body) == given


async def test_what_is_not_given_stays_as_it_is(client):
    await client.domains.create(CLUSTER, name="example.com")
    before = await client.credentials.create(
        CLUSTER, user="webapp", domains=["example.com"], allowed_ips=["203.0.113.5"]
    )
    after = await client.credentials.update(CLUSTER, "webapp", allow_all_ips=True)
    assert after.domains == before.credential.domains
    assert after.allow_all_ips


# The escape hatch.


async def test_request_returns_the_whole_json(client):
    whole = await client.request("get", "/clusters/{cluster}/domains", path={"cluster": CLUSTER})
    assert whole == {"data": []}


async def test_request_returns_the_password_in_the_json_that_it_is_in(client):
    whole = await client.request(
        "POST",
        "/clusters/{cluster}/credentials",
        path={"cluster": CLUSTER},
        json={"user": "webapp", "allow_all_domains": True},
    )
    assert set(whole) == {"data", "password"}


async def test_request_returns_none_where_there_is_no_content(client):
    await client.domains.create(CLUSTER, name="example.com")
    route, path = "/clusters/{cluster}/domains/{domain}", {"cluster": CLUSTER}
    assert await client.request("DELETE", route, path=path | {"domain": "example.com"}) is None


async def test_request_raises_the_errors_of_every_other_call(client):
    error = await failure(client.request("GET", "/clusters/{cluster}/mtas", path={"cluster": "x"}))
    assert isinstance(error, NotFoundError)
    assert error.operation == "request"
    assert error.path_params == {"cluster": "x"}


async def test_request_sends_query_and_body_as_they_are_given():
    query = {
        "page": 2,
        "all": True,
        "none": None,
        "unset": UNSET,
        "tag": ["a b", "c&d"],
    }
    body = {"null": None, "list": [None, 1], "text": "ü"}
    async with Scripted(answer(200, {})) as server, server.client() as client:
        await client.request("PATCH", "/new-thing", query=query, json=body)
        await client.request("GET", "/new-thing")
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PATCH /api/v1/new-thing?page=2&all=true&tag=a%20b&tag=c%26d HTTP")
    assert json.loads(sent) == body
    assert server.requests[1].startswith(b"GET /api/v1/new-thing HTTP")


REFUSED = [
    ("GET", "clusters", {}),
    ("GET", "https://elsewhere.example/clusters", {}),
    ("GET", "", {}),
    ("GET", "/clusters?page=1", {}),
    ("GET", "/clusters#top", {}),
    ("GET", "/clusters/a b", {}),
    ("GET", "/clusters/../users", {}),
    ("GET", "/clusters/%2e%2e/users", {}),
    ("GET", "/clusters/.", {}),
    ("GET", "/cl\u00fcsters", {}),
    ("GET", "/clusters\x00", {}),
    ("GET", "/clusters\n", {}),
    ("GET", "/clusters/{cluster", {"cluster": "a"}),
    ("GET", "/clusters/{cluster}", {}),
    ("GET", "/clusters", {"cluster": "a"}),
    ("GET", "/clusters/{cluster}", {"cluster": ".."}),
    ("GET", "/clusters/{cluster}", {"cluster": "a/b"}),
    ("GET", "/clusters/{cluster}", {"cluster": ""}),
    ("GET /x HTTP/1.1\r\nX: y", "/clusters", {}),
    ("", "/clusters", {}),
]


@pytest.mark.parametrize(("method", "route", "path"), REFUSED)
async def test_request_refuses_what_could_address_something_else(
    client, sandbox, method, route, path
):
    error = await failure(client.request(method, route, path=path))
    assert isinstance(error, UsageError)
    assert not error.may_have_been_applied
    assert not sandbox.calls


def test_the_routes_of_the_contract_can_be_written_as_literals():
    """What `request` refuses is nothing that the contract itself says."""
    from unmta_async.client import _ROUTE

    assert all(_ROUTE.fullmatch(operation.route) for operation in OPERATIONS)

"""What a user writes, for the type checkers of `make check`; it is never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import assert_type

import unmta_async
from unmta_async import (
    UNSET,
    Attempt,
    NotFoundError,
    PasswordLostError,
    RateLimitError,
    RetryPolicy,
    Secret,
    Timeout,
    UnmtaClient,
    UnmtaError,
    ValidationError,
    from_dict,
    models,
    to_dict,
)
from unmta_async.dns import Record, records, render
from unmta_async.provisioning import Outcome, provision_domains
from unmta_async.sandbox import Sandbox


async def fetch_token() -> Secret:
    return Secret("1|from-a-vault")


def watch(attempt: Attempt) -> None:
    assert_type(attempt.retry_in, float | None)


async def names() -> AsyncIterator[str]:
    yield "example.com"


async def resources(client: UnmtaClient, cluster: str) -> None:
    assert_type(await client.clusters.list(), Sequence[models.Cluster])
    assert_type(await client.mtas.list(cluster, timeout=5), Sequence[models.Mta])
    assert_type(await client.domains.list(cluster), Sequence[models.Domain])
    detail = await client.domains.create(cluster, name="example.com", headers={"X-Trace": "1"})
    assert_type(detail, models.DomainDetail)
    assert_type(await client.domains.get(cluster, domain="example.com"), models.DomainDetail)
    assert_type([record.value for record in detail.dns_records], list[str])
    assert_type(detail.created_at, datetime)
    if detail.status == "suspended" or detail.status is models.DomainStatus.PENDING:
        await client.domains.delete(cluster, detail.name)
    created = await client.credentials.create(cluster, user="webapp", domains=["example.com"])
    assert_type(created.credential, models.Credential)
    assert_type(created.password.reveal(), str)
    updated = await client.credentials.update(cluster, "webapp", allow_all_domains=True)
    assert_type(updated, models.Credential)
    await client.credentials.delete(cluster, "webapp")


async def errors(client: UnmtaClient, cluster: str) -> float | None:
    try:
        await client.domains.get(cluster, "example.com")
    except ValidationError as error:
        assert_type(error.errors, dict[str, list[str]])
    except RateLimitError as error:
        return error.retry_after
    except PasswordLostError as error:
        assert_type(error.reason, UnmtaError | None)
    except NotFoundError as error:
        assert_type(error.status, int)
    except UnmtaError as error:
        assert_type(error.password, Secret | None)
    return None


async def main() -> None:
    client = UnmtaClient(
        token=fetch_token,
        timeout=Timeout(total=None, attempt=10),
        retry=RetryPolicy(attempts=5),
        on_attempt=watch,
    )
    async with client, client.with_options(timeout=5, retry=RetryPolicy.none()) as fast:
        assert_type(fast, UnmtaClient)
        async for outcome in provision_domains(fast, "a1b2c3d4", names(), concurrency=4):
            assert_type(outcome, Outcome)
            if isinstance(outcome.domain, models.DomainDetail):
                assert_type(list(records(outcome.domain)), list[Record])
                render(records(outcome.domain, zone="example.com"), "bind")
                copy = from_dict(models.DomainDetail, to_dict(outcome.domain))
                assert_type(copy, models.DomainDetail)
    async with Sandbox(seed=1, state=None, verification="manual") as sandbox:
        assert_type(sandbox.client(), UnmtaClient)
    assert_type(unmta_async.__version__, str)
    assert_type(bool(UNSET), bool)

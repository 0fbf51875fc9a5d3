"""What a plan finds, what it says, and what it costs."""

from __future__ import annotations

import json
import random

import pytest
from scripted import DOMAIN, Scripted, answer

from unmta_async import NotFoundError, UnmtaError
from unmta_async.provisioning import ClusterSpec, CredentialSpec, Manifest, make_plan

CLUSTER = "a1b2c3d4"
OTHER = "e5f6g7h8"
WARNING = (
    "Warning: the credential batch may send from old.example.com, which is not among the domains "
    "of the cluster a1b2c3d4; add it there, or correct the name"
)


def wish(domains=None, credentials=None, cluster=CLUSTER):
    specs = credentials and [
        spec if isinstance(spec, CredentialSpec) else CredentialSpec(user=spec)
        for spec in credentials
    ]
    return Manifest({cluster: ClusterSpec(domains=domains, credentials=specs)})


def credential(user="webapp", domains=None, ips=None):
    return CredentialSpec(user=user, domains=domains, allowed_ips=ips)


def verbs(plan):
    return {(action.kind, action.target): action.verb for action in plan.actions}


async def changes(client, spec):
    """Return what a plan would send for the one credential that is wished."""
    plan = await make_plan(client, wish(credentials=[spec]))
    [action] = plan.actions
    return action.verb, {change.field: change.after for change in action.changes}


@pytest.fixture
async def webapp(client):
    """A credential that is restricted to two domains and two networks."""
    await client.credentials.create(
        CLUSTER,
        user="webapp",
        domains=["a.example.com", "b.example.com"],
        allow_all_ips=False,
        allowed_ips=["203.0.113.0/24", "2001:db8::1"],
    )


# What is to be done.


async def test_what_is_missing_is_to_be_created_and_what_is_there_stays(client):
    await client.domains.create(CLUSTER, name="a.example.com")
    plan = await make_plan(client, wish(["a.example.com", "b.example.com"], ["webapp"]))
    assert verbs(plan) == {
        ("domain", "a.example.com"): "unchanged",
        ("domain", "b.example.com"): "create",
        ("credential", "webapp"): "create",
    }
    assert plan.counts == {"create": 2, "update": 0, "delete": 0, "unchanged": 1}
    assert [action.target for action in plan.pending] == ["b.example.com", "webapp"]


async def test_nothing_is_deleted_unless_asked_for(client, webapp):
    await client.domains.create(CLUSTER, name="old.example.com")
    manifest = wish(["new.example.com"], ["other"])
    plan = await make_plan(client, manifest)
    assert "delete" not in verbs(plan).values()
    plan = await make_plan(client, manifest, prune=True)
    assert verbs(plan)["domain", "old.example.com"] == "delete"
    assert verbs(plan)["credential", "webapp"] == "delete"


@pytest.mark.parametrize(
    ("manifest", "kinds"),
    [
        (wish(domains=[]), {"domain"}),
        (wish(credentials=[]), {"credential"}),
        (wish(), set()),
        (wish([], [], cluster=OTHER), set()),
    ],
)
async def test_pruning_leaves_alone_what_the_manifest_does_not_speak_of(
    client, webapp, manifest, kinds
):
    await client.domains.create(CLUSTER, name="old.example.com")
    plan = await make_plan(client, manifest, prune=True)
    assert {action.kind for action in plan.actions} == kinds
    assert {action.verb for action in plan.actions} <= {"delete"}


async def test_spellings_of_the_same_thing_are_no_difference(client, sandbox):
    await client.domains.create(CLUSTER, name="bücher.example.com")
    await client.credentials.create(
        CLUSTER,
        user="webapp",
        domains=["B.example.com", "bücher.example.com"],
        allow_all_ips=False,
        allowed_ips=["203.0.113.5/32", "2001:DB8:0::1"],
    )
    spec = credential(
        domains=["BÜCHER.example.com.", "b.example.com"], ips=["2001:db8::1", "203.0.113.5"]
    )
    plan = await make_plan(client, wish(["xn--bcher-kva.example.com"], [spec]))
    assert set(verbs(plan).values()) == {"unchanged"}


@pytest.mark.parametrize(
    ("spec", "sent"),
    [
        (credential(domains=["a.example.com"]), {"domains": ("a.example.com",)}),
        (credential(domains=None), {"allow_all_domains": True}),
        (credential(ips=["192.0.2.1"]), {"allowed_ips": ("192.0.2.1",)}),
        (credential(ips=None), {"allow_all_ips": True}),
    ],
)
async def test_an_update_sends_only_what_changes(client, webapp, spec, sent):
    """The half that the spec leaves as it is takes no part."""
    same = credential(
        domains=["b.example.com", "a.example.com"], ips=["2001:db8::1", "203.0.113.0/24"]
    )
    assert await changes(client, same) == ("unchanged", {})
    if "domains" in sent or "allow_all_domains" in sent:
        spec = credential(domains=spec.domains, ips=same.allowed_ips)
    else:
        spec = credential(domains=same.domains, ips=spec.allowed_ips)
    assert await changes(client, spec) == ("update", sent)


async def test_a_credential_for_all_can_be_restricted(client):
    await client.credentials.create(CLUSTER, user="webapp", allow_all_domains=True)
    assert await changes(client, credential(domains=["a.example.com"], ips=["192.0.2.1"])) == (
        "update",
        {
            "allow_all_domains": False,
            "domains": ("a.example.com",),
            "allow_all_ips": False,
            "allowed_ips": ("192.0.2.1",),
        },
    )


async def test_users_that_differ_in_case_are_two(client, webapp):
    assert (await changes(client, credential("WebApp")))[0] == "create"


# What it costs.


@pytest.mark.parametrize(
    ("manifest", "calls"),
    [
        (wish([f"d{n}.example.com" for n in range(1000)], ["a", "b"]), 2),
        (wish(["a.example.com"]), 1),
        (wish(credentials=["webapp"]), 1),
        (wish(), 0),
        (Manifest({c: ClusterSpec(domains=[], credentials=[]) for c in (CLUSTER, OTHER)}), 4),
    ],
)
async def test_it_takes_one_list_call_for_each_cluster_and_kind(client, sandbox, manifest, calls):
    await make_plan(client, manifest, prune=True)
    assert len(sandbox.calls) == calls
    assert {call.method for call in sandbox.calls} <= {"GET"}


async def test_a_cluster_that_cannot_be_seen_is_told(client):
    manifest = Manifest(
        {each: ClusterSpec(domains=["a.example.com"]) for each in (CLUSTER, "no-such")}
    )
    with pytest.raises(NotFoundError) as caught:
        await make_plan(client, manifest)
    assert caught.value.path_params == {"cluster": "no-such"}


async def test_whatever_ends_a_list_call_ends_the_plan(client, sandbox):
    sandbox.faults.add("credentials.list", "html-502", times=None)
    with pytest.raises(UnmtaError, match=r"credentials\.list"):
        await make_plan(client, wish(["a.example.com"], ["webapp"]))


# What it says.


async def full_plan(client):
    for name in ("kept.example.com", "old.example.com"):
        await client.domains.create(CLUSTER, name=name)
    await client.credentials.create(CLUSTER, user="batch", domains=["old.example.com"])
    await client.credentials.create(CLUSTER, user="gone", allow_all_domains=True)
    wished = ClusterSpec(
        domains=["kept.example.com", "new.example.com"],
        credentials=[
            credential("batch", ["kept.example.com", "old.example.com"]),
            credential("webapp", ["new.example.com"], ["203.0.113.0/24"]),
        ],
    )
    manifest = Manifest({CLUSTER: wished, OTHER: ClusterSpec(domains=["b.example.com"])})
    return await make_plan(client, manifest, prune=True)


async def test_it_reads_as_plans_do(client):
    assert str(await full_plan(client)).splitlines() == [
        "Cluster a1b2c3d4",
        "  + domain new.example.com",
        "  ~ credential batch",
        "      domains: + kept.example.com",
        "  + credential webapp",
        "      domains: + new.example.com",
        "      allow_all_ips: false",
        "      allowed_ips: + 203.0.113.0/24",
        "",
        "Cluster e5f6g7h8",
        "  + domain b.example.com",
        "",
        "To be deleted, which cannot be undone:",
        "",
        "Cluster a1b2c3d4",
        "  - domain old.example.com",
        "  - credential gone",
        "",
        WARNING,
        "",
        "Plan: 3 to create, 1 to update, 2 to delete, 1 unchanged.",
    ]


async def test_it_has_a_form_for_programs(client):
    plan = json.loads((await full_plan(client)).to_json())
    assert plan["version"] == 1
    assert plan["counts"] == {"create": 3, "update": 1, "delete": 2, "unchanged": 1}
    assert plan["actions"][3] == {
        "cluster": CLUSTER,
        "kind": "credential",
        "target": "batch",
        "verb": "update",
        "changes": [
            {
                "field": "domains",
                "before": ["old.example.com"],
                "after": ["kept.example.com", "old.example.com"],
            }
        ],
    }


async def test_nothing_to_do_is_said_in_words(client):
    await client.domains.create(CLUSTER, name="a.example.com")
    assert str(await make_plan(client, wish(["a.example.com"]))) == "Nothing to do: 1 as wished."


async def test_a_flag_that_changes_shows_both_sides(client, webapp):
    plan = await make_plan(client, wish(credentials=[credential(ips=["203.0.113.0/24"])]))
    lines = str(plan).splitlines()
    assert "      allow_all_domains: false -> true" in lines
    assert "      allowed_ips: - 2001:db8::1" in lines


async def test_the_same_state_gives_the_same_plan(client):
    names = [f"d{n}.example.com" for n in range(50)]
    users = [f"u{n}" for n in range(10)]
    plans = set()
    for _ in range(3):
        random.shuffle(names)
        random.shuffle(users)
        plan = await make_plan(client, wish(names, users), prune=True)
        plans.add((str(plan), plan.to_json()))
    assert len(plans) == 1


async def test_a_live_name_cannot_write_to_the_terminal():
    evil = answer(200, {"data": [DOMAIN | {"name": "old\x1b[2J.example.com"}]})
    async with Scripted(evil) as server, server.client() as client:
        text = str(await make_plan(client, wish(domains=[]), prune=True))
    assert "old" in text
    assert "\x1b" not in text

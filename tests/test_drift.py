"""What the live API does beyond the contract: what is told, what is not, and the way back."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from scripted import CREDENTIAL, DETAIL, DOMAIN, Act, Scripted, answer, failure

from unmta_async import (
    ClientClosedError,
    RetryPolicy,
    Secret,
    UnexpectedResponseError,
    UnmtaClient,
    UsageError,
    _amendment,
    _transport,
    drift,
    models,
)
from unmta_async._drift import Watch, differences
from unmta_async._generated import OPERATIONS
from unmta_async._operation import Answer, Enveloped, Operation
from unmta_async._types import OpenEnum, OpenIntEnum, Tagged, Timestamp, known
from unmta_async.drift import Drift, DriftReport, survey
from unmta_async.sandbox import Sandbox

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "openapi" / "unmta.yaml"
PAGE = (ROOT / "docs" / "drift.md").read_text(encoding="utf-8")
BY_NAME = {each.name: each for each in OPERATIONS}


# Models of our own, of every kind that the generator makes.


class Colour(OpenEnum):
    RED = known("red")


class Level(OpenIntEnum):
    ONE = known(1)


@attrs.frozen(kw_only=True)
class Leaf:
    name: str


@attrs.frozen(kw_only=True)
class Base:
    id: str


@attrs.frozen(kw_only=True)
class Cat:
    kind: str
    lives: int


@attrs.frozen(kw_only=True)
class Dog:
    kind: str
    tricks: Sequence[str]


Pet = Annotated[Cat | Dog | Mapping[str, object], Tagged("kind", {"cat": Cat, "dog": Dog})]


@attrs.frozen(kw_only=True)
class Thing(Base):
    count: int | None = None
    ratio: float | None = None
    flag: bool | None = None
    since: Timestamp | None = None
    day: date | None = None
    from_: str | None = attrs.field(default=None, metadata={"json": "from"})
    colour: Colour | None = None
    level: Level | None = None
    token: Secret | None = None
    leaves: Sequence[Leaf] = ()
    by_name: Mapping[str, Leaf] = attrs.field(factory=dict)
    anything: object = None
    either: int | str | None = None
    pet: Pet | None = None
    animal: Cat | Dog | Mapping[str, object] | None = None
    again: Thing | None = None


@attrs.frozen(kw_only=True)
class Open:
    named: Leaf
    additional: Mapping[str, Leaf] = attrs.field(
        factory=dict, metadata={"json": None, "additional": True}
    )


def found(returns: Any, data: object, **options: Any) -> set[tuple[str, str, str]]:
    """Return what is found in the value of an answer: path below it, kind, what was seen."""
    operation: Operation[Any] = Operation(
        name="x.y", method="GET", route="/x", answer=Answer.WHOLE, returns=returns, **options
    )
    drifts = differences(operation, 200, json.dumps(data).encode())
    return {(each.path, each.kind, each.seen) for each in drifts}


RIGHT = {
    "id": "a",
    "count": 1,
    "ratio": 1,
    "flag": True,
    "since": "2025-01-15T10:30:00",
    "day": "2025-01-15",
    "from": "x",
    "colour": "red",
    "level": 1,
    "token": "s",
    "leaves": [{"name": "x"}],
    "by_name": {"any": {"name": "x"}},
    "anything": {"a": [1]},
    "either": "x",
    "pet": {"kind": "cat", "lives": 9},
    "animal": {"kind": "x", "tricks": []},
    "again": {"id": "b"},
}


def test_nothing_is_found_where_all_is_as_the_contract_says():
    assert found(Thing, RIGHT) == set()
    assert found(Thing, {"id": "a"}) == set()
    assert found(Thing, dict.fromkeys(RIGHT) | {"id": "a", "leaves": [], "by_name": {}}) == set()


UNKNOWN, VALUE, MISSING, WRONG = (
    "unknown field",
    "unknown value",
    "missing field",
    "wrong type",
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"new": 1}, {("new", UNKNOWN, "integer")}),
        ({"new": None}, {("new", UNKNOWN, "null")}),
        ({"new": True}, {("new", UNKNOWN, "boolean")}),
        ({"new": 1.5}, {("new", UNKNOWN, "number")}),
        ({"new": "x"}, {("new", UNKNOWN, "string")}),
        ({"new": "2025-01-15T10:30:00Z"}, {("new", UNKNOWN, "string (date-time)")}),
        ({"new": "2025-01-15"}, {("new", UNKNOWN, "string (date)")}),
        ({"new": "20250115"}, {("new", UNKNOWN, "string")}),
        ({"new": "203.0.113.1"}, {("new", UNKNOWN, "string (ipv4)")}),
        ({"new": "2001:db8::1"}, {("new", UNKNOWN, "string (ipv6)")}),
        (
            {"new": [{"a": 1}, {"a": None}]},
            {
                ("new", UNKNOWN, "array"),
                ("new[]", UNKNOWN, "object"),
                ("new[].a", UNKNOWN, "integer"),
                ("new[].a", UNKNOWN, "null"),
            },
        ),
        ({"from_": "x"}, {("from_", UNKNOWN, "string")}),
        ({"additional": {}}, {("additional", UNKNOWN, "object")}),
        ({"id": None}, {("id", WRONG, "null")}),
        ({"id": 5}, {("id", WRONG, "integer")}),
        ({"count": 1.5}, {("count", WRONG, "number")}),
        ({"count": True}, {("count", WRONG, "boolean")}),
        ({"ratio": "1"}, {("ratio", WRONG, "string")}),
        ({"flag": 1}, {("flag", WRONG, "integer")}),
        ({"since": "soon"}, {("since", WRONG, "string")}),
        ({"since": 1736937000}, {("since", WRONG, "integer")}),
        ({"day": "2025-01-15T10:30:00Z"}, {("day", WRONG, "string (date-time)")}),
        ({"from": 5}, {("from", WRONG, "integer")}),
        ({"colour": "blue"}, {("colour", VALUE, "blue")}),
        ({"colour": 5}, {("colour", WRONG, "integer")}),
        ({"level": 2}, {("level", VALUE, "2")}),
        ({"level": True}, {("level", WRONG, "boolean")}),
        ({"level": 10**30}, {("level", WRONG, "number"), ("level", VALUE, "a huge integer")}),
        ({"token": 5}, {("token", WRONG, "integer")}),
        ({"token": "another"}, set()),
        ({"leaves": {}}, {("leaves", WRONG, "object")}),
        (
            {"leaves": [{}, {"name": 5}, 5]},
            {
                ("leaves[].name", MISSING, ""),
                ("leaves[].name", WRONG, "integer"),
                ("leaves[]", WRONG, "integer"),
            },
        ),
        ({"by_name": []}, {("by_name", WRONG, "array")}),
        ({"by_name": {"x": {}, "y": {}}}, {("by_name.*.name", MISSING, "")}),
        ({"anything": None}, set()),
        ({"either": []}, {("either", WRONG, "array")}),
        ({"either": None}, set()),
        ({"pet": {"kind": "fish", "x": 1}}, {("pet.kind", VALUE, "fish")}),
        ({"pet": {"kind": []}}, {("pet.kind", WRONG, "array")}),
        ({"pet": {}}, {("pet.kind", MISSING, "")}),
        ({"pet": 5}, {("pet", WRONG, "integer")}),
        ({"pet": {"kind": "dog"}}, {("pet.tricks", MISSING, "")}),
        ({"animal": {"kind": "x", "lives": None}}, {("animal.lives", WRONG, "null")}),
        ({"animal": 5}, {("animal", WRONG, "integer")}),
        ({"again": {"new": 1}}, {("again.id", MISSING, ""), ("again.new", UNKNOWN, "integer")}),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_each_kind_of_difference_is_found(change, expected):
    huge = found(Thing, RIGHT | change)
    assert huge == expected or (len(expected) == 2 and huge < expected and "level" in change)


def test_a_field_that_is_missing_is_found_by_its_name_in_json():
    assert found(Thing, {}) == {("id", MISSING, "")}
    assert found(models.CreatedCredential, {"password": "x"}) == {("data", MISSING, "")}


def test_what_stands_under_other_names_is_one_place():
    data = {"named": {"name": "x"}, "a": {"name": 1}, "b": {"name": 2}, "c": 5}
    assert found(Open, data) == {("*.name", WRONG, "integer"), ("*", WRONG, "integer")}


def test_of_several_types_the_one_counts_that_fits_best():
    assert found(Colour | str, "blue") == set()
    assert found(int | str, None) == {("", WRONG, "null")}
    assert found(Timestamp | Colour, "blue") == {("", VALUE, "blue")}
    assert found(Sequence[Leaf] | Sequence[str], [{"name": 5}]) == {("[].name", WRONG, "integer")}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.b", '["a.b"]'),
        ("", '[""]'),
        ("*", '["*"]'),
        ("[]", '["[]"]'),
        ('"', '["\\""]'),
        ("\x1b[31m", '["\\\\x1b[31m"]'),
        ("ü", '["ü"]'),
        ("x" * 65, f'["{"x" * 64}…"]'),
    ],
)
def test_a_name_cannot_be_taken_for_something_else(name, path):
    assert found(Leaf, {"name": "x", name: 1}) == {(path, UNKNOWN, "integer")}


def test_a_value_is_shown_escaped_and_cut():
    assert found(Colour, "\x1b[31m") == {("", VALUE, "\\x1b[31m")}
    assert found(Colour, "x" * 65) == {("", VALUE, f"{'x' * 64}…")}


def test_what_is_found_is_bounded():
    many = {f"n{index}": 1 for index in range(5000)}
    assert len(found(Leaf, {"name": "x"} | many)) == 1000
    nested: Any = 1
    for _ in range(50):
        nested = {"a": nested}
    assert len(found(Leaf, {"name": "x", "new": nested})) == 5
    wide = {f"n{index}": index for index in range(31)}
    assert found(Leaf, {"name": "x", "new": wide}) == {
        ("new", UNKNOWN, "object"),
        ("new.*", UNKNOWN, "integer"),
    }
    chain: Any = None
    for _ in range(900):
        chain = {"id": "a", "again": chain}
    assert found(Thing, chain) == set()


@pytest.mark.parametrize(("at", "is_told"), [(999, True), (1000, False)])
def test_of_a_list_the_first_thousand_items_are_looked_at(at, is_told):
    """A list of a million would hold up the event loop, and with it the caller's other work."""
    domains = [DOMAIN] * at + [DOMAIN | {"more": 1}]
    body = json.dumps({"data": domains}).encode()
    assert bool(differences(BY_NAME["domains.list"], 200, body)) is is_told


def test_what_comes_again_and_again_is_not_noted_for_ever(monkeypatch):
    made = []
    monkeypatch.setattr("unmta_async._drift.Drift", lambda **fields: made.append(1) or 0)
    deep = {str(number): {"a": 1, "b": 2} for number in range(20)}
    body = json.dumps({"data": [DOMAIN | {"new": deep}] * 1000}).encode()
    differences(BY_NAME["domains.list"], 200, body)
    assert len(made) <= 5000


def test_a_listener_hears_of_a_thousand_things_at_most():
    watch = Watch(print)
    drifts = [Drift(operation="x", path=str(index), kind=UNKNOWN) for index in range(1500)]
    assert watch.news(drifts[:2]) == drifts[:2]
    assert watch.news(drifts[1:3]) == drifts[2:3]
    assert len(watch.news(drifts)) == 997
    assert watch.news(drifts) == []


def test_a_finding_names_the_schema_that_it_is_about():
    [each] = differences(
        BY_NAME["domains.get"], 200, json.dumps({"data": DETAIL | {"name": 5}}).encode()
    )
    assert (each.path, each.schema, each.field) == ("data.name", "Domain", "name")
    records = DETAIL["dns_records"] | {"spf": {"type": "TXT", "name": "x"}}
    [each] = differences(
        BY_NAME["domains.get"],
        200,
        json.dumps({"data": DETAIL | {"dns_records": records}}).encode(),
    )
    assert (each.path, each.schema, each.field) == (
        "data.dns_records.*.value",
        "DnsRecord",
        "value",
    )
    [each] = differences(BY_NAME["domains.list"], 200, b'{"data": [], "more": 1}')
    assert (each.path, each.schema, each.field) == ("more", "", "more")


@pytest.mark.parametrize(
    ("status", "body", "is_told"),
    [
        (200, b'{"data": []}', False),
        (401, b'{"message": "Unauthenticated."}', False),
        (201, b'{"data": []}', True),
        (202, b"", True),
        (202, b"<h1>Welcome</h1>", False),
        (202, b"5", False),
        (403, b'{"message": "No."}', True),
        (403, b'{"error": "No."}', False),
        (403, b"<h1>No</h1>", False),
        (403, b"", False),
        (429, b'{"message": "Too Many Attempts."}', False),
        (500, b'{"message": "Server Error"}', False),
        (302, b'{"message": "Elsewhere"}', False),
    ],
)
def test_a_status_is_told_if_the_api_itself_gave_it(status, body, is_told):
    drifts = differences(BY_NAME["clusters.list"], status, body)
    told = [(each.path, each.seen) for each in drifts if each.kind == "undocumented status"]
    assert told == ([("", str(status))] if is_told else [])


@pytest.mark.parametrize("documented", [frozenset(), frozenset({2, 4}), frozenset({200, 4})])
def test_ranges_of_statuses_are_documented(documented):
    operation: Operation[Any] = Operation(
        name="x.y", method="GET", route="/x", returns=Sequence[Leaf], statuses=documented
    )
    assert not differences(operation, 403, b'{"message": "No."}')
    assert bool(differences(operation, 206, b'{"data": []}')) is (200 in documented)


def test_the_statuses_of_the_contract_are_those_of_the_operations():
    contract = YAML(typ="safe", pure=True).load(CONTRACT)
    for each in OPERATIONS:
        responses = contract["paths"][each.route][each.method.lower()]["responses"]
        assert each.statuses == frozenset(map(int, responses))
    assert {each.name: each.listed for each in OPERATIONS if each.listed} == {
        "clusters.list": "id",
        "mtas.list": "id",
        "domains.list": "name",
        "credentials.list": "user",
    }


def test_a_page_may_have_what_pages_have():
    operation: Operation[Any] = Operation(
        name="x.y",
        method="GET",
        route="/x",
        answer=Answer.WHOLE,
        returns=Enveloped[Sequence[Leaf]],
    )
    body = b'{"data": [{"name": 5}], "links": {}, "meta": {}, "more": 1}'
    assert {(each.path, each.kind) for each in differences(operation, 200, body)} == {
        ("data[].name", WRONG),
        ("more", UNKNOWN),
    }
    plain = attrs.evolve(operation, answer=Answer.DATA, returns=Sequence[Leaf])
    assert {
        each.path for each in differences(plain, 200, b'{"data": [], "links": {}, "meta": 1}')
    } == {
        "links",
        "meta",
    }


def test_an_answer_that_is_to_have_no_content_is_not_compared():
    operation: Operation[Any] = Operation(
        name="x.y", method="GET", route="/x", returns=Leaf | None, empty=frozenset({202})
    )
    assert not differences(operation, 202, b"{}")
    assert differences(operation, 200, b"{}")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"<h1>"])
@pytest.mark.parametrize("kind", Answer)
def test_what_is_no_json_has_no_drift(kind, body):
    operation: Operation[Any] = Operation(
        name="x.y", method="GET", route="/x", answer=kind, returns=Thing
    )
    assert not differences(operation, 200, body)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=5) | st.sampled_from(["data", *RIGHT]), inner, max_size=5
        )
    ),
)


@given(JSONS, st.sampled_from([200, 201, 404, 418]))
def test_it_never_fails(data, status):
    body = json.dumps(data).encode()
    mine: list[Operation[Any]] = [
        Operation(name="x.y", method="GET", route="/x", returns=returns)
        for returns in (Thing, Open, Sequence[Pet], Colour | int | None, Mapping[str, Level])
    ]
    for operation in (*OPERATIONS, *mine):
        for each in differences(operation, status, body):
            assert str(each).isprintable()
            hash(each)


# on_drift.


def changed(**changes: object) -> bytes:
    return answer(200, {"data": [DOMAIN | changes]})


async def test_each_difference_is_told_once():
    heard: list[Drift] = []
    answers = [
        changed(status="suspended", note="x"),
        changed(status="suspended"),
        changed(note=None),
    ]
    async with Scripted(*answers) as server, server.client(on_drift=heard.append) as client:
        for _ in answers:
            await client.domains.list("a1b2c3d4")
    assert list(map(str, heard)) == [
        "domains.list: unknown value at data[].status (suspended)",
        "domains.list: unknown field at data[].note (string)",
        "domains.list: unknown field at data[].note (null)",
    ]


async def test_a_call_that_fails_tells_why():
    heard: list[Drift] = []
    async with (
        Scripted(changed(name=5), answer(403, {"message": "No."})) as server,
        server.client(on_drift=heard.append) as client,
    ):
        assert isinstance(await failure(client.domains.list("a1b2c3d4")), UnexpectedResponseError)
        await failure(client.domains.list("a1b2c3d4"))
    assert list(map(str, heard)) == [
        "domains.list: wrong type at data[].name (integer)",
        "domains.list: undocumented status (403)",
    ]


async def test_what_broke_off_is_not_compared():
    heard: list[Drift] = []
    cut = answer(200, '{"data": [], "more": 1}', Content_Length=100)
    async with (
        Scripted((cut, Act.CLOSE)) as server,
        server.client(on_drift=heard.append, retry=RetryPolicy.none()) as client,
    ):
        await failure(client.domains.list("a1b2c3d4"))
    assert not heard


async def test_with_options_adds_a_listener_that_hears_everything():
    first: list[Drift] = []
    second: list[Drift] = []
    async with (
        Scripted(changed(note="x")) as server,
        server.client(on_drift=first.append) as client,
    ):
        await client.domains.list("a1b2c3d4")
        other = client.with_options(on_drift=second.append)
        await other.domains.list("a1b2c3d4")
        await other.with_options(timeout=5).domains.list("a1b2c3d4")
    assert (len(first), len(second)) == (1, 1)


async def test_a_listener_that_fails_fails_nothing_else(caplog):
    heard: list[Drift] = []

    def fail(_: Drift) -> None:
        raise ValueError("the listener's own")

    async with Scripted(changed(a=1, b=1)) as server, server.client(on_drift=fail) as client:
        await client.with_options(on_drift=heard.append).domains.list("a1b2c3d4")
    assert len(heard) == 2
    records = [each for each in caplog.records if each.name == "unmta_async"]
    assert [(each.levelno, each.getMessage()) for each in records] == [
        (logging.ERROR, "on_drift failed")
    ] * 2


async def test_a_listener_that_nobody_would_await_is_refused():
    async def listen(_: Drift) -> None: ...

    for wrong in (listen, 5):
        with pytest.raises(UsageError, match="on_drift must be a plain function"):
            UnmtaClient(on_drift=wrong)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="on_drift"):
            UnmtaClient().with_options(on_drift=wrong)  # type: ignore[arg-type]


async def test_nothing_is_compared_for_nobody(monkeypatch):
    monkeypatch.setattr(_transport, "differences", None)
    async with Scripted(changed(note="x")) as server, server.client() as client:
        await client.domains.list("a1b2c3d4")


PASSWORD = "pAsSwOrD-of-the-tests"


@pytest.mark.parametrize(
    "body",
    [
        {"data": CREDENTIAL, "password": PASSWORD, "more": PASSWORD},
        {"data": CREDENTIAL, "password": [PASSWORD]},
        {"data": {"user": PASSWORD, "domains": PASSWORD}, "password": PASSWORD},
        {"data": [PASSWORD], "more": {"deep": [PASSWORD]}},
    ],
)
async def test_no_secret_and_no_value_is_told(body, caplog):
    heard: list[Drift] = []
    frames: list[str] = []

    def listen(drift: Drift) -> None:
        heard.append(drift)
        frame = sys._getframe(1)
        while frame and Path(frame.f_code.co_filename) != Path(__file__):
            if "unmta_async" in Path(frame.f_code.co_filename).parts:
                frames.append(repr(frame.f_locals))
            frame = frame.f_back  # type: ignore[assignment]
        raise ValueError

    async with Scripted(answer(201, body)) as server, server.client(on_drift=listen) as client:
        creating = client.credentials.create("a1b2c3d4", user="webapp", allow_all_domains=True)
        (result,) = await asyncio.gather(creating, return_exceptions=True)
    assert PASSWORD not in repr(result)
    assert heard
    assert frames
    assert PASSWORD not in repr(heard) + repr(frames) + caplog.text


# The survey.


async def test_a_survey_of_what_keeps_to_the_contract_finds_nothing(sandbox, client):
    await client.domains.create("a1b2c3d4", name="example.com")

    before = len(sandbox.calls)
    report = await survey(client)
    assert (report.findings, report.to_yaml()) == ((), "")
    clusters = len(await client.clusters.list())
    each = dict.fromkeys(["mtas.list", "domains.list", "credentials.list"], clusters)
    assert report.looked_at == {"clusters.list": 1, **each, "domains.get": 1}
    assert set(report.not_looked_at.values()) == {"no GET"}
    assert {call.operation for call in [*sandbox.calls][before:]} == set(report.looked_at)
    assert "domains.get (1 answer): as the contract says" in str(report)


async def test_a_survey_says_what_it_could_not_look_at(sandbox, client):
    client = client.with_options(retry=RetryPolicy.none())
    sandbox.faults.add("mtas.list", "json-403", times=1)
    sandbox.faults.add("credentials.list", "html-502", times=None)
    report = await survey(client)
    assert [str(each) for each in report.findings] == ["mtas.list: undocumented status (403)"]
    assert set(report.not_looked_at) >= {"mtas.list", "credentials.list", "domains.get"}
    lines = str(report).splitlines()
    assert "mtas.list (1 answer)" in lines
    assert "  undocumented status: 403" in lines
    assert "not looked at: domains.get (there is no domain to ask for)" in lines
    assert any(line.startswith("in part not looked at: mtas.list (403 ") for line in lines)
    assert any(line.startswith("not looked at: credentials.list (502 ") for line in lines)


async def test_a_survey_goes_on_behind_a_list_that_cannot_be_read(sandbox, client):
    await client.domains.create("a1b2c3d4", name="example.com")
    await client.credentials.create("a1b2c3d4", user="webapp", allow_all_domains=True)
    sandbox.faults.add("*", "missing-field", times=None, field="updated_at")
    report = await survey(client)
    assert {each.operation for each in report.findings} == set(report.looked_at)
    assert "domains.get" in report.looked_at


async def test_a_survey_without_a_valid_token_ends_quietly():
    async with Scripted(answer(401, {"message": "Unauthenticated."})) as server:
        async with server.client() as client:
            report = await survey(client)
        assert server.count("GET") == 1
        assert not report.findings
        assert report.not_looked_at["clusters.list"].startswith("401 Unauthenticated.")
        assert report.not_looked_at["mtas.list"] == "there is no cluster to ask for"
        again = await survey(client)
        assert "closed" in again.not_looked_at["clusters.list"]
    assert isinstance(await failure(client.clusters.list()), ClientClosedError)


# The way back: YAML, merged into the contract, ends the drift.


def parsed(report: DriftReport) -> Any:
    return YAML(typ="safe", pure=True).load(report.to_yaml())


def report_of(*drifts: Drift) -> DriftReport:
    return DriftReport(findings=drifts, looked_at={}, not_looked_at={})


def on_domain(kind: Any, seen: str, field: str, schema: str = "Domain") -> Drift:
    return Drift(
        operation="domains.list",
        path=f"data[].{field}",
        kind=kind,
        seen=seen,
        schema=schema,
        field=field,
    )


@pytest.mark.parametrize(
    "name", ["no", "on", "Y", "null", "a b", "403", "ü", "a: b", "{x}", "-", "~"]
)
def test_any_name_and_value_survives_yaml(name):
    field = on_domain(
        UNKNOWN, "string", name if re.fullmatch(r"[\w-]+", name, re.ASCII) else f'["{name}"]'
    )
    value = on_domain(VALUE, name, "", "DomainStatus")
    text = report_of(field, value).to_yaml()
    yaml = YAML(typ="safe", pure=True)
    schemas = yaml.load(text)["components"]["schemas"]
    yaml.version = "1.1"  # type: ignore[assignment]
    assert yaml.load(text)["components"]["schemas"] == schemas
    assert list(schemas["Domain"]["properties"]) == [name]
    assert schemas["DomainStatus"]["x-extensible-enum"] == ["pending", "verified", name]


def retyped(*seen: str, schema: str = "Domain", field: str = "name") -> Any:
    """Return what the patch has for a field of another type."""
    report = report_of(*(on_domain(WRONG, each, field, schema) for each in seen))
    return parsed(report)["components"]["schemas"][schema]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], {}),
        (["null"], {}),
        (["string", "string (date)"], {"type": "string"}),
        (["string (date)", "string"], {"type": "string"}),
        (["string (date)"], {"type": "string", "format": "date", "examples": ["2025-01-15"]}),
        (["integer", "number"], {"type": "number"}),
        (["integer", "string"], {"type": ["integer", "string"]}),
        (["integer", "null"], {"type": ["integer", "null"]}),
        (["array", "string"], {}),
        (["array"], {"type": "array", "items": {}}),
        (["object", "null"], {"type": ["object", "null"]}),
    ],
)
def test_the_schema_of_an_unknown_field_has_all_that_was_seen(seen, expected):
    drifts = [on_domain(UNKNOWN, each, "note") for each in seen or ["null"]]
    [note] = parsed(report_of(*drifts))["components"]["schemas"]["Domain"]["properties"].values()
    assert note == expected | {"description": "Not documented; seen in domains.list."}


REPLACED = {"format": None, "examples": None}


@pytest.mark.parametrize(
    ("schema", "field", "seen", "expected"),
    [
        ("Domain", "name", ["integer"], {"type": "integer", **REPLACED}),
        ("Domain", "name", ["integer", "null"], {"type": ["integer", "null"], **REPLACED}),
        ("Domain", "name", ["null"], {"type": ["string", "null"]}),
        ("Domain", "created_at", ["null"], {"type": ["string", "null"]}),
        ("Domain", "status", ["integer"], {"type": "integer", "$ref": None, **REPLACED}),
        ("Cluster", "max_message_rate", ["integer"], {"type": ["integer", "null"], **REPLACED}),
        ("Credential", "domains", ["string"], {"type": "string", "items": None, **REPLACED}),
        ("Credential", "domains", ["object"], {"type": "object", "items": None, **REPLACED}),
        ("Domain", "name", ["array"], {"type": "array", "items": {}, **REPLACED}),
        ("Domain", "name", ["array", "object"], {"type": None, **REPLACED}),
    ],
)
def test_a_field_of_another_type_is_given_that(schema, field, seen, expected):
    assert retyped(*seen, schema=schema, field=field) == {"properties": {field: expected}}


def test_what_is_within_a_field_can_have_another_type():
    assert retyped("null", schema="Credential", field="domains[]") == {
        "properties": {"domains": {"items": {"type": ["string", "null"]}}}
    }
    assert retyped("null", schema="DnsRecords", field="*") == {
        "additionalProperties": {
            "$ref": None,
            "anyOf": [{"$ref": "#/components/schemas/DnsRecord"}, {"type": "null"}],
        }
    }


def test_models_of_any_kind_can_be_amended(monkeypatch):
    for each in (Thing, Level):
        monkeypatch.setattr(_amendment.models, each.__name__, each, raising=False)
    report = report_of(
        on_domain(VALUE, "2", "", "Level"),
        on_domain(MISSING, "", "id", "Thing"),
        on_domain(WRONG, "array", "by_name", "Thing"),
        on_domain(WRONG, "array", "level", "Thing"),
        on_domain(WRONG, "boolean", "either", "Thing"),
    )
    schemas = parsed(report)["components"]["schemas"]
    assert schemas["Level"] == {"x-extensible-enum": [1, 2]}
    gone = {"additionalProperties": None}
    unref = {"$ref": None, "anyOf": None, "oneOf": None}
    array = {"type": "array", "items": {}, **REPLACED}
    assert schemas["Thing"]["properties"] == {
        "by_name": array | gone,
        "level": array | unref | {"type": ["array", "null"]},
    }
    assert report.to_yaml().count("# To be decided") == 2  # `id` is of its base, `either` is two


def test_the_last_required_field_gone_leaves_no_list():
    missing = on_domain(MISSING, "", "ipv4", "OutboundIp")
    assert parsed(report_of(missing))["components"]["schemas"]["OutboundIp"] == {"required": None}
    own = on_domain(MISSING, "", "dns_records", "DomainDetail")
    assert parsed(report_of(own))["components"]["schemas"]["DomainDetail"] == {"required": None}


@pytest.mark.parametrize(
    ("operation", "status", "expected"),
    [
        (
            "domains.list",
            "202",
            {"type": "array", "items": {"$ref": "#/components/schemas/Domain"}},
        ),
        ("domains.get", "203", {"$ref": "#/components/schemas/DomainDetail"}),
        ("credentials.create", "200", "#/components/schemas/CreatedCredential"),
        ("domains.delete", "200", None),
        ("domains.list", "418", "message"),
    ],
)
def test_a_status_is_given_the_answer_of_the_operation(operation, status, expected):
    drift = Drift(operation=operation, path="", kind="undocumented status", seen=status)
    text = report_of(drift, on_domain(UNKNOWN, "string", "x")).to_yaml()
    assert text.index("\npaths:") < text.index("\ncomponents:")
    [item] = parsed(report_of(drift))["paths"].values()
    [response] = [each["responses"][status] for each in item.values()]
    assert response.pop("description").endswith(".")
    content = response.get("content", {}).get("application/json", {}).get("schema", {})
    properties = content.get("properties", {})
    assert expected in (properties.get("data"), content.get("$ref"), *properties)


@pytest.mark.parametrize("name", ["password", "api_key", "apiKey", "privateKey", "csrf-token"])
def test_what_may_be_a_secret_becomes_one(name):
    schemas = parsed(report_of(on_domain(UNKNOWN, "string", name)))["components"]["schemas"]
    assert schemas["Domain"]["properties"][name]["format"] == "password"


def test_what_a_class_would_inherit_is_not_said_twice():
    base = on_domain(UNKNOWN, "string", "note")
    own = on_domain(UNKNOWN, "string", "note", "DomainDetail")
    assert set(parsed(report_of(own, base))["components"]["schemas"]) == {"Domain"}
    assert set(parsed(report_of(own))["components"]["schemas"]) == {"DomainDetail"}


@pytest.mark.parametrize(
    "undecided",
    [
        Drift(operation="domains.list", path="data", kind=WRONG, seen="null", field="data"),
        Drift(operation="domains.list", path="data", kind=MISSING, field="data"),
        on_domain(VALUE, "x" * 64 + "…", "", "DomainStatus"),
        on_domain(VALUE, "\\x1b", "", "DomainStatus"),
        on_domain(UNKNOWN, "string", f'["{"x" * 64}…"]'),
        on_domain(UNKNOWN, "string", '[""]'),
        on_domain(WRONG, "string", "nothing"),
        on_domain(VALUE, "fish", "pet.kind"),
        on_domain(WRONG, "string", "x", "Nothing"),
        Drift(operation="request", path="", kind="undocumented status", seen="418"),
    ],
)
def test_what_a_person_has_to_decide_is_a_comment(undecided):
    text = report_of(undecided).to_yaml()
    assert text.endswith(f"# To be decided: {undecided}\n")
    assert not YAML(typ="safe", pure=True).load(text)


PROGRAM = """
import asyncio, json, sys
from aiohttp import web
from unmta_async import UnmtaClient
from unmta_async.drift import survey

answers = json.load(open(sys.argv[1]))

async def handle(request):
    assert request.method == "GET"
    status, body = answers[request.path_qs.removeprefix("/api/v1")]
    return web.json_response(body, status=status)

async def main():
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
    async with UnmtaClient(token="t", base_url=base_url) as client:
        report = await survey(client)
    await runner.cleanup()
    print(json.dumps([str(report), report.to_yaml(), len(report.findings)]))

asyncio.run(main())
"""
TIMES = {"created_at": "2025-01-15T10:30:00Z", "updated_at": "2025-01-15T10:30:00Z"}
CLUSTER = {"hostname": "c.unmta.net", "region": "us", "status": "active", **TIMES}
RECORD = {"type": "TXT", "name": "x", "value": "y"}
MTA = {
    "id": "m1",
    "hostname": "m.unmta.net",
    "primary_ipv4": "203.0.113.1",
    "outbound_ips": [{"ipv4": "203.0.113.2"}],
    **TIMES,
}
LIVE = {
    "/clusters": (
        200,
        {
            "data": [
                CLUSTER
                | {
                    "id": "a1",
                    "status": "suspended",
                    "max_message_rate": 500,
                    "plan": None,
                    "limits": {"daily": 5, "since": "2025-01-15T10:30:00Z", "by hour": [1, None]},
                    "ips": ["203.0.113.1"],
                    "labels": {f"k{index}": "v" for index in range(40)},
                    "on": True,
                    "403": 1.5,
                    "api_key": "live-secret-value",
                },
                CLUSTER | {"id": "a2", "hostname": None, "max_message_rate": None, "plan": "pro"},
            ]
        },
    ),
    "/clusters/a1/mtas": (200, {"data": [MTA, MTA | {"outbound_ips": None, "status": "up"}]}),
    "/clusters/a2/mtas": (403, {"message": "This action is unauthorized."}),
    "/clusters/a1/domains": (200, {"data": []}),
    "/clusters/a2/domains": (
        200,
        {
            "data": [
                DOMAIN | {"status": None, "dkim_public_key": 5},
                DOMAIN | {"dkim_public_key": 6},
            ]
        },
    ),
    "/clusters/a2/domains/example.com": (
        200,
        {
            "data": DOMAIN
            | {
                "dkim_public_key": 5,
                "verified_at": "2025-01-15T10:30:00Z",
                "dns_records": {
                    "dkim": RECORD | {"value": ["p=a", "b"]},
                    "spf": {"type": "TXT", "name": "y", "value": ["z"], "ttl": 300},
                },
            }
        },
    ),
    "/clusters/a1/credentials": (200, {"data": [], "quota": 5}),
    "/clusters/a2/credentials": (
        200,
        {
            "data": [
                {
                    **{k: v for k, v in CREDENTIAL.items() if k != "allow_all_ips"},
                    "domains": [1, 2],
                    "updated_at": 1736937000,
                }
            ],
            "quota": None,
        },
    ),
}


# What the contract may get later.
LATER = """
paths:
  /clusters/{cluster}/links:
    parameters: [{$ref: "#/components/parameters/Cluster"}]
    get:
      operationId: listLinks
      tags: [links]
      deprecated: true
      summary: List links.
      parameters: [{name: page, in: query, description: Which., schema: {type: integer}}]
      responses:
        "200":
          description: The links.
          content:
            application/json:
              schema:
                type: object
                required: [data, links, meta]
                properties:
                  data: {type: array, items: {$ref: "#/components/schemas/Link"}}
                  links: {type: object}
                  meta: {type: object}
  /clusters/{cluster_id}/links/{link}:
    parameters: &one
      - {name: cluster_id, in: path, required: true, schema: {type: string}}
      - {name: link, in: path, required: true, schema: {type: string}}
    get:
      operationId: getLink
      tags: [links]
      summary: Get a link.
      responses: &link
        "200":
          description: The link.
          content:
            application/json:
              schema:
                type: object
                required: [data]
                properties: {data: {$ref: "#/components/schemas/Link"}}
  /clusters/{cluster_id}/links/{link}/clicks:
    parameters: *one
    get: {operationId: getLinkClicks, tags: [links], summary: Get clicks., responses: *link}
  /links/search:
    get:
      operationId: searchLinks
      tags: [links]
      summary: Search links.
      parameters: [{name: text, in: query, required: true, schema: {type: string}}]
      responses: *link
  /regions/{region}:
    get:
      operationId: getRegion
      tags: [regions]
      summary: Get a region.
      parameters: [{name: region, in: path, required: true, schema: {type: string}}]
      responses: *link
components:
  schemas:
    Link:
      type: object
      x-identity: id
      required: [id]
      properties: {id: {type: string, description: Its id.}}
"""
LINKS = "/clusters/a1/links"
MORE = {
    LINKS: (200, {"data": [], "links": {"next": "/?page=2"}, "meta": {}}),
    f"{LINKS}?page=2": (200, {"data": [{"id": "l1", "x": 1}], "links": {}, "meta": {}}),
    "/clusters/a2/links": (200, {"data": [{"id": "l2"}], "links": {}, "meta": {}}),
    f"{LINKS}/l1": (200, {"data": {"id": "l1", "y": 1}}),
    f"{LINKS}/l1/clicks": (200, {"data": {"id": 5}}),
}


def merge(old: Any, patch: Any) -> Any:
    """Merge as RFC 7396 says; into a schema made by `allOf`, into the part of its own."""
    if not isinstance(patch, dict):
        return patch
    old = dict(old) if isinstance(old, dict) else {}
    if "allOf" in old and not patch.keys() <= old.keys():
        *others, own = old["allOf"]
        return old | {"allOf": [*others, merge(own, patch)]}
    merged = old | {key: merge(old.get(key), value) for key, value in patch.items()}
    return {key: value for key, value in merged.items() if patch.get(key, 0) is not None}


def surveyed(folder: Path, live: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, live],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _is_rest(line: str) -> bool:
    return line.startswith("in part") or line.endswith("(no GET)")


def test_merging_the_yaml_and_generating_anew_ends_the_drift(tmp_path: Path) -> None:
    """And the survey takes in what else is new in the contract."""
    live, contract, package = (
        tmp_path / "live.json",
        tmp_path / "api.yaml",
        tmp_path / "unmta_async",
    )
    live.write_text(json.dumps(LIVE))
    told, text, count = surveyed(ROOT, live)
    assert count > 20
    assert "live-secret-value" not in told + text
    yaml = YAML(typ="safe", pure=True)
    amended = merge(yaml.load(CONTRACT), yaml.load(text))
    contract.write_text(json.dumps(merge(amended, yaml.load(LATER))))
    ignored = shutil.ignore_patterns("__pycache__", "_generated")
    shutil.copytree(ROOT / "unmta_async", package, ignore=ignored)
    generated = subprocess.run(
        [sys.executable, "-m", "codegen", "--spec", contract, "--out", package / "_generated"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert generated.returncode == 0, generated.stderr + text
    live.write_text(json.dumps(LIVE | MORE))
    told, text, count = surveyed(tmp_path, live)
    *lines, in_part, changes = sorted(told.splitlines(), key=_is_rest)
    assert in_part.startswith("in part not looked at: mtas.list (403 ")
    assert changes.endswith("(no GET)")
    assert lines == [
        "clusters.list (1 answer): as the contract says",
        "mtas.list (1 answer): as the contract says",
        "domains.list (2 answers): as the contract says",
        "credentials.list (2 answers): as the contract says",
        "links.list (2 answers)",
        "  data[].x  unknown field: integer",
        "links.get_clicks (1 answer)",
        "  data.id  wrong type: integer",
        "domains.get (1 answer): as the contract says",
        "links.get (1 answer)",
        "  data.y  unknown field: integer",
        "not looked at: links.search (it needs text)",
        "not looked at: regions.get (there is no region to ask for)",
    ]


# The page, and the names.


def test_these_are_the_names():
    assert drift.__all__ == ["Drift", "DriftKind", "DriftReport", "survey"]
    for each in (drift, Drift, DriftReport, survey):
        assert each.__doc__


async def test_the_blocks_of_the_page_run(sandbox: Sandbox, capsys) -> None:
    async with sandbox.client() as known:
        await known.domains.create("a1b2c3d4", name="example.com")
    sandbox.faults.add("*", "unknown-values", times=None)
    space: dict[str, Any] = {
        "options": {"base_url": sandbox.base_url, "token": sandbox.token},
    }
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        code = compile(block, "drift.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, space)
        if asyncio.iscoroutine(running):
            await running
    shown = capsys.readouterr().out
    for expected in re.findall(r"```(?:text|yaml)\n(.*?)```", PAGE, re.DOTALL):
        assert expected in shown

"""JSON to models and back: strict first, then tolerant, with the path of what is wrong."""

import copy
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, get_args, get_type_hints

import attrs
import pytest

from unmta_async import Secret, UsageError, _convert, from_dict, models, to_dict
from unmta_async._convert import ConversionError, dumps, json_object, parse, reader
from unmta_async._operation import Enveloped
from unmta_async._types import UNSET, OpenIntEnum, Tagged, Timestamp, Unset, known
from unmta_async.models import (
    Cluster,
    CreatedCredential,
    Credential,
    DnsRecord,
    DnsRecords,
    Domain,
    DomainDetail,
    DomainStatus,
    Mta,
    OutboundIp,
)
from unmta_async.secret import MASK

TIMES = {"created_at": "2025-01-15T10:30:00Z", "updated_at": "2025-01-15T12:45:00Z"}
DKIM = {"type": "TXT", "name": "unmta._domainkey", "value": "p=MIIB"}
DMARC = {"type": "TXT", "name": "_dmarc", "value": "v=DMARC1; p=reject"}
SPF = {"type": "TXT", "name": "@", "value": "v=spf1 -all"}
IP = {"ipv4": "203.0.113.20", "ipv6": "2001:db8::10", "ptr": "ip.unmta.net"}
DOMAIN = {"name": "example.com", "status": "verified", "dkim_public_key": "MIIB", **TIMES}
RECORDS = {"dkim": DKIM, "dmarc": DMARC, "spf": SPF}
CREDENTIAL = {
    "user": "web",
    "allow_all_domains": False,
    "domains": ["example.com", "test.com"],
    "allow_all_ips": True,
    "allowed_ips": [],
    **TIMES,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    Cluster: {
        "id": "a1b2c3d4",
        "hostname": "c-a1b2c3d4.unmta.net",
        "region": "us-dal-1",
        "status": "active",
        "max_message_rate": "500/hr",
        **TIMES,
    },
    OutboundIp: IP,
    Mta: {
        "id": "x1y2z3w4",
        "hostname": "m-x1y2z3w4.unmta.net",
        "primary_ipv4": "203.0.113.10",
        "primary_ipv6": "2001:db8::1",
        "outbound_ips": [IP, {**IP}],
        **TIMES,
    },
    Domain: DOMAIN,
    DnsRecord: DKIM,
    DnsRecords: RECORDS,
    DomainDetail: {**DOMAIN, "dns_records": RECORDS},
    Credential: CREDENTIAL,
    CreatedCredential: {"data": CREDENTIAL, "password": "hunter2"},
}
READERS = {
    "strict": _convert._strict_reader,
    "tolerant": lambda of: lambda body: _convert._read_tolerantly(body, of),
    "both": reader,
}
# A value of each JSON type; none is a time, a status or a record.
JSON_VALUES = [None, True, 1, 1.5, "text", [], {}]

every_model = pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
every_reader = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def read(model, value):
    return reader(model)(body(value))


def key(field):
    return field.metadata.get("json") or field.name


def named_fields(model):
    return [field for field in attrs.fields(model) if not field.metadata.get("additional")]


def fields(choose):
    return [
        pytest.param(model, field, id=f"{model.__name__}.{field.name}")
        for model in EXAMPLES
        for field in named_fields(model)
        if choose(field)
    ]


# What a model is.


def test_every_model_has_an_example():
    assert {kind for kind in vars(models).values() if attrs.has(kind)} == set(EXAMPLES)


@every_model
def test_every_example_is_complete(model):
    assert {key(field) for field in named_fields(model)} <= set(EXAMPLES[model])


@every_model
def test_a_model_is_frozen_slotted_and_keyword_only(model):
    value = read(model, EXAMPLES[model])
    assert not hasattr(value, "__dict__")
    assert all(field.kw_only for field in attrs.fields(model))
    for field in attrs.fields(model):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, field.name, None)


@every_model
def test_models_with_equal_values_are_equal_and_copyable(model):
    value = read(model, EXAMPLES[model])
    assert value == read(model, EXAMPLES[model]) == copy.deepcopy(value) == copy.copy(value)


def test_no_repr_shows_a_password():
    assert "hunter2" not in repr(read(CreatedCredential, EXAMPLES[CreatedCredential]))


def test_a_domain_detail_is_a_domain():
    assert isinstance(read(DomainDetail, EXAMPLES[DomainDetail]), Domain)


def test_dns_records_are_iterated_in_order_and_keep_other_names():
    records = read(DnsRecords, {"spf": SPF, "dmarc": DMARC, "dkim": DKIM})
    assert list(records) == [records.dkim, records.dmarc, read(DnsRecord, SPF)]
    assert records.additional == {"spf": read(DnsRecord, SPF)}


def test_a_renamed_field_has_the_name_of_its_schema():
    created = read(CreatedCredential, EXAMPLES[CreatedCredential])
    assert created.credential == read(Credential, CREDENTIAL)
    assert created.password == Secret("hunter2")


# Good input.


@every_model
def test_both_tiers_read_the_same(model):
    values = [make(model)(body(EXAMPLES[model])) for make in READERS.values()]
    assert values[0] == values[1] == values[2]
    assert {type(value) for value in values} == {model}


@every_reader
def test_both_tiers_read_a_list_as_a_sequence(read):
    envelope = read(Enveloped[Sequence[Domain]])(body({"data": [DOMAIN, DOMAIN], "meta": {"a": 1}}))
    assert list(envelope.data) == [reader(Domain)(body(DOMAIN))] * 2
    assert envelope.meta == {"a": 1}


@pytest.mark.parametrize("model", [kind for kind in EXAMPLES if kind is not DnsRecords])
@every_reader
def test_unknown_fields_are_ignored(model, read):
    more = {**EXAMPLES[model], "zzz": {"nested": [1, None]}, "": 0}
    assert read(model)(body(more)) == read(model)(body(EXAMPLES[model]))


@every_reader
@pytest.mark.parametrize("status", ["suspended", "", "PENDING"])
def test_an_unknown_status_is_kept(read, status):
    domain = read(Domain)(body({**DOMAIN, "status": status}))
    assert domain.status == status
    assert type(domain.status) is DomainStatus


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2025-01-15T10:30:00Z", 10),
        ("2025-01-15T10:30:00.000000Z", 10),
        ("2025-01-15T10:30:00", 10),
        ("2025-01-15 10:30:00", 10),
        ("2025-01-15T10:30:00.000", 10),
        ("2025-01-15T10:30:00+02:00", 8),
        ("2025-01-15T10:30:00-02:00", 12),
    ],
)
def test_a_time_is_aware_and_one_without_zone_is_utc(text, hour):
    created = read(Domain, {**DOMAIN, "created_at": text}).created_at
    assert created == datetime(2025, 1, 15, hour, 30, tzinfo=UTC)
    assert created.tzinfo is not None


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2025-13-01T00:00:00Z", "1736937000", "\x1b[31m"]
)
def test_what_is_no_time_is_named(text):
    with pytest.raises(ConversionError, match=r"^created_at: it is not an ISO 8601 time$"):
        read(Domain, {**DOMAIN, "created_at": text})


@every_model
def test_a_byte_order_mark_is_tolerated(model):
    assert reader(model)(b"\xef\xbb\xbf" + body(EXAMPLES[model])) == read(model, EXAMPLES[model])


@pytest.mark.parametrize(
    ("model", "field"), fields(lambda field: field.default is not attrs.NOTHING)
)
def test_an_optional_field_may_be_missing_or_null(model, field):
    rest = {name: value for name, value in EXAMPLES[model].items() if name != key(field)}
    assert getattr(read(model, rest), field.name) is None
    assert read(model, rest | {key(field): None}) == read(model, rest)


def test_an_unlimited_rate_is_null():
    assert read(Cluster, {**EXAMPLES[Cluster], "max_message_rate": None}).max_message_rate is None


# Bad input.


@pytest.mark.parametrize(("model", "field"), fields(lambda field: field.default is attrs.NOTHING))
def test_a_missing_required_field_is_named(model, field):
    rest = {name: value for name, value in EXAMPLES[model].items() if name != key(field)}
    with pytest.raises(ConversionError, match=f"^{key(field)}: it is missing$"):
        read(model, rest)
    with pytest.raises(ConversionError, match=rf"^data\[1\]\.{key(field)}: it is missing$"):
        read(Enveloped[Sequence[model]], {"data": [EXAMPLES[model], rest]})


@pytest.mark.parametrize(("model", "field"), fields(lambda _: True))
def test_a_mistyped_field_is_named(model, field):
    """No value of another JSON type is made into one that fits: null is not "None"."""
    good = EXAMPLES[model][key(field)]
    nullable = type(None) in get_args(get_type_hints(model)[field.name])
    for value in JSON_VALUES:
        if type(value) is type(good) or (value is None and nullable):
            continue
        with pytest.raises(ConversionError, match=f"^{key(field)}: (expected .*, got |it is)"):
            read(model, {**EXAMPLES[model], key(field): value})


def damaged(model, *path):
    """Return an example with null at a path."""
    example = copy.deepcopy(EXAMPLES[model])
    at: Any = example
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = None
    return example


@pytest.mark.parametrize(
    ("of", "value", "message"),
    [
        (Mta, damaged(Mta, "outbound_ips", 1, "ipv4"), "outbound_ips[1].ipv4: expected a string"),
        (Mta, damaged(Mta, "outbound_ips", 0), "outbound_ips[0]: expected an object, got null"),
        (Credential, damaged(Credential, "domains", 1), "domains[1]: expected a string, got null"),
        (CreatedCredential, damaged(CreatedCredential, "data", "user"), "data.user: expected"),
        (DomainDetail, damaged(DomainDetail, "dns_records", "dkim", "value"), "dns_records.dkim."),
        (DomainDetail, damaged(DomainDetail, "dns_records", "spf"), "dns_records.spf: expected"),
        (DnsRecords, {**RECORDS, "a @ b\x1b": {}}, "a @ b\\x1b.type: it is missing"),
        (Domain, [DOMAIN], "the top level: expected an object, got an array"),
        (Domain, None, "the top level: expected an object, got null"),
        (Enveloped[Sequence[Domain]], {"data": {}}, "data: expected an array, got an object"),
        (Enveloped[Sequence[Domain]], {"data": None}, "data: expected an array, got null"),
        (Enveloped[Sequence[Domain]], {}, "data: it is missing"),
        (
            Enveloped[Sequence[Domain]],
            {"data": [DOMAIN] * 3 + [damaged(Domain, "name")]},
            "data[3].name: expected a string, got null",
        ),
    ],
)
def test_the_path_of_a_fault_is_that_of_the_json(of, value, message):
    with pytest.raises(ConversionError) as caught:
        read(of, value)
    assert str(caught.value).startswith(message)
    assert caught.value.__context__ is None, "what it came from holds the body"


class Counted(list[Any]):
    seen = 0

    def __iter__(self):
        for entry in super().__iter__():
            self.seen += 1
            yield entry


def test_reading_stops_at_the_first_bad_entry():
    """A fault in each of a million entries is told once, in no more time than one takes."""
    entries = Counted([{}] * 1000)
    with pytest.raises(_convert._EntryError):
        _convert._tolerant().structure(entries, Sequence[Domain])
    assert entries.seen == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it is empty"),
        (b" ", "it is not JSON"),
        (b"<html>", "it is not JSON"),
        (b'{"data": [', "it is not JSON"),
        (b'{"data": []} x', "it is not JSON"),
        (b'{"data": NaN}', "it is not JSON"),
        (b'{"data": Infinity}', "it is not JSON"),
        (b"{'data': []}", "it is not JSON"),
        (b'{"data": "\xff"}', "it is not JSON"),
        (b'{"data": "\\ud800"}', "it is not JSON"),
        (b'{"data": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "it is not JSON"),
        (b'{"data": ' + b"9" * 100_000 + b"}", "it is not JSON"),
        (body({"data": []}).decode().encode("utf-16"), "it is not JSON"),
        (b"\xef\xbb\xbf", "it is not JSON"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_what_is_no_json_is_said_to_be_none(text, message):
    with pytest.raises(ConversionError, match=f"^{message}$"):
        parse(text)
    with pytest.raises(ConversionError):
        reader(Enveloped[Sequence[Domain]])(text)


@every_reader
def test_of_duplicate_keys_the_last_wins(read):
    assert read(OutboundIp)(b'{"ipv4": "a", "ipv4": "b"}').ipv4 == "b"


@pytest.mark.parametrize("kind", [Sequence[Domain], DomainDetail])
def test_text_that_is_not_utf_8_is_no_json_wherever_it_stands(kind):
    """One tier would skip it in a field that nobody asked for, the other one not."""
    with pytest.raises(ConversionError, match="it is not JSON"):
        reader(Enveloped[kind])(b'{"data": [], "x": "\xff"}')


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_what_is_no_json_object_counts_as_an_empty_one(value):
    assert json_object(value) == {}
    assert json_object({"a": value}) == {"a": value}


# What a caller converts.


@every_model
def test_to_dict_gives_the_json_again_with_secrets_masked(model):
    masked = {"password": MASK} if model is CreatedCredential else {}
    data = to_dict(read(model, EXAMPLES[model]))
    assert data == EXAMPLES[model] | masked
    assert json.loads(json.dumps(data)) == data


@every_model
def test_from_dict_undoes_to_dict(model):
    value = read(model, EXAMPLES[model])
    data = to_dict(value)
    if model is CreatedCredential:
        with pytest.raises(UsageError, match=r"CreatedCredential\.password: it is masked"):
            from_dict(model, data)
        data["password"] = "hunter2"
    assert from_dict(model, data) == value
    assert from_dict(model, {**EXAMPLES[model]}) == value


@pytest.mark.parametrize("name", ["additional", "dkim2"])
def test_an_additional_record_may_have_any_name(name):
    data = {"dkim": DKIM, "dmarc": DMARC, name: SPF}
    records = read(DnsRecords, data)
    assert list(records)[2:] == [read(DnsRecord, SPF)]
    assert to_dict(records) == data
    assert from_dict(DnsRecords, data) == records


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, r"^from_dict: Domain\.\w+: it is missing"),
        ({**DOMAIN, "name": 5}, r"^from_dict: Domain\.name: expected a string, got an integer"),
        (None, "^from_dict: Domain: expected an object, got null"),
    ],
)
def test_from_dict_refuses_what_is_no_such_model(data, message):
    with pytest.raises(UsageError, match=message) as caught:
        from_dict(Domain, data)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", [None, 5, {}, [], Domain, "x"])
def test_to_dict_refuses_what_is_no_model(value):
    with pytest.raises(UsageError, match="takes a model"):
        to_dict(value)


@pytest.mark.parametrize("changes", [{"status": "pending"}, {"created_at": "yesterday"}])
def test_to_dict_refuses_a_model_that_was_made_by_hand_with_other_types(changes):
    made = attrs.evolve(from_dict(Domain, DOMAIN), **changes)
    with pytest.raises(UsageError, match="a field of Domain is not of its type") as caught:
        to_dict(made)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "time",
    [
        datetime(2025, 1, 15, 10, 30),  # noqa: DTZ001 - that is the case
        datetime(2025, 1, 15, 10, 30, tzinfo=UTC),
        datetime(2025, 1, 15, 12, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_times_are_written_in_utc(time):
    domain = attrs.evolve(read(Domain, DOMAIN), created_at=time)
    assert to_dict(domain)["created_at"] == "2025-01-15T10:30:00Z"
    assert dumps({"at": time}) == b'{"at":"2025-01-15T10:30:00Z"}'


# What is sent, and the rules that this contract does not use.


def test_a_body_is_sent_with_its_secrets_in_the_clear():
    created = read(CreatedCredential, EXAMPLES[CreatedCredential])
    assert json.loads(dumps(created)) == EXAMPLES[CreatedCredential]
    assert json.loads(dumps({"secrets": [Secret("a")]})) == {"secrets": ["a"]}


def test_a_body_may_hold_statuses_dates_and_tuples():
    sent = {"status": DomainStatus("suspended"), "on": date(2025, 1, 15), "list": ("a", "b")}
    assert json.loads(dumps(sent)) == {
        "status": "suspended",
        "on": "2025-01-15",
        "list": ["a", "b"],
    }


@attrs.frozen(kw_only=True)
class Sample:
    """A model as another contract may have it."""

    from_: str = attrs.field(metadata={"json": "from"})
    on: date
    at: Timestamp
    count: int
    share: float
    anything: object = None


SAMPLE = {"from": "x", "on": "2025-01-15", "at": TIMES["created_at"], "count": 1, "share": 0.5}


@every_reader
def test_fields_of_every_kind_are_read(read):
    sample = read(Sample)(body({**SAMPLE, "share": 1, "anything": [{}]}))
    assert (sample.from_, sample.on, sample.count) == ("x", date(2025, 1, 15), 1)
    assert sample.share == 1.0
    assert sample.anything == [{}]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("count", 1.5, "expected an integer, got a number"),
        ("count", True, "expected an integer, got a boolean"),
        ("count", "1", "expected an integer, got a string"),
        ("share", True, "expected a number, got a boolean"),
        ("share", "0.5", "expected a number, got a string"),
        ("from", None, "expected a string, got null"),
        ("on", "x\x1b" * 1000, "Invalid isoformat string"),
    ],
)
def test_fields_of_every_kind_are_strict(name, value, what):
    with pytest.raises(ConversionError, match=f"^{name}: {what}") as caught:
        read(Sample, {**SAMPLE, name: value})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 5000


@attrs.frozen(kw_only=True)
class Key:
    secret: Secret


@attrs.frozen(kw_only=True)
class Lock:
    """What msgspec cannot build alone: one of two models."""

    opened_by: Key | OutboundIp


@every_reader
def test_a_secret_is_read_wherever_it_stands(read):
    assert read(Sequence[Key])(b'[{"secret": "hunter2"}]')[0].secret == Secret("hunter2")


@every_reader
@pytest.mark.parametrize("model", [Key, OutboundIp])
def test_one_of_two_models_is_told_by_its_fields(read, model):
    value = {"secret": "hunter2"} if model is Key else IP
    assert type(read(Lock)(body({"opened_by": value})).opened_by) is model


@pytest.mark.parametrize(
    ("of", "value", "message"),
    [
        (Key, {"secret": 5}, "secret: expected a string, got an integer"),
        (Lock, {"opened_by": {}}, "opened_by: "),
        (Lock, {"opened_by": 5}, "opened_by: "),
    ],
)
def test_what_is_wrong_is_told_without_its_value(of, value, message):
    with pytest.raises(ConversionError, match=f"^{message}") as caught:
        read(of, value)
    assert "5" not in str(caught.value)


@attrs.frozen(kw_only=True)
class Dated:
    at: Timestamp
    name: str | None = None


KeyOrIp = Annotated[
    Key | OutboundIp | Mapping[str, object], Tagged("kind", {"k": Key, 5: OutboundIp})
]


@every_reader
def test_a_tag_tells_the_model_and_an_unknown_one_keeps_the_object(read):
    objects = [
        {"kind": "k", "secret": "s"},
        {"kind": 5, **IP},
        {"kind": "x", "a": [None]},
        {},
        {"kind": []},
    ]
    values = read(Sequence[KeyOrIp])(body(objects))
    assert values[0] == Key(secret=Secret("s"))
    assert type(values[1]) is OutboundIp
    assert values[2:] == objects[2:]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"kind": "k"}, r"\[0\]\.secret: it is missing"),
        (5, r"\[0\]: expected an object, got an integer"),
        (None, r"\[0\]: expected an object, got null"),
    ],
)
def test_a_known_tag_of_a_broken_object_is_an_error(value, message):
    with pytest.raises(ConversionError, match=f"^{message}$"):
        read(Sequence[KeyOrIp], [value])


@every_reader
def test_without_a_tag_the_model_that_knows_most_is_taken(read):
    of = Sequence[Key | Dated | OutboundIp | Mapping[str, object] | str]
    naive = {"at": "2025-01-15T10:30:00", "name": "x", "secret": "s"}
    values = read(of)(body([naive, {"secret": "s", "at": 5}, IP, {"a": 1}, "text"]))
    assert [type(value) for value in values] == [Dated, Key, OutboundIp, dict, str]
    with pytest.raises(ConversionError, match=r"^\[0\]: an integer is none of what it may be$"):
        reader(of)(b"[5]")


@every_reader
@pytest.mark.parametrize("text", ["2025-01-15T10:30:00", "2025-01-15T10:30:00Z", "later"])
def test_what_is_a_time_or_a_text_is_a_time_if_it_can_be(read, text):
    value = read(str | Timestamp)(body(text))
    assert value == (text if text == "later" else datetime(2025, 1, 15, 10, 30, tzinfo=UTC))


class Level(OpenIntEnum):
    LOW = known(1)


@attrs.frozen(kw_only=True)
class Sent:
    """A model that requests hold."""

    level: Level
    must: str | None
    id: str | None = attrs.field(default=None, metadata={"read_only": True})
    may: str | None = None
    note: str | Unset | None = UNSET
    count: int | Unset | None = UNSET
    host: Sequence[str] | None = attrs.field(default=None, metadata={"hostname": True})
    child: "Sent | None" = None


def test_what_was_not_given_is_not_sent():
    least = Sent(level=Level.LOW, must=None)
    assert json.loads(dumps(least)) == {"level": 1, "must": None}
    more = Sent(
        level=Level(7), must="a", id="x", may="b", note=None, host=["bücher.example"], child=least
    )
    assert json.loads(dumps([more])) == [
        {"level": 7, "must": "a", "may": "b", "note": None, "host": ["xn--bcher-kva.example"],
         "child": {"level": 1, "must": None}}
    ]  # fmt: skip


@every_reader
def test_missing_is_told_from_null(read):
    sent = read(Sent)(b'{"level": 7, "must": null, "note": null, "id": "x"}')
    assert sent == Sent(level=Level(7), must=None, note=None, id="x")
    assert type(sent.level) is Level
    assert from_dict(Sent, to_dict(sent)) == sent
    assert to_dict(sent) == {
        "level": 7, "must": None, "id": "x", "may": None, "note": None, "host": None, "child": None,
    }  # fmt: skip


@attrs.frozen(kw_only=True)
class Numbered:
    count: int | Unset | None = UNSET


def test_the_name_of_unset_is_no_value():
    with pytest.raises(ConversionError, match=r"^count: expected an integer, got a string$"):
        reader(Numbered)(b'{"count": "UNSET"}')

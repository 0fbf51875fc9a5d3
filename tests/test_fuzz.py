"""Whatever comes in: from the wire, a value or an error of ours; from a caller, the same.

`UNMTA_EXAMPLES=20000 pytest tests/test_fuzz.py` tries more than usual.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import os
import pickle
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args
from urllib.parse import parse_qsl, unquote

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from scripted import CREDENTIAL, DETAIL, DOMAIN

from unmta_async import (
    ConnectionLostError,
    RequestTimeoutError,
    Secret,
    UnexpectedResponseError,
    UnmtaError,
    UsageError,
    errors,
    from_dict,
    to_dict,
)
from unmta_async._convert import ConversionError, dumps, json_object, parse
from unmta_async._generated import OPERATIONS, credentials, domains
from unmta_async._generated.parameters import CLUSTER, USER
from unmta_async._generated.parameters import DOMAIN as DOMAIN_PARAMETER
from unmta_async._hostname import a_label_form, is_same_name
from unmta_async._operation import Answer, Operation, PathParameter
from unmta_async._policy import Finding, judge
from unmta_async._reply import Reply, decode
from unmta_async._request import encode
from unmta_async.client import _SEGMENT

EXAMPLES = int(os.environ.get("UNMTA_EXAMPLES", "200"))
BASE = "https://api.test/v1"
MARK = "pw-5ecret-"

# Every operation, the looks at deletions, and one that the contract does not know.
ANYTHING: Operation[Any] = Operation(
    name="request", method="POST", route="/new", answer=Answer.ANYTHING, nullable=None
)
LOOKS = {each.look.dated: each.look for each in OPERATIONS if each.look}
EVERY = [*OPERATIONS, *LOOKS, ANYTHING]

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


# Answers: valid ones, and what can be done to them. An object is a list of its members here, so
# that it can have one twice.


class Raw(bytes):
    """A piece of JSON as it is, valid or not."""


class Members(list[Any]):
    """An object: pairs of names and values."""


CLUSTER_JSON = {
    "id": "a1b2c3d4",
    "hostname": "c.unmta.net",
    "region": "us",
    "status": "active",
    "max_message_rate": None,
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00.123456Z",
}
MTA_JSON = {
    "id": "x1",
    "hostname": "m.unmta.net",
    "primary_ipv4": "192.0.2.1",
    "primary_ipv6": None,
    "outbound_ips": [{"ipv4": "192.0.2.2", "ipv6": None, "ptr": "p.unmta.net"}],
    "created_at": "2025-01-15T10:30:00Z",
    "updated_at": "2025-01-15T10:30:00Z",
}
ANSWERS: dict[str, Any] = {
    "clusters.list": {"data": [CLUSTER_JSON]},
    "mtas.list": {"data": [MTA_JSON, MTA_JSON]},
    "domains.list": {"data": [DOMAIN, DOMAIN], "links": {"next": None}, "meta": {"total": 2}},
    "domains.get": {"data": DETAIL},
    "domains.create": {"data": DETAIL},
    "domains.delete": {},
    "credentials.list": {"data": [CREDENTIAL]},
    "credentials.create": {"data": CREDENTIAL, "password": MARK},
    "credentials.update": {"data": CREDENTIAL},
    "credentials.delete": {},
    "request": {"data": [1, 2.5, None, {"x": "y"}]},
}
REFUSAL = {"message": "The name is wrong.", "errors": {"name": ["Taken."], "domains.0": ["Bad."]}}


def test_there_is_an_answer_to_every_operation():
    """What is mutated below is read as it is."""
    assert set(ANSWERS) == {operation.name for operation in EVERY}
    for operation in EVERY:
        body = written(membered(ANSWERS[operation.name]))
        assert not isinstance(
            decode(operation, Reply(status=200, headers={}, body=body)), UnmtaError
        )


def membered(value: Any) -> Any:
    if isinstance(value, dict):
        return Members([name, membered(each)] for name, each in value.items())
    return [*map(membered, value)] if isinstance(value, list) else value


def written(value: Any) -> bytes:
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, Members):
        pairs = [json.dumps(name).encode() + b": " + written(each) for name, each in value]
        return b"{" + b", ".join(pairs) + b"}"
    if isinstance(value, list):
        return b"[" + b", ".join(map(written, value)) + b"]"
    return json.dumps(value).encode()


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> Raw:
    return Raw(opening * depth + closing * depth)


NUMBERS = [b"NaN", b"-Infinity", b"1e999", b"-1e-999", b"1" * 40, b"9" * 5000, b"-0", b"0x1", b"01"]
STRINGS = [rb'"\ud800"', rb'"\udc00\ud800"', b'"\xff\xfe"', rb'"\u0000"', b'"\n"', rb'"\x"', b"'a'"]
depths = st.sampled_from([3, 100, 900, 950, 990, 1000, 5000, 100_000])
DATES = [
    "2025-01-15",
    "2025-01-15T10:30:00+99:99",
    "2025-01-15T10:30:60Z",
    "20250115T103000Z",
    "2025-W03-3",
]
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20).filter(lambda text: MARK not in text),
    st.just("x" * 10_000),
    st.sampled_from([*map(Raw, NUMBERS + STRINGS)]),
    st.sampled_from(DATES),
    st.builds(nested, depths),
    st.builds(nested, depths, st.just(b'{"a":'), st.just(b"}")),
    st.builds(lambda depth: Raw(b"[" * depth), depths),
    st.lists(st.none() | st.text(max_size=3), max_size=3),
    st.just(Members()),
)


def containers(value: Any) -> Iterator[Any]:
    """Yield every array and object in a value that has something in it."""
    if isinstance(value, list) and value:
        yield value
        for each in value:
            yield from containers(each[1] if isinstance(value, Members) else each)


@st.composite
def bodies(draw: st.DrawFn, whole: Any) -> bytes:
    """Draw a body that was a valid one, or one that never was."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    value = [membered(whole)]
    for _ in range(draw(st.integers(0, 3))):
        spoil(draw, draw(st.sampled_from([*containers(value)] or [value])))
    return garbled(draw, written(value[0] if value else None))


def spoil(draw: st.DrawFn, container: Any) -> None:
    """Do something to one thing in an array or object."""
    if not container:
        container.append(draw(junk))
        return
    at = draw(st.integers(0, len(container) - 1))
    pair = container[at] if isinstance(container, Members) else None
    name, value = pair or ("", container[at])
    match draw(st.sampled_from(["drop", "twice", "mistype", "nest", "more"])):
        case "drop":
            del container[at]
            return
        case "twice":
            container.insert(at, [name, draw(junk)] if pair else copy.deepcopy(value))
            return
        case "more":
            more = draw(st.text(max_size=5) | st.sampled_from(["next_page_url", "links", "meta"]))
            container.insert(at, [more, draw(junk)] if pair else draw(junk))
            return
        case "mistype":
            value = draw(junk)
        case "nest":
            value = draw(st.sampled_from([[value], Members([["data", value]])]))
    container[at] = [name, value] if pair else value


def garbled(draw: st.DrawFn, text: bytes) -> bytes:
    """Do something to a text, or not."""
    at = draw(st.integers(0, len(text)))
    match draw(
        st.sampled_from(["", "", "cut", "noise", "mark", "page", "utf-16", "doubled", "tail"])
    ):
        case "cut":
            return text[:at]
        case "noise":
            return text[:at] + draw(st.binary(min_size=1, max_size=4)) + text[at:]
        case "mark":
            return b"\xef\xbb\xbf" * draw(st.integers(1, 2)) + text
        case "page":
            return b"<html>" + text + b"</html>"
        case "utf-16":
            return text.decode(errors="replace").encode("utf-16", "surrogatepass")
        case "doubled":
            return text + text
        case "tail":
            return text + draw(st.sampled_from([b"\n", b"\x00", b",", b"}", b"   "]))
    return text


NOW = "Wed, 15 Jan 2025 10:30:00 GMT"
FAR_DATES = ["Wed, 15 Jan 2025 10:31:00 +99999999999999", "Mon, 99 Jan 999999999999 00:00:00 GMT"]
DATE_PIECES = [
    *["Wed, ", "15 ", "Jan ", "2025 ", "10:30:00 ", "GMT", "UTC", "Feb 31 ", "99999999999", "99"],
    *["+9999", "-0000", "+", "-", ":", ",", " ", ".", "0", "", "(", ")", "\\", '"', "\u0661"],
]
dates = st.lists(st.sampled_from(DATE_PIECES), max_size=8).map("".join)
values_of_headers = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=20).map(lambda data: data.decode("utf-8", "surrogateescape")),
    dates,
    st.sampled_from(["1", "1.5", "1" * 400, "1." + "1" * 400, "nan", NOW, *FAR_DATES]),
)
NAMES_OF_HEADERS = ["Retry-After", "Date", "Location", "Content-Type", "X-Request-Id", "CF-Ray"]
headers = st.dictionaries(st.sampled_from(NAMES_OF_HEADERS), values_of_headers)
statuses = st.sampled_from([200, 201, 204, 302, 401, 404, 408, 422, 429, 500, 503]) | st.integers(
    100, 999
)
breaks = st.sampled_from(
    [None, None, None, ConnectionLostError, RequestTimeoutError, UnexpectedResponseError]
)
subjects = st.sampled_from(
    [None, "example.com", "EXAMPLE.com", "webapp", "xn--bcher-kva.de", "\ud800", "ü" * 300]
)


@st.composite
def replies(draw: st.DrawFn, operation: Operation[Any]) -> Reply:
    status = draw(statuses)
    whole = ANSWERS[operation.name] if status < 400 or draw(st.booleans()) else REFUSAL
    if "password" in whole:
        whole = whole | {"password": MARK + draw(st.text(max_size=8))}
    broken = draw(breaks)
    return Reply(
        status=status,
        headers=CIMultiDict(draw(headers)),
        body=draw(bodies(whole)),
        broken_by=broken and broken("it broke"),
    )


exchanges = st.sampled_from(EVERY).flatmap(
    lambda operation: st.tuples(st.just(operation), replies(operation), subjects)
)


@given(exchanges)
@fuzz
def test_an_answer_is_a_value_of_the_right_kind_or_an_error_of_ours(exchange):
    """No answer raises anything, and no value is of another kind than promised."""
    check_answer(*exchange)


def check_answer(operation: Operation[Any], reply: Reply, subject: str | None = None) -> None:
    result = decode(operation, reply, subject)
    if operation in LOOKS:
        finding = judge(LOOKS[operation], result, subject or "webapp", 1.0)
        assert finding is not Finding.OLDER or result.date
    if isinstance(result, UnmtaError):
        check_error(result)
        assert result.__traceback__ is result.__cause__ is result.__context__ is None
        return
    assert 200 <= reply.status < 300
    assert reply.broken_by is None
    if operation.dated:
        assert result.date is None or result.date.tzinfo
        result = result.value
    check_value(operation, result)


def check_error(error: UnmtaError) -> None:
    """An error is printable, shows no password, and survives pickling."""
    assert str(error).isprintable()
    assert repr(error).isprintable()
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert MARK not in f"{error} {error!r} {vars(error)} {again} {vars(again)}"
    if error.password is None:
        assert str(again) == str(error)
    assert getattr(error, "retry_after", None) is None or 0 <= error.retry_after < 1e12


def check_value(operation: Operation[Any], value: Any) -> None:
    """A value is of the kind that the contract says, through and through."""
    if operation.answer is Answer.NOTHING:
        assert value is None
    elif operation.is_list:
        assert isinstance(value, Sequence)
        for each in value:
            check_model(get_args(operation.returns)[0], each)
    elif operation.answer is not Answer.ANYTHING:
        check_model(operation.returns, value)


def check_model(kind: Any, value: Any) -> None:
    assert type(value) is kind
    data = to_dict(value)
    assert MARK not in json.dumps(data) + repr(value)
    if "password" not in data:
        assert from_dict(kind, data) == value
    for model in attrs.fields(kind):
        assert hasattr(value, model.name)


PLAIN_JUNK: list[Any] = [None, True, 0, -1, 2**70, 1.5, "", "x", [], ["x"], [None], Members()]
PLAIN_JUNK += [Members([["a", "b"]]), "x" * 10_000, "a\x1b\u202e\u2028", *DATES]
PLAIN_JUNK += [
    *map(Raw, NUMBERS + STRINGS),
    nested(950),
    nested(100_000),
    nested(900, b'{"a":', b"}"),
]


def places(value: Any) -> Iterator[tuple[Any, int]]:
    """Yield every place in a value: what it is in, and where there."""
    for container in containers(value):
        yield from ((container, at) for at in range(len(container)))


@pytest.mark.parametrize("status", [200, 422, 500])
@pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name)
def test_anything_may_stand_at_any_place_of_an_answer(operation, status):
    """Every value of an answer in turn is something else: a value of the right kind or an error."""
    whole = [membered(ANSWERS[operation.name] if status < 400 else REFUSAL)]
    for container, at in [*places(whole)]:
        before = container[at]
        for thing in PLAIN_JUNK:
            container[at] = [before[0], thing] if isinstance(container, Members) else thing
            reply = Reply(status=status, headers={}, body=written(whole[0]))
            for subject in (None, "other"):
                check_answer(operation, reply, subject)
        container[at] = before


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_has_no_utc_is_refused_or_can_be_written(time):
    """What is read can be written by `to_dict`, at the ends of the calendar, too."""
    body = dumps({"data": DETAIL | {"created_at": time}})
    check_answer(domains.GET, Reply(status=200, headers={}, body=body))


creations = st.tuples(replies(credentials.CREATE), st.sampled_from([None, "webapp", "WEBAPP", "x"]))


@given(creations)
@example((Reply(status=201, headers={}, body=b'{"password": "pw-5ecret-", "data": '), "webapp"))
@fuzz
def test_a_password_that_arrived_whole_is_at_hand(creation):
    """It is on the value or on the error, unless the answer is a refusal or about another."""
    reply, subject = creation
    result = decode(credentials.CREATE, reply, subject)
    sent = [
        each
        for each in (reply.body.split(b'"password": ', 1)[1:] or [b""])
        if reply.body.count(b'"password"') == 1 and each.startswith(b'"' + MARK.encode())
    ]
    if 400 <= reply.status < 500:
        assert result.password is None
        return
    if not sent:
        return
    try:
        password, _ = json.JSONDecoder().raw_decode(sent[0].decode("utf-8", "replace"))
    except ValueError:
        return  # cut within it
    if result_is_about_another(reply, result, subject):
        assert result.password is None
    elif "\ufffd" not in password and not any("\ud800" <= c <= "\udfff" for c in password):
        assert result.password == Secret(password)


def result_is_about_another(reply: Reply, result: Any, subject: str | None) -> bool:
    if subject is None or not isinstance(result, UnmtaError):
        return False
    with contextlib.suppress(ConversionError):
        user = json_object(json_object(parse(reply.body)).get("data")).get("user")
        return isinstance(user, str) and not is_same_name(user, subject)
    return False


# Time and memory.

SIZE = 2**14


def many(unit: bytes, head: bytes = b"", tail: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: head + unit * (size // len(unit)) + tail


def keyed(head: bytes, value: bytes, tail: bytes) -> Callable[[int], bytes]:
    """Make an object with as many different keys as fit."""

    def make(size: int) -> bytes:
        keys = (b'"%08x": ' % number + value for number in range(size // (12 + len(value))))
        return head + b", ".join(keys) + tail

    return make


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "empty arrays": many(b"[],", b'{"data": [', b"[]]}"),
    "empty objects": many(b"{},", b'{"data": [', b"{}]}"),
    "numbers": many(b"1,", b'{"data": [', b"1]}"),
    "one number": many(b"1", b'{"data": ', b"}"),
    "one fraction": many(b"1", b'{"data": 0.', b"}"),
    "opened arrays": many(b"["),
    "opened objects": many(b'{"a":'),
    "nesting": lambda size: bytes(nested(size // 2)),
    "one key often": many(b'"data": 1,', b"{", b'"data": 1}'),
    "many keys": keyed(b'{"data": {', b"1", b"}}"),
    "many fields refused": keyed(b'{"message": "No.", "errors": {', b'["x"]', b"}}"),
    "many texts refused": many(b'"",', b'{"message": "No.", "errors": {"a": [', b'""]}}'),
    "one text refused": many(b"x", b'{"message": "', b'"}'),
    "no text that is printable": many(b"\\u001b", b'{"message": "', b'"}'),
    "an open password": many(b"x", b'"password": "'),
    "escaped backslashes": many(b"\\\\", b'"password": "'),
    "escaped quotes": many(b'\\"', b'"password": "'),
    "escaped line ends": many(b"\\\n", b'"password": "'),
    "passwords begun": many(b'"password"'),
    "passwords in passwords": many(b'"password": "'),
    "passwords in escaped passwords": many(b'\\"password\\": \\"', b'"password": "'),
    "passwords with line ends": many(b'"password": "\\\n'),
    "a password far away": many(b" ", b'"password"'),
    "passwords far away": many(b'"password"' + b" " * 90),
    "quotes": many(b'"'),
    "backslashes": many(b"\\"),
    "no bytes of UTF-8": many(b"\xff", b'{"data": "', b'"}'),
    "byte order marks": many(b"\xef\xbb\xbf"),
    "a long time": many(b"1", b'{"data": {"created_at": "2025-01-15T10:30:00.', b'Z"}}'),
    "a long name": many("ü".encode(), b'{"data": ' + dumps(DETAIL)[:-1] + b', "name": "', b'"}}'),
    "a name of many labels": many(
        "ü.".encode(), b'{"data": ' + dumps(DETAIL)[:-1] + b', "name": "', b'"}}'
    ),
    "spaces": many(b" "),
    "spaces in front": many(b" ", b"", b'{"data": {}}'),
}
KINDS = [
    (domains.GET, 200),
    (domains.LIST, 200),
    (credentials.CREATE, 201),
    (credentials.CREATE, 500),
    (domains.CREATE, 422),
    (domains.DELETE, 200),
]


def read_in_every_way(body: bytes) -> None:
    """Have a body read as every kind of answer, and what comes out shown."""
    for operation, status in KINDS:
        reply = Reply(status=status, headers={}, body=body)
        str(decode(operation, reply, "example.com"))


def duration(act: Callable[[Any], object], argument: Any, times: int = 3) -> float:
    took = []
    gc.collect()
    gc.disable()  # it would count what is there, again and again
    try:
        for _ in range(times):
            began = time.process_time()
            act(argument)
            took.append(time.process_time() - began)
    finally:
        gc.enable()
    return min(took)


def grows_too_fast(act: Callable[[Any], object], make: Callable[[int], Any], size: int) -> bool:
    """Whether four times as much takes ten times as long, and again; squared it is sixteen."""
    small, large = make(size), make(4 * size)
    return all(duration(act, large) > 10 * duration(act, small) + 1e-3 for _ in range(3))


@pytest.mark.parametrize("shape", HOSTILE)
def test_the_time_for_a_hostile_body_grows_with_its_size(shape):
    """Four times the body takes about four times as long."""
    assert not grows_too_fast(read_in_every_way, HOSTILE[shape], SIZE)


# A JSON array takes most room for its text: `[],` are 3 bytes, and an empty list with its place in
# another takes 64 (72 while the outer one grows), a factor of 24. The error of a 422 keeps what it
# says as lists of its own beside that, in the worst case as much again.
ROOM = 48


@pytest.mark.parametrize("shape", HOSTILE)
def test_the_memory_for_a_hostile_body_is_in_proportion(shape):
    """No body takes more than a constant times its size, beside itself."""
    body = HOSTILE[shape](2**18)
    read_in_every_way(b"{}")
    tracemalloc.start()
    try:
        read_in_every_way(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < ROOM * len(body) + 2**16


@pytest.mark.parametrize("text", ["ü", "ü.", "aü", "\u0627", "\uff45", "\u3002", "xn--ü", "\u0300"])
def test_the_time_for_a_long_name_grows_with_its_length(text):
    """Names come from callers and from the server."""

    def compare(name: str) -> None:
        is_same_name(name, "example.com")
        is_same_name("example.com", name)

    assert not grows_too_fast(compare, lambda size: text * (size // len(text)), 4096)


# Calls.

PIECES = [
    *["..", ".", "/", "\\", "%2f", "%2F", "%252f", "%5c", "%00", "%", "?", "#", ";", ":", "@", "&"],
    *["a", "A.de", "example.com", "xn--", "xn--bcher-kva", "-", "_", "+", "=", ",", "1", " ", "\n"],
    *["\uff0e", "\u3002", "\uff61", "\u2024", "\u2025", "\uff0f", "\u2044", "\u2215", "\u2100"],
    *[
        "\u212a",
        "\u0130",
        "\u00df",
        "\u200d",
        "\u200c",
        "\u00ad",
        "\u0300",
        "\ud800",
        "\x00",
        "\u202e",
    ],
    *[
        "{cluster}",
        "{domain}",
        "{user}",
        "bücher",
        "例え",
        "\u0661",
        "\u05d0",
        "\U0001f4a9",
        "\ufeff",
    ],
]
wild = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)
PARAMETERS = [CLUSTER, DOMAIN_PARAMETER, USER, PathParameter("x", _SEGMENT, max_length=255)]


def segments(path: str) -> list[str]:
    """Return what a server that takes either slash for one makes of a path."""
    return path.replace("\\", "/").split("/")


@given(st.sampled_from(PARAMETERS), wild)
@fuzz
def test_a_path_value_stays_in_its_segment_however_often_it_is_decoded(parameter, value):
    """A value is refused, or stands in the path as one segment with nothing behind it."""
    operation: Operation[Any] = Operation(
        name="x.y",
        method="GET",
        route=f"/before/{{{parameter.name}}}/after",
        path=(parameter,),
        answer=Answer.ANYTHING,
    )
    try:
        request = encode(BASE, operation, {parameter.name: value}, None, None, None)
    except UsageError as error:
        check_error(error)
        return
    (sent,) = request.path_params.values()
    assert parameter.check(sent) == sent
    url = str(request.url)
    assert url.startswith(f"{BASE}/before/")
    assert url.isascii()
    assert len(segments(url.removeprefix(BASE))) == 4
    for _ in range(4):
        url = unquote(url)
        path = url.removeprefix(BASE)
        assert segments(path) == ["", "before", sent, "after"]
        assert not set(path) & set("?#;\0 ")
    assert sent not in ("", ".", "..")


@given(wild)
@fuzz
def test_an_a_label_form_is_one_for_good(name):
    """It is ASCII, and its own A-label form; if it is new, every label has a legal length."""
    try:
        sent = a_label_form(name)
    except UsageError as error:
        check_error(error)
        return
    assert sent.isascii()
    assert sent == sent.lower() == a_label_form(sent)
    assert is_same_name(name, sent) or name.isascii()
    assert is_same_name(sent.upper(), sent)
    if not name.isascii():
        assert len(sent.removesuffix(".")) <= 253
        assert all(0 < len(label) <= 63 for label in sent.removesuffix(".").split("."))


texts = wild | st.text(max_size=20)
scalars = texts | st.integers() | st.booleans() | st.floats() | st.none()


@given(st.dictionaries(texts, scalars | st.lists(scalars, max_size=3), max_size=4))
@fuzz
def test_a_query_is_read_as_it_was_given(query):
    """What is given arrives, and nothing of it beyond the query."""
    try:
        url = encode(BASE, ANYTHING, {}, query, None, None).url
    except UsageError as error:
        check_error(error)
        return
    assert str(url).split("?")[0] == f"{BASE}/new"
    assert str(url).isascii()
    assert "#" not in str(url)
    pairs = parse_qsl(url.raw_query_string, keep_blank_values=True, strict_parsing=bool(url.query))
    assert pairs == [
        (name, str(item).lower() if isinstance(item, bool) else str(item))
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


names_of_headers = st.sampled_from(["X-A", "x-b", "Host", "Authorization", "TE", "Content-Length"])


@given(st.dictionaries(names_of_headers | texts, texts, max_size=2))
@fuzz
def test_a_header_stays_one_header(given_headers):
    """Headers are sent as they are or refused; none ends early, and none is the client's own."""
    try:
        sent = encode(BASE, ANYTHING, {}, None, None, given_headers).headers
    except UsageError as error:
        check_error(error)
        return
    assert sent == given_headers
    for name, value in sent.items():
        line = f"{name}: {value}"
        assert line.isascii()
        assert not set(line) & set("\r\n\0\x7f")
        assert name
        assert not set(name) & set(" :\t")
        assert name.lower() not in {"authorization", "host", "content-length", "transfer-encoding"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from([domains.CREATE, credentials.CREATE, credentials.UPDATE, ANYTHING]),
    st.dictionaries(
        st.sampled_from(["name", "user", "domains", "allowed_ips"]) | texts, json_values, max_size=4
    ),
)
@fuzz
def test_a_body_is_valid_json_or_refused(operation, body):
    """Whatever a caller gives is sent as JSON, with the names in it in A-label form, or refused."""
    path = {"cluster": "c1", "user": "webapp"}
    try:
        request = encode(BASE, operation, path, None, body, None)
    except UsageError as error:
        check_error(error)
        return
    sent = json.loads(request.body or b"", parse_constant=pytest.fail)
    assert set(sent) <= set(body)
    for name in operation.hostnames & sent.keys():
        assert not isinstance(sent[name], str) or sent[name].isascii()
    assert request.subject is None or isinstance(request.subject, str)


# What is raised.

KINDS_OF_ERRORS = [getattr(errors, name) for name in errors.__all__]


@given(st.sampled_from(KINDS_OF_ERRORS), st.text(max_size=40), st.text(max_size=20))
@fuzz
def test_an_error_with_any_text_is_copied_and_pickled_whole(kind, message, password):
    """Copies say the same; a password is on a copy, and not in a pickle."""
    error = kind(message)
    error.password = Secret(MARK + password)
    error.path_params = {"x": message}
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    again = pickle.loads(pickle.dumps(error))
    assert again.password is None
    assert (again.message, again.args) == (error.message, error.args)
    assert MARK not in f"{error!r} {vars(error)} {pickle.dumps(error)!r}"


@given(st.text() | st.text(alphabet=st.characters(min_codepoint=0xD7FF, max_codepoint=0xE001)))
@fuzz
def test_a_secret_of_any_text_shows_none_of_it(text):
    """It equals its like, and prints as asterisks in every way."""
    secret = Secret(MARK + text)
    assert secret == Secret(MARK + text)
    assert hash(secret) == hash(Secret(MARK + text))
    assert secret != Secret(MARK + text + "x")
    assert secret.reveal() == MARK + text
    assert MARK not in f"{secret} {secret!s} {secret!r} {secret!a} {secret:>40} {[secret]}"

"""Call to request, answer to value or error: pure, and never at a loss."""

import contextlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from unmta_async import (
    UNSET,
    APIError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Secret,
    ServerError,
    ServiceUnavailableError,
    UnexpectedResponseError,
    UnmtaError,
    UsageError,
    ValidationError,
)
from unmta_async._convert import dumps
from unmta_async._generated import OPERATIONS, clusters, credentials, domains
from unmta_async._generated.parameters import CLUSTER, DOMAIN, USER
from unmta_async._hostname import is_same_name
from unmta_async._operation import Answer, Operation, PathParameter
from unmta_async._reply import Reply, decode
from unmta_async._request import encode

BASE = "https://api.test/v1"
TIMES = {"created_at": "2025-01-15T10:30:00Z", "updated_at": "2025-01-15T10:30:00Z"}
DOMAIN_JSON = {"name": "example.com", "status": "pending", "dkim_public_key": "M", **TIMES}
CREDENTIAL_JSON = {
    "user": "web",
    "allow_all_domains": True,
    "domains": [],
    "allow_all_ips": True,
    "allowed_ips": [],
    **TIMES,
}
CREATED = {"data": CREDENTIAL_JSON, "password": "hunter2"}
ANYTHING = Operation(
    name="request", method="POST", route="/new", answer=Answer.ANYTHING, nullable=None
)
HTML = b"<html><title>Login</title></html>"

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda op: op.name)


def call(operation=ANYTHING, path=None, query=None, body=None, headers=None, base=BASE):
    return encode(base, operation, path or {}, query, body, headers)


def sent_by(method, body=None, *, query=None, hostnames=(), identity=None):
    operation = Operation(
        name="things.do",
        method=method,
        route="/things",
        answer=Answer.ANYTHING,
        hostnames=frozenset(hostnames),
        identity=identity,
    )
    return call(operation, query=query, body=body)


def reply(status, body=b"", **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=CIMultiDict(fields), body=content)


@attrs.frozen(kw_only=True)
class Renamed:
    from_: str = attrs.field(metadata={"json": "from"})


@pytest.mark.parametrize(("named", "fine"), [("a", True), ("A", True), ("b", False)])
def test_an_identity_that_python_has_another_name_for_is_checked_all_the_same(named, fine):
    operation = Operation(
        name="things.get", method="GET", route="/{from}", returns=Renamed, identity="from"
    )
    result = decode(operation, reply(200, {"data": {"from": named}}), "a")
    assert isinstance(result, Renamed) is fine


@attrs.frozen(kw_only=True)
class Counted:
    things: Sequence[Renamed] = attrs.field(metadata={"json": "data"})
    total: int


@attrs.frozen(kw_only=True)
class Described:
    data: Sequence[Renamed]
    meta: object


@pytest.mark.parametrize(
    ("kind", "beside", "fine"),
    [
        (Counted, {"total": 1}, True),
        (Counted, {"total": 1, "links": {"next": "/x?page=2"}}, False),
        (Counted, {"total": 1, "meta": {"current_page": 1, "last_page": 9}}, False),
        (Described, {"meta": {"current_page": 1, "last_page": 9}}, True),  # the caller sees it
    ],
)
def test_a_page_is_no_whole_list_whatever_else_stands_beside_it(kind, beside, fine):
    operation = Operation(
        name="things.list", method="GET", route="/", returns=kind, answer=Answer.WHOLE
    )
    assert operation.is_list
    result = decode(operation, reply(200, {"data": [{"from": "a"}], **beside}))
    assert isinstance(result, kind) is fine


# Values in the path.


@pytest.mark.parametrize("parameter", [CLUSTER, DOMAIN, USER, PathParameter("x", ".*", 255)])
@pytest.mark.parametrize("value", [".", "..", None, 5, b"a1", ["a"], Secret("a"), "x" * 256])
def test_what_cannot_stand_in_a_path_is_refused(parameter, value):
    with pytest.raises(UsageError, match=f"^{parameter.name}=.* is not valid in a path"):
        parameter.check(value)


@pytest.mark.parametrize("cluster", [".", None, 5, ["a"], Secret("a")])
def test_a_call_with_such_a_value_is_refused(cluster):
    with pytest.raises(UsageError, match=r"^cluster=.* is not valid in a path"):
        encode(BASE, domains.GET, {"cluster": cluster, "domain": "b.de"}, None, None, None)


@pytest.mark.parametrize("parameter", [CLUSTER, DOMAIN, USER], ids=lambda p: p.name)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "a/b.de",
        "../x",
        "a%2fb.de",
        "a?b.de",
        "a#b.de",
        "a b.de",
        "a\n",
        "a.de\n",
        "a\\b.de",
        "\x00",
        "bü cher.de",
        "bücher",
        "\ud800.de",
        "a\uff0e\uff0ede",
        "a:b.de",
        "a;b.de",
        "{x}",
        "x" * 65 + "/",
        "٣.de",
    ],
)
def test_no_id_leaves_its_segment(parameter, value):
    with pytest.raises(UsageError) as caught:
        parameter.check(value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (CLUSTER, "a1b2c3d4"),
        (CLUSTER, "x" * 64),
        (DOMAIN, "example.com"),
        (DOMAIN, "xn--bcher-kva.example.com"),
        (DOMAIN, "1.2-3.de"),
        (USER, "+=,.@_-"),
        (USER, "..."),
        (USER, ".a"),
        (USER, "x" * 255),
    ],
)
def test_every_legal_id_is_sent(parameter, value):
    assert parameter.check(value) == value


@pytest.mark.parametrize("value", ["example", "-a.de", "a-.de", "a..de", ".de", "a.de.", "x" * 254])
def test_what_is_no_domain_name_is_refused(value):
    with pytest.raises(UsageError, match=r"^domain="):
        DOMAIN.check(value)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("EXAMPLE.Com", "example.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("BÜCHER.Example.com", "xn--bcher-kva.example.com"),
        ("faß.de", "xn--fa-hia.de"),  # not transitional: ß is a letter of its own
        ("例え。テスト.com", "xn--r8jz45g.xn--zckzah.com"),
        ("XN--bcher-KVA.example.com", "xn--bcher-kva.example.com"),
    ],
)
def test_a_domain_name_is_sent_in_its_a_label_form(name, sent):
    assert DOMAIN.check(name) == sent
    assert sent_by("POST", {"name": name}, hostnames={"name"}).body == dumps({"name": sent})
    listed = sent_by("PUT", {"domains": [name, "example.com"]}, hostnames={"domains"})
    assert listed.body == dumps({"domains": [sent, "example.com"]})
    assert sent_by("GET", query={"of": name}, hostnames={"of"}).url.query["of"] == sent


@pytest.mark.parametrize("name", ["bü cher.de", "bü_cher.de", "ü" * 64 + ".de", "\ud800.de"])
def test_a_name_that_has_no_a_label_form_is_refused_and_shown(name):
    with pytest.raises(UsageError, match="is not a domain name") as caught:
        sent_by("POST", {"name": name}, hostnames={"name"})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["localhost", "a_b.com", "", "a b", ".", 7, None, ["a", 7], b"a"])
def test_whether_a_name_in_ascii_makes_sense_is_for_the_api_to_say(name):
    with contextlib.suppress(UsageError):  # bytes are no JSON
        body = sent_by("POST", {"name": name, "x": 1}, hostnames={"name"}).body
        assert body == dumps({"name": name, "x": 1} if name is not None else {"x": 1})


def test_a_name_that_is_no_domain_is_sent_as_it_is():
    assert sent_by("POST", {"name": "Bücher"}).body == dumps({"name": "Bücher"})


@pytest.mark.parametrize("user", [".", ".."])
def test_what_could_never_be_deleted_is_not_created(user):
    with pytest.raises(UsageError, match=r"user='\.+' could never be changed or deleted"):
        sent_by("POST", {"user": user}, identity="user")
    assert sent_by("POST", {"user": user}).body == dumps({"user": user})


@pytest.mark.parametrize(
    ("shown", "sent", "same"),
    [
        ("example.com", "example.com", True),
        ("Example.com", "eXample.com", True),
        ("bücher.de", "xn--bcher-kva.de", True),
        ("Bücher.de", "XN--bcher-kva.de", True),
        ("bücher.de", "bucher.de", False),
        ("b cher.de", "bücher.de", False),
        ("bü cher.de", "example.com", False),
        ("other.com", "example.com", False),
    ],
)
def test_names_are_one_in_any_case_and_form(shown, sent, same):
    assert is_same_name(shown, sent) is same


def test_path_values_are_quoted_in_full():
    user = "a+b=c,d.e@f_g-h"
    request = call(credentials.DELETE, {"cluster": "c1", "user": user})
    assert str(request.url) == f"{BASE}/clusters/c1/credentials/a%2Bb%3Dc%2Cd.e%40f_g-h"
    assert request.path_params == {"cluster": "c1", "user": user}


@every_operation
def test_every_route_is_filled(operation):
    values = {"cluster": "c1", "domain": "example.com", "user": "web"}
    path = {parameter.name: values[parameter.name] for parameter in operation.path}
    url = str(call(operation, path).url)
    assert url.startswith(f"{BASE}/clusters")
    assert "{" not in url
    assert "%7B" not in url


# Query and body.


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (None, ""),
        ({}, ""),
        ({"a": None, "b": UNSET, "c": [], "d": [None]}, ""),
        ({"a": "x", "b": 2, "c": 1.5}, "?a=x&b=2&c=1.5"),
        ({"a": True, "b": False}, "?a=true&b=false"),
        ({"a": ["x", None, "y"], "b": ("z",)}, "?a=x&a=y&b=z"),
        ({"a": datetime(2025, 1, 15, tzinfo=UTC)}, "?a=2025-01-15T00%3A00%3A00Z"),
        ({"a&b": "c=d/e f+g#"}, "?a%26b=c%3Dd%2Fe%20f%2Bg%23"),
        ({"filter[name]": "ü"}, "?filter%5Bname%5D=%C3%BC"),
        ({"a": ""}, "?a="),
    ],
)
def test_query_text(query, text):
    assert str(call(query=query).url) == f"{BASE}/new{text}"


@pytest.mark.parametrize("value", [{"q": "\ud800"}, {"\ud800": "q"}])
def test_a_query_that_cannot_be_sent_is_refused(value):
    with pytest.raises(UsageError, match="the query"):
        call(query=value)


def fields(nullable):
    return Operation(name="x.y", method="PUT", route="/x", nullable=frozenset(nullable))


@pytest.mark.parametrize(
    ("nullable", "given", "sent"),
    [
        ((), {"a": None, "b": UNSET, "c": [], "d": False, "e": ""}, {"c": [], "d": False, "e": ""}),
        (("a", "b"), {"a": None, "b": UNSET, "c": None}, {"a": None}),
        ((), {"a": None}, {}),
        ((), {"a": {"inner": None}}, {"a": {"inner": None}}),
    ],
)
def test_only_what_was_given_is_sent(nullable, given, sent):
    assert json.loads(call(fields(nullable), body=given).body) == sent


@pytest.mark.parametrize("body", [{"a": None}, [None], "x", 0, False, {}, []])
def test_the_escape_hatch_sends_a_body_as_it_is(body):
    assert json.loads(call(body=body).body) == body


def test_without_a_body_none_is_sent():
    assert call(clusters.LIST).body is None


@pytest.mark.parametrize(
    "value", ["\ud800", object(), UNSET, lambda: None, {("a",): 1}, 1j, float("nan"), float("inf")]
)
def test_a_body_that_json_has_no_place_for_is_refused(value):
    with pytest.raises(UsageError, match="cannot be sent as JSON") as caught:
        call(body={"a": value})
    assert caught.value.__context__ is None, "it could hold what was to be sent"


# Headers and identity.


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "AUTHORIZATION",
        "host",
        "Content-Type",
        "content-length",
        "Accept",
        "Transfer-Encoding",
        "connection",
    ],
)
def test_the_headers_of_the_client_are_its_own(name):
    with pytest.raises(UsageError, match="set by the client"):
        call(headers={name: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nX-B: b"),
        ("X-A", "ü"),
        ("X-A", "\0"),
        ("X A", "x"),
        ("", "x"),
        ("X:A", "x"),
        ("X-A\n", "x"),
        ("X-A", "x\n"),
        ("Ü", "x"),
    ],
)
def test_a_header_that_would_break_the_request_is_refused(name, value):
    with pytest.raises(UsageError, match="cannot be sent") as caught:
        call(headers={name: value})
    assert str(caught.value).isprintable()


def test_other_headers_are_passed_on():
    headers = {"X-Trace": "a b\tc", "User-Agent": "mine"}
    assert call(headers=headers).headers == headers
    assert call().headers == {}


@pytest.mark.parametrize(
    ("operation", "path", "body", "identity"),
    [
        (clusters.LIST, {}, None, ()),
        (domains.GET, {"cluster": "c1", "domain": "a.de"}, None, ("c1", "a.de")),
        (domains.CREATE, {"cluster": "c1"}, {"name": "a.de"}, ("c1", "a.de")),
        (credentials.CREATE, {"cluster": "c1"}, {"user": "web"}, ("c1", "web")),
        (credentials.UPDATE, {"cluster": "c1", "user": "web"}, {"domains": []}, ("c1", "web")),
    ],
)
def test_the_identity_of_what_a_call_is_about(operation, path, body, identity):
    assert call(operation, path, body=body).identity == identity


# Successes.


@pytest.mark.parametrize("status", [200, 201, 202, 206, 299])
def test_any_2xx_with_the_promised_body_is_a_success(status):
    assert list(decode(clusters.LIST, reply(status, {"data": []}))) == []


def test_a_password_beside_data_arrives():
    created = decode(credentials.CREATE, reply(201, CREATED))
    assert created.password == Secret("hunter2")
    assert created.credential.user == "web"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"message": "Deleted."}', b"null"])
def test_a_delete_needs_no_content(body):
    assert decode(domains.DELETE, reply(204, body)) is None


@pytest.mark.parametrize(("body", "value"), [(b"", None), (b"[1]", [1]), (b"null", None)])
def test_the_escape_hatch_gets_the_whole_json(body, value):
    assert decode(ANYTHING, reply(200, body)) == value


@every_operation
@pytest.mark.parametrize("status", [200, 201, 204])
def test_html_is_never_a_success(operation, status):
    error = decode(operation, reply(status, HTML, content_type="text/html"))
    assert type(error) is UnexpectedResponseError
    assert error.status == status
    assert "text/html" in str(error)
    assert "Login" not in str(error)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'{"data": null}', b'{"message": "Unauthenticated."}']
)
@pytest.mark.parametrize("status", [200, 204])
def test_a_success_without_the_promised_data_is_none(status, body):
    error = decode(domains.LIST, reply(status, body))
    assert type(error) is UnexpectedResponseError
    assert error.password is None


def test_the_path_of_what_is_wrong_is_named():
    rows = [DOMAIN_JSON] * 3 + [{**DOMAIN_JSON, "name": None}]
    assert "data[3].name" in str(decode(domains.LIST, reply(200, {"data": rows})))


@pytest.mark.parametrize(
    "beside",
    [
        {"links": {"next": f"{BASE}/clusters?page=2"}},
        {"meta": {"current_page": 1, "last_page": 2}},
        {"meta": {"next_cursor": "abc"}},
        {"next_page_url": f"{BASE}/clusters?page=2", "links": [{"url": None}]},
    ],
)
def test_one_page_is_never_passed_off_as_the_whole(beside):
    error = decode(clusters.LIST, reply(200, {"data": [], **beside}))
    assert type(error) is UnexpectedResponseError
    assert "one page" in str(error)


@pytest.mark.parametrize(
    "beside",
    [
        {"links": {"next": None}, "meta": {"current_page": 1, "last_page": 1}},
        {"meta": {"current_page": 2, "last_page": 2}},
        {"links": None, "meta": None},
        {"links": [], "meta": "x"},
        {"next_page_url": None},
    ],
)
def test_the_last_page_is_the_whole(beside):
    assert list(decode(clusters.LIST, reply(200, {"data": [], **beside}))) == []


# Redirects and refusals.


@every_operation
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_a_redirect_is_an_error_that_names_its_target(operation, status):
    error = decode(operation, reply(status, HTML, location="https://evil.test/\x1b[31m"))
    assert type(error) is UnexpectedResponseError
    assert error.status == status
    assert "https://evil.test/" in str(error)
    assert str(error).isprintable()
    assert "not followed" in str(error)
    assert "redirect" not in str(decode(operation, reply(status)))


def test_the_password_that_is_rescued_is_the_one_beside_data():
    body = {"data": {"password": "a hint"}, "password": "the-real-one"}
    error = decode(credentials.CREATE, reply(201, body))
    assert error.password == Secret("the-real-one")


KINDS = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: ValidationError,
    429: RateLimitError,
    503: ServiceUnavailableError,
}


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_has_its_error_whatever_the_body(status):
    kind = KINDS.get(status, ServerError if status >= 500 else APIError)
    for body in (b"", HTML, b"{", b"[]", b'{"message": 5}', b"\xff", b'{"errors": {}}'):
        error = decode(domains.GET, reply(status, body, content_type="text/html"))
        assert type(error) is kind
        assert (error.status, error.confirmed) == (status, False)
        assert "not the API's own JSON" in str(error)
    error = decode(domains.GET, reply(status, {"message": "Said so."}))
    assert type(error) is kind
    assert (error.status, error.message, error.confirmed) == (status, "Said so.", True)


def test_an_empty_message_gets_the_words_of_its_status():
    error = decode(domains.GET, reply(404, {"message": ""}))
    assert error.confirmed
    assert str(error).startswith("404 Not Found.")


def test_a_message_of_the_server_is_escaped_and_bounded():
    error = decode(domains.GET, reply(500, {"message": "\x1b[31m" + "x" * 10_000}))
    assert str(error).isprintable()
    assert len(str(error)) < 1000


@pytest.mark.parametrize(
    ("errors", "read"),
    [
        ({"name": ["Taken."]}, {"name": ["Taken."]}),
        ({"domains.0": ["Bad.", "Worse."]}, {"domains.0": ["Bad.", "Worse."]}),
        ({"name": "Taken."}, {"name": ["Taken."]}),
        ({"name": [5, None]}, {"name": ["5", "None"]}),
        ({"name": []}, {"name": []}),
        ([], {}),
        (None, {}),
        ("Bad.", {}),
    ],
)
def test_field_errors(errors, read):
    error = decode(domains.CREATE, reply(422, {"message": "Bad.", "errors": errors}))
    assert error.errors == read


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ({}, None),
        ({"X_Request_Id": "r-1", "CF_Ray": "c-1"}, "r-1"),
        ({"cf_ray": "c-1"}, "c-1"),
        ({"x_request_id": "", "cf_ray": "c-1"}, "c-1"),
        ({"x_request_id": "a\x1bb"}, "a\\x1bb"),
    ],
)
@pytest.mark.parametrize("status", [200, 302, 404, 422, 429, 503])
def test_the_request_id_is_on_every_error(headers, request_id, status):
    assert decode(domains.GET, reply(status, b"{}", **headers)).request_id == request_id


NOW = "Wed, 15 Jan 2025 10:30:00 GMT"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("30", 30.0),
        ("1.5", 1.5),
        ("999999999", 999999999.0),
        ("Wed, 15 Jan 2025 10:31:00 GMT", 60.0),
        ("Wed, 15 Jan 2025 10:31:00 -0000", 60.0),
        ("Wed, 15 Jan 2025 12:31:00 +0200", 60.0),
        ("Wednesday, 15-Jan-25 10:31:00 GMT", 60.0),
        ("Wed Jan 15 10:31:00 2025", 60.0),
        (NOW, None),
        ("Wed, 15 Jan 2025 10:29:00 GMT", None),
        ("Wed, 15 Jan 99999999999999 10:31:00 GMT", None),
        ("Wed, 15 Jan 2025 10:31:00 +99999999999999", None),
        ("-1", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("0x10", None),
        ("٣", None),
        ("9999999999", None),
        ("soon", None),
        ("", None),
        ("10, 20", None),
    ],
)
def test_retry_after(status, text, seconds):
    error = decode(domains.GET, reply(status, HTML, retry_after=text, date=NOW))
    assert error.retry_after == seconds


def test_retry_after_is_none_where_there_is_no_header():
    assert decode(domains.GET, reply(429)).retry_after is None


@pytest.mark.parametrize("date", [{}, {"date": "garbage"}])
def test_a_date_is_measured_by_our_own_clock_if_the_server_tells_no_time(date):
    answers = [
        decode(domains.GET, reply(429, retry_after=text, **date))
        for text in ("Wed, 15 Jan 2025 10:31:00 GMT", "Wed, 15 Jan 9998 10:31:00 GMT")
    ]
    assert answers[0].retry_after is None
    assert answers[1].retry_after > 0


# Passwords.

BROKEN = [
    pytest.param(json.dumps(CREATED).encode().replace(b'"web"', b"5"), id="mistyped"),
    pytest.param(b'{"password": "hunter2"}', id="no data"),
    pytest.param(b'{"password" :\n"hunter2", "data": {"user": "w', id="cut behind it"),
    pytest.param(b'<b>{"password":"hunter2"', id="within HTML"),
    pytest.param(b'{"password": "hunt\\u0065r2", "data": \xff', id="escaped, then no UTF-8"),
    pytest.param(b'[{"password": "hunter2"}]', id="nested"),
]


@pytest.mark.parametrize(("user", "rescued"), [("web", True), ("WEB", True), ("other", False)])
def test_a_password_of_somebody_else_is_not_rescued(user, rescued):
    """An answer may be about another resource and broken at the same time."""
    data = CREDENTIAL_JSON | {"user": user, "created_at": 5}
    broken = reply(201, {"data": data, "password": "theirs"})
    error = decode(credentials.CREATE, broken, "web")
    assert isinstance(error, UnexpectedResponseError)
    assert error.password == (Secret("theirs") if rescued else None)


@pytest.mark.parametrize("body", BROKEN)
@pytest.mark.parametrize("status", [200, 201, 204, 302, 500, 502, 503])
def test_a_password_is_rescued_from_a_broken_answer(status, body):
    error = decode(credentials.CREATE, reply(status, body, content_type="text/html"))
    assert isinstance(error, UnmtaError)
    assert error.password == Secret("hunter2")
    assert "hunter2" not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"password": "hunt',
        b'{"password": null}',
        b'{"password": ""}',
        b'{"password": ["hunter2"]}',
        b'{"password": "\xff"}',
        b'{"user": "password", "x": "hunter2"}',
        b'{"message": "\\"password\\": \\"hunter2\\""}',
        b'{"password_hint": "hunter2"}',
    ],
)
def test_what_is_no_whole_password_is_none(body):
    assert decode(credentials.CREATE, reply(201, body)).password is None


def test_a_refusal_holds_no_password():
    body = {"message": "Bad.", "errors": {"password": "Too short."}}
    assert decode(credentials.CREATE, reply(422, body)).password is None


def test_only_what_may_hold_a_password_is_searched_for_one():
    assert decode(credentials.UPDATE, reply(200, b'{"password": "hunter2"}')).password is None


# Anything at all.

texts = st.binary(max_size=40).map(lambda data: data.decode("latin-1"))
headers = st.dictionaries(
    st.sampled_from(["retry-after", "date", "location", "content-type", "x-request-id", "cf-ray"]),
    texts | st.sampled_from([NOW, "30", "Mon, 99 Jan 999999999999 00:00:00 +9999999999"]),
)
PIECES = [json.dumps(CREATED).encode(), json.dumps({"data": [DOMAIN_JSON]}).encode(), HTML]
mangled = st.builds(
    lambda whole, at, length, noise: whole[:at] + noise + whole[at + length :],
    st.sampled_from(PIECES),
    st.integers(0, 300),
    st.integers(0, 300),
    st.binary(max_size=8) | st.sampled_from([b"null", b"[]", b"{}", b"1e999", b'"\\ud800"', b"5"]),
)


@given(
    operation=st.sampled_from([*OPERATIONS, ANYTHING]),
    status=st.integers(200, 599),
    body=st.binary(max_size=60) | mangled,
    headers=headers,
)
@settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_answer_gives_a_value_or_an_error_of_ours(operation, status, body, headers):
    answer = Reply(status=status, headers=CIMultiDict(headers), body=body)
    result = decode(operation, answer)
    if status >= 300:
        assert isinstance(result, UnmtaError)
    if isinstance(result, UnmtaError):
        assert str(result).isprintable()
        assert "hunter2" not in str(result)
        assert result.password is None or operation.secret

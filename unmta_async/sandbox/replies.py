"""What faults make of an answer, as plain values. It decides and sends nothing; `wire` sends."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict, cast

from . import keys, wire
from .world import PENDING, Cluster, Credential, Domain, Json, Mta, Restriction

PASSWORD_OF_SOMEBODY_ELSE = "password-of-somebody-else"  # noqa: S105 - nobody's

TOO_MANY_ATTEMPTS = "Too Many Attempts."

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"


class Details(TypedDict):
    """Every detail that a fault may have; which ones it has is in the table."""

    retry_after: str | None
    seconds: float | None
    size: int | None
    depth: int
    after: int
    location: str
    charset: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What is to go out instead of an answer; `send`, if any, is how.

    A reply that has no status is never begun.
    """

    operation: str | None
    status: int | None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    send: wire.Send | None = None


Effect = Callable[[Reply, Details], Reply | None]
"""What a fault makes of a reply; None if there is nothing in it that it could change."""

_Change = Callable[[Json, Details], Json | None]


# Nothing is answered, or something else is.


def unanswered(send: wire.Send) -> Effect:
    """Send no HTTP at all."""
    return lambda reply, _: Reply(reply.operation, None, send=send)


def html(status: int, title: str, *, says: str = "") -> Effect:
    """Answer with a page, as what stands in front of an API does."""
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1>"
    body = f"{page}{says}</body></html>\n".encode()

    def answer(reply: Reply, details: Details) -> Reply:
        headers = {"Content-Type": _HTML} | _retry_after(details)
        return Reply(reply.operation, status, body, headers)

    return answer


def api(status: int, message: str, **headers: str) -> Effect:
    """Answer with an error in the API's own JSON."""
    body = json.dumps({"message": message}).encode()
    fixed = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(reply: Reply, details: Details) -> Reply:
        return Reply(
            reply.operation,
            status,
            body,
            {"Content-Type": _JSON} | fixed | _retry_after(details),
        )

    return answer


def empty(status: int) -> Effect:
    """Answer with a status and nothing else."""
    return lambda reply, _: Reply(reply.operation, status)


def redirect(status: int) -> Effect:
    """Answer that the resource is somewhere else."""

    def answer(reply: Reply, details: Details) -> Reply:
        headers = {"Content-Type": _HTML, "Location": details["location"]}
        return Reply(reply.operation, status, b"<h1>Redirecting</h1>\n", headers)

    return answer


def _retry_after(details: Details) -> dict[str, str]:
    value = details["retry_after"]
    return {} if value is None else {"Retry-After": value}


# The answer goes out in another way.


def sent(send: wire.Send) -> Effect:
    """Send the answer in this way."""
    return lambda reply, _: replace(_with_body(reply), send=send)


def slow(reply: Reply, details: Details) -> Reply:
    """Send the body bit by bit."""
    return replace(_with_body(reply), send=wire.drip(details["seconds"] or 0.0))


def cut(reply: Reply, details: Details) -> Reply:
    """Send less of the body than is announced."""
    reply = _with_body(reply)
    size = len(reply.body) // 2 if details["size"] is None else details["size"]
    return replace(reply, send=wire.cut(reply.body[:size]))


def followed_by_another(reply: Reply, details: Details) -> Reply:
    """Send, after the answer, one that nobody asked for."""
    unasked = json.dumps(_somebody_elses(reply.operation)).encode()
    return replace(reply, send=wire.follow_with(unasked, details["seconds"] or 0.0))


def huge(reply: Reply, details: Details) -> Reply:
    """Send a body of `size` bytes."""
    return _padded(reply, details, wire.pad)


def bomb(reply: Reply, details: Details) -> Reply:
    """Send a body that inflates to `size` bytes."""
    reply = _padded(reply, details, wire.pad_deflated)
    return replace(reply, headers={**reply.headers, "Content-Encoding": "gzip"})


def _padded(
    reply: Reply, details: Details, send: Callable[[bytes, int, bytes], wire.Send]
) -> Reply:
    reply = _with_member(reply, b'"padding": ""')
    head, mark, tail = reply.body.partition(b'"padding": "')
    missing = max(0, (details["size"] or 0) - len(reply.body))
    return replace(reply, send=send(head + mark, missing, tail))


def no_body(reply: Reply, _: Details) -> Reply | None:
    """Send status and headers alone."""
    return replace(reply, body=b"") if reply.body else None


def body_with_204(reply: Reply, _: Details) -> Reply:
    """Send a body behind a status that has none."""
    return replace(_with_body(reply), status=204, send=wire.force_body)


# The body is something else.


def member(text: Callable[[Details], bytes]) -> Effect:
    """Put a member in front of the others of the body, well-formed or not."""
    return lambda reply, details: _with_member(reply, text(details))


def with_bom(reply: Reply, _: Details) -> Reply:
    """Put a byte order mark in front of the body."""
    reply = _with_body(reply)
    return replace(reply, body=b"\xef\xbb\xbf" + reply.body)


def content_type(value: str) -> Effect:
    """Declare the body as something else; `{}` in it is the detail `charset`."""

    def declare(reply: Reply, details: Details) -> Reply:
        declared = {"Content-Type": value.format(details["charset"])}
        return replace(_with_body(reply), headers={**reply.headers, **declared})

    return declare


def _with_member(reply: Reply, text: bytes) -> Reply:
    reply = _with_body(reply)
    rest = reply.body[1:]
    return replace(reply, body=b"{" + text + (b"" if rest == b"}" else b", ") + rest)


def _with_body(reply: Reply) -> Reply:
    """Return a reply that has a body: `{}`, with status 200, where it has none."""
    if reply.body:
        return reply
    return replace(reply, status=200, body=b"{}", headers={"Content-Type": _JSON})


# The body is well-formed, and what it says is wrong. A refusal is left alone: it has no data.


def data(change: _Change) -> Effect:
    """Change what a success says."""

    def effect(reply: Reply, details: Details) -> Reply | None:
        if reply.status is None or reply.status >= 400:
            return None
        full = _with_body(reply)
        changed = change(cast("Json", json.loads(full.body)), details)
        return None if changed is None else replace(full, body=json.dumps(changed).encode())

    return effect


def other_resource(reply: Reply, details: Details) -> Reply | None:
    """Answer about a resource of somebody else."""
    return data(lambda body, _: body | _somebody_elses(reply.operation))(reply, details)


def without_data(body: Json, _: Details) -> Json:
    """Leave `data` out."""
    return {name: value for name, value in body.items() if name != "data"}


def null_data(body: Json, _: Details) -> Json:
    """Make `data` null."""
    return body | {"data": None}


def next_page(body: Json, _: Details) -> Json:
    """Say that there is more."""
    here = "https://management.unmta.com/api/v1"
    count = len(body["data"])
    links = {"first": f"{here}?page=1", "last": f"{here}?page=2", "prev": None}
    meta = {"current_page": 1, "last_page": 2, "per_page": count, "total": count + 1}
    return body | {"links": links | {"next": f"{here}?page=2"}, "meta": meta}


def unknown_fields(body: Json, _: Details) -> Json:
    """Add fields that nobody knows, beside `data` and in each resource."""
    return _each(body, lambda resource: resource | {"unheard_of": {"deep": [1]}}) | {
        "unheard_of": [None]
    }


def wrong_types(body: Json, _: Details) -> Json | None:
    """Give every field of each resource another type."""
    return _if_other(
        body,
        lambda resource: {name: _of_another_type(value) for name, value in resource.items()},
    )


def unknown_values(body: Json, _: Details) -> Json | None:
    """Give each resource a status that nobody knows."""
    return _if_other(
        body,
        lambda resource: resource | {"status": "unheard-of"} if "status" in resource else resource,
    )


def missing_field(body: Json, details: Details) -> Json | None:
    """Leave a field of each resource out: the one that is told, or the first."""
    return _if_other(
        body,
        lambda resource: {
            name: value
            for name, value in resource.items()
            if name != (details["field"] or next(iter(resource)))
        },
    )


def _if_other(body: Json, change: Callable[[Json], Json]) -> Json | None:
    changed = _each(body, change)
    return None if changed == body else changed


def _each(body: Json, change: Callable[[Json], Json]) -> Json:
    """Return a body in which each resource is changed, alone or in a list."""
    if "data" not in body:
        return body
    value: Json | list[Json] = body["data"]
    return body | {"data": [*map(change, value)] if isinstance(value, list) else change(value)}


def _of_another_type(value: object) -> object:
    match value:
        case str():
            return 17
        case bool():
            return "yes"
        case list():
            return "none"
        case dict():
            return []
        case _:
            return {}


def _somebody_elses(operation: str | None) -> Json:
    """Return a well-formed answer to the operation, about a resource of somebody else."""
    tag, _, verb = (operation or "clusters.list").partition(".")
    resource = _RESOURCES[tag](detailed=verb != "list")
    if operation == "credentials.create":
        return {"data": resource, "password": PASSWORD_OF_SOMEBODY_ELSE}
    return {"data": [resource] if verb == "list" else resource}


_LONG_AGO = 1_600_000_000.0


def _other_domain(*, detailed: bool) -> Json:
    name = "somebody-else.example.net"
    key = keys.dkim_public_key(0, "", name, 0)
    domain = Domain(name, key, _LONG_AGO, _LONG_AGO, PENDING)
    return domain.show_detail() if detailed else domain.show()


def _other_credential(*, detailed: bool) -> Json:  # noqa: ARG001 - one form only
    anything = Restriction(everything=True, listed=[])
    kept = keys.password_hash(PASSWORD_OF_SOMEBODY_ELSE)
    return Credential("somebody-else", kept, anything, anything, _LONG_AGO, _LONG_AGO).show()


def _other_cluster(*, detailed: bool) -> Json:  # noqa: ARG001 - one form only
    return Cluster("z9z9z9z9", (), None, _LONG_AGO).show()


def _other_mta(*, detailed: bool) -> Json:  # noqa: ARG001 - one form only
    return Mta("z9y9x9w9", "203.0.113.99", None, ()).show(_LONG_AGO)


_RESOURCES: Mapping[str, Callable[..., Json]] = {
    "clusters": _other_cluster,
    "mtas": _other_mta,
    "domains": _other_domain,
    "credentials": _other_credential,
}

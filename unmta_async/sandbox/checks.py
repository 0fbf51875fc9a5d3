"""The checks of request bodies: which values a field may have, and the 422 that says what is wrong.

A value is checked here against the rules only; whether it is taken already is the state's business.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from .rules import (
    ANSWER_INVALID,
    ANSWER_MESSAGE,
    ANSWER_NESTED,
    CREDENTIAL_DEFAULTS,
    CREDENTIAL_DOMAIN_NAMES,
    CREDENTIAL_DOMAINS,
    CREDENTIAL_IP_FORMS,
    CREDENTIAL_IP_LENIENT,
    CREDENTIAL_IPS,
    CREDENTIAL_LIST_ALONE,
    DOMAIN_ASCII,
    DOMAIN_FQDN,
    DOMAIN_NOT_IP,
    DOMAIN_TLD,
    DOMAIN_WIRE_FORM,
    REQUEST_EMPTY,
    REQUEST_EXTRA,
    REQUEST_STRICT,
    UPDATE_KEEPS,
    UPDATE_PRESENCE,
    UPDATE_REQUIRED,
    USER_CHARACTERS,
    USER_LENGTH,
    obeys,
)
from .world import Json, Restriction, fold

Body = Mapping[str, object]

RESERVED_TLDS = frozenset({"localhost", "local", "test", "invalid", "example", "localdomain"})
MAX_USER_LENGTH = 255

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")
_USER = re.compile(r"[A-Za-z0-9+=,.@_-]+")


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """An operation is refused, with this status and body."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body['message']}")
        self.status = status
        self.body = body


class Errors:
    """What is wrong with a body, gathered field by field."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, field: str, fault: str) -> None:
        """Note that a field `must be something`, in the words and form of the real thing."""
        self.found.setdefault(field, []).append(f"The {field.replace('_', ' ')} {fault}.")

    @obeys(ANSWER_INVALID, ANSWER_MESSAGE)
    def refuse_if_any(self) -> None:
        """Refuse with a 422 if anything is wrong."""
        if self.found:
            first, *others = [message for messages in self.found.values() for message in messages]
            more = f" (and {len(others)} more error{'s'[: len(others) - 1]})" if others else ""
            raise Refusal(422, {"message": first + more, "errors": self.found})


@obeys(REQUEST_EMPTY, REQUEST_STRICT, REQUEST_EXTRA)
def required_text(body: Body, field: str, errors: Errors) -> str | None:
    """Return a required string of a body, or None with the error noted."""
    value = body.get(field)
    if value is None or value == "" or value == []:
        errors.add(field, "field is required")
    elif not isinstance(value, str):
        errors.add(field, "field must be a string")
    else:
        return value
    return None


@obeys(DOMAIN_FQDN, DOMAIN_WIRE_FORM, DOMAIN_ASCII, DOMAIN_NOT_IP, DOMAIN_TLD)
def domain_faults(name: str) -> list[str]:
    """Return what keeps a string from being a domain's name."""
    faults: list[str] = []
    if not _DOMAIN.fullmatch(name):
        faults.append("field must be a fully qualified domain name")
        if _is_network(name):
            faults.append("field must not be an IP address")
    if fold(name.rpartition(".")[2]) in RESERVED_TLDS:
        faults.append("field must not use a reserved top-level domain")
    return faults


@obeys(USER_CHARACTERS, USER_LENGTH)
def user_faults(user: str) -> list[str]:
    """Return what keeps a string from being a credential's user."""
    faults: list[str] = []
    if len(user) > MAX_USER_LENGTH:
        faults.append(f"field must not be greater than {MAX_USER_LENGTH} characters")
    if not _USER.fullmatch(user):
        faults.append("field format is invalid")
    return faults


@obeys(CREDENTIAL_IP_FORMS, CREDENTIAL_IP_LENIENT)
def ip_faults(value: str) -> list[str]:
    """Return what keeps a string from being an allowed IP."""
    return [] if _is_network(value) else ["field must be an IP address or a CIDR range"]


def _is_network(text: str) -> bool:
    _, slash, prefix = text.partition("/")
    # Python also reads netmasks behind the slash, and IPv6 zones.
    if "%" in text or (slash and not re.fullmatch("[0-9]{1,3}", prefix)):
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Pair:
    """The two fields that make a restriction: a flag for everything, and a list."""

    flag: str
    listing: str
    default: bool
    faults: Callable[[str], list[str]]
    normalize: Callable[[str], str]


DOMAINS = Pair("allow_all_domains", "domains", False, domain_faults, fold)
IPS = Pair("allow_all_ips", "allowed_ips", True, ip_faults, str)


@obeys(CREDENTIAL_DEFAULTS, CREDENTIAL_LIST_ALONE)
def new_restriction(body: Body, pair: Pair, errors: Errors) -> Restriction:
    """Return the restriction that a creation asks for; errors are noted."""
    return _restriction(body, pair, Restriction(pair.default, []), errors)


@obeys(UPDATE_PRESENCE, UPDATE_KEEPS)
def changed_restriction(body: Body, pair: Pair, before: Restriction, errors: Errors) -> Restriction:
    """Return the restriction that an update asks for; errors are noted."""
    everything = before.everything and pair.listing not in body
    return _restriction(body, pair, Restriction(everything, before.listed), errors)


@obeys(CREDENTIAL_DOMAINS, CREDENTIAL_IPS, UPDATE_REQUIRED)
def _restriction(body: Body, pair: Pair, unless_given: Restriction, errors: Errors) -> Restriction:
    everything = _flag(body, pair.flag, unless_given.everything, errors)
    listed = _list(body, pair, unless_given.listed, errors)
    if everything is False and listed == []:
        errors.add(pair.listing, f"field is required unless {pair.flag.replace('_', ' ')} is true")
    return Restriction(bool(everything), listed or [])


@obeys(REQUEST_STRICT)
def _flag(body: Body, field: str, default: bool, errors: Errors) -> bool | None:
    value = body.get(field, default)
    if isinstance(value, bool):
        return value
    errors.add(field, "field must be true or false")
    return None


@obeys(REQUEST_STRICT, ANSWER_NESTED, CREDENTIAL_DOMAIN_NAMES)
def _list(body: Body, pair: Pair, default: list[str], errors: Errors) -> list[str] | None:
    if pair.listing not in body:
        return default
    value = body[pair.listing]
    if not isinstance(value, list):
        errors.add(pair.listing, "field must be an array")
        return None
    items = cast("list[object]", value)
    for index, item in enumerate(items):
        faults = pair.faults(item) if isinstance(item, str) else ["field must be a string"]
        for fault in faults:
            errors.add(f"{pair.listing}.{index}", fault)
    return [pair.normalize(item) for item in items if isinstance(item, str)]

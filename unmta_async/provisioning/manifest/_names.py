"""What the names and addresses in a manifest may look like, and their normal form.

One value at a time: where it stands, and what stands beside it, is the business of the checks.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from ..._hostname import a_label_form
from ...errors import UsageError, printable

__all__ = ["NameFault", "address", "cluster_id", "domain_name", "quoted", "user_name"]

Reason: TypeAlias = "str | None"

_RESERVED: Final = frozenset({"localhost", "local", "test", "invalid", "example", "localdomain"})
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# Nearly every name is in normal form already, and there may be a hundred thousand of them.
_PLAIN: Final = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
_LONGEST: Final = 253
# No form of a name is that much longer than the name; the conversion need not find out.
_FAR_TOO_LONG: Final = 1000
_CLUSTER: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_USER: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9+=,.@_-]{1,255}")
_FOREIGN_TO_USERS: Final = re.compile(r"[^A-Za-z0-9+=,.@_-]")


class NameFault(ValueError):  # noqa: N818 - it is what is wrong with a manifest, in words
    """A value that cannot be what it is meant to be."""


def quoted(text: str) -> str:
    """Return a foreign text in quotes, fit for a message."""
    return f'"{printable(text)}"'


def domain_name(text: str) -> str:
    """Return a domain name in lower case, as A-labels, without a dot at its end.

    Raises:
        NameFault: unMTA would not take it, or it is something else.
    """
    if _PLAIN.fullmatch(text) and text[text.rfind(".") + 1 :] not in _RESERVED:
        return text
    name = text.strip()
    _refuse(text, name, _MISTAKEN_FOR_NAMES)
    try:
        name = a_label_form(name)
    except UsageError as error:
        raise NameFault(error.message) from None
    name = name.removesuffix(".")
    _refuse(text, name, _WRONG_WITH_NAMES)
    return name


def user_name(text: str) -> str:
    """Return the user of a credential, as it is.

    Raises:
        NameFault: unMTA would not take it, or no path could address it.
    """
    if _USER.fullmatch(text):
        return text
    foreign = _FOREIGN_TO_USERS.search(text)
    if not text:
        why = "it is empty"
    elif foreign:
        why = f'{quoted(foreign[0])} in it; use letters, digits and "+ = , . @ _ -"'
    elif text in {".", ".."}:
        why = "it could never be changed or deleted again"
    else:
        why = f"it has {len(text)} characters; 255 is the most"
    raise NameFault(f"{quoted(text)} cannot be a user: {why}")


def cluster_id(text: str) -> str:
    """Return the id of a cluster, as it is.

    Raises:
        NameFault: It cannot be one.
    """
    if _CLUSTER.fullmatch(text):
        return text
    raise NameFault(
        f"{quoted(text)} cannot be the id of a cluster: an id, such as a1b2c3d4, has up to 64 "
        'letters, digits, "_" and "-"'
    )


def address(text: str) -> str:
    """Return an IP address or a CIDR range in the one form that there is of it.

    Raises:
        NameFault: It is neither.
    """
    bare = text.strip()
    network = None
    with suppress(ValueError):
        network = ipaddress.ip_network(bare, strict=False)
    # A zone, as in fe80::1%eth0, means something on one machine only.
    if network is None or "%" in bare:
        raise NameFault(
            f"{quoted(text)} is not an IP address: give IPv4 or IPv6 addresses or CIDR ranges, "
            "such as 203.0.113.5, 203.0.113.0/24 or 2001:db8::/32"
        )
    first = bare.partition("/")[0]
    if network.network_address != ipaddress.ip_address(first):
        raise NameFault(
            f"{quoted(text)} is an address within a range, not a range: did you mean {network}, or "
            f"the address {first}?"
        )
    is_single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_single else network)


def _refuse(text: str, name: str, rules: Sequence[Callable[[str], Reason]]) -> None:
    for rule in rules:
        if why := rule(name):
            raise NameFault(f"{quoted(text)} is not a domain name: {why}")


def _is_empty(name: str) -> Reason:
    return None if name else "it is empty"


def _is_far_too_long(name: str) -> Reason:
    return f"it has {len(name):,} characters" if len(name) > _FAR_TOO_LONG else None


def _is_several(name: str) -> Reason:
    if re.search(r"[\s,;]", name) is None:
        return None
    return "a space, a comma or a semicolon in it; give each name by itself"


def _is_url(name: str) -> Reason:
    if "://" not in name:
        return None
    host = None
    with suppress(ValueError):
        host = urlsplit(name).hostname
    return f"it is a URL; give the name alone{f', {printable(host)}' if host else ''}"


def _is_email(name: str) -> Reason:
    if "@" not in name:
        return None
    behind = name.rpartition("@")[2]
    return f"it is an e-mail address; give what is behind the @{', ' * bool(behind)}" + (
        printable(behind)
    )


def _is_address(name: str) -> Reason:
    with suppress(ValueError):
        ipaddress.ip_network(name.strip("[]"), strict=False)
        return "it is an IP address"
    return None


def _has_path(name: str) -> Reason:
    before = name.partition("/")[0]
    return f"it has a path; give the name alone, {printable(before)}" if "/" in name else None


def _is_wildcard(name: str) -> Reason:
    return "it is a wildcard; give each name by itself" if "*" in name else None


def _has_underscore(name: str) -> Reason:
    if "_" not in name:
        return None
    return "an underscore; give the domain itself, not the name of a DNS record"


def _has_port(name: str) -> Reason:
    return "it has a port; give the name alone" if re.search(r":\d*\Z", name) else None


def _has_empty_label(name: str) -> Reason:
    if all(name.split(".")):
        return None
    return "an empty label; take out the dot that is too many, or put in what is missing"


def _has_foreign_character(name: str) -> Reason:
    found = re.search(r"[^a-z0-9.-]", name)
    return found and f"{quoted(found[0])} in it; use letters, digits, hyphens and dots"


def _has_edge_hyphen(name: str) -> Reason:
    for label in name.split("."):
        if label.startswith("-") or label.endswith("-"):
            return f"the label {quoted(label)} begins or ends with a hyphen"
    return None


def _has_long_label(name: str) -> Reason:
    for label in name.split("."):
        if len(label) > 63:
            return f"the label {quoted(label)} has {len(label)} characters; 63 is the most"
    return None


def _is_too_long(name: str) -> Reason:
    if len(name) <= _LONGEST:
        return None
    return f"it has {len(name)} characters; {_LONGEST} is the most"


def _is_reserved(name: str) -> Reason:
    top = name.rpartition(".")[2]
    return f'names under "{top}" are reserved, and unMTA refuses them' if top in _RESERVED else None


def _is_single_label(name: str) -> Reason:
    return None if "." in name else "it is a single label; give the full name"


def _ends_in_number(name: str) -> Reason:
    return "its last label is a number" if name.rpartition(".")[2].isdigit() else None


_MISTAKEN_FOR_NAMES: Final = (
    _is_empty,
    _is_far_too_long,
    _is_several,
    _is_url,
    _is_email,
    _is_address,
    _has_path,
    _is_wildcard,
    _has_underscore,
    _has_port,
)
_WRONG_WITH_NAMES: Final = (
    _has_empty_label,
    _has_foreign_character,
    _has_edge_hyphen,
    _has_long_label,
    _is_too_long,
    _is_reserved,
    _is_single_label,
    _ends_in_number,
)

"""Whether what stands at a name is the record that is wanted there, and if not, how it differs.

A value is compared as receivers read it, by tag for DKIM and DMARC. Where the values come from, and
what several servers say, is no business of this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from ._records import Record

__all__ = ["OK", "Judgement", "Status", "is_dmarc", "is_test", "judge", "policy_of"]

Status = Literal[
    "ok",
    "missing",
    "differs",
    "multiple",
    "truncated",
    "quoted",
    "doubled-name",
    "cname",
    "not-delegated",
    "unreachable",
]


Judgement = tuple[Status, str]
"""What it is, and what to do about it; "" if it is as it should be."""

OK: Final[Judgement] = ("ok", "")
_MISSING: Final[Judgement] = ("missing", "publish it")


def judge(wanted: Record, values: Sequence[str]) -> Judgement:
    """Return what the values at a name are for a record that is wanted there."""
    if _is_dkim(wanted):
        return _judge_dkim(wanted.value, values)
    if is_dmarc(wanted):
        return _judge_dmarc(wanted.value, values)
    return _judge_other(wanted.value, values)


def policy_of(values: Sequence[str]) -> str:
    """Return the one DMARC record among TXT values, or "" if there is none or several."""
    found = [value for value in values if _DMARC.match(value)]
    return found[0] if len(found) == 1 else ""


def is_dmarc(wanted: Record) -> bool:
    """Whether it is a DMARC record that is wanted."""
    return wanted.type == "TXT" and wanted.fqdn.startswith("_dmarc.")


def is_test(wanted: Record, values: Sequence[str]) -> bool:
    """Whether a DKIM key among values is marked as one that is only tested (RFC 6376, 3.6.1)."""
    flags = ((_tags(value) or {}).get("t", "") for value in values if _is_dkim(wanted))
    return any("y" in _unspaced(listed).split(":") for listed in flags)


def _is_dkim(wanted: Record) -> bool:
    return wanted.type == "TXT" and "._domainkey." in wanted.fqdn


# DKIM: RFC 6376, 3.6.1. Whatever TXT record stands at the name counts.

_DKIM_DEFAULTS: Final = {"v": "DKIM1", "k": "rsa"}
_OTHER_CLUSTER: Final = "unless it is the key that another cluster has for the domain"


def _judge_dkim(wanted: str, values: Sequence[str]) -> Judgement:
    if not values:
        return _MISSING
    if len(values) > 1:
        return "multiple", _several_keys(wanted, values)
    value = values[0]
    bare = _unquoted(value)
    if bare != value and _judge_dkim(wanted, [bare])[0] in {"ok", "truncated"}:
        return _QUOTED
    tags = _tags(value)
    if tags is not None and tags.get("p") == "":
        return "differs", "its p= is empty, which revokes the key: replace the record"
    if _is_cut(wanted, value) or _has_cut_key(wanted, tags):
        return _cut(wanted, value)
    fault = _key_fault(_tags(wanted) or {}, tags)
    return ("differs", f"{fault}: replace the record, {_OTHER_CLUSTER}") if fault else OK


def _several_keys(wanted: str, values: Sequence[str]) -> str:
    if "".join(sorted(values, key=wanted.find)) == wanted:
        return "its pieces stand there as records of their own: make them the strings of one record"
    return (
        "of several TXT records receivers take any: leave the one with this domain's key alone"
        " there; a domain that is in several clusters can have the key of one only"
    )


def _key_fault(wanted: Mapping[str, str], tags: Mapping[str, str] | None) -> str:
    """Return in what a key record is another than the one wanted; "" if it is as good."""
    if tags is None:
        return "it is not a list of tags"
    if "v" in tags and next(iter(tags)) != "v":
        return "its tag v does not come first"
    if "p" not in tags:
        return "it has no tag p"
    for tag, default in ({"p": ""} | _DKIM_DEFAULTS).items():
        have, want = tags.get(tag, default), wanted.get(tag, default)
        if _unspaced(have) != _unspaced(want):
            return "its tag p is another key" if tag == "p" else _other_tag(tag, have, want)
    return _limit(tags)


def _limit(tags: Mapping[str, str]) -> str:
    """Return what a key may not be used for, but has to."""
    for tag, needed in (("h", {"sha256"}), ("s", {"*", "email"})):
        listed = {each.strip() for each in tags.get(tag, "").split(":")}
        if tag in tags and not listed & needed:
            return _other_tag(tag, tags[tag], " or ".join(sorted(needed)))
    return ""


def _other_tag(tag: str, have: str, want: str) -> str:
    return f"its tag {tag} is {have!r}, not {want}"


def _has_cut_key(wanted: str, tags: Mapping[str, str] | None) -> bool:
    want = _tags(wanted)
    if not tags or not want or not tags.get("p"):
        return False
    whole, have = _unspaced(want.get("p", "")), _unspaced(tags["p"])
    return have != whole and whole.startswith(have) and not _key_fault(want, {**tags, "p": whole})


# DMARC: RFC 7489, 6.3, 6.4 and 6.6.3. What does not begin with its version is no DMARC record; the
# name of that tag is written as one likes, its value is not.

_DMARC: Final = re.compile(r"[vV]\s*=\s*DMARC1\s*(;|$)")
_MEANT_FOR_DMARC: Final = re.compile(r"dmarc|\bp\s*=\s*(none|quarantine|reject)\b", re.IGNORECASE)
_DMARC_DEFAULTS: Final = {"adkim": "r", "aspf": "r", "pct": "100"}
_KEEP: Final = "keep it, and publish no second one: of two, receivers ignore both"
_NO_VERSION: Final = (
    "receivers ignore it, as it does not begin with v=DMARC1: correct it, and publish no second one"
)
_MEANING: Final = {
    "p=none": "mail that fails the check is delivered all the same",
    "p=quarantine": "mail that fails the check is put aside as spam",
    "p=reject": "mail that fails the check is rejected",
    "adkim=r": "a signature of a parent or a subdomain counts as well",
    "adkim=s": "only a signature of the domain itself counts",
    "aspf=r": "an SPF pass of a parent or a subdomain counts as well",
    "aspf=s": "only an SPF pass of the domain itself counts",
}


def _judge_dmarc(wanted: str, values: Sequence[str]) -> Judgement:
    records = [value for value in values if _DMARC.match(value)]
    bare = [_unquoted(value) for value in values]
    if len(records) > 1:
        advice = "of several DMARC records receivers ignore all: keep one of them"
        return "multiple", advice
    if records:
        return _compare_policies(wanted, records[0])
    if any(map(_DMARC.match, bare)):
        return _QUOTED
    if any(map(_MEANT_FOR_DMARC.search, values)):
        return "differs", _NO_VERSION
    return _MISSING


def _compare_policies(wanted: str, value: str) -> Judgement:
    want, have = _policy(wanted), _policy(value)
    # Marks in other tags may belong there, as in the address of a report.
    if have != _policy(_unquoted(value)):
        return _QUOTED
    if have is None or have["p"] not in {"none", "quarantine", "reject"}:
        if _is_cut(wanted, value):
            return _cut(wanted, value)
        return "differs", "it is no valid policy, which receivers take as none: correct it"
    if want is None or have == want:
        return OK
    others = [f"{tag}={have[tag]}" for tag in have if have[tag] != want.get(tag)]
    told = "; ".join(f"{each}: {_MEANING[each]}" if each in _MEANING else each for each in others)
    return "differs", f"{_KEEP}. It has another policy than is recommended ({told})"


def _policy(value: str) -> dict[str, str] | None:
    """Return the tags that make up the policy, with their defaults."""
    tags = _tags(value)
    if tags is None:
        return None
    tags = {name.lower(): text.lower() for name, text in tags.items()}
    p = tags.get("p", "")
    own = {"p": p, "sp": tags.get("sp", p)}
    return own | {name: tags.get(name, default) for name, default in _DMARC_DEFAULTS.items()}


# Any other record.


def _judge_other(wanted: str, values: Sequence[str]) -> Judgement:
    if any(_plain(value) == _plain(wanted) for value in values):
        return OK
    if any(_is_quoted(wanted, value) for value in values):
        return _QUOTED
    kind = re.match(r"v=\w+|[\w.-]+=", wanted)
    alike = [value for value in values if value.startswith(kind[0] if kind else "")]
    if not alike:
        return _MISSING
    cut = [value for value in alike if _is_cut(wanted, value)]
    if cut:
        return _cut(wanted, cut[0])
    return "differs", "something else stands there: see whether it is needed, and replace it"


def _plain(value: str) -> str:
    return " ".join(value.split()).removesuffix(".").casefold()


# What can happen to any text on its way into a zone.

_LONGEST_STRING: Final = 255  # bytes (RFC 1035, 3.3)
_QUOTED: Final[Judgement] = (
    "quoted",
    "quotation marks or backslashes have become part of the value: take them out of the record",
)


def _is_quoted(wanted: str, value: str) -> bool:
    bare = _unquoted(value)
    return bare != value and bool(bare) and (bare == wanted or _is_cut(wanted, bare))


def _unquoted(value: str) -> str:
    """Return a value without the quotation marks and backslashes of a zone file."""
    joined = re.sub(r'"\s*"', "", value)
    return re.sub(r'^\s*\'(.*)\'\s*$|["\\]', r"\1", joined, flags=re.DOTALL)


def _is_cut(wanted: str, value: str) -> bool:
    return bool(value) and value != wanted and wanted.startswith(value)


def _cut(wanted: str, value: str) -> Judgement:
    how = ", which is one with several strings" if len(wanted) > _LONGEST_STRING else ""
    told = f"its end is missing ({len(value)} characters of {len(wanted)})"
    return "truncated", f"{told}: complete the record{how}"


def _tags(value: str) -> dict[str, str] | None:
    """Return a tag list as a dictionary (RFC 6376, 3.2), or None if it is not one."""
    pairs = [piece.partition("=") for piece in value.split(";") if piece.strip()]
    tags = {name.strip(): text.strip() for name, _, text in pairs}
    return tags if len(tags) == len(pairs) and all(mark for _, mark, _ in pairs) else None


def _unspaced(text: str) -> str:
    return "".join(text.split())

"""Manifests as text: YAML and JSON that can be read and compared by line, and load again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from ._specs import ClusterSpec, CredentialSpec

__all__ = ["json_text", "yaml_text"]

_WIDTH: Final = 100
# No number, date or the like, in none of the versions of YAML.
_PLAIN: Final = re.compile(
    r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._@+=-]*|[0-9]+(\.[0-9]+){3}(/[0-9]+)?"
)
_BASED_NUMBER: Final = re.compile("0[xob]", re.IGNORECASE)
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def json_text(clusters: Mapping[str, ClusterSpec]) -> str:
    """Return clusters as JSON."""
    return json.dumps(_tree(clusters), indent=2) + "\n"


def yaml_text(clusters: Mapping[str, ClusterSpec]) -> str:
    """Return clusters as YAML."""
    return "\n".join(_yaml(_tree(clusters), "")) + "\n"


def _tree(clusters: Mapping[str, ClusterSpec]) -> dict[str, object]:
    return {"clusters": {cluster: _cluster(spec) for cluster, spec in clusters.items()}}


def _cluster(spec: ClusterSpec) -> dict[str, object]:
    tree: dict[str, object] = {}
    if spec.domains is not None:
        tree["domains"] = list(spec.domains)
    if spec.credentials is not None:
        tree["credentials"] = {each.user: _credential(each) for each in spec.credentials}
    return tree


def _credential(spec: CredentialSpec) -> dict[str, object]:
    tree: dict[str, object] = {"allow_all_domains": True}
    if spec.domains is not None:
        tree = {"domains": list(spec.domains)}
    if spec.allowed_ips is not None:
        tree["allowed_ips"] = list(spec.allowed_ips)
    return tree


def _yaml(tree: Mapping[str, object], indent: str) -> Iterator[str]:
    """Yield the lines of a mapping."""
    for key, value in tree.items():
        head = f"{indent}{_scalar(key)}:"
        if isinstance(value, dict) and value:
            yield head
            yield from _yaml(cast("dict[str, object]", value), indent + "  ")
        elif isinstance(value, list):
            items = [_scalar(item) for item in cast("list[str]", value)]
            yield from _yaml_list(head, items, indent)
        else:
            yield f"{head} {json.dumps(value)}"


def _yaml_list(head: str, items: Sequence[str], indent: str) -> Iterator[str]:
    """Yield a list in one line if it fits, and in one line each if not."""
    # Not even tried where there are thousands.
    flow = f"{head} [{', '.join(items[:_WIDTH])}]"
    if len(flow) <= _WIDTH:
        yield flow
        return
    yield head
    yield from (f"{indent}  - {item}" for item in items)


def _scalar(text: str) -> str:
    """Return a text for YAML, in quotes where anything could read something else into it."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS and not _is_number(text)
    return text if is_plain else json.dumps(text, ensure_ascii=not text.isprintable())


def _is_number(text: str) -> bool:
    with suppress(ValueError):
        float(text.replace("_", ""))
        return True
    return _BASED_NUMBER.match(text) is not None

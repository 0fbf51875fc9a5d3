"""Which test proves which rule of the sandbox."""

from collections.abc import Callable
from typing import Any, TypeVar

from unmta_async.sandbox import Rule

Test = TypeVar("Test", bound=Callable[..., Any])

PROVED: set[Rule] = set()


def proves(*rules: Rule) -> Callable[[Test], Test]:
    """Note that a test proves these rules."""
    PROVED.update(rules)
    return lambda test: test

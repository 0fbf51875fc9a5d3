"""A contract as data: a `Document`, in which every `Node` knows its place, and its `Problem`s.

What the data means is not known here, apart from `$ref`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeAlias, TypeVar
from urllib.parse import unquote

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["ContractError", "Document", "Json", "Node", "Place", "Problem", "collect", "step"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
T = TypeVar("T")


@attrs.frozen
class Place:
    """Where something stands: in a file, a line from 1, and a JSON pointer in that file."""

    file: str
    line: int
    pointer: str


@attrs.frozen
class Problem:
    """Something wrong, or at least odd, at one place of the contract."""

    file: str
    line: int
    pointer: str
    message: str
    is_warning: bool = False

    def __str__(self) -> str:
        kind = "warning: " if self.is_warning else ""
        return f"{self.file}:{self.line}: #{self.pointer}: {kind}{self.message}"


class ContractError(Exception):
    """The contract cannot be generated from; its text has one line for each problem."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@attrs.frozen(eq=False)
class Document:
    """The data of a contract and the place of everything in it, by JSON pointer."""

    file: str
    data: Json
    places: Mapping[str, Place]

    @property
    def root(self) -> Node:
        """The node that all others are under."""
        return Node(self, "", self.data)

    def at(self, pointer: str) -> Node | None:
        """Return the node that a JSON pointer names, or None."""
        node: Node | None = self.root
        for key in pointer.split("/")[1:]:
            node = node and node.get(key.replace("~1", "/").replace("~0", "~"))
        return node

    def problem(self, pointer: str, message: str, *, is_warning: bool = False) -> Problem:
        """Say that something is wrong at a pointer."""
        place = self.place(pointer)
        return Problem(place.file, place.line, place.pointer or "/", message, is_warning)

    def place(self, pointer: str) -> Place:
        """Return where a pointer leads; its nearest known parent gives the line."""
        known = pointer
        while known not in self.places and known:
            known = known.rpartition("/")[0]
        place = self.places.get(known, Place(self.file, 1, ""))
        return attrs.evolve(place, pointer=place.pointer + pointer.removeprefix(known))


@attrs.frozen(eq=False)
class Node:
    """A piece of a document that knows where it stands."""

    document: Document
    pointer: str
    value: Json

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def __getitem__(self, key: str) -> Node:
        child = self.get(key)
        if child is None:
            self.fail(f"`{key}` is missing")
        return child

    def get(self, key: str) -> Node | None:
        """Return what stands under a key of a mapping or an index of a list, or None."""
        if isinstance(self.value, dict) and key in self.value:
            return self._child(key, self.value[key])
        if isinstance(self.value, list) and key.isdecimal() and int(key) < len(self.value):
            return self._child(key, self.value[int(key)])
        return None

    def items(self) -> Iterator[tuple[str, Node]]:
        """Go through a mapping, or a list by its indices; anything else has no items."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield key, self._child(key, value)
        elif isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield str(index), self._child(str(index), value)

    def children(self, key: str) -> Iterator[tuple[str, Node]]:
        """Go through the items of what stands under a key; nothing there has no items."""
        child = self.get(key)
        yield from child.items() if child else ()

    def text(self, key: str) -> str:
        """Return the string under a key, "" if there is none."""
        child = self.get(key)
        if child is None:
            return ""
        if not isinstance(child.value, str):
            child.fail(f"`{key}` has to be a string")
        return child.value

    def strings(self, key: str) -> tuple[str, ...]:
        """Return the strings of the list under a key, none if there is no list."""
        return tuple(str(child.value) for _, child in self.children(key))

    @property
    def place(self) -> Place:
        """Where it stands, which may be another file than the document's."""
        return self.document.place(self.pointer)

    def keys(self) -> tuple[str, ...]:
        """Return the keys of a mapping, in the order of the file."""
        return tuple(self.value) if isinstance(self.value, dict) else ()

    def value_at(self, key: str) -> Json:
        """Return the value under a key, None if there is none."""
        child = self.get(key)
        return child.value if child else None

    def follow(self) -> Node:
        """Return what a `$ref` leads to in the end, or the node itself if it is none."""
        node, seen = self, {self.pointer}
        while "$ref" in node:
            reference = node.text("$ref")
            is_local = reference.startswith("#")
            target = node.document.at(unquote(reference[1:])) if is_local else None
            if target is None:
                node.fail(f"`$ref` leads nowhere: {reference}")
            if target.pointer in seen:
                node.fail(f"`$ref` leads back to itself: {reference}")
            seen.add(target.pointer)
            node = target
        return node

    def fail(self, message: str) -> NoReturn:
        """Refuse the contract because of this node."""
        raise ContractError(self.document.problem(self.pointer, message))

    def _child(self, key: str, value: Json) -> Node:
        return Node(self.document, f"{self.pointer}/{step(key)}", value)


def collect(makers: Iterable[Callable[[], T]]) -> list[T]:
    """Make all, or tell everything that stands in the way of it.

    Raises:
        ContractError: Of all that could not be made.
    """
    made: list[T] = []
    problems: list[Problem] = []
    for make in makers:
        try:
            made.append(make())
        except ContractError as error:
            problems += error.problems
    if problems:
        raise ContractError(*dict.fromkeys(problems))
    return made


def step(key: str) -> str:
    """Return a key as a step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")

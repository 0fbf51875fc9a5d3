"""A contract in several files -> one document, whose parts know the file that they come from.

A schema of another file joins those under `components/schemas`, and so becomes a class. Anything
else of another file, and every path item, takes the place of the reference to it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote

import attrs

from . import naming
from .document import Document, Json, Node, Place, step
from .loader import load
from .structure import STRUCTURE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bundle"]

_SCHEMAS: Final = "/components/schemas"
_DATA: Final = "data"  # what is no part of the structure: its keys have no meaning here
_Key = tuple[str, str]


def bundle(document: Document) -> Document:
    """Return a document with all that its references name in other files.

    Raises:
        ContractError: A reference leads nowhere, or two schemas would have the same name.
    """
    bundler = _Bundler(document)
    return Document(document.file, bundler.run(), bundler.places)


@attrs.frozen
class _Bundler:
    main: Document
    places: dict[str, Place] = attrs.field(factory=dict[str, Place])
    files: dict[str, Document] = attrs.field(factory=dict[str, Document])
    names: dict[_Key, str] = attrs.field(factory=dict[_Key, str])
    waiting: dict[str, Node] = attrs.field(factory=dict[str, Node])

    def run(self) -> Json:
        self.files[os.path.normpath(self.main.file)] = self.main
        own = self.main.at(_SCHEMAS)
        for name, schema in own.items() if own else ():
            target = self._target(schema) if "$ref" in schema else schema
            if target.document is not self.main:
                self.names.setdefault(self._key(target), name)
        data = self._copy(self.main.root, "root", "", ())
        while self.waiting:
            name, schema = next(iter(self.waiting.items()))
            copied = self._copy(schema, "schema", f"{_SCHEMAS}/{name}", ())
            self._schemas(data)[name] = copied
            del self.waiting[name]
        return data

    def _schemas(self, data: Json) -> dict[str, Json]:
        """Return what the schemas of other files join."""
        for key in ("components", "schemas"):
            if isinstance(data, dict):
                data = data.setdefault(key, {})
        if not isinstance(data, dict):
            self.main.root.fail("`components/schemas` has to be a mapping")
        return data

    def _copy(self, node: Node, kind: str, pointer: str, trail: tuple[_Key, ...]) -> Json:
        """Return what stands at a node, as it is to stand at a pointer."""
        self.places.setdefault(pointer, node.place)
        if kind != _DATA and "$ref" in node:
            return self._reference(node, kind, pointer, trail)
        if isinstance(node.value, list):
            return [self._copy(each, _DATA, f"{pointer}/{at}", ()) for at, each in node.items()]
        if not isinstance(node.value, dict):
            return node.value
        return {
            key: self._child(child, kind, key, f"{pointer}/{step(key)}")
            for key, child in node.items()
        }

    def _child(self, node: Node, kind: str, key: str, pointer: str) -> Json:
        """Return what stands under a key of a node of a kind."""
        if (kind, key) == ("schema", "discriminator"):
            return self._discriminator(node, pointer)
        how, kind = STRUCTURE.get(kind, {}).get(key, ("one", _DATA))
        if how == "one" or not isinstance(node.value, dict | list):
            return self._copy(node, kind, pointer, ())
        self.places.setdefault(pointer, node.place)
        copies = {
            name: self._copy(each, kind, f"{pointer}/{step(name)}", ())
            for name, each in node.items()
        }
        return copies if isinstance(node.value, dict) else list(copies.values())

    def _reference(self, node: Node, kind: str, pointer: str, trail: tuple[_Key, ...]) -> Json:
        target = self._target(node)
        key = self._key(target)
        if key in trail:
            node.fail(f"`$ref` leads back to itself: {node.text('$ref')}")
        if kind == "path" and len(node.keys()) > 1:
            node.fail("not supported: anything beside the `$ref` of a path")
        if target.document is self.main and kind != "path":
            reference = f"#{target.pointer}"
        elif kind == "schema" and pointer != f"{_SCHEMAS}/{self._name(node, target)}":
            reference = f"#{_SCHEMAS}/{self._name(node, target)}"
        else:
            return self._copy(target, kind, pointer, (*trail, key))
        beside = {
            name: self._child(each, kind, name, f"{pointer}/{step(name)}")
            for name, each in node.items()
            if name != "$ref"
        }
        return {"$ref": reference, **beside}

    def _discriminator(self, node: Node, pointer: str) -> Json:
        """Return a discriminator, in whose mapping references stand as plain strings."""
        data = self._copy(node, _DATA, pointer, ())
        for value, each in node.children("mapping"):
            text = str(each.value)
            if "#" in text or "/" in text:
                copied = self._reference(_as_reference(each), "schema", f"{pointer}/mapping/-", ())
                mapping = cast("Mapping[str, dict[str, Json]]", data)["mapping"]
                mapping[value] = cast("Mapping[str, Json]", copied)["$ref"]
        return data

    def _target(self, node: Node) -> Node:
        """Return what a reference names, in whatever file, without following it any further."""
        reference = node.text("$ref")
        file, _, pointer = unquote(reference).partition("#")
        if re.match(r"[a-z][a-z0-9+.-]+:|//", file, re.IGNORECASE):
            node.fail(f"not supported: `$ref` to another host: {reference}")
        document = self._open(node, file) if file else node.document
        target = document.at(pointer)
        if target is None or (pointer and not pointer.startswith("/")):
            node.fail(f"`$ref` leads nowhere: {reference}")
        return target

    def _open(self, node: Node, file: str) -> Document:
        path = os.path.normpath(Path(node.document.file).parent / file)
        if path not in self.files:
            if not Path(path).is_file():
                node.fail(f"`$ref` leads to no file: {file}")
            self.files[path] = load(Path(path))
        return self.files[path]

    def _key(self, node: Node) -> _Key:
        return os.path.normpath(node.document.file), node.pointer

    def _name(self, node: Node, target: Node) -> str:
        """Return the name of a schema of another file, and see to it that it will be there."""
        key = self._key(target)
        if key not in self.names:
            last = target.pointer.rpartition("/")[2] or Path(target.document.file).stem
            name = last if re.fullmatch(r"[A-Z][A-Za-z0-9]*", last) else naming.class_name(last)
            own = self.main.at(f"{_SCHEMAS}/{name}")
            if own or name in self.names.values():
                node.fail(f"a second schema of the name `{name}`; rename one of them")
            self.names[key] = name
            self.waiting[name] = target
        return self.names[key]


def _as_reference(node: Node) -> Node:
    return Node(node.document, node.pointer, {"$ref": node.value})

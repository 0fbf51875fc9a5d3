"""From the bytes of a file to what it says: encoding, format, and whose cluster it is.

What the formats are like is the business of their modules.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Final, Literal, TypeAlias, cast, get_args

import attrs

from ...errors import UsageError, printable
from ._document import Document, Unreadable
from ._faults import ManifestError, ManifestFault
from ._json import read_json
from ._names import NameFault, cluster_id
from ._specs import kind_of
from ._tables import read_csv, read_lines

__all__ = ["Format", "Source", "format_of", "read_bytes", "read_source"]

Format: TypeAlias = Literal["yaml", "json", "csv", "txt"]

_FORMATS: Final[tuple[str, ...]] = get_args(Format)
_OTHER_SUFFIXES: Final = {"yml": "yaml"}
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


@attrs.frozen
class Source:
    """A text to read, the format it is in, its name in messages, and the cluster it is about."""

    text: str | bytes
    format: Format
    name: str
    cluster: str | None


def format_of(name: str, given: str | None) -> Format:
    """Return the format that is given, or that the suffix of a file's name tells.

    Raises:
        UsageError: It is not known.
    """
    found = FilePath(name).suffix.lower().removeprefix(".") if given is None else given
    found = _OTHER_SUFFIXES.get(found, found)
    if found in _FORMATS:
        return cast("Format", found)
    known = ", ".join(map(repr, _FORMATS))
    if given is None:
        raise UsageError(f"{printable(name)}: its suffix tells no format; give format= {known}")
    raise UsageError(f"format={given!r} is not known; there is {known}")


def read_bytes(path: FilePath) -> bytes:
    """Return the content of a file.

    Raises:
        ManifestError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
    except ValueError as error:  # a NUL in the name
        why = str(error)
    raise ManifestError([ManifestFault(file=str(path), message=f"cannot be read: {why}")])


def read_source(source: Source) -> Document:
    """Return what a text says.

    Raises:
        ManifestError: It is not of its format, or the cluster is missing or in the way.
        UsageError: PyYAML is not installed.
    """
    try:
        return _read(source, _decoded(source.text))
    except Unreadable as error:
        fault = ManifestFault(file=source.name, line=error.line, message=error.message)
    raise ManifestError([fault])


def _read(source: Source, text: str) -> Document:
    if source.cluster is not None and source.format in {"txt", "csv"}:
        _refuse_wrong_cluster(source.cluster)
    if source.format == "txt":
        if source.cluster is None:
            raise Unreadable(None, "plain lines name no cluster; give cluster=")
        return read_lines(text, source.cluster)
    if source.format == "csv":
        return read_csv(text, source.cluster)
    if source.cluster is not None:
        raise Unreadable(None, "the file names its clusters itself; leave cluster= out")
    return read_json(text) if source.format == "json" else _yaml_reader()(text)


def _refuse_wrong_cluster(cluster: object) -> None:
    """Refuse what cannot be a cluster, before a line of the file is blamed for it."""
    if not isinstance(cluster, str):
        raise Unreadable(None, f"cluster= is {kind_of(cluster)}; give the id of a cluster")
    try:
        cluster_id(cluster)
    except NameFault as fault:
        raise Unreadable(None, f"cluster= is wrong: {fault}") from None


def _yaml_reader() -> Callable[[str], Document]:
    try:
        from ._yaml import read_yaml
    except ModuleNotFoundError:
        raise UsageError(
            "a manifest in YAML needs PyYAML: pip install 'unmta-async[yaml]'"
        ) from None
    return read_yaml


def _decoded(text: str | bytes) -> str:
    """Return a text without byte order mark, and with plain line ends."""
    if isinstance(text, bytes):
        text = _from_utf_8(text)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        _refuse_surrogates(text)
    return text


def _from_utf_8(data: bytes) -> str:
    if data.startswith(_UTF_16):
        raise Unreadable(1, "it is UTF-16; save it as UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "it is not UTF-8; save it as UTF-8") from None


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise Unreadable(line, "it has characters that are not Unicode") from None

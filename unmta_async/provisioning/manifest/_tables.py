"""Manifests as plain lines and as CSV: many domains, or credentials, one by one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from ...errors import printable
from ._document import Document, Unreadable
from ._faults import Lines, Note, Path
from ._names import quoted
from ._tree import did_you_mean

__all__ = ["read_csv", "read_lines"]

_Row: TypeAlias = tuple[int, list[str]]

_DOMAIN_COLUMNS: Final = ("cluster", "domain")
_CREDENTIAL_COLUMNS: Final = ("cluster", "user", "domains", "allowed_ips", "allow_all_domains")
_OPTIONAL_COLUMN: Final = "allow_all_ips"
_DELIMITERS: Final = ",;\t"
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# A file that was cut short must not look like the wish to have nothing.
_NOTHING: Final = "it names nothing; to wish for none, write domains: [] in YAML or JSON"


def read_lines(text: str, cluster: str) -> Document:
    """Return the domain names of a file with one in each line, and comments behind "#".

    Raises:
        Unreadable: There is none.
    """
    named = [
        (number, name)
        for number, line in enumerate(text.split("\n"), start=1)
        if (name := line.partition("#")[0].strip())
    ]
    if not named:
        raise Unreadable(None, _NOTHING)
    return _domains({cluster: ([name for _, name in named], [number for number, _ in named])}, ())


def read_csv(text: str, cluster: str | None) -> Document:
    """Return the content of a CSV file: a header, and a domain or a credential in each row.

    Cells are separated by commas, semicolons or tabs, as the header has them.

    Raises:
        Unreadable: It is not CSV, its header is not one of those, or nothing is below it.
    """
    rows = _rows(text)
    line, header = next(rows, (1, [""]))
    columns = _columns(header, line, cluster)
    table = _Table(columns, cluster)
    return table.credentials(rows) if "user" in columns else table.domains(rows)


def _rows(text: str) -> Iterator[_Row]:
    """Yield the rows that are not empty, each with the line that it begins in."""
    head = text.lstrip().partition("\n")[0]
    delimiter = next((character for character in head if character in _DELIMITERS), ",")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True, skipinitialspace=True)
    begin = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield begin, cells
            begin = reader.line_num + 1
    except csv.Error as error:
        why = printable(str(error))
        if "field limit" in why:
            # The limit is one for the whole process, and not ours to move.
            why = (
                f"a cell of more than {csv.field_size_limit():,} characters; close its quote, or "
                "write so long a list in YAML or JSON"
            )
        raise Unreadable(begin, f"not valid CSV from here on: {why}") from None


def _columns(header: Sequence[str], line: int, cluster: str | None) -> tuple[str, ...]:
    """Return the names of the columns.

    Raises:
        Unreadable: They are not those of a file of domains, nor those of one of credentials.
    """
    columns = tuple("_".join(name.lower().split()) for name in header)
    while columns and not columns[-1]:
        columns = columns[:-1]
    known = _CREDENTIAL_COLUMNS if "user" in columns else _DOMAIN_COLUMNS
    wanted = known if cluster is None else known[1:]
    allowed = (*known, _OPTIONAL_COLUMN) if "user" in columns else known
    wrong = [f"the column {name} is missing" for name in wanted if name not in columns]
    for position, name in enumerate(columns):
        if name not in allowed:
            wrong.append(f"unknown column {quoted(name)}{did_you_mean(name, allowed)}")
        elif name in columns[:position]:
            wrong.append(f"the column {name} is there twice")
    if cluster is not None and "cluster" in columns:
        wrong.append("the file names its clusters itself; leave cluster= out")
    if wrong:
        raise Unreadable(line, f"{'; '.join(wrong)} ({_headers()})")
    return columns


def _headers() -> str:
    both = " or ".join(map(",".join, (_DOMAIN_COLUMNS, _CREDENTIAL_COLUMNS)))
    return f"the first line is a header, {both}; cluster may be missing if it is given beside it"


@attrs.define
class _Table:
    """Rows below a header, read into clusters."""

    columns: tuple[str, ...]
    cluster: str | None
    faults: list[Note] = attrs.field(factory=list[Note])

    def domains(self, rows: Iterator[_Row]) -> Document:
        """Return the domains of each cluster."""
        clusters: dict[str, tuple[list[str], list[int]]] = {}
        for line, _, cluster, name in self._each(rows, "domain"):
            names, lines = clusters.setdefault(cluster, ([], []))
            names.append(name)
            lines.append(line)
        return _domains(clusters, self.faults)

    def credentials(self, rows: Iterator[_Row]) -> Document:
        """Return the credentials of each cluster."""
        clusters: dict[str, dict[str, object]] = {}
        lines: dict[Path, int] = {}
        for line, cells, cluster, user in self._each(rows, "user"):
            path = ("clusters", cluster, "credentials", user)
            if path in lines:
                text = f"the user {quoted(user)} is there already, in line {lines[path]}"
                self.faults.append(Note(path, f"{text}; take one out", line=line))
                continue
            lines[path] = line
            lines.setdefault(path[:2], line)
            clusters.setdefault(cluster, {})[user] = _credential(cells)
        tree = {"clusters": {name: {"credentials": users} for name, users in clusters.items()}}
        return Document(tree=tree, lines=lambda: lines, faults=self.faults)

    def _each(
        self, rows: Iterator[_Row], named: str
    ) -> Iterator[tuple[int, Mapping[str, str], str, str]]:
        """Yield line, cells, cluster and name of every row that has them.

        Raises:
            Unreadable: There is none.
        """
        is_empty = True
        for line, values in rows:
            is_empty = False
            cells = dict(zip(self.columns, values, strict=False))
            cluster = cells.get("cluster", "") if self.cluster is None else self.cluster
            name = cells.get(named, "")
            if wrong := self._wrong_with(values, cluster, name, named):
                self.faults.append(Note((), wrong, line=line))
            else:
                yield line, cells, cluster, name
        if is_empty:
            raise Unreadable(None, _NOTHING)

    def _wrong_with(self, values: Sequence[str], cluster: str, name: str, named: str) -> str | None:
        if len(values) < len(self.columns) or any(values[len(self.columns) :]):
            return (
                f"the row has {len(values)} cells, and the header has {len(self.columns)}; items "
                "of a list are separated by spaces"
            )
        if not cluster:
            return "the cell cluster is empty"
        return None if name else f"the cell {named} is empty"


def _domains(
    clusters: Mapping[str, tuple[list[str], list[int]]], faults: Sequence[Note]
) -> Document:
    def lines() -> Lines:
        found: dict[Path, int] = {}
        for cluster, (_, numbers) in clusters.items():
            found["clusters", cluster] = numbers[0]
            for position, number in enumerate(numbers):
                found["clusters", cluster, "domains", position] = number
        return found

    wished = {cluster: {"domains": names} for cluster, (names, _) in clusters.items()}
    return Document(tree={"clusters": wished}, lines=lines, faults=faults)


def _credential(cells: Mapping[str, str]) -> dict[str, object]:
    """Return what a row says; an empty cell says nothing."""
    said = {name: cell for name, cell in cells.items() if cell}
    credential: dict[str, object] = {}
    for name in said.keys() & {"domains", "allowed_ips"}:
        credential[name] = said[name].split()
    for name in said.keys() & {"allow_all_domains", _OPTIONAL_COLUMN}:
        credential[name] = _WORDS.get(said[name].lower(), said[name])
    return credential

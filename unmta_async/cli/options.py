"""The options that commands have in common. What they mean is done elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import attrs
from cyclopts import Group, Parameter
from cyclopts.validators import Number

__all__ = [
    "Access",
    "AccessInCluster",
    "Bulk",
    "Changing",
    "Common",
    "Format",
    "InCluster",
    "InputFile",
    "Waiting",
    "Yes",
]

Format: TypeAlias = Literal["table", "json", "jsonl", "csv"]

_COMMON: Final = Group("Common options", sort_key=90)

Yes: TypeAlias = Annotated[bool, Parameter(alias="-y", negative=())]


def _check_input(_type: object, file: object) -> None:
    """Refuse what is an option that nobody knows, and no file."""
    name = str(file)
    if name.startswith("-") and name != "-":
        raise ValueError(f"{name} is no option of this command; for a file, write ./{name}")


# What begins with a hyphen is an option otherwise; "-" is standard input.
InputFile: TypeAlias = Annotated[
    Path, Parameter(metavar="FILE", allow_leading_hyphen=True, validator=_check_input)
]


_ClusterId: TypeAlias = Annotated[
    str | None, Parameter(alias="-c", env_var="UNMTA_CLUSTER", group=_COMMON, metavar="ID")
]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Access:
    """What every command that talks to the API knows.

    Attributes:
        quiet: Write nothing but the result, and errors.
        verbose: Write each attempt at a call, too.
        timeout: Seconds for one call, its retries included; the client's 120 if not given.
        token_file: A file with the API token; else UNMTA_API_TOKEN, else what `unmta auth login`
            has kept.
    """

    quiet: Annotated[bool, Parameter(alias="-q", group=_COMMON, negative=())] = False
    verbose: Annotated[bool, Parameter(alias="-v", group=_COMMON, negative=())] = False
    timeout: Annotated[
        float | None, Parameter(group=_COMMON, metavar="SECONDS", validator=Number(gt=0))
    ] = None
    token_file: Annotated[Path | None, Parameter(group=_COMMON, metavar="FILE")] = None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Common(Access):
    """What every command knows whose result has rows and columns.

    Attributes:
        output: How to write the result.
    """

    output: Annotated[Format, Parameter(alias="-o", group=_COMMON, metavar="FORMAT")] = "table"


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class AccessInCluster(Access):
    """What every command within a cluster knows whose result is a text of its own.

    Attributes:
        cluster: The id of the cluster; chosen by itself if there is only one.
    """

    cluster: _ClusterId = None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class InCluster(Common):
    """What every command within a cluster knows.

    Attributes:
        cluster: The id of the cluster; chosen by itself if there is only one.
    """

    cluster: _ClusterId = None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Waiting(InCluster):
    """What every command within a cluster knows that waits.

    Attributes:
        timeout: Seconds to wait.
        interval: Seconds between two looks at first; it grows while nothing changes.
    """

    timeout: Annotated[float, Parameter(metavar="SECONDS", validator=Number(gt=0))] = 3600
    interval: Annotated[float, Parameter(metavar="SECONDS", validator=Number(gt=0))] = 15


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Changing:
    """What every command that changes something knows.

    Attributes:
        dry_run: Say what would be done, and do nothing.
    """

    dry_run: Annotated[bool, Parameter(alias="-n", negative=())] = False


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Bulk:
    """What every command that does many things at once knows.

    Attributes:
        concurrency: Requests in flight at a time.
    """

    concurrency: Annotated[int, Parameter(metavar="N", validator=Number(gte=1))] = 16

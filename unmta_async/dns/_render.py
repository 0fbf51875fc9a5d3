"""DNS records written down, as text. Nothing here asks a name server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeAlias

from ..errors import UsageError
from ._octodns import to_octodns
from ._records import Record
from ._tables import to_csv, to_json
from ._terraform import to_terraform
from ._zone_file import to_bind

__all__ = ["Format", "render"]

Format: TypeAlias = Literal["bind", "octodns", "terraform", "json", "csv"]
"""What `render` can write."""

_WRITERS: Final[Mapping[str, Callable[[Iterable[Record]], str]]] = {
    "bind": to_bind,
    "octodns": to_octodns,
    "terraform": to_terraform,
    "json": to_json,
    "csv": to_csv,
}


def render(records: Iterable[Record], format: Format) -> str:  # noqa: A002 - what users type
    """Write records down for a DNS server, a DNS service or another program.

    Records of one name and type become one set, with the lowest of their TTLs and each value once;
    "json" and "csv" have them one by one. No value can become a record of its own: it is escaped,
    or refused. A and AAAA, CNAME, MX, NS, PTR and TXT records can be written.

    Formats:

    - "bind": a zone file (RFC 1035), names in full. `$INCLUDE` it in your own, or import it, a zone
      at a time, at Cloudflare, Route 53 or most other DNS services.
    - "octodns": YAML for a YamlProvider with `escaped_semicolons: true`. Save it as `<zone>.yaml`
      in its directory; several zones are several documents: split them at `---`, a comment names
      the file of each.
    - "terraform": `aws_route53_record` resources. Save all in one `.tf` file of your module, and
      set `zone_ids = { "example.com" = "Z0123…" }` in `terraform.tfvars`.
    - "json": an array of objects with the fields of `Record`. Pipe it into other programs.
    - "csv": the same as rows below a header (RFC 4180). Values stay as they are: import them into
      a spreadsheet as text, lest it take one for a formula.

    Args:
        records: What `records` returns, of any number of domains and zones.
        format: One of the above.

    Raises:
        UsageError: The format is not known, or a record cannot be written in it.
    """
    writer = _WRITERS.get(format)
    if writer is None:
        known = ", ".join(map(repr, _WRITERS))
        raise UsageError(f"render does not know the format {format!r}; it knows {known}")
    return writer(records)

"""Records as Terraform resources for Route 53, in HCL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ._records import Record
from ._sets import RecordSet, character_strings, record_sets, unwritable

__all__ = ["to_terraform"]

_VARIABLE: Final = """\
variable "zone_ids" {
  description = "The id of the Route 53 hosted zone, by the name of the zone."
  type        = map(string)
}
"""
_TEMPLATE: Final = re.compile(r"[$%](?=\{)")


def to_terraform(records: Iterable[Record]) -> str:
    """Write records as a resource per name and type, and the variable that they refer to."""
    resources = [_resource(each) for each in record_sets(records)]
    return "\n".join([_VARIABLE, *resources]) if resources else ""


def _resource(each: RecordSet) -> str:
    if each.type == "CNAME" and each.name == "@":
        raise unwritable(each, "a zone has no CNAME of its own")
    values = "".join(f"    {_quoted(_value(each.type, value))},\n" for value in each.values)
    return f"""\
resource "aws_route53_record" "{_label(each)}" {{
  zone_id = var.zone_ids[{_quoted(each.zone.removesuffix("."))}]
  name    = {_quoted(each.fqdn.removesuffix("."))}
  type    = "{each.type}"
  ttl     = {each.ttl}
  records = [
{values}  ]
}}
"""


def _label(each: RecordSet) -> str:
    """Return an identifier that no other name and type has.

    An odd number of underscores has a dot before it, for no label of a name ends with one.
    """
    name = f"{each.type.lower()}.{each.fqdn.removesuffix('.')}"
    return name.replace("_", "__").replace(".", "_").replace("*", "STAR")


def _value(kind: str, value: str) -> str:
    """Return a value as Route 53 has it, without the outer quotes, which the provider adds."""
    if kind != "TXT":
        return value
    return '" "'.join("".join(map(_escaped, string)) for string in character_strings(value))


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char in '"\\':
        return f"\\{char}"
    # Where RFC 1035 has three decimal digits, Route 53 has octal ones.
    return char if " " <= char <= "~" else f"\\{byte:03o}"


def _quoted(text: str) -> str:
    """Quote printable ASCII as HCL."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_TEMPLATE.sub(_by_its_code, plain)}"'


def _by_its_code(match: re.Match[str]) -> str:
    # The other way to escape it, "$${", is ambiguous behind another "$".
    return f"\\u{ord(match[0]):04x}"

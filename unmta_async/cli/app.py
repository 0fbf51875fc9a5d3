"""The tree of commands. A command's module is imported when it is called, or its help is shown."""

from __future__ import annotations

from typing import Any, Final

from cyclopts import App, CycloptsError, Parameter

from .._version import __version__
from .layout import Layout

__all__ = ["app"]

_EPILOGUE: Final = """\
Examples:
  $ unmta demo                      # needs no account
  $ unmta auth login                # or set UNMTA_API_TOKEN
  $ unmta domains list
  $ unmta plan clusters.yaml && unmta apply clusters.yaml --store passwords.db

Exit codes: 0 done, 1 failed in part or in whole, 2 wrong usage, 130 ended by Ctrl-C.
`unmta COMMAND --help` tells more of a command."""

# What each group is for; the commands are in the module of the same name.
_GROUPS: Final = {
    "clusters": "Clusters, and what they may send.",
    "mtas": "The servers that send a cluster's mail.",
    "domains": "Sending domains.",
    "credentials": "SMTP credentials.",
    "dns": "The DNS records that domains need.",
    "auth": "The API token.",
}
# The commands of one word, with the module that each is in.
_COMMANDS: Final = {
    "plan": ("wishes", "Show what it takes to get to what a manifest wishes."),
    "apply": ("wishes", "Do what it takes to get to what a manifest wishes."),
    "audit": ("audit", "Compare a manifest with what exists, and with the DNS."),
    "export": ("export", "Write what exists as a manifest."),
    "drift": ("drift", "Show what the API does beyond its contract."),
    "sandbox": ("sandbox", "Serve a fake unMTA."),
    "demo": ("demo", "Provision a thousand domains against a fake unMTA."),
    "completion": ("completion", "Write what a shell needs to complete commands."),
}


def _tell(error: CycloptsError) -> str:
    name = " ".join(("unmta", *(error.command_chain or ())))
    return f"error: {error}\nSee `{name} --help`."


def _default(value: Any) -> str:  # noqa: ANN401 - of any type
    """Return how a default is shown: nothing where there is none, or a flag is off."""
    return "" if value in (None, False, ()) else str(value)


app = App(
    name="unmta",
    help="Clusters, sending domains and SMTP credentials of unMTA.",
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    help_formatter=Layout(),
    version=__version__,
    default_parameter=Parameter(negative=(), show_default=_default),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    error_formatter=_tell,
)
for _name, _help in _GROUPS.items():
    app.command(f"{__package__}.{_name}:app", name=_name, help=_help)
for _name, (_module, _help) in _COMMANDS.items():
    app.command(f"{__package__}.{_module}:{_name}", name=_name, help=_help)

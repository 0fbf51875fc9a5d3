"""`unmta mtas`."""

from __future__ import annotations

from typing import Final

from cyclopts import App

from .. import to_dict
from ..models import Mta
from .options import InCluster
from .output import View, note, show
from .session import chosen_cluster, connected

_EXAMPLES: Final = """\
Examples:
  $ unmta mtas list
  $ unmta mtas list --cluster a1b2c3d4 --output csv
"""

app = App(name="mtas", help="The servers that send a cluster's mail.", help_epilogue=_EXAMPLES)

_VIEW: Final = View[Mta](
    columns={
        "id": lambda it: it.id,
        "hostname": lambda it: it.hostname,
        "ipv4": lambda it: it.primary_ipv4,
        "ipv6": lambda it: it.primary_ipv6,
        "outbound ips": lambda it: [
            address for each in it.outbound_ips for address in (each.ipv4, each.ipv6) if address
        ],
    },
    record=to_dict,
)


@app.command(name="list", help_epilogue=_EXAMPLES)
async def list_(*, common: InCluster = InCluster()) -> None:
    """List the MTAs of a cluster, and the addresses that its mail leaves from."""
    async with connected(common) as client:
        cluster = await chosen_cluster(client, common)
        mtas = await client.mtas.list(cluster)
    show(mtas, _VIEW, common.output)
    if not mtas:
        note(f"No MTAs in {cluster}.", quiet=common.quiet)

"""`unmta clusters`."""

from __future__ import annotations

from typing import Final

import attrs
from cyclopts import App

from .. import to_dict
from ..models import Cluster
from ..provisioning import MessageRate, effective_rate
from .options import Common
from .output import View, show
from .session import connected

_EXAMPLES: Final = """\
Examples:
  $ unmta clusters list
  $ unmta clusters list --output json
"""

app = App(name="clusters", help="Clusters, and what they may send.", help_epilogue=_EXAMPLES)


@attrs.frozen
class Sized:
    """A cluster, and what all its MTAs may send together."""

    cluster: Cluster
    rate: MessageRate


_VIEW: Final = View[Sized](
    columns={
        "id": lambda it: it.cluster.id,
        "hostname": lambda it: it.cluster.hostname,
        "region": lambda it: it.cluster.region,
        "status": lambda it: it.cluster.status,
        "rate": lambda it: it.rate,
    },
    record=lambda it: {**to_dict(it.cluster), "effective_rate": str(it.rate)},
)


@app.command(name="list", help_epilogue=_EXAMPLES)
async def list_(*, common: Common = Common()) -> None:
    """List the clusters that the token may see.

    The rate is what a cluster may send all in all: what one MTA may, times their number.
    """
    async with connected(common) as client:
        clusters = await client.clusters.list()
        sized = [
            Sized(each, effective_rate(each, await client.mtas.list(each.id))) for each in clusters
        ]
    show(sized, _VIEW, common.output)

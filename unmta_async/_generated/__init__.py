"""The index of the generated resources.

Generated from the contract by `make generate`: change the contract, not this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._operation import Operation
from . import clusters, credentials, domains, mtas

if TYPE_CHECKING:
    from .._transport import Transport

__all__ = ["OPERATIONS", "Resources"]


class Resources:
    """The resources of the API, one for each tag of the contract.

    Attributes:
        clusters: Clusters, the units that own MTAs, domains and credentials.
        mtas: Mail transfer agents, the servers of a cluster that deliver its mail.
        domains: Sending domains.
        credentials: SMTP credentials, each for all or some of the cluster's domains and client
            addresses.
    """

    def __init__(self, transport: Transport) -> None:
        self.clusters = clusters.Clusters(transport)
        self.mtas = mtas.Mtas(transport)
        self.domains = domains.Domains(transport)
        self.credentials = credentials.Credentials(transport)


OPERATIONS: Final[tuple[Operation[object], ...]] = (
    clusters.LIST,
    mtas.LIST,
    domains.LIST,
    domains.GET,
    domains.CREATE,
    domains.DELETE,
    credentials.LIST,
    credentials.CREATE,
    credentials.UPDATE,
    credentials.DELETE,
)

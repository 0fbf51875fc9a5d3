"""Clusters, the units that own MTAs, domains and credentials.

Generated from the contract by `make generate`: change the contract, not this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .._operation import Operation
from .models import Cluster

if TYPE_CHECKING:
    from .._transport import Transport
    from ..options import Timeout

__all__ = ["Clusters"]

LIST: Final[Operation[Sequence[Cluster]]] = Operation(
    name="clusters.list",
    method="GET",
    route="/clusters",
    returns=Sequence[Cluster],
    listed="id",
    statuses=frozenset({200, 401}),
)


class Clusters:
    """Clusters, the units that own MTAs, domains and credentials."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        *,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Sequence[Cluster]:
        """List every cluster that the token may see.

        There is no call for a single cluster; look it up in this list.

        Args:
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The visible clusters.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
        """
        return await self._transport.send(
            LIST,
            timeout=timeout,
            headers=headers,
        )

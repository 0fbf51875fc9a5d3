"""Mail transfer agents, the servers of a cluster that deliver its mail.

Generated from the contract by `make generate`: change the contract, not this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .._operation import Operation
from .models import Mta
from .parameters import CLUSTER

if TYPE_CHECKING:
    from .._transport import Transport
    from ..options import Timeout

__all__ = ["Mtas"]

LIST: Final[Operation[Sequence[Mta]]] = Operation(
    name="mtas.list",
    method="GET",
    route="/clusters/{cluster}/mtas",
    path=(CLUSTER,),
    returns=Sequence[Mta],
    listed="id",
    statuses=frozenset({200, 401, 404}),
)


class Mtas:
    """Mail transfer agents, the servers of a cluster that deliver its mail."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(
        self,
        cluster: str,
        *,
        timeout: Timeout | float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Sequence[Mta]:
        """List the MTAs of a cluster.

        Their number matters for the sending rate: a cluster's `max_message_rate` holds for each MTA
        on its own.

        Args:
            cluster: The id of the cluster.
            timeout: Seconds for the whole call, or a `Timeout`; the client's if not given.
            headers: Further headers for this call.

        Returns:
            The cluster's MTAs with their addresses.

        Raises:
            AuthenticationError: The token is missing, malformed or revoked.
            NotFoundError: There is no such resource, or the token may not see it; the answer does
                not tell which.
        """
        return await self._transport.send(
            LIST,
            path={"cluster": cluster},
            timeout=timeout,
            headers=headers,
        )

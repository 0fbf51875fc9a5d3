"""Where the token comes from: given, from the environment, or from a callable."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from .errors import UsageError
from .secret import Secret

__all__ = ["TOKEN_VARIABLE", "TokenSource", "TokenSupplier"]

TOKEN_VARIABLE: Final = "UNMTA_API_TOKEN"  # noqa: S105 - a name, no token

TokenSupplier: TypeAlias = Callable[[], Awaitable[str | Secret]]

_SENDABLE: Final = re.compile(r"[!-~]+")
_SCHEME: Final = re.compile(r"\s*bearer(\s|$)", re.IGNORECASE)


def check_token(token: object) -> Secret:
    """Return a token as a secret.

    Raises:
        UsageError: It cannot be a token. Neither message nor traceback shows it.
    """
    if not isinstance(token, str | Secret):
        raise UsageError("the token must be a string, a Secret, or an async callable giving one")
    secret = token if isinstance(token, Secret) else Secret(token)
    del token
    if _SCHEME.match(secret.reveal()):
        raise UsageError('the token has "Bearer" in front; give the token alone')
    if not _SENDABLE.fullmatch(secret.reveal()):
        raise UsageError(
            "the token is empty, or has spaces, line ends or non-ASCII characters in it; "
            "copy it again from the dashboard"
        )
    return secret


def _from_environment() -> Secret | None:
    secret = Secret(os.environ.get(TOKEN_VARIABLE, ""))
    return check_token(secret) if secret else None


class TokenSource:
    """The token of a client. A callable is asked once, and again after a confirmed 401.

    Attributes:
        current: The token, as far as it is known without asking.
    """

    def __init__(self, token: str | Secret | TokenSupplier | None) -> None:
        token = Secret(token) if isinstance(token, str) else token  # no traceback shows it
        self._supplier = token if callable(token) else None
        if token is None:
            self.current = _from_environment()
        else:
            self.current = None if callable(token) else check_token(token)
        self._asked: int = 0
        self._asking = asyncio.Lock()

    async def get(self) -> Secret:
        """Return the token.

        Raises:
            UsageError: There is none.
        """
        if self.current is None and self._supplier is None:
            self.current = _from_environment()
        if self.current is not None:
            return self.current
        if self._supplier is None:
            raise UsageError(f"there is no API token: set {TOKEN_VARIABLE}, or pass token=")
        return await self._ask(None)

    async def renew(self, refused: Secret) -> bool:
        """Ask the callable once more, if there is one; return whether its token is another."""
        return self._supplier is not None and await self._ask(refused) != refused

    async def _ask(self, refused: Secret | None) -> Secret:
        """Ask the callable, for all calls that wait here together."""
        asked = self._asked
        async with self._asking:
            if self._supplier is not None and self._asked == asked and self.current == refused:
                answer = self._supplier()
                if not inspect.isawaitable(answer):
                    raise UsageError("the callable that gives the token must be an async one")
                self.current = check_token(await answer)
                self._asked += 1
            assert self.current is not None  # noqa: S101 - set above, or by a call that was first
            return self.current

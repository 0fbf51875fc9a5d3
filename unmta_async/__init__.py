"""Typed asyncio client for the unMTA Management API.

The public names, nothing else. Each is imported when it is first used, so that pytest, which loads
the plugin of this package in every project that has it installed, does not import aiohttp for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from . import dns, models, provisioning, sandbox
    from ._convert import from_dict, to_dict
    from ._pages import Page
    from ._types import UNSET
    from ._version import __version__
    from .client import UnmtaClient
    from .errors import (
        APIError,
        AuthenticationError,
        ClientClosedError,
        ConflictError,
        ConnectError,
        ConnectionLostError,
        ConnectTimeoutError,
        NotFoundError,
        PasswordLostError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        ServerError,
        ServiceUnavailableError,
        TLSError,
        TransportError,
        UnexpectedResponseError,
        UnmtaError,
        UsageError,
        ValidationError,
    )
    from .options import Attempt, RetryPolicy, Timeout
    from .secret import Secret

__all__ = [
    "UNSET",
    "APIError",
    "Attempt",
    "AuthenticationError",
    "ClientClosedError",
    "ConflictError",
    "ConnectError",
    "ConnectTimeoutError",
    "ConnectionLostError",
    "NotFoundError",
    "Page",
    "PasswordLostError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTimeoutError",
    "RetryPolicy",
    "Secret",
    "ServerError",
    "ServiceUnavailableError",
    "TLSError",
    "Timeout",
    "TransportError",
    "UnexpectedResponseError",
    "UnmtaClient",
    "UnmtaError",
    "UsageError",
    "ValidationError",
    "__version__",
    "dns",
    "from_dict",
    "models",
    "provisioning",
    "sandbox",
    "to_dict",
]

_MODULES: Final = ("dns", "models", "provisioning", "sandbox")
_HOMES: Final = {
    "UNSET": "_types",
    "Attempt": "options",
    "Page": "_pages",
    "RetryPolicy": "options",
    "Secret": "secret",
    "Timeout": "options",
    "UnmtaClient": "client",
    "__version__": "_version",
    "from_dict": "_convert",
    "to_dict": "_convert",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    # What has no home of its own is an error.
    value: object = getattr(
        importlib.import_module(f".{_HOMES.get(name, 'errors')}", __name__), name
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

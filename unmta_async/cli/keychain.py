"""The API token in the system's keyring, where the extra `keyring` is installed."""

from __future__ import annotations

from typing import Final

from ..secret import Secret
from .failures import CommandError

__all__ = ["load", "save"]

_SERVICE: Final = "unmta"
_ACCOUNT: Final = "api-token"


def load() -> Secret | None:
    """Return the token that is kept; None if there is none, or no keyring."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        return None
    try:
        value = keyring.get_password(_SERVICE, _ACCOUNT)
    except KeyringError:
        return None
    return None if value is None else Secret(value)


def save(token: Secret) -> None:
    """Keep a token, in place of the one before.

    Raises:
        CommandError: There is no keyring that could.
    """
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        raise CommandError(
            "there is no keyring to keep it in: pip install 'unmta-async[keyring]', or set "
            "UNMTA_API_TOKEN, or use --token-file"
        ) from None
    try:
        keyring.set_password(_SERVICE, _ACCOUNT, token.reveal())
    except KeyringError as error:
        raise CommandError(
            f"the system's keyring did not take it ({type(error).__name__}): set UNMTA_API_TOKEN, "
            "or use --token-file"
        ) from None

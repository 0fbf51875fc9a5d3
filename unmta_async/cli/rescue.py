"""A password that has no other place any more, in a file that nobody else may read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..secret import Secret

__all__ = ["put_aside"]


def put_aside(password: Secret) -> str:
    """Write a password to a new file, here or where there is room; return what to do next."""
    for folder in (Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        try:
            descriptor, name = tempfile.mkstemp(".txt", "unmta-password-", folder)
        except OSError:
            continue
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{password.reveal()}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            Path(name).unlink(missing_ok=True)
            continue
        return f"Its password is in {name}: put it in a safe place, now."
    return "Its password could be written nowhere, and is lost: delete the credential."

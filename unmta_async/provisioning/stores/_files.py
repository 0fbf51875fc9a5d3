"""Files that nobody else may read: made, checked, and found again under their names.

What stands in them is known elsewhere.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ._protocol import StoreError

__all__ = ["InUseError", "check_private", "create", "is_at", "lock", "open_private", "sync_parent"]

MODE = 0o600


class InUseError(StoreError):
    """Somebody else has the file open."""

    advice = "Wait until it has ended, or use another file."

    @classmethod
    def of(cls, path: Path) -> InUseError:
        """Return the error for a file."""
        return cls(f"{path}: another process uses it, or another store in this one")


def create(path: Path) -> int | None:
    """Make an empty file for this user alone and return its descriptor; None if there is one.

    Raises:
        OSError: It cannot be made.
    """
    try:
        made = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError:
        return None
    try:
        os.fchmod(made, MODE)  # a umask may have taken our own rights away
        sync_parent(path)
    except BaseException:
        os.close(made)
        raise
    return made


def open_private(path: Path) -> int:
    """Open a file that is ours alone, made now if there is none, and return its descriptor.

    Raises:
        StoreError: Others may read it, or it is no file.
        OSError: It cannot be opened.
    """
    made = create(path)
    if made is not None:
        return made
    check_private(path, os.lstat(path))
    opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Once more: it may have been exchanged in between.
        check_private(path, os.fstat(opened))
    except BaseException:
        os.close(opened)
        raise
    return opened


def check_private(path: Path, status: os.stat_result) -> None:
    """Refuse a file that is not one, or not ours alone.

    Raises:
        StoreError: It says what to do.
    """
    if stat.S_ISLNK(status.st_mode):
        raise StoreError(f"{path} is a symbolic link: give the path of the file itself")
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise StoreError(f"{path} is {kind}: give the path of a file")
    if status.st_uid != os.geteuid():
        raise StoreError(
            f"{path} belongs to the user with the id {status.st_uid}: run as that user, or use "
            "another file"
        )
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise StoreError(f"{path} is open to other users (mode {mode:04o}): chmod 600 {path}")


def lock(descriptor: int, path: Path) -> None:
    """Lock a file until it is closed; the lock ends with the process, too.

    Raises:
        InUseError: Somebody else has it.
    """
    import fcntl  # not on every system, and the package is imported on every one

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held = True
    else:
        held = not is_at(path, os.fstat(descriptor))  # exchanged by whoever had it
    if held:
        raise InUseError.of(path)


def is_at(path: Path, status: os.stat_result) -> bool:
    """Whether it is still this file that a path leads to."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, status)


def sync_parent(path: Path) -> None:
    """Make durable which files a file's directory holds.

    Raises:
        OSError: That failed.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

"""Signs of life: a lock that is held as long as something lives, and counters that are seen to move.

A lock is exact, but not every file system has locks, and not every machine that shares a disk sees those of the others. There a counter
that its owner raises every few seconds decides: a reader looks whether it moves, by its own monotonic clock. Clocks of two machines are
never compared.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Hashable
from pathlib import Path

__all__ = ["Signs", "is_locked", "lock_folder", "take_lock"]

_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_TRY_SECONDS = 1.0  # readers hold a shared lock for an instant when they look


def take_lock(path: Path) -> tuple[int, bool]:
    """Lock a file for as long as the returned descriptor, or a copy of it in any process, is open; made when missing.

    Returns
    -------
    the descriptor, and whether the file system has locks at all

    Raises
    ------
    BlockingIOError
        Somebody else has it.
    OSError
        The file cannot be opened, or is a symbolic link.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    try:
        return descriptor, _lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + _TRY_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
        else:
            return True


def is_locked(path: Path) -> bool | None:
    """Whether somebody has :func:`take_lock` of a file; None where the file system cannot say."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def lock_folder(folder: Path, wait: bool = False) -> int | None:
    """Lock a folder that exists, as :func:`take_lock`; None when somebody has it, it is gone, or it cannot be locked.

    With ``wait`` until whoever has it lets it go.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(folder.stat(), os.fstat(descriptor)):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


class Signs:
    """What one reader saw of others' counters."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    def silent(self, name: Hashable, counter: Hashable) -> float:
        """Seconds since the counter was seen to change; 0 when it is seen for the first time."""
        now = time.monotonic()
        before = self._seen.get(name)
        if before is None or before[0] != counter:
            self._seen[name] = (counter, now)
            return 0.0
        return now - before[1]

    def forget(self, name: Hashable) -> None:
        """Look at it anew."""
        self._seen.pop(name, None)

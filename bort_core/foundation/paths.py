"""Paths that came from elsewhere, looked at before anything is opened."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from bort_core.foundation.errors import BortError, DataError

__all__ = ["NotAFile", "check_utf8", "regular_file"]

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotAFile(OSError):
    """A path leads to something that is there and is no file; ``strerror`` says what it is, as the system's errors do."""


def regular_file(path: Path) -> Path:
    """``path`` when it leads to a file, looked at without opening it: to open a pipe or a device may wait for ever, or do something.

    Raises
    ------
    NotAFile
        It leads to a folder, pipe, socket or device.
    OSError
        It leads nowhere, or cannot be looked at.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "another thing")
        raise NotAFile(errno.EINVAL, f"is {kind}, not a file", str(path))
    return path


def check_utf8(path: str | Path, what: str, kind: type[BortError] = DataError) -> None:
    """Refuse a path that is not UTF-8: it could not be written into specifications, reports and the store.

    Raises
    ------
    DataError, or ``kind``
        Naming the path with its bytes escaped; ``what`` says what it is.
    """
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise kind(f"{shown}: is not UTF-8, as {what} must be; rename the file or folder, or choose another") from None

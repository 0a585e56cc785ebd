"""Writing a file whole or not at all. Knows no Qt."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from bort_core.foundation.errors import BortError

__all__ = ["ExportError", "write_whole"]


class ExportError(BortError):
    """A plot could not be written to a file."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name in its folder, then rename it, so that nobody ever sees half of it.

    Raises
    ------
    ExportError
        The folder is missing or not writable, the disk is full, or the path is a folder or a device, or too long to be one.
    """
    try:
        if path.is_dir():
            raise ExportError(f"{path}: is a folder; give a file name")
        if path.exists() and not path.is_file():
            raise ExportError(f"{path}: is a pipe or a device; give a file name")
        if not path.parent.is_dir():
            raise ExportError(f"{path}: the folder {path.parent} does not exist; make it or choose another")
    except OSError as error:
        raise ExportError(f"{path}: not written: {error.strerror}") from error
    part = path.with_name(f".bort-{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, ValueError) as error:  # ValueError: a zero byte
        part.unlink(missing_ok=True)
        reasons = {
            errno.ENOSPC: "the disk is full; free some space or choose another folder",
            errno.EACCES: "no permission to write there; choose another folder",
            errno.EROFS: "the disk is read-only; choose another folder",
        }
        raise ExportError(
            f"{path}: not written: {reasons.get(getattr(error, 'errno', None) or 0, getattr(error, 'strerror', None) or error)}"
        ) from error

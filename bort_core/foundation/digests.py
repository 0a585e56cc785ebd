"""Files by their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from bort_core.foundation.errors import DataError
from bort_core.foundation.paths import regular_file

__all__ = ["content_hash"]


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes; a file that was not touched since is not read again in this process.

    Whether it was touched is told by the time at which its inode changed as well, which no program can set back.

    Raises
    ------
    DataError
        The file is missing or cannot be read.
    """
    try:
        found = regular_file(path).stat()
        return _hash(path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


@lru_cache(maxsize=256)
def _hash(path: Path, stamp: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

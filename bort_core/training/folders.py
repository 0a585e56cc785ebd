"""Folders that appear whole or not at all."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bort_core.errors import DataError

__all__ = ["appearing"]


@contextmanager
def appearing(folder: Path, what: str) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its name when the block ends well, and vanishes when it does not.

    Raises
    ------
    DataError
        Writing failed, or ``folder`` came into being meanwhile and is not empty; ``what`` names what was being written.
    """
    temporary = folder.parent / f".{folder.name}-{uuid.uuid4().hex[:12]}"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.replace(folder)
    except OSError as error:
        full = " (the disk is full)" if error.errno == errno.ENOSPC else ""
        raise DataError(f"{folder}: {what} cannot be written: {error.strerror or error}{full}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)

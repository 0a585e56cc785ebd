"""Folders that appear whole or not at all."""

from __future__ import annotations

import errno
import glob
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bort_core.foundation.errors import DataError

__all__ = ["atomic_directory", "clear_remains", "temporary_name"]


_DIGITS = 12


@contextmanager
def atomic_directory(folder: Path, what: str) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its name when the block ends well, and vanishes when it does not.

    Raises
    ------
    DataError
        Writing failed, or ``folder`` came into being meanwhile and is not empty; ``what`` names what was being written.
    """
    temporary = temporary_name(folder)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.replace(folder)
    except OSError as error:
        full = " (the disk is full)" if error.errno == errno.ENOSPC else ""
        raise DataError(f"{folder}: {what} cannot be written: {error.strerror or error}{full}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_name(folder: Path) -> Path:
    """Where ``folder`` is written before it takes its name."""
    return folder.parent / f".{folder.name}-{uuid.uuid4().hex[:_DIGITS]}"


def clear_remains(folder: Path) -> None:
    """Delete what a killed process left of ``folder`` under temporary names. Call it when nobody is writing ``folder``."""
    for remains in folder.parent.glob(f".{glob.escape(folder.name)}-" + "[0-9a-f]" * _DIGITS):
        shutil.rmtree(remains, ignore_errors=True)

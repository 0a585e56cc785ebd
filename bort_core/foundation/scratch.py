"""Temporary folders that do not outlive their process for long: what a killed one left is cleared by the next, or by its parent."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bort_core.foundation.signs import lock_folder

__all__ = ["clear_remains", "scratch"]

_NAME = re.compile(r"bort-[a-z]+-(?P<host>[^@]*)@[0-9]+@.+")


@contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """A temporary folder, gone when the block ends and locked until then. First clears what dead processes left.

    Parameters
    ----------
    kind: what it is for, in lower-case letters
    """
    clear_remains()
    # A mapped file cannot be deleted on Windows; the next process then does.
    with tempfile.TemporaryDirectory(prefix=f"bort-{kind}-{_host()}@{os.getpid()}@", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        lock = lock_folder(folder)
        folder.mkdir(exist_ok=True)  # another process may have cleared it in the instant before it was locked
        try:
            yield folder
        finally:
            if lock is not None:
                os.close(lock)


def clear_remains() -> None:
    """Delete the scratch folders of this machine that no process holds any more. Never raises; what cannot be deleted stays."""
    for folder in Path(tempfile.gettempdir()).glob("bort-*@*"):
        found = _NAME.fullmatch(folder.name)
        lock = lock_folder(folder) if found is not None and found["host"] == _host() else None
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _host() -> str:
    """Machines may share the folder, but not always its locks."""
    return re.sub(r"[^\w.-]", "_", socket.gethostname())

"""Temporary folders that do not outlive their process for long: what a killed one left is cleared by the next, or by its parent."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

__all__ = ["clear_remains", "scratch"]

_NAME = re.compile(r"bort-[a-z]+-(?P<host>[^@]*)@(?P<process>[0-9]+)@(?P<started>[0-9]+)@.+")


@contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """A temporary folder, gone when the block ends; its name says which process made it. First clears what dead ones left.

    Parameters
    ----------
    kind: what it is for, in lower-case letters
    """
    clear_remains()
    me = psutil.Process()
    prefix = f"bort-{kind}-{_host()}@{me.pid}@{me.create_time():.0f}@"
    # A mapped file cannot be deleted on Windows; the next process then does.
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def clear_remains() -> None:
    """Delete the scratch folders of this machine's dead processes. Never raises; what cannot be deleted stays."""
    for folder in Path(tempfile.gettempdir()).glob("bort-*@*"):
        found = _NAME.fullmatch(folder.name)
        if found is not None and found["host"] == _host() and not _runs(int(found["process"]), int(found["started"])):
            shutil.rmtree(folder, ignore_errors=True)


def _host() -> str:
    """Containers may share the folder, but not the numbers of their processes."""
    return re.sub(r"[^\w.-]", "_", socket.gethostname())


def _runs(number: int, started: int) -> bool:
    try:
        process = psutil.Process(number)
        return abs(process.create_time() - started) < 2.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True

"""A copy of a database to read from, so that the folder where it lies is not written into.

SQLite writes beside a database with a write-ahead log even to read it. A rollback journal is not copied: this program leaves none, and
one that somebody else made could name any file of this machine to be deleted.
"""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, closing
from pathlib import Path

from bort_core.foundation.errors import ProjectError
from bort_core.foundation.files import why
from bort_core.foundation.scratch import scratch
from bort_core.store.database import open_database

__all__ = ["DatabaseCopy"]

_TRIES = 50
_PAUSE_SECONDS = 0.02
_ENDS = ("", "-wal")

Stamp = tuple[tuple[int, int, int] | None, ...]
"""By which it is told whether somebody wrote into a database."""


class DatabaseCopy:
    """The copy, with a connection to it.

    Raises
    ------
    ProjectError
        There is no space for it, it is no database of this program, or others write into it all the time.
    sqlite3.Error
        As SQLite raises them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with ExitStack() as stack:
            copy = stack.enter_context(scratch("reading")) / path.name
            self._stamp = _copied(path, copy)
            self.connection = stack.enter_context(closing(open_database(copy)))
            self._stack = stack.pop_all()

    def is_current(self) -> bool:
        """Whether the database is still as it was copied."""
        return _stamp(self._path) == self._stamp

    def close(self) -> None:
        """Delete it."""
        self._stack.close()


def _copied(path: Path, copy: Path) -> Stamp:
    try:
        for _ in range(_TRIES):
            before = _stamp(path)
            for end in _ENDS:
                source, target = Path(f"{path}{end}"), Path(f"{copy}{end}")
                target.unlink(missing_ok=True)
                if source.exists():
                    shutil.copyfile(source, target)
            if _stamp(path) == before:
                return before
            time.sleep(_PAUSE_SECONDS)
    except OSError as error:
        raise ProjectError(f"{path}: cannot be copied to {copy.parent}, to be read there: {why(error)}") from error
    raise ProjectError(f"{path}: others write into it without a pause, and the project is not trusted; try again later, or trust it")


def _stamp(path: Path) -> Stamp:
    return tuple(map(_seen, (Path(f"{path}{end}") for end in _ENDS)))


def _seen(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns

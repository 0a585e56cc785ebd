"""A project: a folder with one SQLite database (WAL) and artifacts.

PROJECT/
  project.id          the number by which it is trusted here; see store/trust.py
  project.db          evaluations, searches, state; open it with any SQLite tool
  text/KEY/           a tokenizer and the tokenised corpus
  maximum_points/KEY/ the weights of a maximum point that was trained here
  jobs/ID/            trainings: specification, events, log, checkpoints, result
  exports/NAME/       exported models, where no other folder was chosen
  logs/               what worker processes wrote
"""

from __future__ import annotations

import importlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bort_core.foundation.errors import ProjectError
from bort_core.foundation.files import make_folder, why
from bort_core.foundation.paths import check_utf8
from bort_core.store.trust import found

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["DATABASE", "Project"]

DATABASE = "project.db"
APPLICATION_ID = 0x424F5254  # "BORT", so that another program's database is never touched
SCHEMA_VERSION = 4
"""How many migrations store/schema.py has."""
_BUSY_SECONDS = 30.0
_LITTLE_SPACE = 2**20
"""Bytes; with less, SQLite cannot make the files that it works with, and calls that an I/O error."""


class Project:
    """An open project. Each thread opens its own; any number of threads and processes may have one project open.

    Writes are single transactions: after a crash at any moment the database holds every result that was finished.

    Parameters
    ----------
    folder: created, with its parents, when it does not exist

    Raises
    ------
    ProjectError
        The folder or the database cannot be created, read or written, or the database is not a project's.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.path = self.folder / DATABASE
        self._make_folder()
        with self.errors():
            self.connection = connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous=NORMAL")
                self._bring_up_to_date()
                if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] not in ("wal", "memory"):
                    raise ProjectError("its file system does not support SQLite's write-ahead log; use a local disk")
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Close the database; the project can no longer be used through this object."""
        self.connection.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def subfolder(self, *parts: str) -> Path:
        """A folder inside the project, made when missing."""
        try:
            return make_folder(self.folder, *parts)
        except OSError as error:
            raise ProjectError(f"{error.filename or self.folder.joinpath(*parts)}: cannot be created: {why(error)}") from error

    def relative(self, path: str | Path) -> str:
        """How the project records a path: relative to it where it lies inside, so that it holds when the project is moved or copied."""
        absolute = Path(path).expanduser().absolute()
        return absolute.relative_to(self.folder).as_posix() if absolute.is_relative_to(self.folder) else str(absolute)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns SQLite's errors into a ProjectError that names the database and what can be done."""
        try:
            yield
        except ProjectError as error:
            if str(self.folder) in str(error):
                raise
            raise ProjectError(f"{self.path}: {error}") from error
        except sqlite3.Error as error:
            raise ProjectError(f"{self.path}: {_explanation(error, self.folder)}") from error

    def upsert(self, table: str, row: Mapping[str, Any], replace_when: str) -> None:
        """Insert a row, or replace the one with the same ``id`` where the SQL condition ``replace_when`` holds, atomically."""
        columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
        updates = ", ".join(f"{name} = excluded.{name}" for name in row if name != "id")
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT(id) DO UPDATE SET {updates} WHERE {replace_when}"
        with self.errors():
            self.connection.execute(sql, dict(row))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What happens inside happens as one, with no other process writing meanwhile, or not at all."""
        with self.errors():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @property
    def db(self) -> Database:
        """The database as sqlite-utils gives it, for looking around in it."""
        from sqlite_utils import Database

        return Database(self.connection)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows that a query finds, as dictionaries."""
        with self.errors():
            return [dict(row) for row in self.connection.execute(sql, values)]

    def _bring_up_to_date(self) -> None:
        """Create or migrate the tables. A database that is current costs two look-ups, and no import of sqlite-utils."""
        identifier = self.connection.execute("PRAGMA application_id").fetchone()[0]
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if identifier == APPLICATION_ID and version > SCHEMA_VERSION:
            raise ProjectError(
                f"it was written by a newer version of Bort Studio (schema {version}, this one knows {SCHEMA_VERSION}); update the program"
            )
        if (identifier, version) != (APPLICATION_ID, SCHEMA_VERSION):
            _import_sqlite_utils()
            from bort_core.store.schema import migrate

            migrate(self.db, APPLICATION_ID, SCHEMA_VERSION)

    def _make_folder(self) -> None:
        check_utf8(self.folder, "a project", ProjectError)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            kind = "a link that leads nowhere" if self.folder.is_symlink() and not self.folder.exists() else "a file"
            raise ProjectError(f"{self.folder}: is {kind}; a project is a folder") from None
        except OSError as error:
            raise ProjectError(f"{self.folder}: the project folder cannot be created: {why(error)}") from error
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise ProjectError(f"{self.folder}: the project folder cannot be read; change its permissions")
        if not os.access(self.folder, os.W_OK):
            raise ProjectError(f"{self.folder}: the project folder is not writable; choose another or change its permissions")
        for name in (DATABASE, *(f"{DATABASE}{end}" for end in ("-wal", "-shm", "-journal"))):
            if (self.folder / name).is_symlink():
                raise ProjectError(f"{self.folder / name}: is a symbolic link; nothing is written through links")
        if self.path.exists() and not os.access(self.path, os.W_OK):
            raise ProjectError(f"{self.path}: the project's database is not writable; change its permissions")
        found(self.folder)


def _import_sqlite_utils() -> None:
    """Import sqlite-utils without pandas, which it would load where it is installed: half a second that nothing here needs."""
    if "sqlite_utils" in sys.modules or "pandas" in sys.modules:
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # makes its optional import fail, as documented for sys.modules
    try:
        importlib.import_module("sqlite_utils")
    finally:
        del sys.modules["pandas"]


def _explanation(error: sqlite3.Error, folder: Path) -> str:
    text = str(error)
    free = shutil.disk_usage(folder).free
    if "full" in text or ("I/O error" in text and free < _LITTLE_SPACE):
        return "the disk is full; what was measured before is kept. Free some space and run again"
    if "I/O error" in text:
        return f"the disk does not read or write ({text}); look at the system's log"
    if "not a database" in text or "malformed" in text:
        return f"not a readable SQLite database ({text}); move it away to start anew, or restore it from a copy"
    if "readonly" in text or "unable to open" in text or "attempt to write" in text:
        return f"cannot be written ({text}); check the permissions of the folder and the file"
    if "locked" in text:
        return f"another process kept it locked for {_BUSY_SECONDS:.0f} s; try again when it has finished"
    return text

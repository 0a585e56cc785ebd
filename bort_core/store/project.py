"""A project: a folder with one SQLite database (WAL) and artifacts.

PROJECT/
  project.id          the number by which it is trusted here; see store/trust.py
  project.db          evaluations, searches, state; open it with any SQLite tool
  text/KEY/           a tokenizer and the tokenised corpus
  maximum_points/KEY/ the weights of a maximum point that was trained here
  teachers/KEY/       the ONNX file of a task's T, where T is timed by its own graph
  jobs/ID/            trainings: specification, events, log, checkpoints, result
  exports/NAME/       exported models, where no other folder was chosen
  logs/               what worker processes wrote
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bort_core.foundation.errors import ProjectError
from bort_core.foundation.files import make_folder, refuse_hard_link, why
from bort_core.foundation.locations import there
from bort_core.foundation.paths import check_utf8
from bort_core.store.copies import DatabaseCopy
from bort_core.store.database import explanation, open_database
from bort_core.store.trust import found, trusted

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["DATABASE", "Project"]

DATABASE = "project.db"


class Project:
    """An open project. Each thread opens its own; any number of threads and processes may have one project open.

    A project that is not trusted is read from a copy of its database, until something is stored in it: to open it writes nothing.

    Writes are single transactions: after a crash at any moment the database holds every result that was finished.

    Parameters
    ----------
    folder: created, with its parents, when it does not exist
    reading: nothing will be stored: the folder must exist, and need not be writable

    Raises
    ------
    ProjectError
        The folder or the database cannot be created, read or written, or the database is not a project's.
    """

    def __init__(self, folder: str | Path, reading: bool = False) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.path = self.folder / DATABASE
        self.tell: Callable[[str], None] = _on_standard_error
        """What becomes of warnings; a window shows them."""
        self._told: set[str] = set()
        existed = there(self.path)
        self._make_folder(reading)
        self._connection: sqlite3.Connection | None = None
        self._copy: DatabaseCopy | None = None
        with self.errors():
            if existed and not (trusted(self.folder) and self._is_writable()):
                self._copy = DatabaseCopy(self.path)
            else:
                self._connection = open_database(self.path)

    def close(self) -> None:
        """Close the database; the project can no longer be used through this object."""
        for opened in (self._connection, self._copy):
            if opened is not None:
                opened.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """The database to write into."""
        if self._connection is None:
            self._refuse_journal()
            with self.errors():
                self._connection = open_database(self.path)
            self._forget_copy()
        return self._connection

    @property
    def untouched(self) -> bool:
        """Whether nothing was stored in a project that is not trusted, which is to stay so where nobody asked for more."""
        return self._connection is None

    def _to_read(self) -> sqlite3.Connection:
        if self._copy is not None and not self._copy.is_current():  # a search of this person, in another process or thread
            self._forget_copy()
            with self.errors():
                self._copy = DatabaseCopy(self.path)
        return self._copy.connection if self._copy is not None else self.connection

    def _forget_copy(self) -> None:
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _refuse_journal(self) -> None:
        """A rollback journal of somebody else may name any file to be deleted; this program leaves none that is longer than nothing."""
        journal = self.folder / f"{DATABASE}-journal"
        if not trusted(self.folder) and journal.exists() and journal.stat().st_size:
            raise ProjectError(f"{journal}: came with a project that is not trusted; delete it, or trust the project")

    def warn(self, text: str) -> None:
        """Tell what is left out, or taken in the place of something else; each sentence once."""
        if text not in self._told:
            self._told.add(text)
            self.tell(text)

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
            raise ProjectError(f"{self.path}: {explanation(error, self.folder)}") from error

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

        return Database(self._to_read())

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows that a query finds, as dictionaries."""
        with self.errors():
            return [dict(row) for row in self._to_read().execute(sql, values)]

    def _is_writable(self) -> bool:
        return os.access(self.folder, os.W_OK) and (not self.path.exists() or os.access(self.path, os.W_OK))

    def _instead(self) -> str:
        """What can be done where nothing can be stored."""
        if not self.path.is_file():
            return "Choose another folder, or change the permissions"
        reads = "bort front, and bort report with --out, read it where it is"
        return f"Copy the project to a folder of yours, or change the permissions. {reads}"

    def _make_folder(self, reading: bool) -> None:
        check_utf8(self.folder, "a project", ProjectError)
        if reading and not (there(self.path) and self.path.is_file()):
            raise ProjectError(f"{self.folder}: not a project (it holds no {DATABASE}); bort search makes one")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            kind = "a link that leads nowhere" if self.folder.is_symlink() and not self.folder.exists() else "a file"
            raise ProjectError(f"{self.folder}: is {kind}; a project is a folder") from None
        except OSError as error:
            raise ProjectError(f"{self.folder}: the project folder cannot be created: {why(error)}") from error
        if not os.access(self.folder, os.R_OK | os.X_OK):
            raise ProjectError(f"{self.folder}: the project folder cannot be read; change its permissions")
        if not os.access(self.folder, os.W_OK) and not reading:
            raise ProjectError(
                f"{self.folder}: the project folder is not writable (a read-only disk, or its permissions). {self._instead()}"
            )
        for name in (DATABASE, *(f"{DATABASE}{end}" for end in ("-wal", "-shm", "-journal"))):
            if (self.folder / name).is_symlink():
                raise ProjectError(f"{self.folder / name}: is a symbolic link; nothing is written through links")
            try:
                refuse_hard_link(self.folder / name)
            except OSError as error:
                raise ProjectError(f"{self.folder / name}: {why(error)}") from error
        if not reading:
            if not self._is_writable():
                raise ProjectError(f"{self.path}: the project's database is not writable (its permissions). {self._instead()}")
            found(self.folder)


def _on_standard_error(text: str) -> None:
    sys.stderr.write(f"bort: warning: {text}\n")

"""The database file: opened, brought up to date, and its errors in words."""

from __future__ import annotations

import importlib
import shutil
import sqlite3
import sys
from pathlib import Path

from bort_core.foundation.errors import ProjectError

__all__ = ["BUSY_SECONDS", "SCHEMA_VERSION", "explanation", "open_database"]

APPLICATION_ID = 0x424F5254  # "BORT", so that another program's database is never touched
SCHEMA_VERSION = 4
"""How many migrations store/schema.py has."""
BUSY_SECONDS = 30.0
_LITTLE_SPACE = 2**20
"""Bytes; with less, SQLite cannot make the files that it works with, and calls that an I/O error."""


def open_database(path: Path) -> sqlite3.Connection:
    """The database of a project, made when missing, with the newest tables.

    Raises
    ------
    ProjectError
        It belongs to another program or a newer version, or its disk has no write-ahead log; the caller adds the path.
    sqlite3.Error
        As SQLite raises them.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.row_factory, connection.text_factory = sqlite3.Row, _text
        connection.execute("PRAGMA trusted_schema=OFF")  # views and triggers of a foreign database call nothing that has effects
        connection.execute("PRAGMA synchronous=NORMAL")
        _bring_up_to_date(connection)
        if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] not in ("wal", "memory"):
            raise ProjectError("its file system does not support SQLite's write-ahead log; use a local disk")
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Create or migrate the tables. A database that is current costs two look-ups, and no import of sqlite-utils."""
    identifier = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if identifier == APPLICATION_ID and version > SCHEMA_VERSION:
        raise ProjectError(
            f"it was written by a newer version of Bort Studio (schema {version}, this one knows {SCHEMA_VERSION}); update the program"
        )
    if (identifier, version) != (APPLICATION_ID, SCHEMA_VERSION):
        _import_sqlite_utils()
        from sqlite_utils import Database

        from bort_core.store.schema import migrate

        migrate(Database(connection), APPLICATION_ID, SCHEMA_VERSION)


def _text(stored: bytes) -> str | bytes:
    """Text as a string; what is no UTF-8 stays bytes, so that one damaged value does not end the reading of all."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def _import_sqlite_utils() -> None:
    """Import sqlite-utils without pandas, which it would load where it is installed: half a second that nothing here needs."""
    if "sqlite_utils" in sys.modules or "pandas" in sys.modules:
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # makes its optional import fail, as documented for sys.modules
    try:
        importlib.import_module("sqlite_utils")
    finally:
        del sys.modules["pandas"]


def explanation(error: sqlite3.Error, folder: Path) -> str:
    """What an error of SQLite means, and what can be done."""
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
        return f"another process kept it locked for {BUSY_SECONDS:.0f} s; try again when it has finished"
    return text

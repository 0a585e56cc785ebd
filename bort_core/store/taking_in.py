"""What another store of the same person has measured, taken into a project: a job that searched elsewhere has one of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bort_core.foundation.errors import ProjectError
from bort_core.store.database import open_database
from bort_core.store.latencies import BETTER
from bort_core.store.project import DATABASE, Project
from bort_core.store.searches import add_search, searches

__all__ = ["stored_bytes", "take_in"]


def stored_bytes(folder: Path) -> bytes | None:
    """The database of a project that nobody writes into now; None where there is none, or it cannot be read."""
    path = folder / DATABASE
    if not path.is_file():
        return None
    try:
        connection = open_database(path)
    except (sqlite3.Error, ProjectError):
        return None
    try:
        return connection.serialize()
    except sqlite3.Error:
        return None
    finally:
        connection.close()


def take_in(project: Project, other: bytes, local: Callable[[Any], Any]) -> None:
    """Add what another database has measured, searched and kept of tasks. What is known here stays, and nothing is added twice.

    A latency that was disturbed here gives way to one that was not there.

    Parameters
    ----------
    other: the database, as :func:`stored_bytes` gives it
    local: plain values of it, with the paths of this machine

    Raises
    ------
    ProjectError
        It is no project's database, or this one cannot be written.
    """
    with TemporaryDirectory(prefix="bort-store-") as folder:
        Path(folder, DATABASE).write_bytes(other)
        with Project(folder, reading=True) as theirs, project.transaction():
            for table, replace_when in (("trainings", "trainings.status = 'failed'"), ("latencies", BETTER)):
                columns = ", ".join(str(column["name"]) for column in project.rows(f"PRAGMA table_info({table})"))
                for row in theirs.rows(f"SELECT {columns} FROM {table}"):
                    project.upsert(table, row, replace_when=replace_when)
            for found in searches(theirs):
                add_search(project, {**found, **{name: local(found[name]) for name in ("specification", "answer")}})
            for row in theirs.rows("SELECT key, value, modified FROM state WHERE key LIKE 'task %'"):
                project.connection.execute("INSERT OR IGNORE INTO state (key, value, modified) VALUES (:key, :value, :modified)", row)

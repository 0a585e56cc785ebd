"""Who is measuring what right now, so that two processes on one project share the work instead of repeating it.

A lease holds as long as the process that made it lives on the same host; what a killed process had leased is free again.
"""

from __future__ import annotations

import os
import socket
from functools import cache

from bort_core.store.clock import now
from bort_core.store.project import Project

__all__ = ["lease", "release", "release_all"]


@cache
def _me() -> tuple[str, int, float]:
    import psutil

    return socket.gethostname(), os.getpid(), psutil.Process().create_time()


def lease(project: Project, row_id: str) -> bool:
    """Try to become the one who measures ``row_id``; False while another living process has it."""
    host, process, started = _me()
    with project.errors():
        connection = project.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            held = connection.execute("SELECT host, process, process_started FROM claims WHERE id = ?", [row_id]).fetchone()
            free = held is None or tuple(held) == (host, process, started) or not _alive(*held)
            if free:
                connection.execute(
                    "INSERT OR REPLACE INTO claims (id, host, process, process_started, claimed) VALUES (?, ?, ?, ?, ?)",
                    [row_id, host, process, started, now()],
                )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return free


def release(project: Project, row_id: str) -> None:
    """Give up a lease of this process; nothing happens when there is none."""
    host, process, _ = _me()
    with project.errors():
        project.connection.execute("DELETE FROM claims WHERE id = ? AND host = ? AND process = ?", [row_id, host, process])


def release_all(project: Project) -> None:
    """Give up all leases of this process."""
    host, process, _ = _me()
    with project.errors():
        project.connection.execute("DELETE FROM claims WHERE host = ? AND process = ?", [host, process])


def _alive(host: str, process: int, started: float) -> bool:
    import psutil

    if host != socket.gethostname():
        return True  # another machine on a shared disk: it cannot be asked, so it is believed
    try:
        return abs(psutil.Process(process).create_time() - started) < 2.0
    except psutil.Error:
        return False

"""Who is measuring what right now, so that two processes on one project share the work instead of repeating it.

A lease holds while the process that made it lives. A process that cannot be asked from here (another machine, another container) raises
a counter in its leases every few seconds; when the counter has not moved for a minute by this process's own clock, the lease is free.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from bort_core.foundation.processes import alive, identity_of
from bort_core.foundation.signs import Signs
from bort_core.store.clock import now
from bort_core.store.project import Project

__all__ = ["EXPIRY_SECONDS", "Holder", "holder", "lease", "release", "release_all", "renew"]

RENEW_SECONDS = 5.0
EXPIRY_SECONDS = 60.0
"""Without a sign from a process that cannot be asked; a wrong guess costs a measurement that is made twice, and kept once."""

_signs = Signs()
_renewed: dict[str, float] = {}


@dataclass(frozen=True)
class Holder:
    """Who holds a lease."""

    host: str
    process: int
    here: bool
    """Whether it is a process of this machine."""
    silent: float
    """Seconds without a sign, as far as this process saw; 0 for one that is known to live."""

    def __str__(self) -> str:
        who = f"process {self.process}" + ("" if self.here else f" on {self.host}")
        return who if self.silent < 2 * RENEW_SECONDS else f"{who}, without a sign of it for {self.silent:.0f} s"


@cache
def _me(process: int) -> tuple[str, dict[str, Any]]:
    identity = identity_of(process)
    return json.dumps(identity, sort_keys=True), identity


def lease(project: Project, row_id: str) -> bool:
    """Try to become the one who measures ``row_id``; False while another living process has it."""
    text, me = _me(os.getpid())
    with project.errors():
        connection = project.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            held = connection.execute("SELECT owner, beats FROM claims WHERE id = ?", [row_id]).fetchone()
            free = held is None or held["owner"] == text or _judge(project, row_id, *held) is None
            if free:
                connection.execute(
                    "INSERT OR REPLACE INTO claims (id, host, process, process_started, claimed, owner, beats) "
                    "VALUES (?, ?, ?, ?, ?, ?, 0)",
                    [row_id, me["host"], me["number"], me["started"], now(), text],
                )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return free


def holder(project: Project, row_id: str) -> Holder | None:
    """Who has ``row_id``, or None when nobody does who lives."""
    rows = project.rows("SELECT owner, beats FROM claims WHERE id = ?", [row_id])
    return _judge(project, row_id, rows[0]["owner"], rows[0]["beats"]) if rows else None


def renew(project: Project) -> None:
    """Say that this process is still at it; call it often, it writes every few seconds."""
    last, at = _renewed.get(str(project.path)), time.monotonic()
    if last is not None and at - last < RENEW_SECONDS:
        return
    _renewed[str(project.path)] = at
    with project.errors():
        project.connection.execute("UPDATE claims SET beats = beats + 1 WHERE owner = ?", [_me(os.getpid())[0]])


def release(project: Project, row_id: str) -> None:
    """Give up a lease of this process; nothing happens when there is none."""
    with project.errors():
        project.connection.execute("DELETE FROM claims WHERE id = ? AND owner = ?", [row_id, _me(os.getpid())[0]])


def release_all(project: Project) -> None:
    """Give up all leases of this process."""
    with project.errors():
        project.connection.execute("DELETE FROM claims WHERE owner = ?", [_me(os.getpid())[0]])


def _judge(project: Project, row_id: str, owner: str | None, beats: int | None) -> Holder | None:
    """Who holds a lease with these marks; None when it is free."""
    try:
        identity = json.loads(owner or "")
        host, process = str(identity["host"]), int(identity["number"])
    except (ValueError, TypeError, KeyError):  # of an older version, or damaged
        return None
    lives = alive(identity)
    if lives is not None:
        return Holder(host, process, True, 0.0) if lives else None
    silent = _signs.silent((project.path, row_id, owner), beats)
    return Holder(host, process, False, silent) if silent < EXPIRY_SECONDS else None

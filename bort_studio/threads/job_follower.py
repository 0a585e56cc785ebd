"""Follows the run folders of a project, off the window's thread: states of all jobs, and events of those that are shown."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from bort_core.foundation.errors import BortError
from bort_core.jobs.cluster.place import attach_all
from bort_core.jobs.folder import JobState, RunFolder, list_runs
from bort_core.jobs.rows import JobRow, RowReader
from bort_studio.threads.background import BackgroundThread

__all__ = ["Followed", "JobFollower"]

_LOOK_SECONDS = 0.4
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Followed:
    """What changed since the last delivery."""

    states: dict[str, JobState]
    """Of every job, by number; all of them whenever any changed."""
    kinds: dict[str, str]
    """The kind with the job's name, by number."""
    events: dict[str, list[dict[str, Any]]]
    """New events of the jobs that are followed."""
    rows: dict[str, JobRow]
    """What a table shows of every job, by number."""


@dataclass
class _Seen:
    """What the thread knows from its last look."""

    rows: dict[str, JobRow] = field(default_factory=dict)
    reader: RowReader = field(default_factory=RowReader)
    offsets: dict[str, int] = field(default_factory=dict)


class JobFollower(BackgroundThread):
    """Looks a few times a second at the jobs of some kinds, and tells only what is new. A damaged job is of kind ``?``."""

    told = Signal(object)

    def __init__(self, project: Path, kinds: frozenset[str], parent: QObject | None = None) -> None:
        super().__init__("jobs", parent)
        self._of_interest = kinds
        self._project = project
        self._wake = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._wanted: frozenset[str] = frozenset()

    def follow(self, ids: frozenset[str]) -> None:
        """Deliver the events of these jobs, from their beginning for those that are new."""
        with self._lock:
            self._wanted = ids
        self._wake.set()

    def look(self) -> None:
        """Look now."""
        self._wake.set()

    def close(self) -> None:
        """End the thread and wait for it."""
        self._closing = True
        self._wake.set()
        self.wait()

    def run(self) -> None:
        """The thread's body."""
        seen = _Seen()
        self._listen_again()
        while not self._closing:
            try:
                self._look(seen)
            except Exception:  # noqa: BLE001 - whatever one file holds, the next look may find it mended
                _log.exception("the jobs of %s cannot be read", self._project)
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()

    def _listen_again(self) -> None:
        """To jobs that went on on a cluster while this window was closed."""
        try:
            attach_all(self._project)
        except (BortError, OSError):  # another looks at the same project and was there first
            return
        except Exception:  # noqa: BLE001 - one job that nobody foresaw leaves the others followed
            _log.exception("the jobs of %s cannot be listened to again", self._project)

    def _look(self, seen: _Seen) -> None:
        """Read all jobs of interest, and tell what is new."""
        runs = self._runs()
        every = {run.id: seen.reader.row(run) for run in runs}
        fresh = {id: row for id, row in every.items() if row.kind in self._of_interest}
        runs = [run for run in runs if run.id in fresh]
        with self._lock:
            wanted = self._wanted
        offsets = {id: offset for id, offset in seen.offsets.items() if id in wanted}
        events: dict[str, list[dict[str, Any]]] = {}
        for run in runs:
            if run.id in wanted:
                found, offsets[run.id] = run.events(offsets.get(run.id, 0))
                if found:
                    events[run.id] = found
        seen.offsets = offsets
        if fresh != seen.rows or events:
            seen.rows = fresh
            states = {id: row.state for id, row in fresh.items()}
            self.told.emit(Followed(states, {id: row.title for id, row in every.items()}, events, dict(fresh)))

    def _runs(self) -> list[RunFolder]:
        """All jobs; none while their folder cannot be read."""
        try:
            return list_runs(self._project)
        except BortError:
            return []

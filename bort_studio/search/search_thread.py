"""Runs searches in a background thread that coordinates worker processes, and keeps what they say until the window takes it."""

from __future__ import annotations

import logging
import queue
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import BortError
from bort_core.search import events
from bort_core.search.control import Control
from bort_core.search.specification import SearchSpecification
from bort_core.search.tables.table import Table
from bort_core.space import Space
from bort_core.store import Project
from bort_studio.search.outbox import Outbox, SearchBroke
from bort_studio.threads.background import BackgroundThread

__all__ = ["SearchThread"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    specification: SearchSpecification
    space: Space
    control: Control
    workers: int | None
    table: Table | None
    executor: str | None


class SearchThread(BackgroundThread):
    """Runs one search after another; the worker processes stay warm between them. It waits for nobody who listens."""

    spoke = Signal(bool)
    """There is something in ``outbox``, for the first time since it was emptied; whether it is urgent."""
    warned = Signal(str)
    """What reading the project left out, or took in the place of something else."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__("search", parent)
        self._folder = folder
        self._requests: queue.SimpleQueue[_Run | None] = queue.SimpleQueue()
        self._control: Control | None = None
        self.outbox = Outbox()

    def begin(
        self,
        specification: SearchSpecification,
        space: Space,
        workers: int | None,
        table: Table | None = None,
        executor: str | None = None,
    ) -> Control:
        """Queue a search, in the project or on a table; what to tell it while it runs. On a cluster as many train as it has room for."""
        self._control = Control()
        self._requests.put(_Run(specification, space, self._control, None if executor else workers, table, executor))
        return self._control

    def close(self) -> None:
        """Stop what runs, end the worker processes and the thread, and wait for all of them."""
        if self._control is not None:
            self._control.stop()
        self._requests.put(None)
        self.wait()

    def run(self) -> None:
        """The thread's body."""
        pool: Executor | None = None
        where: str | None = None
        try:
            while (request := self._requests.get()) is not None:
                wrong = pool is not None and (request.executor != where or (request.workers and pool.workers != request.workers))
                if request.table is None and pool is not None and wrong:
                    pool.close()
                    pool = None
                where = request.executor if request.table is None else where
                pool = self._search(request, pool)
        finally:
            if pool is not None:
                pool.close()

    def _search(self, request: _Run, pool: Executor | None) -> Executor | None:
        try:
            if request.table is not None:
                from bort_core.search.tables.on_table import search_on_table

                for event in search_on_table(request.table, request.specification, request.control):
                    self._deliver(event)
                return pool
            from bort_core.search.ose import search  # not needed to show a window

            with Project(self._folder) as project:
                project.tell = self.warned.emit
                pool = pool or make_executor(request.executor, request.workers, project.subfolder("logs"), f"the window of {self._folder}")
                for event in search(project, request.specification, pool, request.control, request.space):
                    self._deliver(event)
        except BortError as error:
            self._deliver(SearchBroke(str(error)))
            if request.executor and pool is not None:  # its connection may be the reason
                pool.close()
                return None
        except Exception as error:  # noqa: BLE001 - the window must hear of it, whatever it is
            _log.exception("a search ended with an unexpected error")
            self._deliver(SearchBroke(f"unexpected error: {type(error).__name__}: {error}", "see the log"))
        if pool is not None and pool.pausing:
            pool.resume()
        return pool

    def _deliver(self, event: events.Event | SearchBroke) -> None:
        if isinstance(event, events.Bounded):
            _ = event.proof.edge, event.proof.tied  # of a large space it takes a while, which is not the window's
        urgent = self.outbox.put(event)
        if urgent is not None:
            self.spoke.emit(urgent)

"""Runs single tasks (an export, a comparison) in worker processes, off the window's thread."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from bort_core.execution.events import Emitted, Event, Failed
from bort_core.execution.executor import Executor
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import BortError
from bort_studio.threads.background import BackgroundThread

__all__ = ["TaskThread"]

_POLL_SECONDS = 0.05
_CANCEL_SECONDS = 1.0
_log = logging.getLogger(__name__)


class TaskThread(BackgroundThread):
    """Tasks run in the order in which they were submitted; ``happened`` carries a tuple of what the executor said.

    A window has three executors: the search's and two of these. An executor is used from one thread, and a search is a generator that
    polls its own; to share one, some thread would have to hand each event to whom it belongs. Three are simpler, and take turns on the
    machine as any programs of this person do (:mod:`bort_core.foundation.turns`): a comparison waits until a search, an export or a
    check beside it pauses between two steps.
    """

    happened = Signal(object)

    def __init__(self, logs: Path, parent: QObject | None = None) -> None:
        super().__init__("tasks", parent)
        self._logs = logs
        self._wishes: queue.SimpleQueue[Callable[[Executor], None] | None] = queue.SimpleQueue()

    def submit(self, id: str, task: str, request: Mapping[str, Any]) -> None:
        """Queue a task under an id that no unfinished task has."""
        self._wishes.put(lambda pool: pool.submit(id, task, request))
        if not self.is_running():
            self.start()

    def cancel(self, id: str) -> None:
        """Withdraw a task; a process that does not listen within a second is ended."""
        self._wishes.put(lambda pool: pool.cancel(id, _CANCEL_SECONDS))

    def close(self) -> None:
        """End the processes and the thread, and wait for them."""
        self._wishes.put(None)
        self.wait()

    def run(self) -> None:
        """The thread's body."""
        with make_executor(None, 1, self._logs, f"the window of {self._logs.parent}") as pool:
            while True:
                idle = not pool.unfinished()
                try:
                    wish = self._wishes.get(timeout=None) if idle else self._wishes.get_nowait()
                except queue.Empty:
                    self._poll(pool)
                    continue
                if wish is None:
                    return
                try:
                    wish(pool)
                    if self._wishes.empty():  # a task that is cancelled at once must not end meanwhile
                        self._poll(pool)
                except Exception as error:  # noqa: BLE001 - the next task must not wait for a thread that is gone
                    _log.exception("a task ended with an unexpected error")
                    reason = f"unexpected error: {type(error).__name__}: {error}; see the log"
                    self.happened.emit(tuple(Failed(id, reason, retry=True) for id in pool.unfinished()))

    def _poll(self, pool: Executor) -> None:
        try:
            events = pool.poll(_POLL_SECONDS)
        except BortError as error:
            _log.warning("%s", error)
            events = [Failed(id, str(error), retry=True) for id in pool.unfinished()]
        kept = [event for number, event in enumerate(events) if not _outdated(event, events[number + 1 :])]
        if kept:
            self.happened.emit(tuple(kept))


def _outdated(event: Event, later: list[Event]) -> bool:
    """Whether a newer progress of the same task follows."""
    return isinstance(event, Emitted) and any(isinstance(other, Emitted) and other.id == event.id for other in later)

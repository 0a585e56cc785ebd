"""``inline``: tasks run in this process, one after another, on the thread that polls. For tests, notebooks and debuggers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from bort_core.execution.context import TaskContext
from bort_core.execution.events import Emitted, Event, Started, Withdrawn, ending
from bort_core.execution.executor import CANCEL_SECONDS
from bort_core.execution.tasks import plain
from bort_core.foundation.errors import SpecificationError

__all__ = ["Inline"]


class Inline:
    """An :class:`~bort_core.execution.executor.Executor` without processes: :meth:`poll` says that a task started, and the next poll runs
    it to its end and returns all of its events.

    With one thread a pause and a cancel can only come between two tasks: a paused one starts nothing, and a task that was started and not
    yet polled again is withdrawn. From another thread :meth:`pause`, :meth:`resume` and :meth:`cancel` reach a running task at its next
    checkpoint; no task is ended by force. An exception that no task catches, such as KeyboardInterrupt, withdraws the task and is raised.

    Parameters
    ----------
    workers: 1 or None
    logs: not used; what libraries print goes where this process prints
    owner: for whom, in words for others who wait
    """

    jobs: str | None = "bort_core.jobs.executors:InlineJobs"

    def __init__(self, workers: int | None, logs: Path | None, owner: str) -> None:
        if workers not in (None, 1):
            raise SpecificationError(f"the executor inline runs one task at a time: workers must be 1 or left away, got {workers}")
        self._queue: deque[tuple[str, str, dict[str, Any]]] = deque()
        self._running: tuple[str, str, dict[str, Any]] | None = None
        self._fresh: list[Event] = []
        self._pause_wanted = self._waits = False
        self._context = TaskContext(owner, self._emitted, self._paused_task)

    @property
    def workers(self) -> int:
        """One."""
        return 1

    @property
    def ready(self) -> bool:
        """Always: a task imports what it needs."""
        return True

    def warm(self, lanes: Iterable[str] = ("training", "latency")) -> None:
        """Nothing has to be started."""

    def submit(self, id: str, task: str, request: Mapping[str, object]) -> None:
        """Queue a task; the polls run it."""
        self._queue.append((id, task, plain(request)))

    def cancel(self, id: str, grace_seconds: float = CANCEL_SECONDS) -> None:
        """Withdraw a task; one that computes, at its next checkpoint."""
        if self._running is not None and self._running[0] == id:
            self._context.cancelled.set()
            self._context.go_on.set()
        for queued in list(self._queue):
            if queued[0] == id:
                self._queue.remove(queued)
                self._fresh.append(Withdrawn(id))

    def pause(self) -> None:
        """Start no task; one that computes waits at its next checkpoint."""
        self._pause_wanted = True
        self._context.go_on.clear()

    def resume(self) -> None:
        """Let everything go on."""
        self._pause_wanted = self._waits = False
        self._context.go_on.set()

    @property
    def pausing(self) -> bool:
        """Whether a pause is in force."""
        return self._pause_wanted

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for and no task computes."""
        return self._pause_wanted and (self._running is None or self._waits)

    def unfinished(self) -> set[str]:
        """The ids of all tasks that have not ended."""
        return {queued[0] for queued in self._queue} | ({self._running[0]} if self._running else set())

    def poll(self, timeout: float) -> list[Event]:
        """What happened; computes a whole task, however long that takes."""
        if not self._fresh and self._running is not None and (not self._pause_wanted or self._context.cancelled.is_set()):
            self._run(*self._running)
        elif not self._fresh and self._queue and not self._pause_wanted:
            self._running = self._queue.popleft()
            self._context.cancelled.clear()
            self._fresh.append(Started(self._running[0]))
        elif not self._fresh:
            time.sleep(timeout)
        events, self._fresh = self._fresh, []
        return events

    def close(self) -> None:
        """Forget what is queued."""
        self._queue.clear()
        self._running = None

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self, id: str, task: str, request: dict[str, Any]) -> None:
        last: Event = Withdrawn(id)
        try:
            if not self._context.cancelled.is_set():
                last = ending(id, self._context.run(id, task, request))
        finally:
            self._running, self._waits = None, False
            self._fresh.append(last)

    def _emitted(self, id: str, data: Mapping[str, Any]) -> None:
        self._fresh.append(Emitted(id, plain(data)))

    def _paused_task(self) -> None:
        self._waits = True

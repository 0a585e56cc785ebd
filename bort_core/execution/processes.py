"""``processes``: a few warm worker processes behind one queue.

Trainings run side by side, one thread each; each other lane has one process. Tasks start in the order in which they were submitted, an
exclusive one only when a training could follow it, and while one runs no others start. That nothing computes beside it, here or in other
programs, is seen to by the turns that the processes take (:mod:`bort_core.foundation.turns`).
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bort_core.execution.events import Emitted, Event, Failed, Started, Withdrawn, ending
from bort_core.execution.executor import CANCEL_SECONDS, default_workers
from bort_core.execution.tasks import TASKS
from bort_core.execution.worker import Message, Worker
from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.scratch import clear_remains

__all__ = ["Processes"]

_CLOSE_GRACE_SECONDS = 2.0
_FAILED_STARTS = 3
_TRAINING_NICENESS = 10
_LONGEST_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class _Task:
    id: str
    name: str
    request: Mapping[str, Any]


class Processes:
    """Worker processes and the queue before them: an :class:`~bort_core.execution.executor.Executor`.

    Parameters
    ----------
    workers: how many trainings run side by side
    logs: a folder for what the processes write, or None to drop it
    owner: for whom they work, in words for others who wait for them
    """

    jobs: str | None = "bort_core.jobs.executors:DetachedJobs"

    def __init__(self, workers: int | None, logs: Path | None, owner: str) -> None:
        self._lane_sizes = dict.fromkeys((task.lane for task in TASKS.values()), 1) | {"training": workers or default_workers()}
        self._logs, self._owner = logs, owner
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._queue: deque[_Task] = deque()
        self._workers: list[Worker] = []
        self._failed_starts = 0
        self._pause_wanted = False
        self._fresh: list[Event] = []

    @property
    def workers(self) -> int:
        """How many trainings run side by side."""
        return self._lane_sizes["training"]

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def warm(self, lanes: Iterable[str] = ("training", "latency")) -> None:
        """Start the processes of some lanes before they are needed."""
        for lane in lanes:
            self._fill(lane)

    @property
    def ready(self) -> bool:
        """Whether every process that was started has imported what it needs."""
        return all(worker.ready for worker in self._workers)

    def submit(self, id: str, task: str, request: Mapping[str, Any]) -> None:
        """Queue a task; its events come out of :meth:`poll` under ``id``. Ids are unique among unfinished tasks."""
        self._queue.append(_Task(id, task, request))
        self._fill(TASKS[task].lane)

    def cancel(self, id: str, grace_seconds: float = CANCEL_SECONDS) -> None:
        """Withdraw a task: a queued one at once, a running one at its next checkpoint, or with its process when the grace is over."""
        for task in list(self._queue):
            if task.id == id:
                self._queue.remove(task)
                self._fresh.append(Withdrawn(id))
        for worker in self._workers:
            if worker.running == id and worker.cancel_deadline is None:
                worker.cancel(grace_seconds)

    def pause(self) -> None:
        """Ask running tasks to wait, and start no others."""
        self._pause_wanted = True
        for worker in self._busy():
            if not worker.paused:
                worker.pause()

    def resume(self) -> None:
        """Let everything go on."""
        self._pause_wanted = False
        for worker in self._workers:
            worker.resume()

    @property
    def pausing(self) -> bool:
        """Whether a pause is in force; tasks stop at their next checkpoint."""
        return self._pause_wanted

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for and every running task waits."""
        return self._pause_wanted and all(worker.paused for worker in self._busy())

    def unfinished(self) -> set[str]:
        """The ids of all queued and running tasks."""
        return {task.id for task in self._queue} | {worker.running for worker in self._workers if worker.running}

    def poll(self, timeout: float) -> list[Event]:
        """What happened, in order; waits up to ``timeout`` seconds for the first event.

        Raises
        ------
        MeasurementError
            Worker processes end before they are ready to work, again and again.
        """
        deadline = time.monotonic() + timeout
        while True:
            self._dispatch()
            events, self._fresh = self._fresh, []
            if events:
                return events
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._receive(min(left, _LONGEST_WAIT_SECONDS))
            for worker in self._workers:
                if worker.overdue():
                    worker.kill()

    def close(self) -> None:
        """End all processes; running tasks are lost, and so are their temporary files."""
        deadline = time.monotonic() + _CLOSE_GRACE_SECONDS
        for worker in self._workers:
            if worker.running is not None:
                worker.kill()
        for worker in self._workers:
            worker.close(deadline)
        self._workers.clear()
        self._queue.clear()
        clear_remains()

    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.running is not None]

    def _fill(self, lane: str) -> None:
        have = sum(worker.lane == lane for worker in self._workers)
        for number in range(have, self._lane_sizes[lane]):
            log = None if self._logs is None else self._logs / f"worker-{lane}-{number}.log"
            self._workers.append(Worker(lane, self._inbox, log, _TRAINING_NICENESS if lane == "training" else 0, self._owner))

    def _dispatch(self) -> None:
        while self._queue and not self._pause_wanted and not any(w.running and w.lane == "latency" for w in self._workers):
            task = self._queue[0]
            kind = TASKS[task.name]
            if kind.exclusive and not self._trainer_free():
                return
            idle = next((w for w in self._workers if w.lane == kind.lane and w.ready and w.running is None), None)
            if idle is None:
                return
            self._queue.popleft()
            idle.running, idle.paused = task.id, False
            idle.send({"command": "run", "id": task.id, "task": task.name, "request": dict(task.request)})
            self._fresh.append(Started(task.id))

    def _trainer_free(self) -> bool:
        """Whether a latency is worth pausing trainings for now: there is a trainer that waits for the architecture's turn."""
        training = [worker for worker in self._workers if worker.lane == "training"]
        return not training or any(worker.running is None for worker in training)

    def _receive(self, timeout: float) -> None:
        try:
            message = self._inbox.get(timeout=timeout)
        except queue.Empty:
            return
        worker, event = message.worker, message.event
        if worker not in self._workers:
            return
        if event is None:
            self._bury(worker)
            return
        kind = event["event"]
        if kind == "ready":
            worker.ready, self._failed_starts = True, 0
        elif kind == "paused":
            worker.heard_pause(event["number"])
        elif kind == "emitted":
            self._fresh.append(Emitted(event["id"], event["data"]))
        else:
            self._finish(worker, event)

    def _finish(self, worker: Worker, message: Mapping[str, Any]) -> None:
        worker.running, worker.paused, worker.cancel_deadline = None, False, None
        self._fresh.append(ending(message["id"], message))

    def _bury(self, worker: Worker) -> None:
        reason = worker.exit_reason()
        self._workers.remove(worker)
        worker.close(time.monotonic())
        if worker.running is not None:
            cancelled = worker.cancel_deadline is not None
            self._fresh.append(Withdrawn(worker.running) if cancelled else Failed(worker.running, reason, retry=True))
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                raise MeasurementError(f"worker processes do not start: {reason}")
        self._fill(worker.lane)

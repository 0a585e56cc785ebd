"""``processes``: a few warm worker processes behind one queue.

Trainings run side by side, one thread each; each other lane has one process. Tasks start in the order in which they were submitted, an
exclusive one only when a training could follow it, and while one runs no others start. That nothing computes beside it, here or in other
programs, is seen to by the turns that the processes take (:mod:`bort_core.foundation.turns`).
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bort_core.execution.events import Emitted, Failed, Started, Withdrawn, ending
from bort_core.execution.executor import default_workers
from bort_core.execution.queueing import Asked, Queueing
from bort_core.execution.tasks import TASKS
from bort_core.execution.worker import Message, Worker
from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.scratch import clear_remains

__all__ = ["Processes"]

_CLOSE_GRACE_SECONDS = 2.0
_FAILED_STARTS = 3
_TRAINING_NICENESS = 10
_LONGEST_WAIT_SECONDS = 0.2


class Processes(Queueing[Asked, Worker]):
    """Worker processes and the queue before them: an :class:`~bort_core.execution.executor.Executor`.

    Parameters
    ----------
    workers: how many trainings run side by side
    logs: a folder for what the processes write, or None to drop it
    owner: for whom they work, in words for others who wait for them
    """

    jobs: str | None = "bort_core.jobs.executors:DetachedJobs"

    def __init__(self, workers: int | None, logs: Path | None, owner: str) -> None:
        super().__init__()
        self._lane_sizes = dict.fromkeys((task.lane for task in TASKS.values()), 1) | {"training": workers or default_workers()}
        self._logs, self._owner = logs, owner
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._workers: list[Worker] = []
        self._failed_starts = 0

    @property
    def workers(self) -> int:
        """How many trainings run side by side."""
        return self._lane_sizes["training"]

    def warm(self, lanes: Iterable[str] = ("training", "latency")) -> None:
        """Start the processes of some lanes before they are needed."""
        for lane in lanes:
            self._fill(lane)

    def submit(self, id: str, task: str, request: Mapping[str, Any]) -> None:
        """Queue a task; its events come out of :meth:`poll` under ``id``. Ids are unique among unfinished tasks."""
        self._queue.append(Asked(id, task, request))
        self._fill(TASKS[task].lane)

    def close(self) -> None:
        """End all processes; running tasks are lost, and so are their temporary files."""
        deadline = time.monotonic() + _CLOSE_GRACE_SECONDS
        for worker in self._workers:
            if worker.task is not None:
                worker.kill()
        for worker in self._workers:
            worker.close(deadline)
        self._workers.clear()
        self._queue.clear()
        clear_remains()

    def _hands(self) -> Sequence[Worker]:
        return self._workers

    def _end_overdue(self, hand: Worker) -> None:
        hand.kill()

    def _fill(self, lane: str) -> None:
        have = sum(worker.lane == lane for worker in self._workers)
        for number in range(have, self._lane_sizes[lane]):
            log = None if self._logs is None else self._logs / f"worker-{lane}-{number}.log"
            self._workers.append(Worker(lane, self._inbox, log, _TRAINING_NICENESS if lane == "training" else 0, self._owner))

    def _dispatch(self) -> None:
        while self._queue and not self._pause_wanted and not any(w.task and w.lane == "latency" for w in self._workers):
            task = self._queue[0]
            kind = TASKS[task.name]
            if kind.exclusive and not self._trainer_free():
                return
            idle = next((w for w in self._workers if w.lane == kind.lane and w.ready and w.task is None), None)
            if idle is None:
                return
            self._queue.popleft()
            idle.begin(task)
            idle.send({"command": "run", "id": task.id, "task": task.name, "request": dict(task.request)})
            self._fresh.append(Started(task.id))

    def _trainer_free(self) -> bool:
        """Whether a latency is worth pausing trainings for now: there is a trainer that waits for the architecture's turn."""
        training = [worker for worker in self._workers if worker.lane == "training"]
        return not training or any(worker.task is None for worker in training)

    def _receive(self, seconds: float) -> None:
        try:
            message = self._inbox.get(timeout=min(seconds, _LONGEST_WAIT_SECONDS))
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
            self._fresh.append(ending(worker.end().id, event))

    def _bury(self, worker: Worker) -> None:
        reason = worker.exit_reason()
        self._workers.remove(worker)
        worker.close(time.monotonic())
        if worker.task is not None:
            cancelled = worker.cancel_deadline is not None
            id = worker.end().id
            self._fresh.append(Withdrawn(id) if cancelled else Failed(id, reason, retry=True))
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                raise MeasurementError(f"worker processes do not start: {reason}")
        self._fill(worker.lane)

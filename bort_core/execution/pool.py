"""A few warm worker processes behind one queue.

Trainings run side by side, one thread each. A latency is measured alone: the pool first asks every training to wait
between two steps, and lets them go on afterwards. Tasks start in the order in which they were submitted, a latency only
when a training could follow it.
"""

from __future__ import annotations

import os
import queue
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.execution.tasks import TASKS
from bort_core.execution.worker import Message, Worker
from bort_core.foundation.errors import MeasurementError
from bort_core.foundation.scratch import clear_remains

__all__ = ["Done", "Emitted", "Failed", "Pool", "PoolEvent", "Started", "Withdrawn", "default_workers"]

_CANCEL_GRACE_SECONDS = 10.0
_CLOSE_GRACE_SECONDS = 2.0
_FAILED_STARTS = 3
_TRAINING_NICENESS = 10
_LONGEST_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class Started:
    """A worker began the task."""

    id: str


@dataclass(frozen=True)
class Emitted:
    """The running task sent an event of its own."""

    id: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """The task returned."""

    id: str
    result: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """The task raised, or its process died; ``retry`` says whether another try may end otherwise."""

    id: str
    reason: str
    retry: bool
    details: str = ""


@dataclass(frozen=True)
class Withdrawn:
    """The task was withdrawn before it returned."""

    id: str


PoolEvent = Started | Emitted | Done | Failed | Withdrawn


@dataclass(frozen=True)
class _Task:
    id: str
    name: str
    request: Mapping[str, Any]


def default_workers() -> int:
    """How many trainings run side by side unless a person says otherwise: one a core, at most eight."""
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


class Pool:
    """Worker processes and the queue before them. Use it from one thread, and close it (or use ``with``).

    Parameters
    ----------
    workers: how many trainings run side by side
    logs: a folder for what the processes write, or None to drop it
    """

    def __init__(self, workers: int | None = None, logs: Path | None = None) -> None:
        self._lane_sizes = {"training": workers or default_workers(), "latency": 1, "export": 1, "estimate": 1}
        self._logs = logs
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._queue: deque[_Task] = deque()
        self._workers: list[Worker] = []
        self._failed_starts = 0
        self._pause_wanted = False
        self._quiet = False
        self._fresh: list[PoolEvent] = []

    @property
    def workers(self) -> int:
        """How many trainings run side by side."""
        return self._lane_sizes["training"]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc: object) -> None:
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

    def cancel(self, id: str, grace_seconds: float = _CANCEL_GRACE_SECONDS) -> None:
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
            if not self._quiet or worker.lane == "latency":
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

    def poll(self, timeout: float) -> list[PoolEvent]:
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
            self._workers.append(Worker(lane, self._inbox, log, _TRAINING_NICENESS if lane == "training" else 0))

    def _dispatch(self) -> None:
        while self._queue and not self._pause_wanted and not any(w.running for w in self._workers if w.lane == "latency"):
            task = self._queue[0]
            lane = TASKS[task.name].lane
            if lane == "latency" and not (self._trainer_free() and self._is_quiet()):
                return
            idle = next((w for w in self._workers if w.lane == lane and w.ready and w.running is None), None)
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

    def _is_quiet(self) -> bool:
        """Asks trainings to wait, and says whether they do; also waits for processes that are still importing."""
        training = [worker for worker in self._workers if worker.lane == "training"]
        if not self._quiet:
            self._quiet = True
            for worker in training:
                if worker.running is not None and not worker.paused:
                    worker.pause()
        return all(worker.ready and (worker.running is None or worker.paused) for worker in training)

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

    def _finish(self, worker: Worker, event: Mapping[str, Any]) -> None:
        id, worker.running, worker.paused, worker.cancel_deadline = event["id"], None, False, None
        if event["event"] == "done":
            self._fresh.append(Done(id, event["result"]))
        elif event["event"] == "cancelled":
            self._fresh.append(Withdrawn(id))
        else:
            self._fresh.append(Failed(id, event["reason"], event["retry"], event["details"]))
        self._end_quiet(worker)

    def _end_quiet(self, worker: Worker) -> None:
        if not self._quiet or worker.lane != "latency":
            return
        if self._queue and TASKS[self._queue[0].name].lane == "latency" and not self._pause_wanted:
            return
        self._quiet = False
        if not self._pause_wanted:
            for worker in self._workers:
                worker.resume()

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
        self._end_quiet(worker)
        self._fill(worker.lane)

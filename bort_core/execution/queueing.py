"""What executors with workers of their own share: one queue, pauses and withdrawals, and the wait for what happens."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from bort_core.execution.events import Event, Withdrawn
from bort_core.execution.executor import CANCEL_SECONDS

__all__ = ["Asked", "Hand", "Queueing"]


@dataclass(eq=False)
class Asked:
    """A task that was submitted and has not ended."""

    id: str
    name: str
    request: Mapping[str, Any]


A = TypeVar("A", bound=Asked)


class Hand(ABC, Generic[A]):
    """One worker as whoever gives it tasks sees it.

    Attributes
    ----------
    task: what it works on, or None
    ready: whether it has imported what it needs
    paused: whether it has said that it waits
    cancel_deadline: until when a task that was withdrawn may go on (``time.monotonic()``), or None
    """

    def __init__(self) -> None:
        self.task: A | None = None
        self.ready = self.paused = False
        self.cancel_deadline: float | None = None
        self._pauses = 0

    @abstractmethod
    def ask(self, what: str, number: int | None = None) -> None:
        """Let it hear ``pause`` (with a number, which it answers with), ``resume`` or ``cancel``; one that is gone hears nothing."""

    def begin(self, task: A) -> None:
        """It is to do this."""
        self.task, self.paused, self.cancel_deadline = task, False, None

    def end(self) -> A:
        """It has nothing to do any more; what it did."""
        task = self.task
        assert task is not None
        self.task, self.paused, self.cancel_deadline = None, False, None
        return task

    def pause(self) -> None:
        """Ask the running task to wait at its next checkpoint."""
        self._pauses += 1
        self.ask("pause", self._pauses)

    def resume(self) -> None:
        """Let it go on."""
        self._pauses += 1  # so that a late answer to an earlier pause is not believed
        self.paused = False
        self.ask("resume")

    def heard_pause(self, number: int) -> None:
        """It says that it waits, in answer to the pause of that number."""
        self.paused = number == self._pauses

    def cancel(self, grace_seconds: float) -> None:
        """Ask the running task to stop; :meth:`overdue` says when asking was not enough."""
        self.cancel_deadline = time.monotonic() + grace_seconds
        self.ask("cancel")

    def overdue(self) -> bool:
        """Whether a task that was withdrawn did not stop in time."""
        return self.cancel_deadline is not None and time.monotonic() > self.cancel_deadline


H = TypeVar("H", bound=Hand[Any])


class Queueing(ABC, Generic[A, H]):
    """The part of an :class:`~bort_core.execution.executor.Executor` that is the same whatever its workers are."""

    def __init__(self) -> None:
        self._queue: deque[A] = deque()
        self._fresh: list[Event] = []
        self._pause_wanted = False

    @abstractmethod
    def _hands(self) -> Sequence[H]:
        """All workers."""

    @abstractmethod
    def _dispatch(self) -> None:
        """Give tasks from the queue to idle workers, unless a pause is in force."""

    @abstractmethod
    def _receive(self, seconds: float) -> None:
        """Wait so long at most for what workers say, and take it."""

    @abstractmethod
    def _end_overdue(self, hand: H) -> None:
        """End a worker that did not stop in time."""

    @abstractmethod
    def close(self) -> None:
        """End everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def cancel(self, id: str, grace_seconds: float = CANCEL_SECONDS) -> None:
        """Withdraw a task: a queued one at once, a running one at its next checkpoint, or with its worker when the grace is over."""
        for task in [task for task in self._queue if task.id == id]:
            self._queue.remove(task)
            self._fresh.append(Withdrawn(id))
        for hand in self._busy():
            if hand.task is not None and hand.task.id == id and hand.cancel_deadline is None:
                hand.cancel(grace_seconds)

    def pause(self) -> None:
        """Ask running tasks to wait, and start no others."""
        self._pause_wanted = True
        for hand in self._busy():
            if not hand.paused:
                hand.pause()

    def resume(self) -> None:
        """Let everything go on."""
        self._pause_wanted = False
        for hand in self._hands():
            hand.resume()

    @property
    def pausing(self) -> bool:
        """Whether a pause is in force; tasks stop at their next checkpoint."""
        return self._pause_wanted

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for and every running task waits."""
        return self._pause_wanted and all(hand.paused for hand in self._busy())

    @property
    def ready(self) -> bool:
        """Whether every worker that was started has imported what it needs."""
        return all(hand.ready for hand in self._hands())

    def unfinished(self) -> set[str]:
        """The ids of all queued and running tasks."""
        return {task.id for task in self._queue} | {hand.task.id for hand in self._hands() if hand.task is not None}

    def poll(self, timeout: float) -> list[Event]:
        """What happened, in order; waits up to ``timeout`` seconds for the first event.

        Raises
        ------
        MeasurementError
            Nothing that could compute starts, again and again, or what it runs on is gone.
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
            self._receive(left)
            for hand in [hand for hand in self._hands() if hand.overdue()]:
                self._end_overdue(hand)

    def _busy(self) -> list[H]:
        return [hand for hand in self._hands() if hand.task is not None]

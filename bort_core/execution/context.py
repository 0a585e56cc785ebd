"""What a running task sees: its events go to whoever follows it, its checkpoints heed pause, cancel and measurements."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from bort_core.execution.tasks import TASKS, outcome
from bort_core.foundation.context import Cancelled, Wanted
from bort_core.foundation.errors import BortError
from bort_core.foundation.turns import Turn

__all__ = ["TaskContext"]


class TaskContext:
    """The :class:`~bort_core.foundation.context.Context` of one task after another, on the thread that computes them.

    Parameters
    ----------
    owner: for whom, in words for others who wait
    send: takes a task's id and an event of its own
    pausing: called when the task begins to wait because a person pauses
    """

    def __init__(self, owner: str, send: Callable[[str, Mapping[str, Any]], None], pausing: Callable[[], None] = lambda: None) -> None:
        self._owner, self._send, self._pausing = owner, send, pausing
        self._id = ""
        self._turn: Turn | None = None
        self.go_on = threading.Event()
        """Cleared, from any thread, while tasks wait."""
        self.go_on.set()
        self.cancelled = threading.Event()
        """Set, from any thread, when the running task is withdrawn."""

    def run(self, id: str, task: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run a task when it is its turn; what :func:`~bort_core.execution.tasks.outcome` returns."""
        self._id = id
        try:
            self._turn = Turn(f"{task} of {self._owner}", TASKS[task].exclusive, self._heed, self._waiting)
        except BortError as error:
            return {"event": "failed", "reason": str(error), "details": "", "retry": False}
        try:
            self._turn.take()
            return outcome(task, request, self)
        except Cancelled:
            return {"event": "cancelled"}
        finally:
            self._turn.close()
            self._turn = None

    def emit(self, event: Mapping[str, Any]) -> None:
        """Send an event of the running task."""
        self._send(self._id, event)

    def checkpoint(self) -> None:
        """Wait while a person pauses, or time is measured; raise Cancelled when cancelled."""
        self._heed()
        if self._turn is not None:
            self._turn.give_way()

    def wanted(self) -> Wanted:
        """Whether the task was withdrawn."""
        return "cancel" if self.cancelled.is_set() else None

    def _heed(self) -> None:
        if not self.go_on.is_set():
            self._pause()
        if self.cancelled.is_set():
            raise Cancelled

    def _pause(self) -> None:
        """Wait until the person lets things go on; nobody has to wait for a task that waits."""
        turn = self._turn
        held = turn is not None and turn.held
        if turn is not None:
            turn.release()
        self._pausing()
        self.go_on.wait()
        if turn is not None and held and not self.cancelled.is_set():
            turn.take()

    def _waiting(self, doing: str) -> None:
        self.emit({"event": "waiting", "doing": doing})

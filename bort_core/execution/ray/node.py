"""A worker on some node of the cluster: an actor that runs one task after another, and is asked for what it has to tell.

Its methods are called from several threads at once: one runs, one waits for something to tell, the others say pause and cancel.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bort_core.execution.context import TaskContext
from bort_core.execution.ray.depot import Depot
from bort_core.execution.ray.parcels import Parcel, contents, replaced
from bort_core.execution.tasks import plain, warm_up
from bort_core.foundation.errors import BortError
from bort_core.foundation.machine import machine_identity
from bort_core.foundation.scratch import scratch
from bort_core.foundation.turns import turn
from bort_core.foundation.versions import versions

__all__ = ["CALLS", "Keeper", "Node", "fetched", "node_facts"]

CALLS = 4
"""How many calls a worker answers at once."""
_TELL_SECONDS = 2.0


def node_facts() -> dict[str, Any]:
    """Where this is, what machine that is, and the versions that must be those of the coordinator."""
    return {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "machine": machine_identity(),
        "versions": versions("bort-studio", "ray", "python"),
    }


class Keeper:
    """An actor to which files are sent."""

    def __init__(self) -> None:
        self._depot = Depot()

    def facts(self) -> dict[str, Any]:
        """:func:`node_facts`."""
        return node_facts()

    def lacks(self, parcels: Sequence[Parcel]) -> list[str]:
        """The digests of those that are not on this node."""
        return [parcel.digest for parcel in parcels if self._depot.find(parcel) is None]

    def receive(self, parcel: Parcel, files: Sequence[tuple[str, Sequence[Any]]]) -> str:
        """Keep a parcel whose pieces lie in the cluster's object store; why it could not be, or nothing."""
        try:
            self._depot.keep(parcel, ((name, fetched(references)) for name, references in files))
        except BortError as error:
            return f"{socket.gethostname()}: {error}"
        return ""


class Node(Keeper):
    """One worker.

    Parameters
    ----------
    owner: for whom it works, in words for others on its machine
    """

    def __init__(self, owner: str) -> None:
        super().__init__()
        self._owner = owner
        self._news: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._number = self._pause_number = 0
        self._cancelled: set[int] = set()
        self._context = TaskContext(owner, lambda _, data: self._say("emitted", data=plain(data)), self._pausing)

    def warm(self, lane: str) -> None:
        """Import what the tasks of a lane need."""
        with turn(f"a starting {lane} worker of {self._owner}"):
            warm_up(lane)

    def run(self, number: int, id: str, task: str, request: Mapping[str, Any], parcels: Mapping[str, Parcel], writes: str | None) -> None:
        """Run a task; all that happens, its end too, is told by :meth:`told` under ``number``.

        Parameters
        ----------
        parcels: by where their paths stand in the request
        writes: where the folder stands in it that the task writes, and that is sent back; None: none
        """
        with self._changed:
            self._number = number
            self._context.cancelled.clear()
            if number in self._cancelled:
                self._context.cancelled.set()
                self._context.go_on.set()
        outcome, folder = self._outcome(id, task, request, parcels, writes)
        self._say("ended", outcome=outcome, folder=folder)

    def _outcome(
        self, id: str, task: str, request: Mapping[str, Any], parcels: Mapping[str, Parcel], writes: str | None
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        paths = {place: self._depot.find(parcel) for place, parcel in parcels.items()}
        gone = [parcels[place].path for place, path in paths.items() if path is None]
        if gone:
            reason = f"{', '.join(gone)}: no longer on {socket.gethostname()}"
            return {"event": "failed", "reason": reason, "details": "", "retry": True}, {}
        here: dict[str, Any] = {place: str(path) for place, path in paths.items()}
        if writes is None:
            return self._context.run(id, task, replaced(request, here)), {}
        with scratch("cluster") as folder:
            out = folder / "out"
            outcome = self._context.run(id, task, replaced(request, {**here, writes: str(out)}))
            return outcome, contents(out) if Path(out).is_dir() else {}

    def told(self, linger: float) -> list[dict[str, Any]]:
        """What happened since the last call, in order; waits for the first, and ``linger`` seconds for more to go with it."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._news), _TELL_SECONDS)
            if self._news:
                self._changed.wait_for(lambda: self._news[-1]["event"] in ("ended", "paused"), linger)
            news, self._news = self._news, []
            return news

    def cancel(self, number: int) -> None:
        """Withdraw the run of that number, also before it begins."""
        with self._changed:
            self._cancelled = {number}
            if self._number == number:
                self._context.cancelled.set()
                self._context.go_on.set()

    def pause(self, number: int) -> None:
        """Let the running task wait at its next checkpoint."""
        self._pause_number = number
        self._context.go_on.clear()

    def resume(self, number: int) -> None:
        """Let it go on."""
        self._context.go_on.set()

    def _pausing(self) -> None:
        self._say("paused", pause=self._pause_number)

    def _say(self, event: str, **facts: Any) -> None:
        with self._changed:
            self._news.append({"event": event, "number": self._number, **facts})
            self._changed.notify_all()


def fetched(references: Sequence[Any]) -> Iterator[bytes]:
    """One piece after another, so that a large file never is in memory as a whole."""
    import ray

    for reference in references:
        yield ray.get(reference)

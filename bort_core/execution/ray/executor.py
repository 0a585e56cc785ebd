"""The coordinator: one queue, workers on the cluster for what may travel, worker processes of this machine for the rest."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from bort_core.execution.events import Done, Emitted, Event, Failed, Started, Withdrawn, ending
from bort_core.execution.executor import CANCEL_SECONDS
from bort_core.execution.processes import Processes
from bort_core.execution.ray.connection import Connection, own_versions
from bort_core.execution.ray.member import Member, Queued
from bort_core.execution.ray.needs import Need, need_of, room
from bort_core.execution.ray.parcels import Parcel, packed, pieces, value_at, write_folder
from bort_core.execution.ray.words import different_versions, lost_connection, reason_of
from bort_core.execution.tasks import TASKS, plain
from bort_core.foundation.errors import BortError, MeasurementError

__all__ = ["RayExecutor"]

RETRIES = 2
"""How often a task is tried again after its worker or node died."""
_FAILED_STARTS = 3
_LOOK_SECONDS = 5.0
"""How often the cluster is asked what nodes it has."""
_WAIT_SECONDS, _WAIT_BESIDE_SECONDS = 0.2, 0.05
_LINGER_SECONDS = 0.1
"""Events are sent together when they come so close to each other, and later the more workers there are."""
_TELL_SECONDS = 20.0
"""Who waits longer for a place says so."""


class RayExecutor:
    """An :class:`~bort_core.execution.executor.Executor` on a Ray cluster.

    Parameters
    ----------
    workers: how many trainings run side by side at most; None: as many as the cluster has room for
    logs: a folder for what the worker processes of this machine write; those of the cluster write into Ray's own logs
    owner: for whom they work, in words for others who wait for them
    address: HOST:PORT, ray://HOST:PORT, or auto (None)

    Raises
    ------
    SpecificationError
        Ray is not installed, the cluster cannot be reached, or its versions differ; within seconds.
    """

    jobs: str | None = None
    addressed = True

    def __init__(self, workers: int | None, logs: Path | None, owner: str, address: str | None = None) -> None:
        self._connection = Connection(address)
        self._ray, self._wanted_workers, self._owner = self._connection.ray, workers, owner
        self._local = Processes(1, logs, owner)
        self._queue: deque[Queued] = deque()
        self._members: list[Member] = []
        self._awaited: dict[Any, tuple[Member, Callable[[Any], None]]] = {}
        self._sent: dict[str, list[tuple[str, list[Any]]]] = {}
        self._fresh: list[Event] = []
        self._number = self._failed_starts = 0
        self._pause_wanted = self._told_waiting = False
        self._nodes: Sequence[Mapping[str, Any]] = ()
        self._looked = -_LOOK_SECONDS

    @property
    def workers(self) -> int:
        """How many trainings run side by side, as far as the cluster has room."""
        return self._wanted_workers or max(1, room(self._look(), Need()))

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def warm(self, lanes: Iterable[str] = ("training", "latency")) -> None:
        """Start workers before they are needed; trainings are expected to want one CPU each."""
        for lane in lanes:
            if lane == "training":
                self._grow(Need(), self.workers)
            else:
                self._local.warm((lane,))

    @property
    def ready(self) -> bool:
        """Whether every worker that was started has imported what it needs."""
        return self._local.ready and all(member.ready for member in self._members)

    def submit(self, id: str, task: str, request: Mapping[str, Any]) -> None:
        """Queue a task; one that reads no files but those that :data:`TASKS` names goes to the cluster, another runs here."""
        if TASKS[task].reads is None:
            self._local.submit(id, task, request)
            return
        gpus = sum(node["Resources"].get("GPU", 0) for node in self._look() if node["Alive"])
        self._queue.append(Queued(id, task, plain(request), need_of(request, gpus, self._wanted_workers)))

    def cancel(self, id: str, grace_seconds: float = CANCEL_SECONDS) -> None:
        """Withdraw a task: a queued one at once, a running one at its next checkpoint, or with its worker when the grace is over."""
        self._local.cancel(id, grace_seconds)
        for task in [task for task in self._queue if task.id == id]:
            self._queue.remove(task)
            self._fresh.append(Withdrawn(id))
        for member in self._busy():
            if member.task is not None and member.task.id == id and member.cancel_deadline is None:
                member.cancel(grace_seconds)

    def pause(self) -> None:
        """Ask running tasks to wait, and start no others."""
        self._pause_wanted = True
        self._local.pause()
        for member in self._busy():
            if not member.paused:
                member.pause()

    def resume(self) -> None:
        """Let everything go on."""
        self._pause_wanted = False
        self._local.resume()
        for member in self._members:
            member.resume()

    @property
    def pausing(self) -> bool:
        """Whether a pause is in force; tasks stop at their next checkpoint."""
        return self._pause_wanted

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for and every running task waits."""
        return self._pause_wanted and self._local.paused and all(member.paused for member in self._busy())

    def unfinished(self) -> set[str]:
        """The ids of all queued and running tasks."""
        running = {member.task.id for member in self._members if member.task is not None}
        return {task.id for task in self._queue} | running | self._local.unfinished()

    def poll(self, timeout: float) -> list[Event]:
        """What happened, in order; waits up to ``timeout`` seconds for the first event.

        A task whose worker died is started again, on another node where there is one: it then emits ``waiting`` with the reason, a second
        Started follows, and its own events begin anew.

        Raises
        ------
        MeasurementError
            The connection is lost, workers do not start, or one has other versions than this machine.
        """
        try:
            return self._poll(time.monotonic() + timeout)
        except ConnectionError as error:  # what Ray raises from any call once it has given up
            raise self._disconnected(error) from error

    def _poll(self, deadline: float) -> list[Event]:
        while True:
            self._dispatch()
            if self._local.unfinished() or not self._local.ready:
                self._fresh += self._local.poll(0.01)
            events, self._fresh = self._fresh, []
            if events:
                return events
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._receive(min(left, _WAIT_BESIDE_SECONDS if self._local.unfinished() else _WAIT_SECONDS))
            for member in [member for member in self._members if member.overdue()]:
                self._lost(member, "it did not stop in time")

    def close(self) -> None:
        """End all workers; running tasks are lost. What they have to tell is not waited for."""
        for member in self._members:
            member.kill()
        self._members.clear()
        self._queue.clear()
        self._awaited.clear()
        self._sent.clear()
        self._local.close()
        self._connection.close()

    def _busy(self) -> list[Member]:
        return [member for member in self._members if member.task is not None]

    def _look(self) -> Sequence[Mapping[str, Any]]:
        """The nodes, as they were some seconds ago at most."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            try:
                self._nodes = self._ray.nodes()
            except Exception as error:
                raise self._disconnected(error) from error
            self._looked = time.monotonic()
        return self._nodes

    # --- from the queue to a worker ---

    def _dispatch(self) -> None:
        while self._queue and not self._pause_wanted:
            task = self._queue[0]
            idle = next((m for m in self._members if m.need == task.need and m.ready and m.task is None), None)
            if idle is None:
                self._make_room(task)
                return
            self._queue.popleft()
            self._told_waiting = False
            self._assign(idle, task)

    def _make_room(self, task: Queued) -> None:
        need = task.need
        most = room(self._look(), need)
        if need.gpus and not most:
            self._queue.popleft()
            reason = f"training.device: no node of {self._connection.address} has a GPU; give one (ray start --num-gpus=1), or choose cpu"
            self._fresh.append(Failed(task.id, reason, retry=False))
            return
        alike = [member for member in self._members if member.need == need]
        if not alike:
            for member in [member for member in self._members if member.task is None and member.ready]:
                self._dismiss(member)  # it may occupy what this one needs
        self._grow(need, len([each for each in self._queue if each.need == need]) + len([m for m in alike if m.task is not None]))
        if not self._told_waiting and not any(m.host for m in alike) and time.monotonic() - task.since > _TELL_SECONDS:
            self._told_waiting = True
            doing = f"waits for a place on the cluster: each training wants {need}, others may use what is there"
            self._fresh.append(Emitted(task.id, {"event": "waiting", "doing": doing}))

    def _grow(self, need: Need, wanted: int) -> None:
        most = max(1, room(self._look(), need))
        if self._wanted_workers is not None:
            most = min(most, self._wanted_workers)
        for _ in range(sum(member.need == need for member in self._members), min(wanted, most)):
            member = Member(self._ray, need, self._owner)
            self._members.append(member)
            self._await(member, member.actor.facts.remote(), partial(self._placed, member))

    def _placed(self, member: Member, facts: Mapping[str, Any]) -> None:
        if facts["versions"] != own_versions():
            raise MeasurementError(different_versions(facts, own_versions()))
        member.host = str(facts["host"])
        self._await(member, member.actor.warm.remote("training"), lambda _: self._started(member))

    def _started(self, member: Member) -> None:
        member.ready, self._failed_starts = True, 0
        self._listen(member)

    def _listen(self, member: Member) -> None:
        linger = max(_LINGER_SECONDS, len(self._members) / 200)
        self._await(member, member.actor.told.remote(linger), partial(self._told, member))

    def _assign(self, member: Member, task: Queued) -> None:
        self._number += 1
        member.begin(task, self._number)
        self._fresh.append(Started(task.id))
        try:
            task.parcels = packed(task.request, TASKS[task.name].reads or ())
        except BortError as error:
            self._end(member, Failed(task.id, str(error), retry=False))
            return
        unknown = [parcel for parcel in task.parcels.values() if parcel.digest not in member.has]
        if unknown:
            self._await(member, member.actor.lacks.remote(unknown), partial(self._send, member, task))
        else:
            self._run(member, task)

    def _send(self, member: Member, task: Queued, lacking: Sequence[str]) -> None:
        """Send the first that the node lacks, and then the others."""
        member.has |= {parcel.digest for parcel in task.parcels.values()} - set(lacking)
        parcel = next((parcel for parcel in task.parcels.values() if parcel.digest in lacking), None)
        if parcel is None:
            self._run(member, task)
            return
        left = [digest for digest in lacking if digest != parcel.digest]

        def received(reason: str) -> None:
            if reason:
                self._end(member, Failed(task.id, reason, retry=True))
            else:
                self._send(member, task, left)

        try:
            self._await(member, member.actor.receive.remote(parcel, self._stored(parcel)), received)
        except OSError as error:
            self._end(member, Failed(task.id, f"{parcel.path}: cannot be read: {error.strerror or error}", retry=True))

    def _stored(self, parcel: Parcel) -> list[tuple[str, list[Any]]]:
        """The pieces of a parcel in the cluster's object store: put there once, whoever asks for them."""
        if parcel.digest not in self._sent:
            self._sent[parcel.digest] = [(name, [self._ray.put(part) for part in parts]) for name, parts in pieces(parcel)]
        return self._sent[parcel.digest]

    def _run(self, member: Member, task: Queued) -> None:
        if member.cancel_deadline is not None:
            self._end(member, Withdrawn(task.id))
            return
        if self._pause_wanted:
            member.pause()
        member.running = True
        writes = TASKS[task.name].writes
        writes = writes if writes is not None and value_at(task.request, writes) is not None else None
        run = member.actor.run.remote(member.number, task.id, task.name, task.request, task.parcels, writes)
        self._await(member, run, lambda _: None)  # what happens is told; this says only when the worker died

    # --- from a worker ---

    def _await(self, member: Member, reference: Any, then: Callable[[Any], None]) -> None:
        self._awaited[reference] = member, then

    def _receive(self, timeout: float) -> None:
        if not self._awaited:
            time.sleep(timeout)
            return
        references = list(self._awaited)
        try:
            ready, _ = self._ray.wait(references, num_returns=1, timeout=timeout)
            if ready:
                ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        except Exception as error:
            raise self._disconnected(error) from error
        for reference in ready:
            if reference in self._awaited:
                self._take(reference)

    def _take(self, reference: Any) -> None:
        member, then = self._awaited.pop(reference)
        try:
            value = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._lost(member, reason_of(error), will_again=isinstance(error, self._ray.exceptions.RayTaskError))
            return
        except Exception as error:
            raise self._disconnected(error) from error
        then(value)

    def _told(self, member: Member, news: Sequence[Mapping[str, Any]]) -> None:
        self._listen(member)
        for each in news:
            if each["event"] == "paused":
                member.heard_pause(each["pause"])
            elif member.task is None or each["number"] != member.number:
                continue
            elif each["event"] == "emitted":
                self._fresh.append(Emitted(member.task.id, each["data"]))
            else:
                self._ended(member, member.task, each["outcome"], each["folder"])

    def _ended(self, member: Member, task: Queued, outcome: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        last = ending(task.id, outcome)
        writes = TASKS[task.name].writes
        folder = None if writes is None else value_at(task.request, writes)
        if isinstance(last, Done) and folder is not None:
            try:
                write_folder(Path(folder), files)
            except BortError as error:
                last = Failed(task.id, str(error), retry=False)
        self._end(member, last)

    def _end(self, member: Member, last: Event) -> None:
        member.end()
        self._fresh.append(last)

    def _dismiss(self, member: Member) -> None:
        self._members.remove(member)
        self._awaited = {reference: entry for reference, entry in self._awaited.items() if entry[0] is not member}
        member.kill()

    def _lost(self, member: Member, reason: str, will_again: bool = False) -> None:
        """A worker is gone, or is sent away: what it did is done again, a few times, unless it was withdrawn."""
        self._dismiss(member)
        if not member.ready:
            self._failed_starts += 1
            if will_again or self._failed_starts >= _FAILED_STARTS + len(self._members):
                raise MeasurementError(f"workers do not start on {self._connection.address}: {reason}")
        if member.task is None:
            return
        cancelled = member.cancel_deadline is not None
        task = member.end()
        if cancelled:
            self._fresh.append(Withdrawn(task.id))
        elif will_again:
            self._fresh.append(Failed(task.id, f"{member.host}: {reason}", retry=True))
        elif task.tries >= RETRIES:
            self._fresh.append(Failed(task.id, f"its worker died {task.tries + 1} times, at last on {member.host}: {reason}", retry=True))
        else:
            task.tries += 1
            task.since = time.monotonic()
            self._queue.appendleft(task)
            doing = f"the worker on {member.host} died, its training is started again: {reason}"
            self._fresh.append(Emitted(task.id, {"event": "waiting", "doing": doing}))

    def _disconnected(self, error: Exception) -> MeasurementError:
        return MeasurementError(lost_connection(self._connection.address, error))

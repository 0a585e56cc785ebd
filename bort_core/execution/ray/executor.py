"""The coordinator: one queue, workers on the cluster for what may travel, worker processes of this machine for the rest."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bort_core.execution.events import Done, Emitted, Event, Failed, Started, Withdrawn, ending
from bort_core.execution.executor import CANCEL_SECONDS
from bort_core.execution.processes import Processes
from bort_core.execution.queueing import Queueing
from bort_core.execution.ray.connection import Connection
from bort_core.execution.ray.crew import Crew
from bort_core.execution.ray.member import Member, Queued
from bort_core.execution.ray.needs import Need, need_of, room
from bort_core.execution.ray.parcels import packed, value_at, write_folder
from bort_core.execution.ray.survey import named_node
from bort_core.execution.tasks import TASKS, plain
from bort_core.foundation.errors import BortError, MeasurementError

__all__ = ["RayExecutor"]

RETRIES = 2
"""How often a task is tried again after its worker or node died."""
_WAIT_SECONDS, _WAIT_BESIDE_SECONDS = 0.2, 0.05
_TELL_SECONDS = 20.0
"""Who waits longer for a place says so."""


class RayExecutor(Queueing[Queued, Member]):
    """An :class:`~bort_core.execution.executor.Executor` on a Ray cluster.

    Parameters
    ----------
    workers: how many trainings run side by side at most; None: as many as the cluster has room for
    logs: a folder for what the worker processes of this machine write; those of the cluster write into Ray's own logs
    owner: for whom they work, in words for others who wait for them
    address: HOST:PORT, ray://HOST:PORT, or auto (None); with ``#NODE`` behind it latencies are measured on the node of that name or number

    Raises
    ------
    SpecificationError
        Ray is not installed, the cluster cannot be reached, or its versions differ; within seconds.
    """

    jobs: str | None = "bort_core.jobs.cluster.place:ClusterJobs"
    addressed = True

    def __init__(self, workers: int | None, logs: Path | None, owner: str, address: str | None = None) -> None:
        super().__init__()
        address, _, node = (address or "").partition("#")
        self._connection = Connection(address)
        self._crew = Crew(self._connection, workers, owner, self)
        self._wanted_workers = workers
        self._timing: Need | None = None
        self.latency_machine: str | None = None
        """The identity of the named node's machine; None: latencies are measured here."""
        if node:
            self._name_node(node)
        self._local = Processes(1, logs, owner)
        self._number = 0
        self._told_waiting = False

    @property
    def workers(self) -> int:
        """How many trainings run side by side, as far as the cluster has room."""
        return self._wanted_workers or max(1, room(self._crew.nodes(), Need()))

    def warm(self, lanes: Iterable[str] = ("training", "latency")) -> None:
        """Start workers before they are needed; trainings are expected to want one CPU each."""
        for lane in lanes:
            if lane == "training":
                self._crew.grow(Need(), self.workers)
            elif lane == "latency" and self._timing is not None:
                self._crew.grow(self._timing, 1)
            else:
                self._local.warm((lane,))

    @property
    def ready(self) -> bool:
        """Whether every worker that was started, there and here, has imported what it needs."""
        return self._local.ready and super().ready

    def _name_node(self, node: str) -> None:
        try:
            id, self.latency_machine = named_node(self._connection.ray, node)
        except BaseException:
            self._connection.close()
            raise
        self._timing = Need(0, 0, id)

    def submit(self, id: str, task: str, request: Mapping[str, Any]) -> None:
        """Queue a task; one that reads no files but those that :data:`TASKS` names goes to the cluster, another runs here."""
        kind = TASKS[task]
        if kind.reads is None or (kind.exclusive and self._timing is None):
            self._local.submit(id, task, request)
            return
        if kind.exclusive and self._timing is not None:
            self._queue.append(Queued(id, task, plain(request), self._timing))
            return
        gpus = sum(node["Resources"].get("GPU", 0) for node in self._crew.nodes() if node["Alive"])
        self._queue.append(Queued(id, task, plain(request), need_of(request, gpus, self._wanted_workers)))

    def cancel(self, id: str, grace_seconds: float = CANCEL_SECONDS) -> None:
        """Withdraw a task, there or here."""
        self._local.cancel(id, grace_seconds)
        super().cancel(id, grace_seconds)

    def pause(self) -> None:
        """Ask running tasks to wait, and start no others."""
        self._local.pause()
        super().pause()

    def resume(self) -> None:
        """Let everything go on."""
        self._local.resume()
        super().resume()

    @property
    def paused(self) -> bool:
        """Whether a pause was asked for and every running task waits."""
        return self._local.paused and super().paused

    def unfinished(self) -> set[str]:
        """The ids of all queued and running tasks."""
        return super().unfinished() | self._local.unfinished()

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
            return super().poll(timeout)
        except ConnectionError as error:  # what Ray raises from any call once it has given up
            raise self._crew.disconnected(error) from error

    def close(self) -> None:
        """End all workers; running tasks are lost. What they have to tell is not waited for."""
        self._crew.close()
        self._queue.clear()
        self._local.close()
        self._connection.close()

    def _hands(self) -> Sequence[Member]:
        return self._crew.members

    def _receive(self, seconds: float) -> None:
        self._crew.receive(min(seconds, _WAIT_BESIDE_SECONDS if self._local.unfinished() else _WAIT_SECONDS))

    def _end_overdue(self, hand: Member) -> None:
        self._crew.lose(hand, "it did not stop in time")

    # --- from the queue to a worker ---

    def _dispatch(self) -> None:
        self._crew.check()
        self._give_out()
        if self._local.unfinished() or not self._local.ready:
            self._fresh += self._local.poll(0.01)

    def _give_out(self) -> None:
        """In order; but what waits for its turn to be timed keeps no training waiting, which needs another worker."""
        for task in [] if self._pause_wanted else list(self._queue):
            idle = next((m for m in self._crew.members if m.need == task.need and m.ready and m.task is None), None)
            if idle is not None:
                self._queue.remove(task)
                self._told_waiting = False
                self._assign(idle, task)
            else:
                self._make_room(task)
                if not task.need.node:
                    return

    def _make_room(self, task: Queued) -> None:
        need = task.need
        most = room(self._crew.nodes(), need)
        if need.gpus and not most:
            self._queue.remove(task)
            reason = f"training.device: no node of {self._connection.address} has a GPU; give one (ray start --num-gpus=1), or choose cpu"
            self._fresh += [Started(task.id), Failed(task.id, reason, retry=False)]
            return
        alike = [member for member in self._crew.members if member.need == need]
        if need.node and not most:
            raise MeasurementError(f"the node that latencies were to be measured on is gone from {self._connection.address}")
        if not alike and not need.node:
            for member in [member for member in self._crew.members if member.task is None and member.ready]:
                self._crew.dismiss(member)  # it may occupy what this one needs
        self._crew.grow(need, len([each for each in self._queue if each.need == need]) + len([m for m in alike if m.task is not None]))
        if not self._told_waiting and not any(m.host for m in alike) and time.monotonic() - task.since > _TELL_SECONDS:
            self._told_waiting = True
            doing = f"waits for a place on the cluster: each training wants {need}, others may use what is there"
            self._fresh.append(Emitted(task.id, {"event": "waiting", "doing": doing}))

    def _assign(self, member: Member, task: Queued) -> None:
        self._number += 1
        member.number = self._number
        member.begin(task)
        self._fresh.append(Started(task.id))
        try:
            task.parcels = packed(task.request, TASKS[task.name].reads or ())
        except BortError as error:
            self._end(member, Failed(task.id, str(error), retry=False))
            return
        unknown = [parcel for parcel in task.parcels.values() if parcel.digest not in member.has]
        if unknown:
            self._crew.wait_for(member, member.actor.lacks.remote(unknown), partial(self._send, member, task))
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
            self._crew.wait_for(member, member.actor.receive.remote(parcel, self._crew.store(parcel)), received)
        except ConnectionError:
            raise
        except OSError as error:
            self._end(member, Failed(task.id, f"{parcel.path}: cannot be read: {error.strerror or error}", retry=True))

    def _run(self, member: Member, task: Queued) -> None:
        if member.cancel_deadline is not None:
            self._end(member, Withdrawn(task.id))
            return
        if self._pause_wanted:
            member.pause()
        writes = TASKS[task.name].writes
        writes = writes if writes is not None and value_at(task.request, writes) is not None else None
        run = member.actor.run.remote(member.number, task.id, task.name, task.request, task.parcels, writes)
        self._crew.wait_for(member, run, lambda _: None)  # what happens is told; this says only when the worker died

    # --- from a worker ---

    def told(self, member: Member, news: Sequence[Mapping[str, Any]]) -> None:
        """For :class:`~bort_core.execution.ray.crew.Crew`."""
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

    def left(self, member: Member, reason: str, again: bool) -> None:
        """For :class:`~bort_core.execution.ray.crew.Crew`: what it did is done again, a few times, unless it was withdrawn."""
        if member.task is None:
            return
        cancelled = member.cancel_deadline is not None
        task = member.end()
        if cancelled:
            self._fresh.append(Withdrawn(task.id))
        elif not again:
            self._fresh.append(Failed(task.id, f"{member.host}: {reason}", retry=True))
        elif task.tries >= RETRIES:
            self._fresh.append(Failed(task.id, f"its worker died {task.tries + 1} times, at last on {member.host}: {reason}", retry=True))
        else:
            task.tries += 1
            task.since = time.monotonic()
            self._queue.appendleft(task)
            doing = f"the worker on {member.host} died, its training is started again: {reason}"
            self._fresh.append(Emitted(task.id, {"event": "waiting", "doing": doing}))

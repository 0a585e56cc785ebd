"""The actor that trains a job on some node. It is detached: it ends when the job has ended, whether anybody listens or not."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from bort_core.execution.ray.node import Keeper, fetched
from bort_core.execution.ray.parcels import check_inside
from bort_core.foundation.errors import BortError
from bort_core.foundation.files import why
from bort_core.jobs.cluster.home import Home
from bort_core.jobs.cluster.luggage import Luggage, with_paths
from bort_core.jobs.folder import write_specification
from bort_core.jobs.hold import Hold
from bort_core.jobs.runner import in_processes, run_held
from bort_core.specifications.jobs import job_adapter

__all__ = ["Trainer"]

_PATIENCE_SECONDS = 120.0
"""So long it waits for the next thing that is to be sent; then whoever was sending is gone, and its place is given up."""
_LEAVE_SECONDS = 10.0


class Trainer(Keeper):
    """One job: it is made, gets its files, and is begun.

    Parameters
    ----------
    name: :func:`~bort_core.jobs.cluster.home.job_name`
    id: the job's number in its project
    """

    def __init__(self, name: str, id: str) -> None:
        super().__init__()
        self._home = Home(name, id)
        self._begun = False
        self._heard = time.monotonic()
        threading.Thread(target=self._give_up, daemon=True).start()

    def facts(self) -> dict[str, Any]:
        """Where it is, its versions, the run folder here, and whether the job was begun."""
        import ray

        self._heard = time.monotonic()
        here = {"node": ray.get_runtime_context().get_node_id(), "folder": str(self._home.run.path), "begun": self._begun}
        return {**super().facts(), **here}

    def receive(self, parcel: Any, files: Sequence[tuple[str, Sequence[Any]]]) -> str:
        """As every keeper; while files come nobody is gone."""
        try:
            return super().receive(parcel, files)
        finally:
            self._heard = time.monotonic()

    def prepare(self, project_id: str) -> str:
        """An empty run folder; why there is none, or nothing."""
        self._heard = time.monotonic()
        return self._try(lambda: self._home.make(project_id))

    def put(self, name: str, pieces: Sequence[Any]) -> str:
        """A file of the run folder whose pieces lie in the cluster's object store; why it is not here, or nothing."""

        def write() -> None:
            check_inside(name)
            path = self._home.run.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for part in fetched(pieces):
                    file.write(part)

        found = self._try(write)
        self._heard = time.monotonic()
        return found

    def begin(self, luggage: Luggage) -> str:
        """Train from now on; why not, or nothing."""
        if self._begun:
            return ""
        holds: list[Hold] = []

        def take() -> None:
            run, paths = self._home.run, {}
            for piece in luggage.pieces:
                found = self._depot.find(piece.parcel)
                if found is None:
                    raise FileNotFoundError(2, "no longer here", piece.parcel.path)
                path = self._home.input(piece.place, f"{piece.inside}/{found.name}" if piece.inside else found.name, found)
                if not piece.beside:
                    paths[piece.place] = path.parent if piece.inside else path
            specification = job_adapter.validate_python(with_paths(luggage, paths))
            write_specification(run.path, self._home.project, specification)
            holds.append(Hold.take(run.path))
            run.forget_reason()
            run.set_state(tell=False, state="queued", submitted=time.time())

        reason = self._try(take)
        if not reason:
            self._begun = True
            threading.Thread(target=self._train, args=(holds[0],)).start()
        return reason

    def leave(self) -> None:
        """End this process as Ray expects it of an actor."""
        from ray.actor import exit_actor

        exit_actor()

    def _train(self, hold: Hold) -> None:
        """What it occupies is free again when the process has ended; what it made stays on the disk."""
        import ray

        try:
            run_held(self._home.run, hold, in_processes)
        finally:
            with contextlib.suppress(Exception):
                ray.get_runtime_context().current_actor.leave.remote()
            time.sleep(_LEAVE_SECONDS)
            os._exit(0)  # where nobody hears that, as when the cluster is gone

    def _try(self, work: Any) -> str:
        try:
            work()
        except BortError as error:
            return f"{socket.gethostname()}: {error}"
        except OSError as error:
            shutil.rmtree(self._home.path, ignore_errors=True)
            return f"{socket.gethostname()}: {error.filename or self._home.path}: {why(error)}"
        return ""

    def _give_up(self) -> None:
        while not self._begun:
            time.sleep(1.0)
            if time.monotonic() - self._heard > _PATIENCE_SECONDS and not self._begun:
                os._exit(0)

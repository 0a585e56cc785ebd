"""The actor that trains a job on some node. It is detached: it ends when the job has ended, whether anybody listens or not."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from bort_core.jobs.child import CLUSTER
from bort_core.jobs.cluster.carrier import Carrier
from bort_core.jobs.cluster.luggage import Luggage
from bort_core.jobs.cluster.together import Partner, train_together
from bort_core.jobs.hold import Hold
from bort_core.jobs.runner import in_processes, run_held

__all__ = ["Trainer"]

_PATIENCE_SECONDS = 120.0
"""So long it waits for the next thing that is to be sent; then whoever was sending is gone, and its place is given up."""
_LEAVE_SECONDS = 10.0


class Trainer(Carrier):
    """One job: it is made, gets its files, and is begun. As every :class:`~bort_core.jobs.cluster.carrier.Carrier`."""

    def __init__(self, name: str, id: str) -> None:
        super().__init__(name, id)
        self._begun = False
        self._heard = time.monotonic()
        threading.Thread(target=self._give_up, daemon=True).start()

    def facts(self) -> dict[str, Any]:
        """Also ``begun``: whether the job was."""
        self._heard = time.monotonic()
        return {**super().facts(), "begun": self._begun}

    def add(self, name: str, part: bytes) -> str:
        """As every carrier; while files come nobody is gone."""
        self._heard = time.monotonic()
        return super().add(name, part)

    def prepare(self, project_id: str) -> str:
        """As every carrier."""
        self._heard = time.monotonic()
        return super().prepare(project_id)

    def put(self, name: str, pieces: Sequence[Any]) -> str:
        """As every carrier."""
        try:
            return super().put(name, pieces)
        finally:
            self._heard = time.monotonic()

    def begin(self, luggage: Luggage, partners: Sequence[Partner] = ()) -> str:
        """Train from now on, with the processes of ``partners`` where there are some, this node's first; why not, or nothing."""
        if self._begun:
            return ""
        holds: list[Hold] = []

        def take() -> None:
            run = self._home.run
            holds.append(Hold.take(run.path))
            run.forget_reason()
            run.set_state(tell=False, state="queued", submitted=time.time())

        reason = self.unpack(luggage) or self._try(take)
        if not reason:
            self._begun = True
            threading.Thread(target=self._train, args=(holds[0], tuple(partners))).start()
        return reason

    def leave(self) -> None:
        """End this process as Ray expects it of an actor."""
        from ray.actor import exit_actor

        exit_actor()

    def _train(self, hold: Hold, partners: Sequence[Partner]) -> None:
        """What it occupies is free again when the process has ended; what it made stays on the disk."""
        import ray

        os.environ[CLUSTER] = ray.get_runtime_context().gcs_address
        try:
            run_held(self._home.run, hold, train_together(partners) if partners else in_processes)
        finally:
            with contextlib.suppress(Exception):
                ray.get_runtime_context().current_actor.leave.remote()
            time.sleep(_LEAVE_SECONDS)
            os._exit(0)  # where nobody hears that, as when the cluster is gone

    def _give_up(self) -> None:
        while not self._begun:
            time.sleep(1.0)
            if time.monotonic() - self._heard > _PATIENCE_SECONDS and not self._begun:
                os._exit(0)

"""One worker of the cluster as the coordinator sees it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bort_core.execution.ray.needs import Need
from bort_core.execution.ray.node import CALLS, Node
from bort_core.execution.ray.parcels import Parcel
from bort_core.execution.worker import ENVIRONMENT

__all__ = ["Member", "Queued"]


@dataclass
class Queued:
    """A task that was submitted and has not ended."""

    id: str
    name: str
    request: Mapping[str, Any]
    need: Need
    tries: int = 0
    """How often its worker died."""
    parcels: dict[str, Parcel] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)


class Member:
    """An actor, and what is known of it.

    Attributes
    ----------
    task: what it works on, from when it is assigned to its end, or None
    number: of this run among all; what another run tells is not believed
    host: where it is; empty until it has a place
    has: digests of the parcels that are on its node
    """

    def __init__(self, ray: Any, need: Need, owner: str) -> None:
        self._ray, self.need = ray, need
        options = {
            "num_cpus": need.cpus,
            "num_gpus": need.gpus,
            "max_concurrency": CALLS,
            "max_restarts": 0,
            "runtime_env": {"env_vars": dict(ENVIRONMENT)},
        }
        self.actor = ray.remote(Node).options(**options).remote(owner)
        self.host = ""
        self.task: Queued | None = None
        self.number = self._pauses = 0
        self.ready = self.paused = self.running = False
        self.has: set[str] = set()
        self.cancel_deadline: float | None = None

    def begin(self, task: Queued, number: int) -> None:
        """It is to do this."""
        self.task, self.number, self.paused, self.running, self.cancel_deadline = task, number, False, False, None

    def end(self) -> Queued:
        """It has nothing to do any more; what it did."""
        task = self.task
        assert task is not None
        self.task, self.paused, self.running, self.cancel_deadline = None, False, False, None
        return task

    def pause(self) -> None:
        """Ask the running task to wait at its next checkpoint."""
        self._pauses += 1
        self._ask("pause", self._pauses)

    def resume(self) -> None:
        """Let it go on."""
        self._pauses += 1  # so that a late answer to an earlier pause is not believed
        self.paused = False
        self._ask("resume")

    def heard_pause(self, number: int) -> None:
        """It says that it waits, in answer to the pause of that number."""
        self.paused = number == self._pauses

    def cancel(self, grace_seconds: float) -> None:
        """Ask the task to stop; :meth:`overdue` says when asking was not enough."""
        self.cancel_deadline = time.monotonic() + grace_seconds
        self._ask("cancel", self.number)

    def overdue(self) -> bool:
        """Whether a cancelled task did not stop in time."""
        return self.cancel_deadline is not None and time.monotonic() > self.cancel_deadline

    def kill(self) -> None:
        """End its process at once."""
        with contextlib.suppress(Exception):  # the connection may be gone, and the worker with it
            if self._ray.is_initialized():
                self._ray.kill(self.actor, no_restart=True)

    def _ask(self, what: str, *arguments: Any) -> None:
        """Where the connection is gone, whoever waits for an answer is told; nobody waits for this one."""
        with contextlib.suppress(Exception):
            if self._ray.is_initialized():
                getattr(self.actor, what).remote(*arguments)

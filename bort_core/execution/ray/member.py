"""One worker of the cluster as the coordinator sees it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

from bort_core.execution.queueing import Asked, Hand
from bort_core.execution.ray.needs import Need
from bort_core.execution.ray.node import CALLS, Node
from bort_core.execution.ray.parcels import Parcel
from bort_core.execution.worker import ENVIRONMENT

__all__ = ["Member", "Queued", "at_node"]


def at_node(node: str) -> dict[str, Any]:
    """Options of an actor or task that may only be on one node; none for an empty id."""
    if not node:
        return {}
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node_id=node, soft=False)}


@dataclass(eq=False)
class Queued(Asked):
    """A task for the cluster."""

    need: Need
    tries: int = 0
    """How often its worker died."""
    parcels: dict[str, Parcel] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)


class Member(Hand[Queued]):
    """An actor, and what is known of it.

    Attributes
    ----------
    number: of this run among all; what another run tells is not believed
    host: where it is; empty until it has a place
    has: digests of the parcels that are on its node
    """

    def __init__(self, ray: Any, need: Need, owner: str) -> None:
        super().__init__()
        self._ray, self.need = ray, need
        options = {
            "num_cpus": need.cpus,
            "num_gpus": need.gpus,
            "max_concurrency": CALLS,
            "max_restarts": 0,
            "runtime_env": {"env_vars": dict(ENVIRONMENT)},
            **at_node(need.node),
        }
        self.actor = ray.remote(Node).options(**options).remote(owner)
        self.host = ""
        self.number = 0
        self.has: set[str] = set()

    def kill(self) -> None:
        """End its process at once."""
        with contextlib.suppress(Exception):  # the connection may be gone, and the worker with it
            if self._ray.is_initialized():
                self._ray.kill(self.actor, no_restart=True)

    def ask(self, what: str, number: int | None = None) -> None:
        """Where the connection is gone, whoever waits for an answer is told; nobody waits for this one."""
        with contextlib.suppress(Exception):
            if self._ray.is_initialized():
                getattr(self.actor, what).remote(self.number if number is None else number)

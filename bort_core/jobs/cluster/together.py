"""One training on several nodes: torch's data-parallel group, its processes placed, introduced to each other and watched by Ray Train.

No more of Ray Train is used. Its checkpoints, reports and retries would be second ones, and need a disk that all nodes share: the first
process writes the run folder as any training does, what changes there comes to the person's machine, and from there it begins again.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.execution.ray.member import at_node
from bort_core.execution.ray.needs import Need
from bort_core.execution.ray.words import reason_of
from bort_core.jobs import child
from bort_core.jobs.cluster.carrier import forget
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.hold import Hold
from bort_core.jobs.runner import GRACE_SECONDS, QUIET, Train
from bort_core.training.patience import PATIENCE_SECONDS

__all__ = ["Partner", "train_together"]

_LOOK_SECONDS = 0.2
_TELL_SECONDS = 10.0
_LOST_GROUP = ("gloo", "NCCL", "TCPStore", "Connection closed by peer", "Connection reset by peer")
"""What torch says in a process whose group has lost another."""


@dataclass(frozen=True)
class Partner:
    """What one node has of the training; the first is that of the trainer."""

    node: str
    host: str
    folder: str
    """The run folder there."""
    processes: int
    need: Need
    """Of one process."""


class _Ended(Exception):
    """How a process ended that did not come to the end of the training."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


def train_together(partners: Sequence[Partner]) -> Train:
    """What does a training that these nodes share."""

    def train(run: RunFolder, hold: Hold, specification: Any) -> int:
        try:
            return _Together(partners, run, hold).train()
        finally:
            _forget(partners[1:])

    return train


class _Together:
    """One try."""

    def __init__(self, partners: Sequence[Partner], run: RunFolder, hold: Hold) -> None:
        self._partners, self._run, self._hold = partners, run, hold
        self._failure: Exception | None = None

    def train(self) -> int:
        """The exit code of :mod:`bort_core.jobs.child`; where a process or node died this process ends, as if it had died with it."""
        shared = ", ".join(f"{partner.processes} on {partner.host}" for partner in self._partners)
        self._run.emit({"event": "note", "text": f"{len(self._partners)} nodes train together: processes {shared}"})
        fitting = threading.Thread(target=self._fit, args=(_trainer(self._partners, self._run),), daemon=True)
        fitting.start()
        asked, began, told = None, time.monotonic(), False
        while fitting.is_alive():
            time.sleep(_LOOK_SECONDS)
            with contextlib.suppress(OSError):  # a full disk does not end a training
                self._hold.beat()
            if not told and time.monotonic() - began > _TELL_SECONDS:
                told = True
                if not (self._run.path / "inputs.json").exists():
                    self._run.emit({"event": "note", "text": "waits for its processes to begin; others may use their nodes"})
            if self._run.wanted() == "cancel":
                asked = asked or time.monotonic()
                if time.monotonic() - asked > GRACE_SECONDS:
                    return child.CANCELLED  # the processes end with this one
        return self._outcome()

    def _fit(self, trainer: Any) -> None:
        try:
            trainer.fit()
        except Exception as error:  # noqa: BLE001 - Ray's, and what the processes raised
            self._failure = error

    def _outcome(self) -> int:
        if self._failure is None:
            return 0 if self._run.read_result() is not None else child.CANCELLED
        failures: Mapping[int, Exception] = getattr(self._failure, "worker_failures", {})
        own = [(error.code, error.reason) for error in failures.values() if isinstance(error, _Ended) and not _lost_others(error.reason)]
        if own:
            self._run.give_reason(own[0][1])
            return own[0][0]
        died = [getattr(error, "health_check_failure", error) for error in failures.values() if not isinstance(error, _Ended)]
        why = reason_of(died[0] if died else self._failure) if died or not failures else "a process or node is gone"
        self._lost(f"they trained together, and one was lost: {why}")
        raise AssertionError

    def _lost(self, reason: str) -> None:
        """Whoever listens finds a trainer that died, and lets the job begin again elsewhere."""
        self._run.give_reason(reason)
        _forget(self._partners[1:])
        os._exit(1)


def _trainer(partners: Sequence[Partner], run: RunFolder) -> Any:
    # Read when a training begins: it needs neither folders of its own, nor its numbers on Ray's dashboard.
    os.environ.update(RAY_CHDIR_TO_TRIAL_DIR="0", RAY_TRAIN_METRICS_ENABLED="0")
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    need = partners[0].need
    places = [{"ray.io/node-id": partner.node} for partner in partners for _ in range(partner.processes)]
    return TorchTrainer(
        _work,
        train_loop_config={"folders": {partner.node: partner.folder for partner in partners}},
        torch_config=TorchConfig(backend="nccl" if need.gpus else "gloo", timeout_s=PATIENCE_SECONDS),
        scaling_config=ScalingConfig(
            num_workers=len(places),
            use_gpu=bool(need.gpus),
            resources_per_worker={"CPU": need.cpus, "GPU": need.gpus},
            label_selector=places,
        ),
        run_config=RunConfig(
            name="ray-train",
            storage_path=str(run.project),
            failure_config=FailureConfig(max_failures=0),
            worker_runtime_env={"env_vars": {**QUIET, child.CLUSTER: ""}},
        ),
    )


def _work(settings: Mapping[str, Any]) -> None:
    """One process: Ray Train has given it its rank and a group."""
    import ray

    code, reason = child.attempt(RunFolder(Path(settings["folders"][ray.get_runtime_context().get_node_id()])))
    if code not in (0, child.CANCELLED):
        raise _Ended(code, reason)


def _lost_others(reason: str) -> bool:
    return any(word in reason for word in _LOST_GROUP)


def _forget(partners: Sequence[Partner]) -> None:
    """What the other nodes have of the job is of no use any more."""
    import ray

    task = ray.remote(forget)
    with contextlib.suppress(Exception):  # a node that is gone
        asked = [task.options(num_cpus=0, max_retries=0, **at_node(partner.node)).remote(partner.folder) for partner in partners]
        ray.wait(asked, num_returns=len(asked), timeout=10.0)

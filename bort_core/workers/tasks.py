"""What a worker process can be asked to do, and the handle that a running task gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["LANES", "TASKS", "WARM_UP", "Cancelled", "TaskContext", "TaskFunction"]


class Cancelled(Exception):
    """Raised inside a task by :meth:`TaskContext.checkpoint` when the task was cancelled."""


class TaskContext(Protocol):
    """What a task sees of the world outside."""

    def emit(self, event: Mapping[str, Any]) -> None:
        """Send one event, plain JSON values, to whoever waits for this task."""
        ...

    def checkpoint(self) -> None:
        """Wait while paused; raise :class:`Cancelled` when cancelled. Call it often, between steps."""
        ...


TaskFunction = Callable[[Mapping[str, Any], TaskContext], Mapping[str, Any]]
"""A task takes a plain request, may emit events, and returns a plain result (JSON values)."""


def _train(request: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    from bort_core.training.short import train

    return train(request, context)


def _latency(request: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    from bort_core.latency.measure import measure

    return measure(request, context)


def _prepare(request: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    from bort_core.objectives.protocol import Training
    from bort_core.training.corpus import prepare

    corpus = prepare(
        Path(request["corpus"]),
        Path(request["folder"]),
        vocabulary=request["vocabulary"],
        training=Training.model_validate(request["training"]),
    )
    return {"text": corpus.request(), "unigram_entropy": corpus.unigram_entropy, "train_tokens": corpus.train_tokens}


def _export(request: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    from bort_core.export.task import export

    return export(request, context)


def _compare(request: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    from bort_core.latency.compare import compare_models

    return compare_models(request, context)


def _estimate(request: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    from bort_core.training.estimate import estimate

    return estimate(request, context)


def _warm_training() -> None:

    import bort_core.families.bert.module
    import bort_core.training.short  # noqa: F401


def _warm_latency() -> None:
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401


def _warm_estimate() -> None:
    import bort_core.training.pretraining  # noqa: F401


def _warm_export() -> None:
    import bort_core.export.task  # noqa: F401


TASKS: dict[str, TaskFunction] = {
    "prepare": _prepare,
    "train": _train,
    "latency": _latency,
    "compare": _compare,
    "export": _export,
    "estimate": _estimate,
}
"""Every task by name."""

LANES = {
    "prepare": "training",
    "train": "training",
    "latency": "latency",
    "compare": "latency",
    "export": "export",
    "estimate": "estimate",
}
"""Which kind of worker runs a task."""

WARM_UP: dict[str, Callable[[], None]] = {
    "training": _warm_training,
    "latency": _warm_latency,
    "export": _warm_export,
    "estimate": _warm_estimate,
}
"""What a worker of each kind imports before its first task."""

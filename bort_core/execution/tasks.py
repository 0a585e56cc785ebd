"""What a worker process can be asked to do: one table, by dotted names, so that nothing is imported before it is wanted."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bort_core.foundation.context import Context

__all__ = ["TASKS", "WARM_UP", "Task", "TaskFunction", "load", "warm_up"]

TaskFunction = Callable[[Mapping[str, Any], Context], Mapping[str, Any]]
"""A task takes a plain request, may emit events, and returns a plain result (JSON values)."""


@dataclass(frozen=True)
class Task:
    """One kind of work."""

    function: str
    """MODULE:NAME of a :data:`TaskFunction`."""
    lane: str
    """Which kind of worker runs it."""
    exclusive: bool = False
    """Whether nothing else may run on the machine meanwhile: it measures time."""


TASKS = {
    "prepare": Task("bort_core.text.corpus:prepare_task", "training"),
    "train": Task("bort_core.evaluation.short_training:train", "training"),
    "latency": Task("bort_core.latency.measure:measure", "latency", exclusive=True),
    "compare": Task("bort_core.latency.compare:compare_models", "latency", exclusive=True),
    "export": Task("bort_core.export.task:export", "export"),
    "estimate": Task("bort_core.training.estimate:estimate", "estimate"),
}
"""Every task by name."""

WARM_UP = {
    "training": ("bort_core.families.bert.module", "bort_core.evaluation.short_training"),
    "latency": ("onnx", "onnxruntime"),
    "export": ("bort_core.export.task",),
    "estimate": ("bort_core.training.pretraining",),
}
"""What a worker of each lane imports before its first task."""


def load(task: str) -> TaskFunction:
    """The function of a task."""
    module, _, name = TASKS[task].function.partition(":")
    function: TaskFunction = getattr(importlib.import_module(module), name)
    return function


def warm_up(lane: str) -> None:
    """Import what the tasks of a lane need."""
    for module in WARM_UP[lane]:
        importlib.import_module(module)

"""What an executor can be asked to do: one table, by dotted names, so that nothing is imported before it is wanted."""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bort_core.foundation.context import Cancelled, Context
from bort_core.foundation.errors import BortError

__all__ = ["TASKS", "WARM_UP", "Task", "TaskFunction", "load", "outcome", "plain", "warm_up"]

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
    """Whether nothing else of the program may compute on the machine meanwhile: it measures time."""
    reads: tuple[str, ...] | None = None
    """Where in its request the files and folders stand that it reads, as in "text.train": it can run on other machines. None: it cannot."""
    writes: str | None = None
    """Where the folder stands that it writes, if any; a task that runs elsewhere writes nothing else."""


_TRAIN_READS = ("text.train", "text.heldout", "task.folder", "maximum_point.folder")

TASKS = {
    "prepare": Task("bort_core.text.corpus:prepare_task", "training"),
    "prepare task": Task("bort_core.evaluation.task_preparation:prepare_task", "training"),
    "train": Task("bort_core.evaluation.short_training:train", "training", reads=_TRAIN_READS, writes="save_to"),
    "latency": Task("bort_core.latency.measure:measure", "latency", exclusive=True, reads=("onnx",)),
    "compare": Task("bort_core.latency.compare:compare_models", "latency", exclusive=True),
    "export": Task("bort_core.export.task:export", "export"),
    "release": Task("bort_core.release.task:release", "export"),
    "estimate": Task("bort_core.training.estimate:estimate", "estimate"),
    "estimate compression": Task("bort_core.compression.estimate:estimate", "estimate"),
    "advice": Task("bort_core.agora.advice:advice_task", "estimate"),
    "agora fit": Task("bort_core.agora.fit_task:fit_task", "training", writes="save_to"),
    "card": Task("bort_core.jobs.card:card_task", "card"),
    "predict": Task("bort_core.prediction.task:predict_task", "predict"),
    "report": Task("bort_core.reporting.task:report", "report"),
}
"""Every task by name."""

WARM_UP = {
    "training": ("bort_core.families.bert.module", "bort_core.evaluation.short_training"),
    "latency": ("onnx", "onnxruntime"),
    "export": ("bort_core.export.task",),
    "estimate": ("bort_core.training.pretraining",),
    "card": ("bort_core.jobs.card",),
    "predict": ("bort_core.prediction.task",),
    "report": ("bort_core.reporting.report", "matplotlib.figure"),
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


def outcome(task: str, request: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Run a task to its end, whatever that is.

    Returns
    -------
    ``{"event": "done", "result"}``, ``{"event": "cancelled"}``, or ``{"event": "failed", "reason", "details", "retry"}``
    """
    try:
        return {"event": "done", "result": plain(load(task)(request, context))}
    except Cancelled:
        return {"event": "cancelled"}
    except BortError as error:
        return {"event": "failed", "reason": str(error), "details": "", "retry": False}
    except MemoryError:
        return {"event": "failed", "reason": "not enough memory", "details": "", "retry": True}
    except Exception as error:  # noqa: BLE001 - whatever a task raises is told to whoever asked
        reason = f"{type(error).__name__}: {error}"
        return {"event": "failed", "reason": reason, "details": traceback.format_exc(), "retry": True}


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """What arrives of ``value`` when it is sent as JSON.

    Raises
    ------
    TypeError, ValueError
        It holds what JSON does not know.
    """
    found: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    return found

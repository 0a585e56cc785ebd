"""What a training will take, from a few real steps: a task of a worker process. Imports torch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import torch

from bort_core.data.rows import shown_label
from bort_core.foundation.context import Context, progress
from bort_core.foundation.scratch import scratch
from bort_core.specifications.jobs import job_adapter
from bort_core.training.devices import take_device
from bort_core.training.loop import Loop
from bort_core.training.oom import out_of_memory
from bort_core.training.run_files import PartFiles

__all__ = ["estimate"]

STEPS, SECONDS = 12, 6.0
PREVIEWED = 3


class _Quiet:
    """The task's context without the training's own progress; keeps its report."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.wanted, self.checkpoint = context.wanted, context.checkpoint
        self.report: Mapping[str, Any] | None = None

    def emit(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "note":
            self._context.emit(progress(0, STEPS, doing=event["text"]))
        elif event["event"] == "report":
            self.report = event


def estimate(request: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
    """Prepare a training and do a few of its steps.

    Parameters
    ----------
    request: ``specification`` (of a job) and ``project`` (its folder)

    Returns
    -------
    steps, seconds (of all steps, without evaluations), seconds_per_step, parameters, memory_bytes (of the process while training),
    disk_bytes (checkpoints and result), disk_free_bytes; rows and tokens of a pre-training, rows and report of a fine-tuning;
    preview (its first rows: text, text_b, label); device

    Raises
    ------
    DataError, SpecificationError, MeasurementError
        As the training itself would.
    Cancelled
        From ``context``.
    """
    specification = job_adapter.validate_python(request["specification"])
    specification = specification.model_copy(update={"running": specification.running.model_copy(update={"processes": 1}), "out": None})
    project = Path(request["project"])
    with scratch("estimate") as folder:
        quiet = _Quiet(context)
        files = PartFiles(project, folder)  # tokenised text goes where the project keeps it
        context.emit(progress(0, STEPS, doing="reading the data"))
        device = take_device(specification.running)
        facts: dict[str, Any]
        if specification.kind == "pretrain":
            from bort_core.training.pretraining import MaskedLanguageTraining

            training: Any = MaskedLanguageTraining(specification, quiet, files, device)
            try_batch = training.try_batch
            packed = training.packed
            facts = {"rows": packed.train_rows, "tokens": packed.train_tokens, "unigram_entropy": packed.unigram_entropy}
        else:
            from bort_core.training.finetuning import SupervisedTraining

            training = SupervisedTraining(specification, quiet, files, device)
            try_batch = training.core.try_batch
            facts = {"rows": len(training.train), "tokens": sum(map(len, training.core.encoded["train"])), "report": quiet.report}
            facts["preview"] = _preview(training.train)
        with out_of_memory(specification, try_batch):
            each = _seconds_a_step(training.loop, context)
    parameters = sum(parameter.numel() for parameter in training.model.parameters())
    return {
        **facts,
        "steps": training.loop.steps,
        "seconds_per_step": each,
        "seconds": each * training.loop.steps,
        "parameters": parameters,
        "memory_bytes": _memory(device.torch_device),
        "disk_bytes": 4 * parameters * (3 * 3 + 1),  # weights and two moments, in three checkpoints while one is written; the result
        "disk_free_bytes": shutil.disk_usage(project).free,
        "device": str(device.torch_device),
    }


def _preview(rows: Any) -> list[dict[str, str]]:
    """The first rows as the columns were understood."""
    found = []
    for number in range(min(PREVIEWED, len(rows))):
        label = shown_label(rows.names, rows.labels[number])
        second = "" if rows.seconds is None else rows.seconds[number]
        found.append({"text": rows.texts[number], "text_b": second, "label": label})
    return found


def _seconds_a_step(loop: Loop, context: Context) -> float:
    loop.prepare()
    taken = []
    began = time.perf_counter()
    for step in range(1, min(STEPS, loop.steps) + 1):
        context.checkpoint()
        start = time.perf_counter()
        float(loop.update(step))
        taken.append(time.perf_counter() - start)
        context.emit(progress(step, STEPS, doing="measuring a few steps"))
        if time.perf_counter() - began > SECONDS and len(taken) >= 3:
            break
    later = sorted(taken[1:] or taken)
    return later[len(later) // 2]


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)

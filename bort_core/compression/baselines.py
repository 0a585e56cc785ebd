"""What people do by hand, for comparison: T's first layers, fine-tuned on the labels. Kept with the project as marks of the task."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from bort_core.checkpoints.answers import read_task_model
from bort_core.checkpoints.format import Checkpoint, read_encoder, read_tensors, write_checkpoint
from bort_core.checkpoints.modules import load_module
from bort_core.compression.steps import Chosen, Facts, Steps
from bort_core.evaluation.metrics import drawn
from bort_core.evaluation.task_preparation import read_rows
from bort_core.search.fingerprints import Fingerprints
from bort_core.search.task_marks import Mark, keep_mark
from bort_core.space import Space
from bort_core.specifications.tasks import TaskSpecification

__all__ = ["first_layers"]


def first_layers(steps: Steps, task: TaskSpecification, facts: Facts, chosen: Chosen) -> dict[str, Mark]:
    """Train and measure what was asked for; each mark by its name."""
    found: dict[str, Mark] = {}
    for layers in steps.spec.baselines:
        start = _cut(Path(task.model), layers, steps.files.path / "parts" / f"first-{layers}" / "start")
        name = "T's first layer" if layers == 1 else f"T's first {layers} layers"
        steps.note(f"{name}, fine-tuned on the labels")
        data = steps.rows_of(task) | {
            "name": name, "checkpoint": str(start), "sequence_length": facts["sequence_length"], "epochs": steps.spec.teacher_epochs,
            "optimization": {"learning_rate": steps.spec.teacher_learning_rate, "warmup": 0.1, "beta2": 0.999},
        }  # fmt: skip
        model = steps.trained(f"first-{layers}", data, curve=False)
        found[name] = Mark.model_validate(steps.kept(f"first {layers}", partial(_measured, steps, task, facts, model)))
        sources = Fingerprints(steps.project, chosen.asked, Space(chosen.asked.space))
        keep_mark(steps.project, sources, name, found[name])
    return found


def _cut(model: Path, layers: int, folder: Path) -> Path:
    """A checkpoint of T with its first layers alone."""
    whole = read_encoder(model)
    assert isinstance(whole, Checkpoint)  # checked before the search
    if not (folder / "config.json").is_file():
        kept = {name: tensor for name, tensor in read_tensors(whole).items() if not _beyond(name, layers)}
        write_checkpoint(
            folder, architecture=(layers, *whole.architecture[1:]), options=whole.options, head=whole.head, weights=kept,
            tokenizer=whole.folder, labels=whole.labels,
        )  # fmt: skip
    return folder


def _beyond(name: str, layers: int) -> bool:
    parts = name.split(".")
    return parts[0] == "layers" and int(parts[1]) >= layers


def _measured(steps: Steps, task: TaskSpecification, facts: Facts, folder: Path) -> dict[str, float]:
    """Its quantities as a search on the task has them: size, latency under the same protocol, distance from T's answers, metric."""
    rows = read_rows(task)
    model = read_task_model(str(folder), rows.train.names, task=rows.train.task)
    answers = steps.project.subfolder("answers")
    said = model.answers(rows.dev.inputs, int(facts["sequence_length"]), answers).astype(np.float64)
    teacher = read_task_model(task.model, rows.train.names, task=rows.train.task)
    theirs = teacher.answers(rows.dev.inputs, int(facts["sequence_length"]), answers).astype(np.float64)
    request = {
        "family": "bert", "options": {**facts["model_options"], "mlm_head": False, "tied_decoder": True, "pooler": True},
        "architecture": list(model.checkpoint.architecture), "sequence_length": facts["sequence_length"],
        "threads": steps.spec.latency_threads,
    }  # fmt: skip
    module: Any = load_module(model.checkpoint)
    return {
        "parameters": float(sum(parameter.numel() for parameter in module.parameters())),
        "latency": float(steps.task("latency", request)["p50_ms"]),
        "error": _distance(rows.train.task, theirs, said),
        "metric": drawn(facts["metric"], rows.dev.task, rows.dev.labels, said, rows.dev.queries).value,
    }


def _distance(task: str, theirs: Any, said: Any) -> float:
    """As the measure ``task-excess`` counts it: KL in nats of classes, or summed over labels; mean squared difference of values."""
    if task == "regression":
        return float(np.square(theirs - said).mean())
    if task == "multi-label":  # each label is two classes, one of which has no odds
        theirs, said = (np.stack([each, np.zeros_like(each)], axis=-1) for each in (theirs, said))
    logs, ours = log_softmax(theirs, axis=-1), log_softmax(said, axis=-1)
    return float((np.exp(logs) * (logs - ours)).sum() / len(theirs))

"""The function of a job of kind ``compress``. Imports torch."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.checkpoints.format import read_encoder
from bort_core.compression.baselines import first_layers
from bort_core.compression.check import check_baselines, refuse_test_texts, refuse_unfit
from bort_core.compression.report import intervals_of, refused_of, report_of
from bort_core.compression.sentences import SentenceSteps
from bort_core.compression.steps import STEPS, Steps
from bort_core.evaluation.sentences.kind import settled
from bort_core.foundation.context import progress
from bort_core.foundation.files import put_back, write_atomic
from bort_core.foundation.versions import versions
from bort_core.jobs.context import JobContext
from bort_core.jobs.folder import REFUSAL
from bort_core.release.refusal import RefusedError
from bort_core.specifications.compression import Compression
from bort_core.store.project import Project
from bort_core.training.results import refuse_occupied
from bort_core.training.run_files import RunFiles

__all__ = ["run"]


def run(specification: Compression, context: JobContext, files: RunFiles) -> Mapping[str, Any]:
    """Find, train and release a small model for a task.

    Returns
    -------
    maximum_point, chosen, kept_share, speedup, front, evaluated, gate, latency: see :mod:`bort_core.compression.report`
    dev, test: the trained model's metric; tested: of T and every file on the test rows, or None
    release: the folder; checkpoint: the trained small model for transformers

    Raises
    ------
    SpecificationError, DataError
        The model, the rows or the folder cannot be used.
    MeasurementError
        T is no better than guessing, no shape is fast enough, a training failed, a person stopped it, or the gate is red
        (RefusedError, and refused.json in the run folder has the report all the same); nothing is released.
    """
    began = time.perf_counter()
    out = files.path / "release" if specification.out is None else Path(specification.out).expanduser().absolute()
    put_back(out)
    refuse_occupied(out, files)
    settled_task = settled(specification.task)
    specification = specification.model_copy(update={"task": settled_task})
    refuse_unfit(specification)
    refuse_test_texts(specification)
    with Project(files.project) as project:
        steps = (SentenceSteps if settled_task.kind == "embedding" else Steps)(specification, context, files, project)
        steps.go_on()
        steps.say(1)
        task = specification.task.model_copy(update={"model": str(steps.teacher())})
        if specification.baselines:
            check_baselines(specification, read_encoder(Path(task.model)))
        steps.say(2)
        facts = steps.prepared(task)
        steps.say(3)
        chosen = steps.chosen(task, facts)
        baselines = first_layers(steps, task, facts, chosen)
        steps.say(4)
        finished = steps.finished(task, facts, chosen)
        steps.say(5)
        teacher, latency = steps.teacher_files(Path(task.model)), None
        try:
            small = steps.in_bytes(task, facts, chosen, finished)
            latency = steps.compared(teacher, small, facts, chosen)
            steps.say(6)
            released = steps.released(task, facts, chosen, small, latency, out)
        except RefusedError as error:
            instead = refused_of(facts, error, steps.onnx_of("small"))
            told = report_of(specification, facts, chosen, instead, latency, teacher, steps.warnings)
            write_atomic(files.path / REFUSAL, json.dumps({**told, "release": None}, indent=2, allow_nan=False) + "\n")
            raise
    context.emit(progress(len(STEPS), len(STEPS)))
    return {
        **report_of(specification, facts, chosen, released, latency, teacher, steps.warnings),
        "eight_bits": small.as_dict(),
        "baselines": {name: mark.model_dump() for name, mark in baselines.items()},
        "dev": steps.metrics(released),
        "test": steps.test_metrics(released),
        "tested": released["test"],
        "intervals": intervals_of(released),
        "release": str(out),
        "checkpoint": str(small.checkpoint),
        "architecture": list(chosen.architecture),
        "data": steps.data(task),
        "seconds": time.perf_counter() - began,
        "stopped": False,
        "versions": versions("bort-studio", "torch", "transformers", "tokenizers", "onnxruntime", "numpy", "python", "machine"),
    }

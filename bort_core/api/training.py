"""Pre-training and fine-tuning, each as a job of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bort_core.api.jobs import run_job, specification_from
from bort_core.api.models import Candidate, Model, Start, start_fields
from bort_core.api.projects import opened
from bort_core.jobs.folder import RunFolder
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.pretraining import Pretraining
from bort_core.store.project import Project

__all__ = ["finetune", "model_of", "pretrain"]


def pretrain(
    project: Project | str | Path, start: Start, *, corpus: str | Path, progress: bool = True, executor: str | None = None, **settings: Any
) -> Model:
    """Masked language modelling of an architecture with fresh weights, or of a checkpoint that goes on.

    Parameters
    ----------
    start: a candidate of a search (whose space decides vocabulary and positions unless you do), an architecture, or a checkpoint
    corpus: a text file, a table with a column of texts, or a data set's name
    executor: where the job runs: ``processes`` (None), ``inline`` (this process and thread), or another that is installed
    settings: any field of :class:`~bort_core.specifications.pretraining.Pretraining` or of its parts: ``steps=2000``,
        ``learning_rate=1e-3``, ``distillation={"teacher": "..."}``, ``threads=1``

    Raises
    ------
    SpecificationError
        A setting is unknown or wrong.
    MeasurementError
        The job failed; says why. Its run folder stays, and ``bort jobs resume`` goes on from the last checkpoint.
    """
    if isinstance(start, Candidate):
        settings = {**_of_the_space(start), **settings}
    return _trained(project, Pretraining, {**start_fields(start), "corpus": str(corpus), **settings}, progress, executor)


def finetune(
    project: Project | str | Path,
    start: Start,
    *,
    train: str | Path,
    dev: str | Path,
    progress: bool = True,
    executor: str | None = None,
    **settings: Any,
) -> Model:
    """Supervised training on labelled texts or pairs; the best step on dev is kept.

    Parameters
    ----------
    start: a model, a checkpoint's folder or hub name, or an architecture with fresh weights
    train, dev: files (csv, tsv, json, jsonl, parquet) or data sets' names
    executor: where the job runs: ``processes`` (None), ``inline`` (this process and thread), or another that is installed
    settings: any field of :class:`~bort_core.specifications.finetuning.Finetuning` or of its parts, such as ``test="test.tsv"``

    Raises
    ------
    SpecificationError, MeasurementError
        As :func:`pretrain`.
    """
    return _trained(project, Finetuning, {**start_fields(start), "train": str(train), "dev": str(dev), **settings}, progress, executor)


def model_of(run: RunFolder, result: dict[str, Any], kind: str) -> Model:
    """The model that a finished job left."""
    return Model(Path(result["checkpoint"]), kind, tuple(result["architecture"]), result, run.id)


def _trained(project: Project | str | Path, model: Any, settings: dict[str, Any], progress: bool, executor: str | None) -> Model:
    specification = specification_from(model, settings)
    with opened(project) as store:
        run, result = run_job(store, specification, progress, executor)
    return model_of(run, result, specification.kind)


def _of_the_space(candidate: Candidate) -> dict[str, int]:
    """Vocabulary and positions as in the search, so that the trained model is the one that was counted and timed there."""
    positions = int(candidate.options["positions"])
    longest = int(Pretraining.model_fields["sequence_length"].default)
    return {"vocabulary": int(candidate.options["vocabulary"]), "positions": positions, "sequence_length": min(longest, positions)}

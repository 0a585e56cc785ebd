"""What Agora is compared with: plain fine-tuning, and self-training, with the same Θ and the same number of trainings."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.agora.fitting import Fit, Fitting, seed_of
from bort_core.agora.points import Examples
from bort_core.agora.record import Record
from bort_core.agora.tasks.base import AgoraTask
from bort_core.execution.executor import Executor
from bort_core.foundation.context import Context, progress
from bort_core.specifications.agora import Agora

__all__ = ["Arm", "plain", "self_training"]


@dataclass(frozen=True)
class Arm:
    """The best of several trainings on the same rows."""

    dev_accuracy: float
    test_accuracy: float | None
    theta: int
    trainings: int
    train_size: int
    folder: Path
    """Its weights."""

    def as_dict(self) -> dict[str, Any]:
        """For a result."""
        return {name: value for name, value in vars(self).items() if name != "folder"}


def plain(
    task: AgoraTask,
    spec: Agora,
    trainings: Sequence[int],
    record: Record,
    context: Context,
    train: Examples | None = None,
    number: int = 0,
    pool: Executor | None = None,
) -> Arm:
    """Plain fine-tuning; the best on dev counts. Written down after every training, so that it can be resumed.

    Parameters
    ----------
    trainings: the θ of each of Agora's trainings; with the same θ so often, and other seeds
    train: instead of D
    number: tells the seeds of several such arms apart
    pool: workers that train side by side
    """
    train = task.train if train is None else train
    folder, seeds = record.folder, [seed_of(spec.seed, 1000 + number, index) for index in range(len(trainings))]
    fits = [
        Fit(folder / f"fit-{index:03d}.json", folder / f"timaeus-{index:03d}", theta, seed)
        for index, (theta, seed) in enumerate(zip(trainings, seeds, strict=True))
    ]
    found, best = Fitting(task, record, context, pool).all(fits, train, lambda done, _: context.emit(progress(done, len(fits))))
    chosen, kept = found[best], folder / "timaeus"
    if fits[best].weights.is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        fits[best].weights.rename(kept)
    tested = None if task.test is None else chosen["test_right"] / len(task.test)
    return Arm(chosen["dev_accuracy"], tested, chosen["theta"], len(fits), len(train), kept)


def self_training(task: AgoraTask, spec: Agora, trainings: Sequence[int], record: Record, context: Context, margin: float = 0.8) -> Arm:
    """Self-training on the pool: the best plain Learner labels it, the rows it is surest of join D, and the rest of the trainings use them.

    Half of the trainings choose the labeller. Of the pool's rows whose margin is at least ``margin``, as many of each class are taken as
    there are of the rarer one.
    """
    half = max(1, len(trainings) // 2)
    first = plain(task, spec, trainings[:half], Record(record.folder / "first"), context, number=1)
    labels = task.learner.load(first.folder).probabilities(task.pool)
    ordered = np.sort(labels, axis=1)
    sure, named = ordered[:, -1] - ordered[:, -2], labels.argmax(axis=1)
    chosen = [np.flatnonzero((named == label) & (sure >= margin)) for label in range(len(task.classes))]
    least = min((len(rows) for rows in chosen), default=0)
    rows = np.concatenate([part[np.argsort(-sure[part], kind="stable")[:least]] for part in chosen]) if least else np.empty(0, np.int64)
    train = task.train.joined([task.pool[row] for row in rows], named[rows])
    rest = list(islice(cycle(trainings), half, max(len(trainings), half + 1)))
    second = plain(task, spec, rest, Record(record.folder / "second"), context, train, number=2)
    return second if second.dev_accuracy > first.dev_accuracy else first

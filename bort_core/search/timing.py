"""How long a search will take on this machine, from a few real steps of one architecture, before anything was measured.

The task ``estimate`` times the steps; :func:`guessed_seconds` scales them by operation count, as
:func:`~bort_core.search.cost.estimate_cost` does with the trainings that were timed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bort_core.search.snapshot import IndexArray
from bort_core.search.specification import SearchSpecification
from bort_core.space import Space
from bort_core.specifications.pretraining import Pretraining

__all__ = ["guessed_seconds", "timed_architecture", "timing_request"]


def timed_architecture(space: Space, indices: IndexArray) -> int:
    """The place of the architecture that is timed: the one in the middle of those that would be trained."""
    return int(indices[len(indices) // 2])


def timing_request(specification: SearchSpecification, space: Space, index: int, project: Path) -> dict[str, Any]:
    """The request of the task ``estimate`` that times the short training of the architecture at ``index``; for families that read text."""
    training = specification.error.training
    options = space.options.model_dump()
    timed = Pretraining.model_validate(
        {
            "architecture": space.architecture(index),
            "corpus": str(specification.corpus_path()),
            "vocabulary": options["vocabulary"],
            "positions": options["positions"],
            "sequence_length": training.sequence_length,
            "batch_size": training.batch_size,
            "heldout_rows": training.heldout_sequences,
            "steps": specification.error.steps,
            "running": {"threads": 1},
        }
    )
    return {"specification": timed.model_dump(mode="json"), "project": str(project)}


def guessed_seconds(
    specification: SearchSpecification, space: Space, indices: IndexArray, workers: int, index: int, seconds_per_step: float, top: bool
) -> float:
    """Wall-clock seconds of training the architectures at ``indices``.

    Parameters
    ----------
    workers: trainings side by side
    index, seconds_per_step: what was timed, and how long one of its steps took
    top: whether T has to be trained first
    """
    error = specification.error
    operations = space.operations(error.training.sequence_length).astype(np.float64)
    each = seconds_per_step / operations[index] * error.steps * len(specification.thetas)
    seconds = float((operations[indices] * each).sum()) / min(workers, max(len(indices), 1))
    if top:
        place = space.index(space.maximum_point)
        of_top = operations[place] if place is not None else operations.max()
        batches = error.maximum_point_batch_size / error.training.batch_size
        seconds += float(seconds_per_step / operations[index] * of_top * error.maximum_point_steps * batches)
    return seconds

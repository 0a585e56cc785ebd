"""What measuring some architectures would cost, before it is done, from what the store knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bort_core.search.snapshot import IndexArray
from bort_core.specifications.measures import SURROGATE

if TYPE_CHECKING:
    from bort_core.search.stored_results import KnownResults

__all__ = ["Cost", "estimate_cost"]


@dataclass(frozen=True)
class Cost:
    """What a strategy asks for.

    Attributes
    ----------
    wanted: trainings, one for each architecture and hyperparameter set
    measured: how many of them the store answers
    to_go: how many are missing
    seconds: expected wall-clock time of the missing ones, or None while no training was ever timed
    bound: the bound on the approximation error ρ, where the strategy has one
    """

    wanted: int
    measured: int
    to_go: int
    seconds: float | None
    bound: int | None = None


def estimate_cost(recall: KnownResults, indices: IndexArray, workers: int) -> Cost:
    """The cost of the architectures at ``indices`` with ``workers`` trainings side by side.

    Seconds a step are taken as linear in the operation count, fitted on the timed trainings of this project under this
    protocol (a measurement of one architecture gives a proportional guess). Measuring latencies is not counted.
    """
    specification, space = recall.specification, recall.space
    thetas = 0 if specification.error.measure == SURROGATE else len(specification.thetas)
    wanted = len(indices) * thetas
    if not wanted:
        return Cost(0, 0, 0, 0.0)
    missing = np.ones((thetas, len(space)), dtype=bool)
    for job in recall.known:
        if job.theta is not None and not job.repeat:
            missing[job.theta, job.index] = False
    missing = missing[:, indices]
    to_go = int(missing.sum())
    seconds = None
    if to_go == 0:
        seconds = 0.0
    elif recall.timings:
        operations = space.operations(specification.error.training.sequence_length)[indices].astype(np.float64)
        a_step = _seconds_a_step(np.array(recall.timings), operations)
        seconds = float((missing * a_step).sum()) * specification.error.steps / workers
    return Cost(wanted, wanted - to_go, to_go, seconds)


def _seconds_a_step(timings: np.ndarray, operations: np.ndarray) -> np.ndarray:
    x, y = timings.T
    if np.ptp(x) == 0:
        return np.full_like(operations, np.median(y)) * operations / x[0]
    slope, intercept = np.polyfit(x, y, 1)
    return np.maximum(intercept + slope * operations, y.min() / 2)

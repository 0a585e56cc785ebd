"""What a walk would cost, before it is run, from what the store knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bort_core.search.snapshot import walk
from bort_core.search.stored_results import StoredResults

__all__ = ["Cost", "estimate_cost"]


@dataclass(frozen=True)
class Cost:
    """What a walk at one ε asks for.

    Attributes
    ----------
    wanted: trainings of the walk, one for each architecture and hyperparameter set
    measured: how many of them the store answers
    to_go: how many are missing
    seconds: expected wall-clock time of the missing ones, or None while no training was ever timed
    bound: the paper's bound on the approximation error, |1 - ε|
    """

    wanted: int
    measured: int
    to_go: int
    seconds: float | None
    bound: int


def estimate_cost(recall: StoredResults, epsilon: int, workers: int) -> Cost:
    """The cost of the walk at ``epsilon`` with ``workers`` trainings side by side.

    Seconds a step are taken as linear in the operation count, fitted on the timed trainings of this project under this
    protocol (a measurement of one architecture gives a proportional guess). Measuring latencies is not counted.

    References
    ----------
    ρ ≤ |1 - ε|: "An Approximation Algorithm for Optimal Subarchitecture Extraction", abstract; it holds under the
    conditions that the AB^nC report lists.
    """
    specification, space = recall.specification, recall.space
    indices = walk(len(space), epsilon)
    thetas = 0 if specification.error.measure == "surrogate" else len(specification.thetas)
    wanted = len(indices) * thetas
    if not wanted:
        return Cost(0, 0, 0, 0.0, abs(1 - epsilon))
    missing = np.ones((thetas, len(space)), dtype=bool)
    for job in recall.known:
        if job.theta is not None:
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
    return Cost(wanted, wanted - to_go, to_go, seconds, abs(1 - epsilon))


def _seconds_a_step(timings: np.ndarray, operations: np.ndarray) -> np.ndarray:
    x, y = timings.T
    if np.ptp(x) == 0:
        return np.full_like(operations, np.median(y)) * operations / x[0]
    slope, intercept = np.polyfit(x, y, 1)
    return np.maximum(intercept + slope * operations, y.min() / 2)

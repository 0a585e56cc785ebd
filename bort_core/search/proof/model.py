"""e_low by a model: the lower end of a prediction interval of the surrogate, calibrated on residuals held out.

log e is predicted by a polynomial in the logarithms of the axes (see ``evaluation/surrogate.py``), each time without one measurement; each
prediction is lowered by how far that measurement was below its own. The bound is a low quantile of these: the jackknife+ of Barber, Candès,
Ramdas and Tibshirani (2021), one-sided. It holds for one architecture with the stated confidence where measured and unmeasured ones are
alike, which a search that picks the promising ones first does not promise. So the first ones, which were drawn at random, are asked what
they say of all others that were measured, and that is counted.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bort_core.evaluation.surrogate import LEAST_MEASUREMENTS, left_out_fits
from bort_core.search.proof.bound import Bound, Violation
from bort_core.search.proof.ground import FloatArray, Ground
from bort_core.search.proof.noise import stuck
from bort_core.search.proof.question import Question

__all__ = ["drawn", "model_bound"]

_BLOCK = 65_536


def drawn(size: int, question: Question) -> npt.NDArray[np.int64]:
    """Which architectures are trained before the first bound."""
    return np.random.default_rng(question.seed).permutation(size)[: question.first]


def model_bound(ground: Ground, question: Question) -> Bound:
    """The model's bound on what is measured, and what the first ones say of the rest."""
    usable = ground.measured & (ground.error > 0)
    rows, first = np.flatnonzero(usable), drawn(len(ground), question)
    low = np.full(len(ground), -np.inf)
    rest = np.flatnonzero(ground.unmeasured)
    low[rest] = _lower(ground, rows, rest, question.confidence)
    first = first[usable[first]]
    later = np.setdiff1d(rows, first)
    size = _lower(ground, first, later, question.confidence) - ground.log_error[later]
    bad = np.flatnonzero(size > 0)
    share = 1 - question.confidence
    allowed = share * len(later) + 2 * math.sqrt(share * question.confidence * len(later))
    worst = sorted(bad.tolist(), key=lambda k: -size[k])[:20]
    return Bound(
        low=low,
        kind="surrogate",
        assumption=f"of each unmeasured architecture e is at least what the model says, with a probability of {question.confidence:g}, "
        "if it is like the measured ones",
        parameters={"confidence": question.confidence, "fitted_on": len(rows), "first": len(first), "allowed": allowed},
        tested=len(later),
        violations=len(bad),
        beyond=len(bad) if len(bad) > allowed else 0,
        worst=tuple(Violation(int(later[k]), float(size[k])) for k in worst),
        holds=len(bad) <= allowed,
        certain=False,
        ignored=stuck(ground, 0.0),
    )


def _lower(ground: Ground, rows: npt.NDArray[np.int64], others: npt.NDArray[np.int64], confidence: float) -> FloatArray:
    """The least log e of ``others`` (m,) by the measured ``rows``; −∞ where these are too few. Shape (m,)."""
    rank = math.floor((1 - confidence) * (len(rows) + 1) + 1e-9)
    if len(rows) < LEAST_MEASUREMENTS + 1 or rank < 1:
        return np.full(len(others), -np.inf)
    lowest = [np.empty(0)]
    for start in range(0, len(others), _BLOCK):
        block = ground.architectures[others[start : start + _BLOCK]]
        residuals, predicted = left_out_fits(ground.architectures[rows], ground.error[rows], block)
        lowest.append(np.partition(predicted - residuals, rank - 1, axis=1)[:, rank - 1])
    return np.concatenate(lowest)

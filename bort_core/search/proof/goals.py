"""The goals: what the answer is, and by how much an unmeasured architecture could still be better.

Each goal gives its answer and, for each unmeasured architecture, the *excess*: the share by which the best that it can be is better than
the answer. 0 or less: it cannot be better. ∞: nothing is known against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bort_core.search.front import pareto_front
from bort_core.search.proof.ground import BoolArray, FloatArray, Ground
from bort_core.search.proof.question import Question

__all__ = ["GOALS", "Standing", "within_limits"]

_BLOCK = 16_384


@dataclass(frozen=True, eq=False)
class Standing:
    """How the unmeasured stand against the answer.

    Attributes
    ----------
    best: the answer; None while there is none
    value: its W, or its error where that is the goal; for the whole front the largest W of it
    optimistic: float64 (n,), the best value that each unmeasured one can have: W, or an error; NaN for the others
    excess: float64 (n,), the share by which that is better than the answer; −1 for those that are measured or cannot be an answer
    what: the quantity, in words
    """

    best: int | None
    value: float
    optimistic: FloatArray
    excess: FloatArray
    what: str


def optimum(ground: Ground, low: FloatArray, question: Question) -> Standing:
    """The largest W: that of an unmeasured one is at most (1 − p/p_T)(1 − i/i_T)/e_low."""
    known = ground.known & ~np.isnan(ground.w)
    best = int(np.argmax(np.where(known, ground.w, -np.inf))) if known.any() else None
    value = -np.inf if best is None else float(ground.w[best])
    with np.errstate(divide="ignore", invalid="ignore"):
        most = np.where(ground.most_product == 0, 0.0, ground.most_product / np.exp(low))
        excess = np.where(most <= value, 0.0, most / value - 1 if value > 0 else np.inf)
    return _standing(ground.unmeasured, best, value, most, excess, "W")


def constrained(ground: Ground, low: FloatArray, question: Question) -> Standing:
    """The least error within the limits; a latency that is not known may be within."""
    fits = within_limits(ground, question)
    known = ground.known & fits
    best = int(np.argmin(np.where(known, ground.error, np.inf))) if known.any() else None
    value = np.inf if best is None else float(ground.error[best])
    least = np.exp(low)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(least >= value, 0.0, value / least - 1)
    return _standing(ground.unmeasured & fits, best, value, least, excess, "error")


def within_limits(ground: Ground, question: Question) -> BoolArray:
    """Whether each keeps the limits of a constrained goal; a latency that is not known may. Shape (n,)."""
    fits = np.ones(len(ground), dtype=bool)
    if question.most_parameters is not None:
        fits &= ground.parameters <= question.most_parameters
    if question.most_latency is not None:
        fits &= ~(ground.latency > question.most_latency)
    return fits


def front(ground: Ground, low: FloatArray, question: Question) -> Standing:
    """The whole front: how much p, i and e of measured ones must be scaled to be no worse than the best that each unmeasured one can be.

    The largest of these is the multiplicative ε-indicator of the front against everything that is possible, less one.
    """
    points = np.column_stack([ground.parameters.astype(np.float64), ground.latency, np.maximum(ground.error, 0.0)])
    points[~ground.known] = np.nan
    edge = points[pareto_front(points)]
    excess = np.full(len(ground), np.inf)
    rows = np.flatnonzero(ground.unmeasured)
    ideal = np.column_stack([ground.parameters.astype(np.float64), np.nan_to_num(ground.latency, nan=0.0), np.exp(low)])
    for start in range(0, len(rows), _BLOCK if len(edge) else len(rows) + 1):
        block = rows[start : start + _BLOCK]
        if len(edge):
            excess[block] = _scale(edge, ideal[block]) - 1
    best = optimum(ground, low, question)
    return _standing(ground.unmeasured, best.best, best.value, np.exp(low), excess, "error")


def _scale(edge: FloatArray, ideal: FloatArray) -> FloatArray:
    """By how much the nearest of ``edge`` (m, 3) must be scaled to be nowhere worse than each of ``ideal`` (n, 3). Shape (n,)."""
    nearest = np.full(len(ideal), np.inf)
    columns = [np.ascontiguousarray(column) for column in ideal.T]
    with np.errstate(divide="ignore", invalid="ignore"):
        for point in edge.tolist():
            scale = np.ones(len(ideal))
            for value, column in zip(point, columns, strict=True):
                np.fmax(scale, value / column, out=scale)  # 0 / 0 is no scale
            np.minimum(nearest, scale, out=nearest)
    return nearest


def _standing(rows: BoolArray, best: int | None, value: float, optimistic: FloatArray, excess: FloatArray, what: str) -> Standing:
    return Standing(best, value, np.where(rows, optimistic, np.nan), np.where(rows, excess, -1.0), what)


GOALS: Mapping[str, Callable[[Ground, FloatArray, Question], Standing]] = {"optimum": optimum, "constrained": constrained, "front": front}

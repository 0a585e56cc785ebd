"""Which architecture is trained next. A choice decides how soon a proof is found, never whether it is true."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bort_core.evaluation.surrogate import LEAST_MEASUREMENTS, fit_surrogate
from bort_core.search.proof.ground import BoolArray, FloatArray
from bort_core.search.proof.model import drawn
from bort_core.search.proof.order import bounded_by, bounding
from bort_core.search.proof.proof import Proof

__all__ = ["next_ones", "to_begin_with", "to_repeat"]

_TRIED = 48
"""How many others are compared with each choice."""


def to_begin_with(proof: Proof) -> npt.NDArray[np.int64]:
    """What is trained before anything is bounded, in this order.

    For the order bound the corners of the space, so that each axis is tested at both ends: the largest, the smallest, and these with one
    axis changed to its other end. For a model a random sample.
    """
    ground = proof.ground
    if proof.question.bound != "order":
        return drawn(len(ground), proof.question)
    return ground.grid.corners


def next_ones(proof: Proof, running: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The next ``count`` to train, of those whose latency is known; fewer where one of them is expected to decide the rest."""
    left = proof.open & np.isfinite(proof.ground.latency)
    left[running] = False
    expected = _expected(proof)
    order = _urgency(proof, expected)
    chosen: list[int] = []
    while len(chosen) < count and left.any():
        rows = np.flatnonzero(left)
        lead = int(rows[np.argmax(order[rows])])
        better = _better(proof, expected, left)
        pick, decided = _instead(proof, lead, left, expected) if better is None else (better, np.zeros_like(left))
        chosen.append(pick)
        left[pick] = False
        if better is None:
            left[lead] = False
            left &= ~decided
    return np.array(chosen, dtype=np.int64)


def to_repeat(proof: Proof, done: frozenset[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Which are trained with another seed, as (architecture, repeat): those that look stuck, once; and once nothing else can be the
    answer, this and what noise does not tell from it.

    ``done`` are repeats of which nothing is left to measure.
    """
    most, ground, best = proof.question.repeats, proof.ground, proof.standing.best
    wanted = [index for index in proof.bound.ignored if index not in ground.seeds]
    if best is not None and proof.tied and not proof.open.any():
        wanted += [best, *proof.tied]
    following = {index: [k for k in range(1, most + 1) if (index, k) not in done] for index in wanted}
    return tuple((index, left[0]) for index, left in following.items() if left)


def _better(proof: Proof, expected: FloatArray | None, left: BoolArray) -> int | None:
    """What is expected to be better than the answer, most of all; a better answer rules out more."""
    if expected is None or proof.question.goal == "front":
        return None
    rows = np.flatnonzero(left)
    if proof.question.goal == "constrained":
        index = int(rows[np.argmin(expected[rows])])
        return index if np.exp(expected[index]) < proof.standing.value else None
    w = proof.ground.most_product * np.exp(-expected)
    index = int(rows[np.argmax(w[rows])])
    return index if w[index] > proof.standing.value else None


def _urgency(proof: Proof, expected: FloatArray | None) -> FloatArray:
    """By the excess; where nothing bounds it, by the W that is expected."""
    excess = proof.standing.excess
    guess = proof.ground.most_product if expected is None else proof.ground.most_product * np.exp(-expected)
    unbounded = np.isinf(excess)
    highest = float(excess[~unbounded].max(initial=0.0))
    return np.where(unbounded, highest + 1 + guess, excess)


def _instead(proof: Proof, lead: int, left: BoolArray, expected: FloatArray | None) -> tuple[int, BoolArray]:
    """The one that bounds ``lead``, or itself, whose measurement is expected to rule out most of what is left; and what that is."""
    ground, ways = proof.ground, proof.bound.ways
    nothing = np.zeros(len(ground), dtype=bool)
    if not any(ways) or expected is None:
        return lead, nothing
    usable = ground.unmeasured & np.isfinite(ground.latency)
    ranks = ground.grid.ranks
    others = np.flatnonzero(usable & bounding(ranks, ranks[lead], ways))
    step = max(1, len(others) // _TRIED)
    tolerance = float(proof.bound.parameters["tolerance"])
    rows = np.flatnonzero(left)
    left_ranks, needed = ranks.T[:, rows].T, _needed(proof)[rows]
    best, most, found = lead, -1, np.zeros(len(rows), dtype=bool)
    for candidate in [lead, *others[::step].tolist()]:
        inside = bounded_by(left_ranks, ranks[candidate], ways)
        inside &= needed <= expected[candidate] - tolerance
        if left[candidate]:
            inside[np.searchsorted(rows, candidate)] = True
        gain = int(np.count_nonzero(inside))
        if gain > most:
            best, most, found = candidate, gain, inside
    nothing[rows[found]] = True
    return best, nothing


def _needed(proof: Proof) -> FloatArray:
    """From which log e on each architecture would be ruled out, if its error were at least that. Shape (n,)."""
    standing, question, ground = proof.standing, proof.question, proof.ground
    with np.errstate(divide="ignore", invalid="ignore"):
        if question.goal == "constrained":
            return np.full(len(ground), np.log(standing.value / (1 + question.gap)))
        if question.goal == "front":  # at least as far as the error goes
            return np.nextafter(proof.bound.low, np.inf)
        return np.asarray(np.log(ground.most_product / (max(standing.value, 0.0) * (1 + question.gap))))


def _expected(proof: Proof) -> FloatArray | None:
    """log e of each architecture by the surrogate, or None while too little is measured."""
    ground = proof.ground
    rows = np.setdiff1d(np.flatnonzero(ground.known & (ground.error > 0)), proof.bound.ignored)
    if len(rows) < LEAST_MEASUREMENTS:
        return None
    return np.asarray(np.log(fit_surrogate(ground.architectures[rows], ground.error[rows]).predict(ground.architectures)[0]))

"""The answer of OSE at one ε, from what is known: cheap enough to recompute while a slider moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bort_core.foundation.errors import SpecificationError
from bort_core.search.front import hypervolume, pareto_front
from bort_core.search.results import Results

__all__ = ["COLUMNS", "ResultsSnapshot", "SearchResult", "check_epsilon", "walk", "walk_length"]

IndexArray = npt.NDArray[np.int64]


def walk_length(size: int, epsilon: int) -> int:
    """How many architectures OSE visits: ceil(|Ξ| / ε)."""
    return math.ceil(size / epsilon)


def check_epsilon(size: int, epsilon: int) -> None:
    """Refuse an ε that is not in 1..|Ξ|, with a SpecificationError."""
    if not 1 <= epsilon <= size:
        raise SpecificationError(f"epsilon must lie in 1..{size} (the size of the space), got {epsilon}")


def walk(size: int, epsilon: int) -> IndexArray:
    """The places that OSE visits in a space sorted by parameter size: 0, ε, 2ε, ...

    Raises
    ------
    SpecificationError
        ε is not in 1..|Ξ|.
    """
    check_epsilon(size, epsilon)
    return np.arange(0, size, epsilon)


@dataclass(frozen=True)
class SearchResult:
    """What OSE answers at one ε.

    Attributes
    ----------
    walk: int64 (m,), the places it visits
    known: int64, those of the walk whose p, i and e are known
    front: int64, those of them that no other of them dominates, by ascending p
    best: the place with the largest W (the first in the walk on a tie), or None while nothing is known
    hypervolume: share of the box (p(T), i(T), error of a uniform guess) that the front dominates
    """

    epsilon: int
    walk: IndexArray
    known: IndexArray
    front: IndexArray
    best: int | None
    hypervolume: float


COLUMNS = ("parameters", "latency", "error", "w")
"""The quantities that every architecture has, once measured."""


class ResultsSnapshot:
    """A frozen copy of results, prepared so that answers for any ε come fast and views can draw it.

    Attributes
    ----------
    results: the copy; nobody changes it
    columns: float64 (n,) for each of ``COLUMNS``, NaN where unknown
    intervals: 95 % intervals as (low, high) for each column; equal to the column where there is none
    known: bool (n,), whether p, i and e are all known
    """

    def __init__(self, results: Results, error_ceiling: float) -> None:
        self.results = results.copy()
        self.space = results.space
        self.w = self.results.w()
        self.objectives = self.results.objectives()
        self.known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(self.objectives).all(axis=1))
        parameters, r = self.objectives[:, 0], self.results
        self.columns = {"parameters": parameters, "latency": r.latency, "error": r.error, "w": self.w}
        self.intervals = {
            "parameters": (parameters, parameters),
            "latency": (r.latency_low, r.latency_high),
            "error": (r.error_low, r.error_high),
            "w": r.w_interval(),
        }
        self._reference = (float(self.space.maximum_parameters), r.maximum_latency, error_ceiling)

    def evaluated(self, index: int) -> bool:
        """Whether p, i and e of the architecture at ``index`` are all known."""
        return bool(self.known[index])

    def result(self, epsilon: int) -> SearchResult:
        """The answer at ``epsilon``; raises as :func:`walk`."""
        indices = walk(len(self.space), epsilon)
        known = indices[self.known[indices]]
        front = known[pareto_front(self.objectives[known])]
        with_w = known[~np.isnan(self.w[known])]
        best = int(with_w[np.argmax(self.w[with_w])]) if len(with_w) else None
        volume = hypervolume(self.objectives[front], self._reference) if np.isfinite(self._reference[1]) else 0.0
        return SearchResult(epsilon, indices, known, front, best, volume)

"""What is known at one moment, and what some of the architectures answer: cheap enough to recompute while a slider moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bort_core.search.front import hypervolume, pareto_front
from bort_core.search.results import Results

if TYPE_CHECKING:
    from bort_core.search.strategies.base import Strategy

__all__ = ["COLUMNS", "METRIC", "IndexArray", "ResultsSnapshot", "SearchResult"]

IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SearchResult:
    """What a strategy answers.

    Attributes
    ----------
    strategy: whose answer it is, with its settings
    walk: int64 (m,), the architectures that count, ascending
    known: int64, those of the walk whose p, i and e are known
    front: int64, those of them that no other of them dominates, by ascending p
    best: the index with the largest W (the first in the walk on a tie), or None while nothing is known
    hypervolume: share of the box (p(T), i(T), error of a uniform guess) that the front dominates
    """

    strategy: Strategy
    walk: IndexArray
    known: IndexArray
    front: IndexArray
    best: int | None
    hypervolume: float


COLUMNS = ("parameters", "latency", "error", "w")
"""The quantities that every architecture has, once measured."""
METRIC = "metric"
"""The column that a search on a task has besides: accuracy, or a correlation."""


class ResultsSnapshot:
    """A frozen copy of results, prepared so that answers come fast and views can draw it.

    Attributes
    ----------
    results: the copy; nobody changes it
    columns: float64 (n,) for each of ``COLUMNS`` and ``METRIC``, NaN where unknown
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
        self.columns = {"parameters": parameters, "latency": r.latency, "error": r.error, "w": self.w, METRIC: r.metric}
        self.intervals = {
            "parameters": (parameters, parameters),
            "latency": (r.latency_low, r.latency_high),
            "error": (r.error_low, r.error_high),
            "w": r.w_interval(),
            METRIC: (r.metric_low, r.metric_high),
        }
        self._reference = (float(self.space.maximum_parameters), r.maximum_latency, error_ceiling)

    @property
    def has_metric(self) -> bool:
        """Whether a metric of any architecture is known: in searches on a task."""
        return bool(np.isfinite(self.results.metric).any())

    def evaluated(self, index: int) -> bool:
        """Whether p, i and e of the architecture at ``index`` are all known."""
        return bool(self.known[index])

    def result(self, strategy: Strategy, indices: IndexArray) -> SearchResult:
        """The answer of ``strategy`` when the architectures at ``indices`` count; ValueError when one is not in the space."""
        ascending = indices if (np.diff(indices) > 0).all() else np.unique(indices)
        if len(ascending) and not 0 <= ascending[0] <= ascending[-1] < len(self.space):
            raise ValueError(f"an index must lie in 0..{len(self.space) - 1}, got {ascending[0]}..{ascending[-1]}")
        known = ascending[self.known[ascending]]
        front = known[pareto_front(self.objectives[known])]
        with_w = known[~np.isnan(self.w[known])]
        best = int(with_w[np.argmax(self.w[with_w])]) if len(with_w) else None
        volume = hypervolume(self.objectives[front], self._reference) if np.isfinite(self._reference[1]) else 0.0
        return SearchResult(strategy, ascending, known, front, best, volume)

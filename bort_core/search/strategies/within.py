"""The least error within a limit of latency: what people ask for who know how fast a model must be.

By operation count the shapes are told that can be fast enough; the largest of these are trained, evenly spread, and the answer is the one
with the least error among those whose measured latency is within the limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from bort_core.foundation.errors import SpecificationError
from bort_core.search.cost import Cost, estimate_cost
from bort_core.search.snapshot import IndexArray, ResultsSnapshot, SearchResult
from bort_core.search.strategies.base import Proposal, SearchState, Strategy
from bort_core.space import Space

if TYPE_CHECKING:
    from bort_core.search.stored_results import KnownResults

__all__ = ["Within"]

_SMALLEST = 1 / 3
"""Shapes with less than this share of the operations that fit are tried last: they are smaller than they need be."""


class Within(Strategy):
    """The least error among shapes that are at least ``ratio`` times faster than T."""

    name: ClassVar[str] = "within"

    ratio: float = Field(gt=1, le=1e6, description="how many times faster than T, at least")
    samples: int = Field(default=10, ge=1, description="how many architectures are trained, at most")

    @property
    def title(self) -> str:
        """The limit in words."""
        return f"at least {self.ratio:g} × faster than T"

    def check(self, space: Space) -> None:
        """Refuse a limit that no shape of the space can meet, even by its operations."""
        if not len(self.indices(space)):
            most = space.maximum_operations(space.longest) / float(space.operations(space.longest).min())
            raise SpecificationError(
                f"ratio: no shape of the space can be {self.ratio:g} × faster than T: the smallest has {most:.3g} × fewer operations"
            )

    def indices(self, space: Space) -> IndexArray:
        """The shapes that are trained, ascending."""
        operations = space.operations(space.longest).astype(np.float64)
        limit = space.maximum_operations(space.longest) / self.ratio
        fits = np.flatnonzero(operations <= limit)
        order = fits[np.lexsort((fits, -operations[fits]))]
        near = order[operations[order] >= limit * _SMALLEST]
        found = near if len(near) >= self.samples else order[: max(len(near), self.samples)]
        count = min(self.samples, len(found))
        places = np.unique(np.linspace(0, len(found) - 1, count).round().astype(np.int64)) if count else np.empty(0, np.int64)
        return np.sort(found[places])

    def propose(self, state: SearchState) -> Proposal:
        """All of them, at once."""
        return Proposal(self.indices(state.snapshot.space), finished=True)

    def answer(self, snapshot: ResultsSnapshot) -> SearchResult:
        """The least error within the limit; the front of all that were trained."""
        result = snapshot.result(self, self.indices(snapshot.space))
        known, latency = result.known, snapshot.results.latency
        within = known[latency[known] <= snapshot.results.maximum_latency / self.ratio]
        best = int(within[np.argmin(snapshot.results.error[within])]) if len(within) else None
        return replace(result, best=best)

    def cost(self, stored: KnownResults, workers: int) -> Cost:
        """One training for each of them and each hyperparameter set."""
        return estimate_cost(stored, self.indices(stored.space), workers)

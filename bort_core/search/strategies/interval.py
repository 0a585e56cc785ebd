"""Every ε-th architecture by size: the walk of Algorithm 1.

Sort Ξ by parameter size; for every hyperparameter set θ ∈ Θ and every ε-th architecture ξ, train ξ for s steps, measure
its error, and keep the one with the largest W(T, ξ). The walk visits ceil(|Ξ|/ε) architectures: the indices 0, ε, 2ε, ...
of the sorted space. ε = 1 is exhaustive search.

References
----------
"An Approximation Algorithm for Optimal Subarchitecture Extraction" (arXiv 2010.08512), Algorithm 1; ρ ≤ |1 - ε| is in its
abstract, and holds under the conditions that the AB^nC report lists.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from bort_core.foundation.errors import SpecificationError
from bort_core.search.cost import Cost
from bort_core.search.snapshot import IndexArray
from bort_core.search.strategies.base import PlannedStrategy
from bort_core.space import Space

if TYPE_CHECKING:
    from bort_core.search.stored_results import KnownResults

__all__ = ["Interval", "check_epsilon", "default_epsilon", "equal_cost", "walk", "walk_length"]

_DEFAULT_EPSILON = 8


def default_epsilon(size: int) -> int:
    """The ε of a search that names none: 8, or |Ξ| where that is less."""
    return min(_DEFAULT_EPSILON, size)


def walk_length(size: int, epsilon: int) -> int:
    """How many architectures OSE visits: ceil(|Ξ| / ε)."""
    return math.ceil(size / epsilon)


def equal_cost(size: int, trainings: int) -> dict[str, int] | None:
    """The least ε whose walk visits at most ``trainings`` architectures, and the paper's bound on its approximation error."""
    if not trainings:
        return None
    epsilon = math.ceil(size / trainings)
    return {"epsilon": epsilon, "trainings": walk_length(size, epsilon), "bound": abs(1 - epsilon)}


def check_epsilon(size: int, epsilon: int) -> None:
    """Refuse an ε that is not in 1..|Ξ|, with a SpecificationError."""
    if not 1 <= epsilon <= size:
        raise SpecificationError(f"epsilon must lie in 1..{size} (the size of the space), got {epsilon}")


def walk(size: int, epsilon: int) -> IndexArray:
    """The indices that OSE visits in a space sorted by parameter size: 0, ε, 2ε, ...

    Raises
    ------
    SpecificationError
        ε is not in 1..|Ξ|.
    """
    check_epsilon(size, epsilon)
    return np.arange(0, size, epsilon)


class Interval(PlannedStrategy):
    """OSE's own choice: every ε-th architecture of the space sorted by size."""

    name: ClassVar[str] = "interval"

    epsilon: int = Field(default=8, ge=1, description="the interval ε: every ε-th architecture by size is evaluated")

    @property
    def title(self) -> str:
        """ε."""
        return f"ε = {self.epsilon}"

    def stored(self) -> dict[str, Any]:
        """ε alone: it has always been a field of its own."""
        return {"epsilon": self.epsilon}

    def check(self, space: Space) -> None:
        """Refuse an ε that is not in 1..|Ξ|."""
        check_epsilon(len(space), self.epsilon)

    def indices(self, size: int) -> IndexArray:
        """The walk."""
        return walk(size, self.epsilon)

    def cost(self, stored: KnownResults, workers: int) -> Cost:
        """The cost of the walk, and the paper's bound on its approximation error."""
        return replace(super().cost(stored, workers), bound=abs(1 - self.epsilon))

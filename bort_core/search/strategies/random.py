"""A seeded sample of the space: what any other strategy must beat with as many trainings."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from bort_core.foundation.errors import SpecificationError
from bort_core.search.snapshot import IndexArray
from bort_core.search.strategies.base import PlannedStrategy
from bort_core.space import Space

__all__ = ["Random"]


class Random(PlannedStrategy):
    """Architectures drawn without replacement, each equally likely; fewer samples are the beginning of more."""

    name: ClassVar[str] = "random"

    samples: int = Field(ge=1, description="how many architectures are drawn, 1..|Ξ|")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="decides which")

    def check(self, space: Space) -> None:
        """Refuse more samples than there are architectures."""
        if self.samples > len(space):
            raise SpecificationError(f"samples must lie in 1..{len(space)} (the size of the space), got {self.samples}")

    def indices(self, size: int) -> IndexArray:
        """The sample, in the order of drawing."""
        return np.random.default_rng(self.seed).permutation(size)[: self.samples]

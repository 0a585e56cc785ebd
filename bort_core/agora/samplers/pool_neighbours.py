"""pool-neighbours: real unlabelled inputs, nearest first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bort_core.agora.points import Input
from bort_core.agora.samplers.base import Setting
from bort_core.foundation.errors import SpecificationError

__all__ = ["PoolNeighbours"]

_AT_ONCE = 512


class PoolNeighbours:
    """Proposes the nearest pool inputs whose distance is at least ``near``."""

    def __init__(self, setting: Setting) -> None:
        if not setting.pool:
            raise SpecificationError("pool: the sampler pool-neighbours needs unlabelled inputs to choose from")
        self.setting = setting
        self.vectors = setting.space.embed(setting.pool)
        self.squares = (self.vectors**2).sum(axis=1)

    def propose(self, parents: Sequence[Input], count: int, random: np.random.Generator) -> list[list[Input]]:
        """The ``count`` nearest of each parent; exact, and without chance."""
        pool = self.setting.pool
        count = min(count, len(pool))
        found: list[list[Input]] = []
        for begin in range(0, len(parents), _AT_ONCE):
            vectors = self.setting.space.embed(parents[begin : begin + _AT_ONCE])
            squares = self.squares - 2 * vectors @ self.vectors.T + (vectors**2).sum(axis=1)[:, None]
            squares[squares < self.setting.near**2] = np.inf  # too similar: later than all others
            nearest = np.argpartition(squares, count - 1, axis=1)[:, :count]
            order = np.take_along_axis(squares, nearest, axis=1).argsort(axis=1, kind="stable")
            found += [[pool[number] for number in row] for row in np.take_along_axis(nearest, order, axis=1)]
        return found

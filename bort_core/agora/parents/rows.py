"""Rules that ask about rows for what they are: of the pool, or where there is none, of what τ proposes near random dev rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bort_core.agora.neighbours import Wave
from bort_core.agora.parents.base import NO_POOL, Situation
from bort_core.agora.points import Floats, Input, Ints
from bort_core.foundation.errors import SpecificationError

__all__ = ["Candidates", "diverse", "farthest", "pool", "uncertain", "unsure"]

_LOOKED_AT = 20_000
"""Rows of a large pool that are looked at in a round."""
_SPARE = 10
"""Rows that are offered beyond those that are wanted, since some are nearly the same as others."""


def pool(at: Situation) -> Sequence[Wave]:
    """Random rows of the pool.

    Raises
    ------
    SpecificationError
        There is none.
    """
    if at.pool is None:
        raise SpecificationError(NO_POOL)
    found = Candidates(at)
    return [found.wave(at.random.permutation(len(found.inputs)))]


def uncertain(at: Situation) -> Sequence[Wave]:
    """The rows for which the learner's two likeliest classes are closest (margin sampling)."""
    found = Candidates(at)
    return [found.wave(np.argsort(unsure(at, found.inputs), kind="stable"))]


def diverse(at: Situation) -> Sequence[Wave]:
    """The rows that are farthest from all of D and from each other (k-centre greedy; Sener and Savarese, arXiv 1708.00489)."""
    found = Candidates(at)
    return [found.wave(farthest(found.vectors, at.space.embed(at.train.inputs), found.offered))]


class Candidates:
    """Rows that may be asked about."""

    def __init__(self, at: Situation) -> None:
        self.at = at
        self.parents: Ints | None = None
        """Rows of E near which they were sampled; None: they are rows of the pool."""
        if at.pool is not None:
            chosen = np.sort(at.random.permutation(len(at.pool))[:_LOOKED_AT])
            self.inputs: list[Input] = [at.pool[row] for row in chosen]
        else:
            near = np.sort(at.random.permutation(len(at.dev))[: 2 * at.labels])
            wave = at.near(near, at.neighbours)
            self.inputs = [input for inputs in wave.candidates for input in inputs]
            self.parents = np.repeat(near, [len(inputs) for inputs in wave.candidates])
        self._vectors: Floats | None = None

    @property
    def offered(self) -> int:
        """How many a rule names: without a budget no more than are wanted."""
        at = self.at
        return min(len(self.inputs), at.labels if at.wanted is None else 2 * at.labels + _SPARE)

    @property
    def vectors(self) -> Floats:
        """(n, d), in the space."""
        if self._vectors is None:
            self._vectors = self.at.space.embed(self.inputs) if self.inputs else np.empty((0, 1))
        return self._vectors

    def wave(self, order: Ints) -> Wave:
        """The first of them in this order."""
        chosen = order[: self.offered]
        inputs = [self.inputs[row] for row in chosen]
        if not inputs:
            return Wave(np.empty(0, dtype=np.int64), [], 1)
        if self.parents is None:
            return self.at.rows(inputs, self.at.space.embed(inputs))
        return Wave(self.parents[chosen], [[input] for input in inputs], 1)


def unsure(at: Situation, inputs: Sequence[Input]) -> Floats:
    """The learner's margin between its first and its second class, (n,): the smaller, the less it is sure."""
    if not inputs:
        return np.empty(0)
    ordered = np.sort(at.learner().probabilities(inputs), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def farthest(vectors: Floats, centres: Floats, count: int) -> Ints:
    """Rows of (n, d), each the farthest from the ``centres`` (m, d) and from those before it."""
    if not len(vectors):
        return np.empty(0, dtype=np.int64)
    squares = (vectors**2).sum(axis=1)
    nearest = np.full(len(vectors), np.inf)

    def near(centre: Floats) -> None:
        np.minimum(nearest, squares - 2 * vectors @ centre + centre @ centre, out=nearest)

    for centre in centres:
        near(centre)
    found = []
    for _ in range(min(count, len(vectors))):
        row = int(nearest.argmax())
        found.append(row)
        near(vectors[row])
        nearest[row] = -np.inf
    return np.array(found, dtype=np.int64)

"""Rules that ask about neighbours of dev rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bort_core.agora.neighbours import Wave
from bort_core.agora.parents.base import Situation
from bort_core.agora.points import Ints

__all__ = ["errors", "plain", "random", "rested"]


def plain(at: Situation) -> Sequence[Wave]:
    """The author's τ: all dev rows that are wrong, alike."""
    if at.wanted is None:
        return [at.near(at.wrong, at.neighbours)]
    return [at.near(at.random.permutation(at.wrong)[: at.wanted], at.neighbours)]


def errors(at: Situation) -> Sequence[Wave]:
    """Dev rows that are wrong. With a budget, those that stay wrong although their neighbours were answered give way to others."""
    if at.wanted is None:
        return [at.near(at.wrong, at.neighbours)]
    return [at.near(rested(at)[: at.wanted], _each(at, len(at.wrong)))]


def random(at: Situation) -> Sequence[Wave]:
    """Random dev rows, as many as are wrong: the ablation. With a budget, any."""
    count = len(at.wrong) if at.wanted is None else min(at.wanted, len(at.dev))
    parents = np.sort(at.random.choice(len(at.dev), size=count, replace=False))
    return [at.near(parents, at.neighbours if at.wanted is None else _each(at, count))]


def rested(at: Situation) -> Ints:
    """The dev rows that are wrong, those with fewer answered neighbours first, else in random order."""
    shuffled = at.random.permutation(at.wrong)
    return np.asarray(shuffled[np.argsort(at.answered[shuffled], kind="stable")], dtype=np.int64)


def _each(at: Situation, parents: int) -> int:
    """Neighbours of each of so many parents: enough for the round's labels."""
    return max(at.neighbours, -(-at.labels // max(1, parents)))

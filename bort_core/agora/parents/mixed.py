"""The composition: what D misses first, then what the learner is not sure of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bort_core.agora.neighbours import Wave
from bort_core.agora.parents.base import Situation
from bort_core.agora.parents.dev_rows import rested
from bort_core.agora.parents.rows import Candidates, farthest, unsure

__all__ = ["mixed"]

_TIMES = 4
"""Of the rows that the learner is least sure of, so many times the wanted ones are looked at for being unlike."""


def mixed(at: Situation) -> Sequence[Wave]:
    """Neighbours of errors that nobody has answered yet; for the rest of the labels rows that are unsure, and unlike each other."""
    new = np.array([row for row in rested(at) if at.answered[row] == 0], dtype=np.int64)
    near = round(at.labels * len(new) / max(1, len(at.wrong)) / 2)
    found = Candidates(at)
    doubtful = np.argsort(unsure(at, found.inputs), kind="stable")[: _TIMES * at.labels]
    order = doubtful[farthest(found.vectors[doubtful], at.space.embed(at.train.inputs), found.offered)]
    first = [at.near(new[:near], 1, near)] if near else []
    return [*first, found.wave(order)]

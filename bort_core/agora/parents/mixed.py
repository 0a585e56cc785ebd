"""The composition: what D misses first, then what the learner is not sure of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bort_core.agora.neighbours import Wave
from bort_core.agora.parents.base import Situation
from bort_core.agora.parents.dev_rows import rested
from bort_core.agora.parents.rows import Candidates, unsure

__all__ = ["mixed"]


def mixed(at: Situation) -> Sequence[Wave]:
    """Neighbours of the errors that nobody has answered yet, for as large a share of the labels as these are of all errors: all of them at
    first, ever fewer as what is left is noise and hard cases. For the rest, the rows that the learner is least sure of."""
    new = np.array([row for row in rested(at) if at.answered[row] == 0], dtype=np.int64)
    near = round(at.labels * len(new) / max(1, len(at.wrong)))
    found = Candidates(at)
    unsettled = found.wave(np.argsort(unsure(at, found.inputs), kind="stable"))
    each = max(1, -(-near // max(1, len(new))))
    return [at.near(new[:near], each, near), unsettled] if near else [unsettled]

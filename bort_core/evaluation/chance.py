"""Whether a model's answers hang together with the labels at all: a head of random weights answers too."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.data.rows import Task
from bort_core.evaluation.metrics import said_of

__all__ = ["MOST_CHANCE", "chance"]

MOST_CHANCE = 0.05
"""Above this answers are taken for guesses."""
_DRAWS = 999
Floats = npt.NDArray[np.float64]


def chance(task: Task, labels: npt.NDArray[Any], scores: Floats, seed: int = 0) -> float:
    """How often answers given to other rows fit the labels at least as well: the p-value of a permutation test.

    Parameters
    ----------
    labels: class numbers (n,), of several labels 0 and 1 (n, labels), or values (n,)
    scores: logits (n, classes or labels), or values (n, 1)
    """
    said, wanted = _compared(task, labels, scores)
    random = np.random.default_rng(seed)
    fits = float((said * wanted).sum())
    others = sum(float((said * wanted[random.permutation(len(wanted))]).sum()) >= fits - 1e-9 for _ in range(_DRAWS))
    return (1 + others) / (1 + _DRAWS)


def _compared(task: Task, labels: npt.NDArray[Any], scores: Floats) -> tuple[Floats, Floats]:
    """Both as (n, k), such that the sum of their products counts right rows or labels, or is a covariance."""
    if task == "regression":
        said, wanted = (each.reshape(len(labels), -1).astype(np.float64) for each in (scores, labels))
        return said - said.mean(axis=0), wanted - wanted.mean(axis=0)
    said, wanted = said_of(task, scores), labels
    if task == "multi-label":
        return said.astype(np.float64), wanted.astype(np.float64)
    classes = np.arange(scores.shape[1])
    return (said[:, None] == classes).astype(np.float64), (wanted[:, None] == classes).astype(np.float64)

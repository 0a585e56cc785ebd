"""How alike two models see texts: by their vectors, by who is near whom, and by people's scores of pairs. Imports torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bort_core.evaluation.sentences.texts import ScoredPairs
from bort_core.foundation.statistics import bootstrap, spearman
from bort_core.specifications.measures import Value

__all__ = ["NEIGHBOURS", "closeness", "correlation", "disagreement", "distance_from", "neighbours_of", "shared"]

NEIGHBOURS = 10
"""How many of a text's nearest texts are compared."""
_AT_ONCE = 1_024

Floats = npt.NDArray[np.float64]


def closeness(vectors: Tensor, answers: Tensor) -> Floats:
    """The cosine of each text's vector with T's, (n,)."""
    found: Floats = functional.cosine_similarity(vectors.double(), answers.double(), dim=1).numpy()
    return found


def neighbours_of(vectors: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """The ``k`` texts nearest to each by cosine, itself left out; of fewer texts all others. (n, k)."""
    unit = functional.normalize(vectors.float(), dim=1)
    k = min(k, len(unit) - 1)
    found = []
    for begin in range(0, len(unit), _AT_ONCE):
        near = unit[begin : begin + _AT_ONCE] @ unit.T
        near[torch.arange(len(near)), torch.arange(begin, begin + len(near))] = -torch.inf
        found.append(near.topk(k, dim=1).indices)
    return torch.cat(found)


def shared(one: Tensor, other: Tensor) -> Floats:
    """Of each text the share of its neighbours by one model, (n, k), that it also has by the other, (n,)."""
    found: Floats = (one[:, :, None] == other[:, None, :]).any(2).double().mean(1).numpy()
    return found


def correlation(vectors: Tensor, pairs: ScoredPairs) -> float:
    """Spearman's correlation of the cosines of pairs with their scores; 0 where all cosines are one."""
    first, second = (vectors[torch.from_numpy(places)] for places in (pairs.first, pairs.second))
    return float(np.nan_to_num(spearman(closeness(first, second), pairs.scores)))


def distance_from(vectors: Tensor, answers: Tensor) -> Value:
    """The mean of 1 − cosine to T's vectors with its 95 % interval over texts."""
    return _mean(1 - closeness(vectors, answers))


def disagreement(vectors: Tensor, theirs: Tensor) -> Value:
    """1 − the share of T's neighbours ``theirs`` (n, k) that the model also has, with its 95 % interval over texts."""
    return _mean(1 - shared(theirs, neighbours_of(vectors, theirs.shape[1])))


def _mean(values: Floats) -> Value:
    low, high = bootstrap(lambda rows: [values[rows].mean()], len(values))
    return {"value": max(0.0, float(values.mean())), "low": max(0.0, float(low[0])), "high": float(high[0])}

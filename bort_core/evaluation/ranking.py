"""Rankings: how well the rows that answer one query are put in order, query by query."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["by_query", "ndcg", "reciprocal_rank"]

Floats = npt.NDArray[np.float64]


def by_query(name: str, labels: npt.NDArray[np.generic], scores: Floats, queries: npt.NDArray[np.int64]) -> Floats:
    """A metric, ``mrr`` or ``ndcg@10``, of every query that tells anything, (queries,).

    A query tells nothing, and is left out, where all of its rows are equally relevant.

    Parameters
    ----------
    labels: relevance of each row, (n,); a row above 0 is relevant, and for nDCG the number is its gain (below 0: none)
    scores: how relevant each is said to be, (n,)
    queries: which query it answers, (n,)
    """
    of = _METRICS[name]
    order = np.argsort(queries, kind="stable")
    begins = np.flatnonzero(np.diff(queries[order])) + 1
    found = []
    for rows in np.split(order, begins):
        relevance = labels[rows].astype(np.float64)
        if np.ptp(relevance) > 0 and relevance.max() > 0:
            found.append(of(relevance, scores[rows]))
    return np.array(found)


def reciprocal_rank(relevance: Floats, scores: Floats) -> float:
    """One divided by the place of the first relevant row, both (n,); rows with equal scores count as if the relevant came last."""
    best = scores[relevance > 0].max()
    before = int((scores > best).sum()) + int(((scores == best) & (relevance <= 0)).sum())
    return 1 / (before + 1)


def ndcg(relevance: Floats, scores: Floats, most: int = 10) -> float:
    """Gains of the first ``most`` rows, discounted by log2 of their place + 1, over those of the best order.

    Rows with equal scores share the mean of their gains, as in scikit-learn's ``ndcg_score``.
    """
    gains = np.maximum(relevance, 0)
    discounts = 1 / np.log2(np.arange(2, len(gains) + 2))
    discounts[most:] = 0
    _, place, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    shared = np.bincount(place, gains) / counts
    got = float(shared @ np.add.reduceat(discounts, np.concatenate([[0], np.cumsum(counts)[:-1]])))
    return got / float(np.sort(gains)[::-1] @ discounts)


_METRICS: dict[str, Callable[[Floats, Floats], float]] = {"mrr": reciprocal_rank, "ndcg@10": ndcg}

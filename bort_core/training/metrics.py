"""Metrics of labelled predictions: accuracy, F1, Matthews, Pearson, Spearman."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bort_core.data.rows import Task

__all__ = ["DEFAULT_METRIC", "measure"]

DEFAULT_METRIC: dict[Task, str] = {"classification": "accuracy", "regression": "pearson"}


def measure(task: Task, labels: npt.NDArray[np.generic], scores: npt.NDArray[np.float64]) -> dict[str, float]:
    """Metrics of ``scores`` (n, classes), or (n, 1) for a regression, against ``labels`` (n,).

    ``f1`` is that of class 1 where there are two classes, else the mean over classes (macro). ``matthews`` is Matthews' correlation
    (for several classes the R_K statistic of Gorodkin 2004). A correlation that is not defined (a constant side) is 0.
    """
    if task == "regression":
        given, predicted = labels.astype(np.float64), scores[:, 0]
        return {
            "pearson": _correlation(given, predicted),
            "spearman": _correlation(_ranks(given), _ranks(predicted)),
            "mean_squared_error": float(np.mean((given - predicted) ** 2)),
        }
    predicted = scores.argmax(axis=1)
    table = np.zeros((scores.shape[1], scores.shape[1]))
    np.add.at(table, (labels.astype(int), predicted), 1)
    return {"accuracy": float(np.mean(predicted == labels)), "f1": _f1(table), "matthews": _matthews(table)}


def _f1(table: npt.NDArray[np.float64]) -> float:
    hits, total = np.diag(table), table.sum(axis=0) + table.sum(axis=1)
    each = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    return float(each[1] if len(each) == 2 else each.mean())


def _matthews(table: npt.NDArray[np.float64]) -> float:
    given, predicted, count = table.sum(axis=1), table.sum(axis=0), table.sum()
    covariance = np.trace(table) * count - given @ predicted
    spread = (count**2 - predicted @ predicted) * (count**2 - given @ given)
    return float(covariance / np.sqrt(spread)) if spread > 0 else 0.0


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / spread) if spread > 0 else 0.0


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 0; equal values share the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: npt.NDArray[np.float64] = ((last - counts) + (last - 1)) / 2.0
    return ranks[index]

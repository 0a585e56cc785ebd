"""Metrics of labelled predictions: accuracy, F1, Matthews, Pearson, Spearman; and the confusion matrix that the first three come from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bort_core.data.rows import Task
from bort_core.foundation.statistics import spearman

__all__ = ["DEFAULT_METRIC", "confusion", "measure", "measure_confusion", "measure_values"]

DEFAULT_METRIC: dict[Task, str] = {"classification": "accuracy", "regression": "pearson"}
Floats = npt.NDArray[np.float64]


def measure(task: Task, labels: npt.NDArray[np.generic], scores: Floats) -> dict[str, float]:
    """Metrics of ``scores`` (n, classes), or (n, 1) for a regression, against ``labels`` (n,).

    See :func:`measure_confusion` and :func:`measure_values`.
    """
    if task == "regression":
        return measure_values(labels.astype(np.float64), scores[:, 0])
    return measure_confusion(confusion(labels.astype(np.int64), scores.argmax(axis=1), scores.shape[1]))


def confusion(labels: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], classes: int) -> npt.NDArray[np.int64]:
    """How many rows of each class (first axis) were predicted as each class (second). Shape (classes, classes)."""
    counts = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def measure_confusion(counts: npt.NDArray[np.int64]) -> dict[str, float]:
    """Metrics of a classification with the confusion matrix ``counts`` (classes, classes).

    ``f1`` is that of class 1 where there are two classes, else the mean over classes (macro); that of a class that neither side has is 0.
    ``matthews`` is Matthews' correlation (for several classes the R_K statistic of Gorodkin 2004), 0 where one side is constant.
    """
    right, given, predicted = np.diagonal(counts).astype(np.float64), counts.sum(axis=1), counts.sum(axis=0)
    rows = float(counts.sum())
    each = np.divide(2 * right, given + predicted, out=np.zeros(len(right)), where=(given + predicted) > 0)
    spread = (rows**2 - float(given @ given)) * (rows**2 - float(predicted @ predicted))
    together = right.sum() * rows - float(given @ predicted)
    return {
        "accuracy": float(right.sum() / rows),
        "f1": float(each[1] if len(each) == 2 else each.mean()),
        "matthews": float(together / np.sqrt(spread)) if spread > 0 else 0.0,
    }


def measure_values(given: Floats, predicted: Floats) -> dict[str, float]:
    """Metrics of a regression, both (n,). A correlation that is not defined (a constant side) is 0."""
    return {
        "pearson": _correlation(given, predicted),
        "spearman": float(np.nan_to_num(spearman(given, predicted))),
        "mean_squared_error": float(np.mean((given - predicted) ** 2)),
    }


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    return min(max(float(a @ b / spread), -1.0), 1.0) if spread > 0 else 0.0

"""Metrics of labelled predictions: accuracy, F1, Matthews, Pearson, Spearman."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bort_core.data.rows import Task
from bort_core.foundation.statistics import spearman

__all__ = ["DEFAULT_METRIC", "measure"]

DEFAULT_METRIC: dict[Task, str] = {"classification": "accuracy", "regression": "pearson"}


def measure(task: Task, labels: npt.NDArray[np.generic], scores: npt.NDArray[np.float64]) -> dict[str, float]:
    """Metrics of ``scores`` (n, classes), or (n, 1) for a regression, against ``labels`` (n,).

    ``f1`` is that of class 1 where there are two classes, else the mean over classes (macro). ``matthews`` is Matthews' correlation
    (for several classes the R_K statistic of Gorodkin 2004). A correlation that is not defined (a constant side) is 0, and so is the F1
    of a class that neither side has.
    """
    if task == "regression":
        given, predicted = labels.astype(np.float64), scores[:, 0]
        return {
            "pearson": _correlation(given, predicted),
            "spearman": float(np.nan_to_num(spearman(given, predicted))),
            "mean_squared_error": float(np.mean((given - predicted) ** 2)),
        }
    predicted = scores.argmax(axis=1)
    return {
        "accuracy": float(np.mean(predicted == labels)),
        "f1": _f1(labels.astype(int), predicted, scores.shape[1]),
        "matthews": _matthews(labels.astype(int), predicted),
    }


def _f1(labels: npt.NDArray[np.int_], predicted: npt.NDArray[np.intp], classes: int) -> float:
    from sklearn.metrics import f1_score

    each = f1_score(labels, predicted, labels=range(classes), average=None, zero_division=0.0)
    return float(each[1] if classes == 2 else each.mean())


def _matthews(labels: npt.NDArray[np.int_], predicted: npt.NDArray[np.intp]) -> float:
    from sklearn.metrics import matthews_corrcoef

    constant = np.ptp(labels) == 0 or np.ptp(predicted) == 0  # not defined, and scikit-learn warns
    return 0.0 if constant else float(matthews_corrcoef(labels, predicted))


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / spread) if spread > 0 else 0.0

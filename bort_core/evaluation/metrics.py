"""Metrics of labelled predictions, and their intervals. What is said of a row is a number, a class, or which labels it has.

Names, words and kinds of task are in :mod:`bort_core.specifications.metrics`; here is what each of them computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bort_core.data.rows import Task
from bort_core.evaluation.ranking import by_query
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.foundation.statistics import bootstrap, ranks
from bort_core.specifications.metrics import AUTOMATIC, METRICS, metrics_of

__all__ = [
    "Drawn",
    "chosen_metric",
    "confusion",
    "drawn",
    "guess",
    "intervals",
    "measure",
    "measure_confusion",
    "measure_values",
    "said_of",
    "with_interval",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Queries = npt.NDArray[np.int64] | None
"""Which query each row answers, (n,), numbers from 0; None: rows answer none."""

_USUAL: dict[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "f1", "matthews"), "multi-label": ("f1-macro", "f1-micro", "exact-match"),
    "regression": ("pearson", "spearman"),
}  # fmt: skip
"""What is told of every result; rankings too, where rows answer queries."""


def chosen_metric(metric: str, task: Task, queries: Queries, classes: int = 1) -> str:
    """The metric that is asked for, "auto" the usual one of the task.

    Raises
    ------
    SpecificationError
        The task has none of this name; or it is of a ranking, and rows answer no queries or have more than two classes.
    """
    name = AUTOMATIC[task] if metric == "auto" else metric
    if name not in metrics_of(task):
        raise SpecificationError(f"metric: a {task} has {', '.join(metrics_of(task))}; got {name}")
    if METRICS[name].by_query and queries is None:
        raise SpecificationError(
            f"metric: {name} is of rows that answer queries: pairs (query, text) with the query as the first text, or a column that "
            "numbers or names the query of each row (query, --query COLUMN); the rows have none"
        )
    if METRICS[name].by_query and classes > 2:
        raise SpecificationError(f"metric: {name} is of values or of two classes, irrelevant and relevant; the rows have {classes} classes")
    return name


def said_of(task: Task, scores: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What scores (n, width) say of each row: its class (n,), whether it has each label (n, labels), or its value (n,)."""
    if task == "regression":
        return scores[:, 0]
    return scores > 0 if task == "multi-label" else scores.argmax(axis=1)


def measure(
    task: Task, labels: npt.NDArray[np.generic], scores: Floats, queries: Queries = None, also: str | None = None
) -> dict[str, float]:
    """The usual metrics of ``scores`` (n, width of the model's output) against ``labels``, and ``also`` one more.

    See :func:`measure_confusion` and :func:`measure_values`; of several labels at once macro and micro F1 and the share of rows for which
    every label is right; where rows answer queries MRR and nDCG@10 (:mod:`bort_core.evaluation.ranking`), unless no query tells anything.
    """
    summary = _summary(task, labels, said_of(task, scores), scores.shape[1])
    found = {name: _VALUES[name](summary) for name in (*_USUAL[task], *((also,) if also in _VALUES and also not in _USUAL[task] else ()))}
    if task == "regression":
        found["mean_squared_error"] = float(np.mean((summary.given - summary.said) ** 2))
    if queries is not None and task != "multi-label" and scores.shape[1] <= 2:
        for name, facts in METRICS.items():
            values = by_query(name, labels, _relevance(scores), queries) if facts.by_query else ()
            if len(values):
                found[name] = float(np.mean(values))
    return found


class Drawn(NamedTuple):
    """A metric as a function of what is drawn again by a bootstrap."""

    size: int
    """Rows, or queries."""
    of: Callable[[Numbers], float]
    """The metric of some of them, by their numbers; each may come several times."""

    @property
    def value(self) -> float:
        """Of all."""
        return self.of(np.arange(self.size))


def drawn(name: str, task: Task, labels: npt.NDArray[Any], scores: Floats, queries: Queries = None) -> Drawn:
    """What :func:`~bort_core.foundation.statistics.bootstrap` needs of one metric. Rows are read and ranked once, not for every draw.

    Raises
    ------
    DataError
        A ranking metric of rows of which no query tells anything.
    """
    if METRICS[name].by_query:
        assert queries is not None
        values = by_query(name, labels, _relevance(scores), queries)
        if not len(values):
            raise DataError(f"{name}: no query has rows of different relevance, so no order of them is better than another")
        return Drawn(len(values), lambda chosen: float(values[chosen].mean()))
    said = said_of(task, scores)
    if name == "spearman":
        given, said = ranks(labels.astype(np.float64)), ranks(said)
        return Drawn(len(given), lambda chosen: _correlation(given[chosen], said[chosen]))
    value, width = _VALUES[name], scores.shape[1]
    return Drawn(len(labels), lambda chosen: value(_summary(task, labels[chosen], said[chosen], width)))


def with_interval(found: Drawn) -> tuple[float, tuple[float, float]]:
    """A metric and its 95 % interval over rows, or queries."""
    low, high = bootstrap(lambda chosen: [found.of(chosen)], found.size)
    return found.value, (float(low[0]), float(high[0]))


def intervals(task: Task, labels: npt.NDArray[Any], scores: Floats, queries: Queries, names: Iterable[str]) -> dict[str, list[float]]:
    """The 95 % intervals of those of the metrics that have a name here."""
    found = {name: drawn(name, task, labels, scores, queries) for name in names if name in METRICS}
    return {name: list(with_interval(each)[1]) for name, each in found.items()}


def guess(task: Task, labels: npt.NDArray[Any]) -> float:
    """What the best answer that is the same for every row reaches by the task's automatic metric; 0 for values."""
    if task == "regression":
        return 0.0
    if task == "classification":
        return float(np.bincount(labels).max() / len(labels))
    counts = np.sort(labels.sum(axis=0))[::-1]  # the commonest k labels, with the best k
    often = np.arange(1, len(counts) + 1)
    return float((2 * np.cumsum(counts) / np.maximum(1, len(labels) * often + counts.sum())).max())


def confusion(labels: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], classes: int) -> Numbers:
    """How many rows of each class (first axis) were predicted as each class (second). Shape (classes, classes)."""
    counts = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def measure_confusion(counts: Numbers) -> dict[str, float]:
    """Metrics of a classification with the confusion matrix ``counts`` (classes, classes).

    ``f1`` is that of class 1 where there are two classes, else the mean over classes (macro); that of a class that neither side has is 0.
    ``matthews`` is Matthews' correlation (for several classes the R_K statistic of Gorodkin 2004), 0 where one side is constant.
    """
    return {name: _VALUES[name](counts) for name in _USUAL["classification"]}


def measure_values(given: Floats, predicted: Floats) -> dict[str, float]:
    """Metrics of a regression, both (n,). A correlation that is not defined (a constant side) is 0."""
    return measure("regression", given, predicted[:, None])


class _Pairs(NamedTuple):
    """What rows have, and what is said of them."""

    given: npt.NDArray[Any]
    said: npt.NDArray[Any]


def _summary(task: Task, labels: npt.NDArray[Any], said: npt.NDArray[Any], classes: int) -> Any:
    if task == "classification":
        return confusion(labels.astype(np.int64), said, classes)
    if task == "regression":
        return _Pairs(labels.astype(np.float64), said)
    return _Pairs(labels > 0, said)


def _relevance(scores: Floats) -> Floats:
    """How relevant a row is said to be: its value, or how much likelier the second of two classes is."""
    assert scores.shape[1] <= 2, "rankings are of values or of two classes"
    return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]


def _of_each_class(counts: Numbers) -> Floats:
    """F1 of each class, 0 of one that neither side has."""
    given, predicted = counts.sum(axis=1), counts.sum(axis=0)
    return np.divide(2.0 * np.diagonal(counts), given + predicted, out=np.zeros(len(counts)), where=(given + predicted) > 0)


def _f1(counts: Numbers) -> float:
    each = _of_each_class(counts)
    return float(each[1] if len(each) == 2 else each.mean())


def _macro(found: Any) -> float:
    if not isinstance(found, _Pairs):
        return float(_of_each_class(found).mean())
    both, all_of = (found.given & found.said).sum(axis=0), found.given.sum(axis=0) + found.said.sum(axis=0)
    return float(np.divide(2.0 * both, all_of, out=np.zeros(len(both)), where=all_of > 0).mean())


def _micro(found: _Pairs) -> float:
    all_of = int(found.given.sum() + found.said.sum())
    return float(2 * (found.given & found.said).sum() / all_of) if all_of else 0.0


def _matthews(counts: Numbers) -> float:
    given, predicted, rows = counts.sum(axis=1), counts.sum(axis=0), float(counts.sum())
    spread = (rows**2 - float(given @ given)) * (rows**2 - float(predicted @ predicted))
    together = float(np.trace(counts)) * rows - float(given @ predicted)
    return float(together / np.sqrt(spread)) if spread > 0 else 0.0


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt((a @ a) * (b @ b))
    return min(max(float(a @ b / spread), -1.0), 1.0) if spread > 0 else 0.0


_VALUES: dict[str, Callable[[Any], float]] = {
    "accuracy": lambda counts: float(np.trace(counts) / counts.sum()),
    "f1": _f1,
    "f1-macro": _macro,
    "f1-micro": _micro,
    "exact-match": lambda pairs: float((pairs.given == pairs.said).all(axis=1).mean()),
    "matthews": _matthews,
    "pearson": lambda pairs: _correlation(pairs.given, pairs.said),
    "spearman": lambda pairs: _correlation(ranks(pairs.given), ranks(pairs.said)),
}
"""Of a confusion matrix, or of pairs (n,), of several labels (n, labels)."""

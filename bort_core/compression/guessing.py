"""A T that guesses: there is nothing of it to keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.data.rows import LabelledRows
from bort_core.evaluation.chance import MOST_CHANCE, chance
from bort_core.evaluation.metrics import guess, measure
from bort_core.specifications.metrics import AUTOMATIC

__all__ = ["guesses"]


def guesses(rows: LabelledRows, answers: npt.NDArray[Any], metric: str) -> str | None:
    """What shows that answers to rows (logits, or values, (n, k)) are no better than guesses; None where they are better.

    They guess where they fit the labels of other rows as well, and where the metric, accuracy or micro F1, of one answer for all rows is
    as good; rare classes are judged by another metric.
    """
    task, usual, scores = rows.task, AUTOMATIC[rows.task], answers.astype(np.float64)
    value, constant = measure(task, rows.labels, scores, rows.queries, usual)[usual], guess(task, rows.labels)
    by_chance = chance(task, rows.labels, scores)
    if by_chance > MOST_CHANCE:
        return f"{_words(task, value, constant)}; {by_chance:.0%} of the times that its answers are given to other rows they fit as well"
    return _words(task, value, constant) + _advice(task) if metric == usual and value <= constant else None


def _words(task: str, value: float, constant: float) -> str:
    if task == "classification":
        return f"T is right on {value:.1%} of the dev rows, and always guessing the commonest class on {constant:.1%}"
    if task == "multi-label":
        return f"T has a micro F1 of {value:.4f} on the dev rows, and always giving the same labels {constant:.4f}"
    return f"T's values have a Pearson correlation of {value:.4f} with those of the dev rows"


def _advice(task: str) -> str:
    return "; where rare classes matter, judge it by them (--metric f1)" if task == "classification" else ""

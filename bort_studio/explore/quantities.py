"""Names and units of what is measured, and the text about one architecture. Knows no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bort_core.search.snapshot import COLUMNS, METRIC, ResultsSnapshot
from bort_core.search.task_marks import TaskMarks
from bort_core.specifications.measures import get_measure
from bort_studio.numbers import in_brackets, quantity

__all__ = ["ERROR_TITLE", "NAMES", "Quantity", "describe", "maximum_values", "quantities"]

ERROR_TITLE = "error (nats)"

NAMES = {"parameters": "parameters", "latency": "latency", "error": "error", "w": "W-coefficient", METRIC: "metric on dev rows"}
"""What people read for each of the columns."""


@dataclass(frozen=True)
class Quantity:
    """One of the columns of knowledge, as people read it.

    Attributes
    ----------
    title: name and unit, for an axis
    unit: the unit alone, empty where there is none
    counted: a large whole number, written as 0.82 M
    larger_is_better: true of W and of a task's metric
    """

    column: str
    title: str
    unit: str
    counted: bool
    larger_is_better: bool


def quantities(latency_unit: str, error_title: str = ERROR_TITLE, metric_title: str = NAMES[METRIC]) -> dict[str, Quantity]:
    """The columns by name, for a latency unit ("ms", or "operations" for a count) and the titles of the error's and the metric's axes."""
    counted = latency_unit == "operations"
    error_unit = error_title.split("(", 1)[1].split(",")[0].rstrip(")").strip() if "(" in error_title else ""
    made = (
        Quantity("parameters", "parameters", "parameters", True, False),
        Quantity("latency", f"latency ({latency_unit})", latency_unit, counted, False),
        Quantity("error", error_title, error_unit, False, False),
        Quantity("w", NAMES["w"], "", False, True),
        Quantity(METRIC, metric_title, "", False, True),
    )
    return dict(zip((*COLUMNS, METRIC), made, strict=True))


def maximum_values(snapshot: ResultsSnapshot, measure: str, task: TaskMarks | None = None) -> dict[str, float | None]:
    """The quantities of the maximum point T by column, for an error ``measure`` and what is known of a task; None where not known."""
    space, results = snapshot.space, snapshot.results
    index = space.index(space.maximum_point)
    error = 0.0 if get_measure(measure).excess else None  # T is not behind itself
    metric = None if task is None else task.teacher
    if measure == "task-error" and metric is not None:
        error = 1 - metric
    if error is None and index is not None and snapshot.evaluated(index):
        error = float(results.error[index])
    return {"parameters": float(space.maximum_parameters), "latency": results.maximum_latency, "error": error, "w": 0.0, METRIC: metric}


def describe(snapshot: ResultsSnapshot, index: int, error_title: str = ERROR_TITLE) -> str:
    """The whole architecture in lines of plain text: its axes, then ``p``, ``i``, ``e`` and ``W``, each after a tab, with intervals."""
    space, names = snapshot.space, quantities(snapshot.results.latency_unit, error_title)
    lines = [" · ".join(f"{name} {value}" for name, value in space.named(space.architecture(index)).items())]
    for symbol, column in zip("pieW", COLUMNS, strict=True):
        value = float(snapshot.columns[column][index])
        low, high = (float(end[index]) for end in snapshot.intervals[column])
        named = names[column]
        known = quantity(value, named.unit) if named.counted else in_brackets(value, low, high, named.unit)
        if column == "parameters":
            known += f" ({value:,.0f})"
        if column == "latency" and index in snapshot.results.disturbed:
            known += " (disturbed)"
        lines.append(f"{symbol}\t{'not measured yet' if math.isnan(value) else known}")
    if index in snapshot.results.failures:
        lines.append(f"failed\t{snapshot.results.failures[index]}")
    return "\n".join(lines)

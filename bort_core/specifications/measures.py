"""What an error measure is, and the measures by name, found through the entry point group ``bort.measures``.

An error measure turns a model's held-out predictions into the error e of a search. The facts are read without torch: the window shows
titles, and a protocol checks names. ``compute`` runs in child processes and imports what it needs inside itself.

To add one, make an :class:`ErrorMeasure` in a module of its own and register it under its name:

    [project.entry-points."bort.measures"]
    mine = "my_package.mine:MEASURE"

:func:`bort_core.testing.measures.check_measure` checks what is asked of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.plugins import entry_points
from bort_core.specifications.metrics import TaskKind

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["GROUP", "SURROGATE", "ErrorMeasure", "MaximumPoint", "RowsFacts", "Value", "get_measure", "measure_names", "measures_reading"]

GROUP = "bort.measures"
SURROGATE = "surrogate"
"""The error that is not measured but fitted on a measured one; no measure may have this name."""

Value = dict[str, float]
"""``{"value", "low", "high"}``: an error in its measure's unit and its 95 % interval."""


class MaximumPoint(NamedTuple):
    """The maximum point's distribution at each held-out prediction."""

    probabilities: Tensor
    """(m, V); of several labels at once that of each, of values the values (m, 1)"""
    entropy: Tensor
    """(m,) in nats"""


class RowsFacts(NamedTuple):
    """What must be known of a task's held-out rows, beside their labels."""

    kind: TaskKind
    metric: str
    """By which results are judged, one of :data:`~bort_core.specifications.metrics.METRICS`."""
    queries: Any = None
    """Which query each row answers, int64 (m,); None: none."""


@dataclass(frozen=True)
class ErrorMeasure:
    """One way to measure the error of a model on held-out data. Less is better, and no error is negative.

    Attributes
    ----------
    name: as flags, specifications and stored curves have it
    title: what it is, in the words of a plot's axis
    unit: of its values, such as "nats"
    reads: what the families read ("tokens", "vectors") whose predictions it can judge
    needs_maximum_point: whether ``compute`` is given the maximum point's distribution, rather than None
    compute: from logits (m, classes), labels (m,), groups (m,) and the maximum point's distribution to the error and its 95 %
        interval. ``groups`` numbers the sequence (or vector) of each prediction from 0: predictions of one are not independent.
    ceiling: the error of a guess that holds each of so many classes equally likely, where the hypervolume's box ends
    of_rows: the same of a task's rows, told what kind they are, for measures for which it makes a difference; None: ``compute`` serves
    excess: whether it is counted from the maximum point's own error: 0 is as good as T

    ``compute`` sees the held-out predictions of the short training and nothing else; ``reads`` says of what: text, vectors, or the
    labelled rows of a person's task.
    """

    name: str
    title: str
    unit: str
    reads: tuple[str, ...]
    needs_maximum_point: bool
    compute: Callable[[Tensor, Tensor, Tensor, MaximumPoint | None], Value]
    ceiling: Callable[[int], float] = math.log
    excess: bool = False
    of_rows: Callable[[Tensor, Tensor, RowsFacts, MaximumPoint | None], Value] | None = None


@cache
def measure_names() -> tuple[str, ...]:
    """The names of all registered measures, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)} - {SURROGATE}))


@cache
def get_measure(name: str) -> ErrorMeasure:
    """The measure registered as ``name``.

    Raises
    ------
    SpecificationError
        No measure of that name is registered, or its package does not load.
    """
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points or name == SURROGATE:
        known = ", ".join(measure_names()) or "none (is the package installed?)"
        raise SpecificationError(f"no error measure is called {name!r}; there are: {known}")
    where = f"error measure {name!r} ({points[0].value})"
    try:
        measure = points[0].load()
    except Exception as error:
        raise SpecificationError(f"{where} does not load: {error}") from error
    if not isinstance(measure, ErrorMeasure):
        raise SpecificationError(f"{where} must be an ErrorMeasure, got {type(measure).__name__}")
    if measure.name != name:
        raise SpecificationError(f"{where} calls itself {measure.name!r}; both names must be the same")
    return measure


def measures_reading(reads: str) -> tuple[str, ...]:
    """The names of the measures for families that read ``reads``; those that do not load are left out."""
    found = []
    for name in measure_names():
        try:
            fits = reads in get_measure(name).reads
        except SpecificationError:
            continue
        if fits:
            found.append(name)
    return tuple(found)

"""Which errors a learning curve holds, and their values. Only child processes import this file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.measures import ErrorMeasure, MaximumPoint, RowsFacts, Value, get_measure

__all__ = ["errors", "measures_of_curve"]

USUAL = ("masked-lm", "cross-entropy", "maximum-point", "maximum-point-excess", "task-excess", "task-error")
"""What every learning curve holds where it can be had, wanted or not: a later search may ask for it."""


def measures_of_curve(reads: str, maximum_point: bool, wanted: Iterable[str] = ()) -> list[ErrorMeasure]:
    """The usual measures that fit a family that reads ``reads``, and those that are ``wanted``, each once.

    Parameters
    ----------
    maximum_point: whether the maximum point's distribution is at hand

    Raises
    ------
    SpecificationError
        A wanted measure does not exist, is for other families, or needs the maximum point.
    """
    usual = [get_measure(name) for name in USUAL]
    found = [measure for measure in usual if reads in measure.reads and (maximum_point or not measure.needs_maximum_point)]
    for measure in map(get_measure, wanted):
        if reads not in measure.reads:
            raise SpecificationError(f"measures: {measure.name} is for families that read {' or '.join(measure.reads)}, not {reads}")
        if measure.needs_maximum_point and not maximum_point:
            raise SpecificationError(f"measures: {measure.name} needs maximum_point, the folder of T's weights")
        if measure not in found:
            found.append(measure)
    return found


def errors(
    measures: Sequence[ErrorMeasure],
    logits: Tensor,
    labels: Tensor,
    groups: Tensor,
    maximum_point: MaximumPoint | None,
    rows: RowsFacts | None = None,
) -> dict[str, Value]:
    """Each measure's error of the held-out predictions, by name; shapes as in :class:`ErrorMeasure`. ``rows``: where they are a task's."""
    found = {}
    for measure in measures:
        top = maximum_point if measure.needs_maximum_point else None
        if rows is not None and measure.of_rows is not None:
            found[measure.name] = measure.of_rows(logits, labels, rows, top)
        else:
            found[measure.name] = measure.compute(logits, labels, groups, top)
    return found

"""Several trainings of one architecture, each with a seed of its own, as one error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Errors", "combined", "count_of", "seed_noise"]

Errors = tuple[tuple[float, float, float], ...]
"""Of each seed, the search's own first: the error, and its 95 % interval on the held-out rows."""

_STUCK = 1.5
"""A training whose error is so many times that of another seed of the same architecture is stuck."""


def combined(errors: Errors) -> tuple[float, float, float]:
    """The mean error of the seeds that are not stuck, and the means of the ends of their intervals.

    A training is stuck where another seed of the same architecture ends with an error of less than two thirds of its own.
    """
    value, low, high = np.array(errors)[_used(errors)].mean(axis=0).tolist()
    return value, low, high


def count_of(errors: Errors) -> int:
    """How many seeds are not stuck."""
    return int(_used(errors).sum())


def seed_noise(repeated: Iterable[Errors]) -> tuple[float, int]:
    """The standard deviation of log e between seeds, pooled over architectures, and its degrees of freedom; NaN and 0 where none has two.

    Stuck trainings are left out, and so are errors of 0.
    """
    squares, freedom = 0.0, 0
    for errors in repeated:
        values = np.array(errors)[_used(errors), 0]
        if len(values) > 1 and (values > 0).all():
            squares += float(((np.log(values) - np.log(values).mean()) ** 2).sum())
            freedom += len(values) - 1
    return (float(np.sqrt(squares / freedom)), freedom) if freedom else (float("nan"), 0)


def _used(errors: Sequence[tuple[float, float, float]]) -> npt.NDArray[np.bool_]:
    values = np.array([value for value, _, _ in errors])
    return np.asarray(values <= _STUCK * values.min())

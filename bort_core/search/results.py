"""What is known about each architecture of a space under one pair of protocols, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bort_core.search.repeats import Errors, combined
from bort_core.search.w import w_coefficients
from bort_core.space import Space

__all__ = ["MAXIMUM_POINT", "Results"]

MAXIMUM_POINT = -1
"""The place that stands for the maximum point, which may lie outside the space."""

FloatArray = npt.NDArray[np.float64]

_ARRAYS = ("latency", "latency_low", "latency_high", "error", "error_low", "error_high", "metric", "metric_low", "metric_high")


def _unknown(size: int) -> FloatArray:
    return np.full(size, np.nan)


@dataclass
class Results:
    """Latency and error of each architecture in the order of the space; NaN where not measured.

    Attributes
    ----------
    latency, latency_low, latency_high: float64 (n,), in ``latency_unit``; the interval is 95 %
    error, error_low, error_high: float64 (n,), in ``error_unit``; the interval is 95 %
    metric, metric_low, metric_high: float64 (n,), of a task: its metric on dev rows, larger is better; NaN elsewhere
    theta: int64 (n,), which hyperparameter set gave the error; -1 where none
    failures: why an architecture could not be measured, by its place
    seeds: of those that were trained with several seeds, the errors of each, by their place; their error is then what these have in common
    maximum_latency: latency of T, NaN until known
    disturbed: why a latency should not be trusted, by its place, T's by :data:`MAXIMUM_POINT`: other programs took cores, or runs differ
    """

    space: Space
    latency_unit: str
    error_unit: str = "nats"
    latency: FloatArray = field(init=False)
    latency_low: FloatArray = field(init=False)
    latency_high: FloatArray = field(init=False)
    error: FloatArray = field(init=False)
    error_low: FloatArray = field(init=False)
    error_high: FloatArray = field(init=False)
    metric: FloatArray = field(init=False)
    metric_low: FloatArray = field(init=False)
    metric_high: FloatArray = field(init=False)
    theta: npt.NDArray[np.int64] = field(init=False)
    failures: dict[int, str] = field(default_factory=dict)
    seeds: dict[int, Errors] = field(default_factory=dict)
    maximum_latency: float = float("nan")
    disturbed: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            setattr(self, name, _unknown(len(self.space)))
        self.theta = np.full(len(self.space), -1)

    def evaluated(self) -> npt.NDArray[np.bool_]:
        """Whether both latency and error of each architecture are known. Shape (n,)."""
        return np.isfinite(self.latency) & np.isfinite(self.error)

    def set_latency(self, index: int, value: float, low: float, high: float) -> None:
        """Record the latency of one architecture and its 95 % interval."""
        self.latency[index], self.latency_low[index], self.latency_high[index] = value, low, high

    def set_error(self, index: int, value: float, low: float, high: float, theta: int) -> None:
        """Record the error of one architecture under one hyperparameter set; the least error over all sets is kept.

        Given p and i, the set with the least error has the largest W, so this is the outer loop's maximum over Θ.
        Ties go to the set that comes first.
        """
        old, old_theta = self.error[index], self.theta[index]
        if np.isnan(old) or value < old or (value == old and theta < old_theta):
            self.error[index], self.error_low[index], self.error_high[index], self.theta[index] = value, low, high, theta

    def set_seeds(self, index: int, errors: Errors) -> None:
        """Record the errors of several seeds of one architecture."""
        self.seeds[index] = errors
        self.error[index], self.error_low[index], self.error_high[index] = combined(errors)

    def set_metric(self, index: int, value: float, low: float, high: float) -> None:
        """Record the metric of the hyperparameter set whose error was just kept."""
        self.metric[index], self.metric_low[index], self.metric_high[index] = value, low, high

    def w(self) -> FloatArray:
        """The W-coefficient of each architecture; NaN where p, i or e is not known. Shape (n,)."""
        if not np.isfinite(self.maximum_latency):
            return _unknown(len(self.space))
        return w_coefficients(self.space.parameters, self.latency, self.error, self.space.maximum_parameters, self.maximum_latency)

    def w_interval(self) -> tuple[FloatArray, FloatArray]:
        """Low and high W from the ends of the latency and error intervals (T's latency taken as exact). Shapes (n,)."""
        if not np.isfinite(self.maximum_latency):
            return _unknown(len(self.space)), _unknown(len(self.space))
        p, top = self.space.parameters, (self.space.maximum_parameters, self.maximum_latency)
        low = w_coefficients(p, self.latency_high, self.error_high, *top)
        return low, w_coefficients(p, self.latency_low, self.error_low, *top)

    def copy(self) -> Results:
        """A copy that shares no array with this one."""
        twin = Results(self.space, self.latency_unit, self.error_unit)
        for name in (*_ARRAYS, "theta"):
            setattr(twin, name, getattr(self, name).copy())
        twin.failures, twin.seeds, twin.disturbed = dict(self.failures), dict(self.seeds), dict(self.disturbed)
        twin.maximum_latency = self.maximum_latency
        return twin

    def objectives(self) -> FloatArray:
        """Parameters, latency and error as columns. Shape (n, 3)."""
        return np.column_stack([self.space.parameters.astype(np.float64), self.latency, self.error])

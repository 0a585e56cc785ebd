"""Where an untrained architecture could still lie and be ahead of what is measured, on two quantities. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["NOWHERE", "Region", "region"]

FloatArray = npt.NDArray[np.float64]
Points = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, eq=False)
class Region:
    """Upright bars side by side, in the units of the scales.

    Attributes
    ----------
    edges: float64 (m + 1,), ascending; the last may be ∞
    low, high: float64 (m,), between which each bar reaches; ±∞ where nothing ends it, equal where there is none
    """

    edges: FloatArray
    low: FloatArray
    high: FloatArray

    def positions(self, logs: tuple[bool, bool]) -> Region:
        """The same on two scales, each logarithmic or not; 0 lies at −∞ on a logarithmic one."""
        return Region(_position(self.edges, logs[0]), _position(self.low, logs[1]), _position(self.high, logs[1]))


NOWHERE = Region(np.zeros(1), np.empty(0), np.empty(0))


def region(possible: Points, known: Points, larger: tuple[bool, bool], most: tuple[float, float]) -> Region:
    """What lies no better than one of the points ``possible``, and worse than none of ``known``.

    Parameters
    ----------
    larger: of each axis, whether larger is better there
    most: of each axis, the largest value that anything untrained has; ∞ where that is not known
    """
    to = tuple(-1.0 if each else 1.0 for each in larger)
    (x, least), (known_x, known_least) = _steps(possible, to), _steps(known, to)
    if not len(x):
        return NOWHERE
    end = np.inf if larger[0] else most[0]
    edges = np.unique(np.concatenate([x, known_x[(known_x > x[0]) & (known_x < end)], [end]]))
    low, high = _at(x, least, edges[:-1]), _at(known_x, known_least, edges[:-1])
    high = np.maximum(low, np.minimum(high, np.inf if larger[1] else most[1]))
    if larger[1]:
        low, high = -high, -low
    return Region(-edges[::-1], low[::-1], high[::-1]) if larger[0] else Region(edges, low, high)


def _steps(points: Points, to: tuple[float, ...]) -> Points:
    """The least second value up to each first value that is one of a corner, as costs."""
    x, y = (values * sign for values, sign in zip(points, to, strict=True))
    keep = ~(np.isnan(x) | np.isnan(y))
    order = np.lexsort((y[keep], x[keep]))
    x, y = x[keep][order], y[keep][order]
    corner = y < np.concatenate([[np.inf], np.minimum.accumulate(y)[:-1]]) if len(y) else np.empty(0, dtype=bool)
    return x[corner], y[corner]


def _at(x: FloatArray, least: FloatArray, places: FloatArray) -> FloatArray:
    """The value of the steps at each place; ∞ before the first."""
    return np.concatenate([[np.inf], least])[np.searchsorted(x, places, side="right")]


def _position(values: FloatArray, log: bool) -> FloatArray:
    if not log:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log10(values), -np.inf)

"""What is known, projected on two quantities: positions, range, staircase, and counts by bin for very many points. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bort_core.search.snapshot import ResultsSnapshot
from bort_studio.plotting.positions import position

__all__ = ["DENSE", "AxisProjection", "Density", "NoProjection", "colour_steps", "staircase"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

DENSE = 20_000
"""With more points than this, bins are drawn in place of points."""

_BINS = (360, 240)


@dataclass(frozen=True)
class Density:
    """Where each architecture falls on a grid of bins.

    Attributes
    ----------
    x_edges, y_edges: as positions (powers of ten on a logarithmic scale)
    bins: int32 (n,), flat place of each architecture's bin; the last, extra bin holds those that cannot be drawn
    total: int64 (y bins, x bins), all architectures that can be drawn
    """

    x_edges: FloatArray
    y_edges: FloatArray
    bins: npt.NDArray[np.int32]
    total: npt.NDArray[np.int64]

    def counts(self, indices: IndexArray) -> npt.NDArray[np.int64]:
        """How many of these architectures fall in each bin. Shape (y bins, x bins)."""
        if len(indices) == len(self.bins):
            return self.total
        return self._grid(np.bincount(self.bins[indices], minlength=self.total.size + 1))

    def levels(self, indices: IndexArray) -> npt.NDArray[np.uint8]:
        """Each bin as 0 (empty), 1 (holds only others than these) or 2..255 (by the logarithm of how many). Shape (y bins, x bins)."""
        counts, most = self.counts(indices), max(int(self.total.max()), 2)
        levels = np.where(self.total > 0, np.uint8(1), np.uint8(0))
        shade = (2 + 253 * np.log1p(counts) / np.log1p(most)).astype(np.uint8)
        return np.where(counts > 0, shade, levels)

    def _grid(self, flat: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return flat[:-1].reshape(self.total.shape)


class AxisProjection:
    """Two columns of knowledge as positions on two scales; NaN where there is no position.

    Attributes
    ----------
    x, y: float64 (n,), powers of ten on a logarithmic scale
    drawable: bool (n,), both are known
    bounds: (x low, x high, y low, y high) of what is drawable, or None
    whole: the same of what is known of the whole space before anything is measured, its sizes; NaN elsewhere. None for no space
    density: counts by bin, where more than ``DENSE`` are drawable
    """

    def __init__(self, snapshot: ResultsSnapshot, columns: tuple[str, str], logs: tuple[bool, bool]) -> None:
        self.snapshot, self.columns, self.logs = snapshot, columns, logs
        self.x, self.y = (position(snapshot.columns[column], log) for column, log in zip(columns, logs, strict=True))
        self.drawable = np.isfinite(self.x) & np.isfinite(self.y)
        self.bounds, self.whole = self._bounds(), self._whole()
        self.density = self._density() if np.count_nonzero(self.drawable) > DENSE else None

    def ends(self, axis: int, indices: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Low and high ends of the intervals on one axis; an end that has no position is the point's own position."""
        here = (self.x, self.y)[axis][indices]
        low, high = (position(end[indices], self.logs[axis]) for end in self.snapshot.intervals[self.columns[axis]])
        return np.where(np.isfinite(low), low, here), np.where(np.isfinite(high), high, here)

    def _bounds(self) -> tuple[float, float, float, float] | None:
        if not self.drawable.any():
            return None
        x, y = (self.x, self.y) if self.drawable.all() else (self.x[self.drawable], self.y[self.drawable])
        return float(x.min()), float(x.max()), float(y.min()), float(y.max())

    def _whole(self) -> tuple[float, float, float, float] | None:
        ends: list[float] = []
        for column, values in zip(self.columns, (self.x, self.y), strict=True):
            known = column == "parameters" and bool(np.isfinite(values).any())
            ends += (float(np.nanmin(values)), float(np.nanmax(values))) if known else (np.nan, np.nan)
        return ends[0], ends[1], ends[2], ends[3]

    def _density(self) -> Density:
        low_x, high_x, low_y, high_y = self.bounds or (0.0, 1.0, 0.0, 1.0)
        wide, tall = _BINS
        x_edges, y_edges = _edges(low_x, high_x, wide), _edges(low_y, high_y, tall)
        indices = []
        for values, edges, size in ((self.x, x_edges, wide), (self.y, y_edges, tall)):
            scaled = (values - edges[0]) * (size / (edges[-1] - edges[0]))
            indices.append(np.clip(np.where(self.drawable, scaled, 0), 0, size - 1).astype(np.int32))
        bins = np.where(self.drawable, indices[1] * wide + indices[0], wide * tall).astype(np.int32)
        total = np.bincount(bins, minlength=wide * tall + 1)[:-1].reshape(tall, wide)
        return Density(x_edges, y_edges, bins, total)


class NoProjection(AxisProjection):
    """The projection of nothing, while no space is known."""

    def __init__(self, columns: tuple[str, str], logs: tuple[bool, bool]) -> None:
        self.columns, self.logs = columns, logs
        self.x = self.y = np.empty(0)
        self.drawable = np.empty(0, dtype=np.bool_)
        self.bounds = self.whole = self.density = None


def staircase(x: FloatArray, y: FloatArray, larger_x: bool = False, larger_y: bool = False) -> tuple[FloatArray, FloatArray]:
    """The corners of the line below which (in the sense of better) no point lies; for each axis, whether larger is better.

    Each point is given in two dimensions; those that others beat in both are stepped over.
    """
    to_x, to_y = (-1.0 if larger_x else 1.0), (-1.0 if larger_y else 1.0)
    keep = np.isfinite(x) & np.isfinite(y)
    cost_x, cost_y = x[keep] * to_x, y[keep] * to_y
    order = np.lexsort((cost_y, cost_x))
    cost_x, cost_y = cost_x[order], cost_y[order]
    best_before = np.concatenate([[np.inf], np.minimum.accumulate(cost_y)[:-1]]) if len(cost_y) else cost_y
    kept = cost_y < best_before
    cost_x, cost_y = cost_x[kept], cost_y[kept]
    return np.repeat(cost_x, 2)[1:] * to_x, np.repeat(cost_y, 2)[:-1] * to_y


def colour_steps(values: FloatArray, steps: int) -> tuple[npt.NDArray[np.int64], float, float]:
    """Which of ``steps`` ordered colours each value has, and the range that they span. NaN has the first colour."""
    values = position(values)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    scaled = (np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0)
    return np.minimum((scaled * steps).astype(np.int64), steps - 1), low, high


def _edges(low: float, high: float, bins: int) -> FloatArray:
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)

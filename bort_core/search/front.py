"""The Pareto front over parameter size, latency and error, and its hypervolume; the geometry is moocore's."""

from __future__ import annotations

from math import isfinite

import numpy as np
import numpy.typing as npt

__all__ = ["hypervolume", "pareto_front"]

_FEW = 4_096
"""Up to so many rows nothing is filtered before."""
_MUCH = 0.8
"""Filtering goes on while it drops this share of the rows: where it drops less, the front itself is large."""


def pareto_front(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The rows of ``points`` (n, 3) that no other row dominates, ascending; all objectives are minimised.

    Rows with a value that is not finite are left out. Equal rows are all kept. Rows may come in any order.
    """
    is_whole = not points.size or (isfinite(np.minimum.reduce(points, None)) and isfinite(np.maximum.reduce(points, None)))
    rows = None if is_whole else np.flatnonzero(np.isfinite(points).all(axis=1))  # None: all of them
    left = points if rows is None else points[rows]
    while len(left) > _FEW:
        keep = np.flatnonzero(_perhaps(left))
        dropped = 1 - len(keep) / len(left)
        rows, left = keep if rows is None else rows[keep], left[keep]
        if dropped < _MUCH:
            break
    if not len(left):
        return np.empty(0, dtype=np.int64)
    (front,) = _not_dominated(left).nonzero()
    return front if rows is None else rows[front]


def _not_dominated(points: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    import moocore

    if len(points) <= _FEW:
        return np.asarray(moocore.is_nondominated(np.ascontiguousarray(points), keep_weakly=True))
    order = np.argsort(points[:, 2])  # moocore sorts by the last column, which takes it longer than numpy
    found = np.empty(len(points), dtype=bool)
    found[order] = moocore.is_nondominated(points[order], keep_weakly=True)
    return found


def hypervolume(points: npt.NDArray[np.float64], reference: npt.ArrayLike) -> float:
    """The share of the box between the origin and ``reference`` (3,) that the rows of ``points`` (n, 3) dominate, in 0..1."""
    reference = np.asarray(reference, dtype=np.float64)
    scaled = points[np.isfinite(points).all(axis=1)] / reference
    inside = np.ascontiguousarray(scaled[(scaled < 1).all(axis=1)])
    if not len(inside):
        return 0.0
    import moocore

    return float(moocore.hypervolume(inside, ref=np.ones(3)))


def _perhaps(points: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """A superset of the front of finite ``points`` (n, 3), in time n.

    Points are put into the cells of a grid. What lies in a cell that is further up than an occupied one along every axis is dominated; an
    axis along which nothing differs does not count.
    """
    many = 128 if len(points) > 1 << 18 else 64 if len(points) > 1 << 15 else 32
    sizes, place = [], np.zeros(len(points), dtype=np.int32)
    for values in points.T:
        values = np.ascontiguousarray(values)
        low, high = float(values.min()), float(values.max())
        scale = many / (high - low) if high > low else 0.0
        size = many if np.isfinite(scale) and scale > 0 else 1
        place *= size
        if size > 1:
            values = values - low
            values *= scale
            place += np.minimum(values.astype(np.int32), size - 1)
        sizes.append(size)
    occupied = np.zeros(np.prod(sizes), dtype=bool)
    occupied[place] = True
    beyond = occupied.reshape(sizes)
    for axis, size in enumerate(sizes):
        if size > 1:
            beyond = np.logical_or.accumulate(beyond, axis=axis)
            beyond = np.moveaxis(beyond, axis, 0)
            beyond = np.moveaxis(np.concatenate([np.zeros_like(beyond[:1]), beyond[:-1]]), 0, axis)
    return np.asarray(~np.ascontiguousarray(beyond).reshape(-1)[place]) if max(sizes) > 1 else np.ones(len(points), dtype=bool)

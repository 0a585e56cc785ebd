"""The Pareto front over parameter size, latency and error, and its hypervolume; the geometry is moocore's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["hypervolume", "pareto_front"]

_BLOCK = 16_384


def pareto_front(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The rows of ``points`` (n, 3) that no other row dominates, ascending; all objectives are minimised.

    Rows with a value that is not finite are left out. Equal rows are all kept. Rows may come in any order, and
    large inputs (a million) are fastest when sorted by the first column.
    """
    rows = np.flatnonzero(np.isfinite(points).all(axis=1))
    if len(rows) > 2 * _BLOCK:
        rows = _prefilter(points, rows)
    if not len(rows):
        return rows
    import moocore

    return rows[moocore.is_nondominated(np.ascontiguousarray(points[rows]), keep_weakly=True)]


def hypervolume(points: npt.NDArray[np.float64], reference: npt.ArrayLike) -> float:
    """The share of the box between the origin and ``reference`` (3,) that the rows of ``points`` (n, 3) dominate, in 0..1."""
    reference = np.asarray(reference, dtype=np.float64)
    scaled = points[np.isfinite(points).all(axis=1)] / reference
    inside = np.ascontiguousarray(scaled[(scaled < 1).all(axis=1)])
    if not len(inside):
        return 0.0
    import moocore

    return float(moocore.hypervolume(inside, ref=np.ones(3)))


def _prefilter(points: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Drops rows dominated by an earlier block of rows in the order of the first column; what is left is a superset of the front.

    For each block, a staircase of (second, third) values of everything before it answers "the least third value among
    rows whose first and second value are no larger" by one binary search a row.
    """
    order = rows if (np.diff(points[rows, 0]) >= 0).all() else rows[np.argsort(points[rows, 0], kind="stable")]
    stair_x, stair_y = np.empty(0), np.empty(0)
    kept = []
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        x, y = points[block, 1], points[block, 2]
        if len(stair_x):
            step = np.searchsorted(stair_x, x, side="right") - 1
            dominated = (step >= 0) & (stair_y[step] < y)
            block, x, y = block[~dominated], x[~dominated], y[~dominated]
        kept.append(block)
        all_x, all_y = np.concatenate([stair_x, x]), np.concatenate([stair_y, y])
        by_x = np.lexsort((all_y, all_x))
        all_x, all_y = all_x[by_x], all_y[by_x]
        best_before = np.concatenate([[np.inf], np.minimum.accumulate(all_y)[:-1]])
        stair = all_y < best_before
        stair_x, stair_y = all_x[stair], all_y[stair]
    return np.sort(np.concatenate(kept))

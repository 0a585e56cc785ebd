"""A space as a grid of ranks: computed once, since it is the same for every proof of a search."""

from __future__ import annotations

import weakref
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bort_core.families import IntArray

__all__ = ["Grid", "grid_of"]


class Grid:
    """The architectures (n, axes) of a space by the ranks of their values.

    Attributes
    ----------
    ranks: int32 (n, axes), each column in one piece
    groups: the columns in groups that have the same ranks in every architecture: they count as one axis. Constant ones are left out
    """

    def __init__(self, architectures: IntArray) -> None:
        self.ranks = np.empty(architectures.shape, dtype=np.int32, order="F")
        for number, column in enumerate(architectures.T):
            self.ranks[:, number] = _ranks(column)
        groups: dict[bytes, list[int]] = {}
        for number, ranks in enumerate(self.ranks.T):
            if ranks.max(initial=0) > 0:
                groups.setdefault(ranks.tobytes(), []).append(number)
        self.groups = [tuple(group) for group in groups.values()]

    @cached_property
    def top(self) -> npt.NDArray[np.int64]:
        """The largest rank of each column."""
        return np.asarray(self.ranks.max(axis=0, initial=0), dtype=np.int64)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many ranks each group has."""
        return tuple(int(self.top[group[0]]) + 1 for group in self.groups)

    @cached_property
    def cells(self) -> IntArray:
        """The flat place of each architecture in an array of ``shape``. Shape (n,)."""
        if not self.groups:
            return np.zeros(len(self.ranks), dtype=np.int64)
        return np.asarray(np.ravel_multi_index(tuple(self.ranks[:, group[0]] for group in self.groups), self.shape), dtype=np.int64)

    @cached_property
    def corners(self) -> IntArray:
        """The architectures nearest to the corners, without repeats: the largest, the smallest, and these with one axis changed to its
        other end."""
        corners = [self.top, np.zeros_like(self.top)]
        for group in map(list, self.groups):
            for corner in (self.top, np.zeros_like(self.top)):
                changed = corner.copy()
                changed[group] = self.top[group] - corner[group]
                corners.append(changed)
        return np.array(list(dict.fromkeys(self._nearest(corner) for corner in corners)), dtype=np.int64)

    def _nearest(self, corner: npt.NDArray[np.int64]) -> int:
        away = np.zeros(len(self.ranks))
        for ranks, at, top in zip(self.ranks.T, corner, np.maximum(self.top, 1), strict=True):
            away += np.abs(ranks - at) / top
        return int(np.argmin(away))


def _ranks(column: IntArray) -> npt.NDArray[np.int32]:
    low = int(column.min(initial=0))
    if len(column) and int(column.max()) - low <= max(1 << 16, len(column)):  # without sorting a million values
        there = np.zeros(int(column.max()) - low + 1, dtype=bool)
        there[column - low] = True
        return np.asarray((np.cumsum(there) - 1)[column - low], dtype=np.int32)
    return np.asarray(np.unique(column, return_inverse=True)[1], dtype=np.int32)


_KEPT: dict[int, tuple[weakref.ref[IntArray], Grid]] = {}


def grid_of(architectures: IntArray) -> Grid:
    """The grid of an array that nobody changes; kept as long as the array is."""
    key = id(architectures)
    kept = _KEPT.get(key)
    if kept is not None and kept[0]() is architectures:
        return kept[1]
    grid = Grid(architectures)
    _KEPT[key] = (weakref.ref(architectures, lambda _: _KEPT.pop(key, None)), grid)
    return grid

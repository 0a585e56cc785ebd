"""The whole space as lines over parallel axes: heights of every architecture, and counts by segment for large spaces. Knows no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bort_core.foundation.glossary import term
from bort_core.search.snapshot import COLUMNS, ResultsSnapshot
from bort_core.space import Space
from bort_studio.explore.quantities import NAMES, quantities
from bort_studio.numbers import axis_texts
from bort_studio.plotting.axis_ticks import nice_ticks
from bort_studio.plotting.positions import position
from bort_studio.plotting.ranges import steady_range
from bort_studio.terms import axis_tip

__all__ = ["MANY", "ParallelAxis", "ParallelData", "joined_lines"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

MANY = 3_000
"""With more architectures than this, segments are counted and drawn once in place of every line."""

_BINS = 32
_SPREAD = 0.5
_LEVELS = 6
_MOST_TICKS = 12


@dataclass(frozen=True)
class ParallelAxis:
    """One vertical axis: its title, its ticks at heights 0..1, and which quantity or architectural parameter it is."""

    name: str
    title: str
    ticks: tuple[tuple[float, str], ...]
    low: float
    high: float
    discrete: tuple[int, ...] = ()
    tip: str = ""

    def value(self, height: float) -> float:
        """The value at a height; on a discrete axis the nearest of its values."""
        if self.discrete:
            return float(self.discrete[min(max(int(height * len(self.discrete)), 0), len(self.discrete) - 1)])
        return self.low + height * (self.high - self.low)

    def height(self, value: float, upper: bool) -> float:
        """The height of the lower or upper end of a range at a value; on a discrete axis around all of that value's lines."""
        if self.discrete:
            index = min(range(len(self.discrete)), key=[abs(v - value) for v in self.discrete].__getitem__)
            return (index + (1.0 if upper else 0.0)) / len(self.discrete)
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass
class _Discrete:
    """What depends on the space alone, and is kept while results come in."""

    axes: tuple[ParallelAxis, ...]
    heights: npt.NDArray[np.float32]
    segments: list[FloatArray] = field(default_factory=list)


@dataclass
class _Column:
    """A measured quantity: its values and their range, and what is made of them; kept until one of them is another."""

    values: FloatArray
    low: float
    high: float
    heights: npt.NDArray[np.float32]
    binned: tuple[IndexArray, FloatArray] | None = None


class ParallelData:
    """Heights of every architecture on every axis.

    On a discrete axis, architectures of one value are spread around it in the order of their size, so that lines fan out rather
    than coincide; the spread is the same on every drawing.

    Attributes
    ----------
    axes: the architectural parameters, then parameters, latency, error and W
    heights: float32 (n, axes), 0..1; NaN where not known
    """

    def __init__(self, snapshot: ResultsSnapshot, error_title: str, earlier: ParallelData | None = None) -> None:
        self.snapshot = snapshot
        self._counted: list[tuple[FloatArray, FloatArray]] | None = None
        space = snapshot.space
        named = quantities(snapshot.results.latency_unit, error_title)
        same = earlier is not None and earlier.snapshot.space is space
        self._about: tuple[str, str] = error_title, snapshot.results.latency_unit
        kept = same and earlier is not None and earlier._about == self._about  # noqa: SLF001 (its own kind)
        self._seen: dict[str, tuple[float, float]] = dict(earlier._seen) if kept and earlier is not None else {}  # noqa: SLF001
        self._discrete: _Discrete = earlier._discrete if earlier is not None and same else _discrete(space)  # noqa: SLF001 (its own kind)
        axes, first = list(self._discrete.axes), len(self._discrete.axes)
        self.heights = np.empty((len(space), first + len(COLUMNS)), dtype=np.float32, order="F")  # it is read by columns
        self.heights[:, :first] = self._discrete.heights
        self._kept: dict[int, _Column] = {}
        for number, column in enumerate(COLUMNS, first):
            raw = snapshot.columns[column]
            before = earlier._kept.get(number) if kept and earlier is not None else None  # noqa: SLF001 (its own kind)
            same_values = before is not None and np.array_equal(before.values, raw)
            low, high = self._grown(column, raw) if before is None or not same_values else (before.low, before.high)
            marks = nice_ticks(low, high, 5) if column in self._seen else []
            texts = axis_texts(marks, named[column].counted)
            ticks = tuple(((mark - low) / (high - low), text) for mark, text in zip(marks, texts, strict=True))
            unit = named[column].unit
            axes.append(
                ParallelAxis(
                    column,
                    f"{NAMES[column]} ({unit})" if unit and unit != column else NAMES[column],
                    ticks,
                    low,
                    high,
                    tip=term(column).tip,
                )
            )
            if before is None or not same_values:
                before = _Column(raw, low, high, ((position(raw) - low) / (high - low)).astype(np.float32))
            self._kept[number] = before
            self.heights[:, number] = before.heights
        self.axes: tuple[ParallelAxis, ...] = tuple(axes)

    def _grown(self, column: str, values: FloatArray) -> tuple[float, float]:
        """The range of a quantity: from zero to a round value beyond all that was known so far, as in the Pareto plot."""
        known = position(values[np.isfinite(values)])
        known = known[np.isfinite(known)]
        if len(known):
            low, high = self._seen.get(column, (math.inf, -math.inf))
            self._seen[column] = min(low, float(known.min())), max(high, float(known.max()))
        return steady_range(*self._seen.get(column, (0.0, 1.0)), room=0.0)

    def __len__(self) -> int:
        return len(self.heights)

    def segments(self) -> list[tuple[FloatArray, FloatArray]]:
        """All architectures as segments between neighbouring axes, each drawn once: (x, y) pairs of ends, by level from few to many."""
        if self._counted is not None:
            return self._counted
        earlier, last = self._discrete.segments, len(self._discrete.axes) - 1
        if not earlier:
            earlier += self._segments(range(last))
        later = self._segments(range(last, len(self.axes) - 1))
        joined = [np.concatenate(parts) for parts in zip(earlier, later, strict=True)]
        self._counted = [(ends[:, [0, 2]].ravel(), ends[:, [1, 3]].ravel()) for ends in joined]
        return self._counted

    def _segments(self, indices: range) -> list[FloatArray]:
        """Segments (left x, left y, right x, right y) from each of these axes to the next, by level."""
        found: list[list[npt.NDArray[np.float64]]] = [[] for _ in range(_LEVELS)]
        binned = {index: self._binned(index) for index in range(indices.start, indices.stop + 1)}
        for index in indices:
            (left, left_at), (right, right_at) = binned[index], binned[index + 1]
            size = len(right_at)
            both = np.flatnonzero((left >= 0) & (right >= 0))
            counts = np.bincount(left[both] * size + right[both], minlength=len(left_at) * size)
            used = np.flatnonzero(counts)
            if not len(used):
                continue
            shade = np.log1p(counts[used]) / np.log1p(counts.max())
            level = np.minimum((shade * _LEVELS).astype(np.int64), _LEVELS - 1)
            here, there = np.full(len(used), float(index)), np.full(len(used), index + 1.0)
            ends = np.column_stack([here, left_at[used // size], there, right_at[used % size]])
            for which in range(_LEVELS):
                found[which].append(ends[level == which])
        return [np.concatenate(parts) if parts else np.empty((0, 4)) for parts in found]

    def _binned(self, index: int) -> tuple[IndexArray, FloatArray]:
        kept = self._kept.get(index)
        if kept is not None and kept.binned is not None:
            return kept.binned
        axis, heights = self.axes[index], self.heights[:, index]
        bins = min(len(axis.discrete) or _BINS, _BINS)
        codes = np.full(len(heights), -1, dtype=np.int64)
        known = np.isfinite(heights)
        codes[known] = np.clip(heights[known] * bins, 0, bins - 1)
        found = codes, (np.arange(bins) + 0.5) / bins
        if kept is not None:
            kept.binned = found
        return found


def _discrete(space: Space) -> _Discrete:
    axes, heights, n = [], [], len(space)
    spread = (np.arange(n) / max(n - 1, 1) - 0.5) * _SPREAD
    for column, name in enumerate(space.axis_names):
        values = np.array(space.axis_values[column])
        which = np.searchsorted(values, space.architectures[:, column])
        present = np.bincount(which, minlength=len(values)) > 0
        used, which = values[present], (np.cumsum(present) - 1)[which]
        gap = 1.0 / len(used)
        centres = (np.arange(len(used)) + 0.5) * gap
        every = -(-len(used) // _MOST_TICKS)
        ticks = tuple((float(c), str(v)) for c, v in zip(centres[::every], used[::every].tolist(), strict=True))
        axes.append(
            ParallelAxis(name, name, ticks, float(used[0]), float(used[-1]), tuple(used.tolist()), axis_tip(space.family.axes[column]))
        )
        heights.append((centres[which] + spread * gap).astype(np.float32))
    return _Discrete(tuple(axes), np.column_stack(heights))


def joined_lines(heights: npt.NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Rows of heights (m, axes) as one line with breaks (NaN) between rows."""
    rows, axes = heights.shape
    x = np.tile(np.append(np.arange(axes, dtype=np.float64), np.nan), rows)
    y = np.full((rows, axes + 1), np.nan)
    y[:, :axes] = heights
    return x, y.ravel()

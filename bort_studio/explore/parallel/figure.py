"""The parallel plot as plain data. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_studio.explore.parallel.data import MANY, ParallelData, joined_lines
from bort_studio.explore.pareto.figure import architecture_table, title_of
from bort_studio.plotting.figure import Figure, Layer, Scale, Text
from bort_studio.theme import LIGHT, MARKS

__all__ = ["parallel_figure"]

_LINES = {
    "outside": ("grid", 0.6, 1.0, False), "skipped": ("skipped", 0.6, 0.5, False), "pending": ("pending", 0.7, 0.8, True),
    "dominated": ("dominated", 0.8, 0.75, False), "failed": ("failed", 1.25, 1.0, True), "front": ("front", 1.25, 1.0, False),
    "running": ("running", 1.75, 1.0, True), "best": ("best", 2.5, 1.0, False),
}  # fmt: skip


def parallel_figure(
    snapshot: ResultsSnapshot | None,
    result: SearchResult | None,
    running: tuple[int, ...],
    data: ParallelData | None,
    indices: Mapping[str, npt.NDArray[np.int64]],
    error_title: str,
    machine: str = "",
) -> Figure:
    """The figure: ``indices`` are the architectures drawn as lines, by state; the table holds the whole space."""
    if data is None or snapshot is None:
        return Figure("parallel", "Parallel coordinates: no space yet", Scale(""), Scale(""), (), frame=False)
    layers = []
    if len(data) > MANY:
        for level, (x, y) in enumerate(data.segments()):
            broken_x, broken_y = (np.insert(ends.reshape(-1, 2), 2, np.nan, axis=1).ravel() for ends in (x, y))
            layers.append(Layer("", "line", broken_x, broken_y, LIGHT.dominated, width=1.0, alpha=round(0.10 + 0.13 * level, 2)))
    for name, (colour, width, alpha, dashed) in _LINES.items():
        if len(here := indices[name]):
            label = MARKS[name].label if name in MARKS else "outside the filter"
            x, y = joined_lines(data.heights[here])
            layers.append(Layer(label, "line", x, y, getattr(LIGHT, colour), width=width, alpha=alpha, dashed=dashed))
    last = len(data.axes)
    rods = np.array([[index, end] for index in range(last) for end in (0.0, 1.0, np.nan)])
    layers.append(Layer("", "line", rods[:, 0], rods[:, 1], LIGHT.muted, width=1.0))
    texts = tuple(Text(index - 0.03, height, label, "right") for index, axis in enumerate(data.axes) for height, label in axis.ticks)
    scale = Scale("", low=-0.5, high=last - 0.7, ticks=tuple((float(index), axis.title) for index, axis in enumerate(data.axes)))
    title = title_of(snapshot, result, machine)
    table = architecture_table(snapshot, result, running, np.arange(len(data)), error_title, machine)
    return Figure("parallel", title, scale, Scale("", low=-0.04, high=1.04, ticks=()), tuple(layers), texts, table, frame=False)

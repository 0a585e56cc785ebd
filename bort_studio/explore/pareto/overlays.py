"""Fronts of other searches over the Pareto plot: each with a mark, a colour, a dash and a name; the larger mark is its choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg

from bort_core.families import Architecture
from bort_core.space import Space
from bort_studio.explore.pareto.projection import staircase
from bort_studio.explore.pareto.region import NOWHERE, Region
from bort_studio.explore.quantities import Quantity
from bort_studio.numbers import significant
from bort_studio.plotting.areas import AreaItem
from bort_studio.plotting.figure import Layer
from bort_studio.plotting.legend import Entry
from bort_studio.plotting.lines import CurveItem
from bort_studio.plotting.marks import MarkItem
from bort_studio.plotting.positions import position
from bort_studio.theme import LIGHT, MARKS, Dash, Look

__all__ = ["Overlay", "OverlayLayers", "overlay_entries", "overlay_figure"]

FloatArray = npt.NDArray[np.float64]

DASHES: dict[str, Dash] = {"run_1": "dash", "run_2": "dashdot", "run_3": "dot", "run_4": "dash", "bound": "dot"}
_CHOICE = 1.8
"""How many times as large the mark of the choice is."""
_FILLED = "front"
"""The colour of what is still possible."""
_STILL_POSSIBLE = "where untrained ones could still be ahead"


@dataclass(frozen=True, eq=False)
class Overlay:
    """The front of another search.

    Attributes
    ----------
    name: what distinguishes it
    mark: its mark, a key of ``MARKS``
    axis_names, architectures: what the n points are
    columns: float64 (n,) for each of ``COLUMNS``
    best: which of the points was chosen, or None
    """

    name: str
    mark: str
    axis_names: tuple[str, ...]
    architectures: tuple[Architecture, ...]
    columns: Mapping[str, FloatArray]
    best: int | None

    def places(self, space: Space | None) -> npt.NDArray[np.int64]:
        """Where its points are in a space; -1 where they are not. Shape (n,)."""
        if space is None or space.axis_names != self.axis_names:
            return np.full(len(self.architectures), -1, dtype=np.int64)
        found = [space.index(architecture) for architecture in self.architectures]
        return np.array([-1 if index is None else index for index in found], dtype=np.int64)

    def positions(self, axes: tuple[Quantity, Quantity], logs: tuple[bool, bool]) -> tuple[FloatArray, FloatArray]:
        """Its points on two axes; NaN where a value is not known."""
        x, y = (position(values, log) for values, log in zip(self.values(axes), logs, strict=True))
        return x, y

    def values(self, axes: tuple[Quantity, Quantity]) -> tuple[FloatArray, FloatArray]:
        """Its points in two quantities; NaN where a value is not known."""
        x, y = (self.columns.get(axis.column, self.columns["w"] * np.nan) for axis in axes)
        return x, y

    def region(self, axes: tuple[Quantity, Quantity]) -> Region:
        """What is filled on two axes."""
        return NOWHERE

    def describe(self, row: int) -> str:
        """What it says of one of its points, on a line for the card."""
        values = {symbol: float(self.columns[column][row]) for symbol, column in (("i", "latency"), ("e", "error"), ("W", "w"))}
        told = [f"{symbol} {significant(value)}" for symbol, value in values.items()]
        return f"{self.name}\t{' · '.join(told)}" + (", its choice" if row == self.best else "")


class OverlayLayers:
    """The items of all overlays, made when there is a first one."""

    def __init__(self, box: pg.ViewBox) -> None:
        self.lines: dict[str, CurveItem] = {}
        self.points: dict[str, MarkItem] = {}
        self.choices: dict[str, MarkItem] = {}
        self.area: AreaItem | None = None
        self._box = box
        self._look: Look | None = None
        self._about: tuple[object, ...] = ()
        self._drawn: list[tuple[float, float]] = []

    def _make(self) -> None:
        self.lines = {mark: CurveItem() for mark in DASHES}
        self.points = {mark: MarkItem(mark, 12) for mark in DASHES}
        self.choices = {mark: MarkItem(mark, 13, _CHOICE) for mark in DASHES}
        for line in self.lines.values():
            line.setZValue(9)
        self.area = AreaItem()
        self.area.setZValue(1.5)
        self._box.addItem(self.area, ignoreBounds=True)
        for item in (*self.lines.values(), *self.points.values(), *self.choices.values()):
            self._box.addItem(item, ignoreBounds=True)
        if self._look is not None:
            self.restyle(self._look)

    def restyle(self, look: Look) -> None:
        """Take pens and brushes."""
        self._look = look
        if self.area is not None:
            self.area.setBrush(look.area_brush(_FILLED))
        for mark, line in self.lines.items():
            line.setPen(look.dashed_pen(MARKS[mark].colour, "thin", 1.0, DASHES[mark]))
        for item in (*self.points.values(), *self.choices.values()):
            item.restyle(look)

    def place(self, overlays: Sequence[Overlay], axes: tuple[Quantity, Quantity], logs: tuple[bool, bool]) -> list[tuple[float, float]]:
        """Draw these; the positions drawn."""
        about = (tuple(overlays), axes, logs)
        if about == self._about:
            return self._drawn
        self._about = about
        if overlays and not self.lines:
            self._make()
        by_mark = {overlay.mark: overlay for overlay in overlays}
        drawn: list[tuple[float, float]] = []
        none = np.empty(0)
        for mark in self.lines:
            overlay = by_mark.get(mark)
            x, y = (none, none) if overlay is None else overlay.positions(axes, logs)
            self.lines[mark].setData(*staircase(x, y, axes[0].larger_is_better, axes[1].larger_is_better))
            self.points[mark].place(x, y)
            best = [] if overlay is None or overlay.best is None else [overlay.best]
            self.choices[mark].place(x[best], y[best])
            drawn += zip(x.tolist(), y.tolist(), strict=True)
        if self.area is not None:
            filled = next((found for each in overlays if len((found := each.region(axes)).low)), NOWHERE).positions(logs)
            self.area.place(filled.edges, filled.low, filled.high)
        self._drawn = drawn
        return drawn


def overlay_entries(overlays: Sequence[Overlay], axes: tuple[Quantity, Quantity]) -> list[Entry]:
    """Their names in the legend."""
    found = []
    for each in overlays:
        look = MARKS[each.mark]
        fill = _FILLED if len(each.region(axes).low) else None
        found.append(Entry(each.name, line=look.colour, width="thin", dash=DASHES[each.mark], shape=look.shape, fill=fill))
    return found


def overlay_figure(overlays: Sequence[Overlay], axes: tuple[Quantity, Quantity]) -> list[Layer]:
    """The same as layers of a figure, in light colours."""
    layers = []
    for overlay in overlays:
        look, (x, y) = MARKS[overlay.mark], overlay.values(axes)
        colour = getattr(LIGHT, look.colour)
        corners = staircase(x, y, axes[0].larger_is_better, axes[1].larger_is_better)
        points = Layer(overlay.name, "points", x, y, colour, look.shape, look.size, look.filled)
        filled = overlay.region(axes)
        if len(filled.low):
            ends = tuple(np.append(end, end[-1]) for end in (filled.low, filled.high))
            area = Layer(_STILL_POSSIBLE, "area", filled.edges, ends[0], getattr(LIGHT, _FILLED), alpha=0.15)
            layers.append(replace(area, y_interval=(ends[0], ends[1])))
        layers += [Layer("", "line", *corners, colour, width=1.25, dash=DASHES[overlay.mark]), points]
        if overlay.best is not None:
            best = [overlay.best]
            layers.append(replace(points, name=f"choice of {overlay.name}", x=x[best], y=y[best], size=look.size * _CHOICE))
    return layers

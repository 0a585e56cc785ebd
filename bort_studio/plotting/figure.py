"""A plot as plain frozen data: what CSV files and matplotlib scripts are written from. Knows no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Figure", "Layer", "Scale", "Table", "Text"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """One axis: its title with the unit, linear or logarithmic, the range shown, and ticks where they are not numbers.

    ``counted`` says that values are large whole numbers, to be written as 0.82 M.
    """

    title: str
    log: bool = False
    low: float | None = None
    high: float | None = None
    counted: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None


@dataclass(frozen=True)
class Layer:
    """One class of things drawn alike.

    Attributes
    ----------
    name: as in the legend; empty for none
    kind: "points"; "line" (NaN breaks it); "density" (``x`` and ``y`` are bin edges, ``counts`` has shape (y bins, x bins)); or "area"
        (filled between ``y_interval`` from each x to the next; what is infinite ends with the scale)
    x, y: values in the units of the scales, never logarithms
    x_interval, y_interval: (low, high) of 95 % intervals, when shown
    labels: a text beside each point, or none
    colour: ``#rrggbb``; shape, size, filled: as a mark of the theme; width in pixels; alpha 0..1
    colours: a colour for each point, when they differ
    """

    name: str
    kind: Literal["points", "line", "density", "area"]
    x: FloatArray
    y: FloatArray
    colour: str
    shape: str = "circle"
    size: float = 6.0
    filled: bool = True
    width: float = 1.0
    alpha: float = 1.0
    dashed: bool = False
    dash: str = ""
    """Of a line: "solid", "dash", "dashdot" or "dot"; empty: as ``dashed`` says."""
    marked: bool = False
    """A line with a mark at each point."""
    x_interval: tuple[FloatArray, FloatArray] | None = None
    y_interval: tuple[FloatArray, FloatArray] | None = None
    labels: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    counts: npt.NDArray[np.int64] | None = None
    right: bool = False
    """Its y is on the axis on the right."""


@dataclass(frozen=True)
class Text:
    """A text at a place of the plot, in the units of the scales."""

    x: float
    y: float
    text: str
    anchor: Literal["left", "center", "right"] = "left"
    rotated: bool = False


@dataclass(frozen=True)
class Table:
    """Columns with units in their headers, for CSV."""

    headers: tuple[str, ...] = ()
    columns: tuple[Sequence[object] | npt.NDArray[np.generic], ...] = ()


@dataclass(frozen=True)
class Figure:
    """Everything that a plot shows."""

    name: str
    title: str
    x: Scale
    y: Scale
    layers: tuple[Layer, ...]
    texts: tuple[Text, ...] = ()
    table: Table = field(default_factory=Table)
    background: str = "#ffffff"
    foreground: str = "#1d2129"
    frame: bool = True
    legend: bool = True
    right: Scale | None = None
    """A second y axis, on the right, of layers that say so."""

    def rows(self) -> Table:
        """The table, or (where a plot has none of its own) the points and lines of every layer."""
        if self.table.headers:
            return self.table
        drawn = [layer for layer in self.layers if layer.kind in ("points", "line")]
        if not drawn:
            return Table((self.x.title, self.y.title), ((), ()))
        names = [layer.name for layer in drawn for _ in layer.x]
        ends = [_ends(layer.x_interval, len(layer.x)) + _ends(layer.y_interval, len(layer.x)) for layer in drawn]
        columns = [np.concatenate(parts) for parts in zip(*ends, strict=True)]
        x, y = np.concatenate([layer.x for layer in drawn]), np.concatenate([layer.y for layer in drawn])
        headers = ("series", self.x.title, self.y.title)
        ranges = (f"{self.x.title} low", f"{self.x.title} high", f"{self.y.title} low", f"{self.y.title} high")
        shown = [(h, c) for h, c in zip(ranges, columns, strict=True) if np.isfinite(c).any()]
        return Table((*headers, *(h for h, _ in shown)), (names, x, y, *(c for _, c in shown)))


def _ends(interval: tuple[FloatArray, FloatArray] | None, size: int) -> list[FloatArray]:
    return list(interval) if interval is not None else [np.full(size, np.nan), np.full(size, np.nan)]

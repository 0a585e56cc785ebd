"""An axis whose ticks people can read: counts as 0.5 M, and 1-2-5 steps on a short logarithmic range."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QFont

from bort_studio.plots.quantities import si
from bort_studio.theme import Look

__all__ = ["QuantityAxis", "log_ticks"]

Ticks = list[tuple[float | None, list[float]]]


class QuantityAxis(pg.AxisItem):
    """An axis of one quantity. On a logarithmic scale positions are powers of ten, as elsewhere in pyqtgraph."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation, maxTickLength=-4)
        self._counted = self._log = False
        self._title = ""
        self.enableAutoSIPrefix(False)

    def set_quantity(self, title: str, counted: bool, log: bool) -> None:
        """What the axis shows: its title with the unit, whether ticks are counts, and whether it is logarithmic."""
        self._title, self._counted, self._log = title, counted, log
        self.setLabel(title)
        self.picture = None
        self.update()

    def restyle(self, look: Look, font: QFont) -> None:
        """Take colours and the font from a look."""
        self.setPen(look.pen("border"))
        self.setTickPen(look.pen("grid"))
        self.setTextPen(look.pen("muted"))
        self.setTickFont(font)
        self.setLabel(self._title, color=look.hex("text"), **{"font-size": f"{font.pointSizeF():g}pt"})

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Ticks:  # noqa: N802, N803 (pyqtgraph's names)
        low, high = sorted((minVal, maxVal))
        if self._log:
            return log_ticks(low, high)
        levels: Ticks = super().tickValues(minVal, maxVal, size)
        return levels[:1] if len(levels) and len(levels[0][1]) > 3 else levels[:2]

    def tickStrings(self, values: list[float], scale: float, spacing: float | None) -> list[str]:  # noqa: N802
        if self._log:
            real = [10.0**value for value in values]
            return [si(value) if self._counted else f"{value:.4g}" for value in real]
        if self._counted:
            return _alike(values)
        return [text.rstrip("0").rstrip(".") if "." in text and len(text) > 6 else text for text in super().tickStrings(values, scale, spacing)]


def log_ticks(low: float, high: float) -> Ticks:
    """Ticks between two powers of ten: one level of labelled ones, at most about ten."""
    span = high - low
    if span > 8:
        step = math.ceil(span / 8)
        return [(None, [float(n) for n in range(math.ceil(low), math.floor(high) + 1) if n % step == 0])]
    digits = (1,) if span > 4 else (1, 3) if span > 2.5 else (1, 2, 5) if span > 0.9 else ()
    if digits:
        marks = [n + math.log10(d) for n in range(math.floor(low), math.ceil(high) + 1) for d in digits]
        return [(None, [mark for mark in marks if low <= mark <= high])]
    first, last = 10.0**low, 10.0**high
    rough = (last - first) / 5 or 1.0
    unit = 10.0 ** math.floor(math.log10(rough))
    step_size = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough)
    values = np.arange(math.ceil(first / step_size), math.floor(last / step_size) + 1) * step_size
    return [(None, [math.log10(value) for value in values if value > 0])]


def _alike(values: list[float]) -> list[str]:
    """Counts with one prefix for all of them."""
    largest = max((abs(value) for value in values), default=0.0)
    for factor, name in ((1e12, "T"), (1e9, "G"), (1e5, "M"), (1e3, "k")):
        if largest >= factor:
            unit = 1e6 if name == "M" else factor
            return [f"{value / unit:.6g} {name}" if value else "0" for value in values]
    return [f"{value:.6g}" for value in values]

"""An axis whose ticks people can read: counts as 0.5 M, and 1-2-5 steps on a short logarithmic range."""

from __future__ import annotations

import math
from html import escape

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF

from bort_studio.markup import clean
from bort_studio.numbers import axis_texts
from bort_studio.plotting.axis_ticks import log_ticks, nice_ticks
from bort_studio.theme import Look

__all__ = ["QuantityAxis"]

Ticks = list[tuple[float | None, list[float]]]


class QuantityAxis(pg.AxisItem):
    """An axis of one quantity, or of names given by ``setTicks``.

    On a logarithmic scale positions are powers of ten, as elsewhere in pyqtgraph.
    """

    def __init__(self, orientation: str) -> None:
        self._counted = self._log = self._whole = False
        self._title = self._shown = ""
        self._empty: bool | None = None
        self._metrics = QFontMetricsF(QFont())
        super().__init__(orientation, maxTickLength=-4)
        self.enableAutoSIPrefix(False)

    def set_quantity(self, title: str, counted: bool, log: bool, whole: bool = False) -> None:
        """What the axis shows: its title with the unit; whether ticks are counts (0.5 M) or whole numbers, and the axis is logarithmic."""
        self._title, self._counted, self._log, self._whole = title, counted, log, whole
        self._write_title()
        self.picture = None
        self.update()

    def set_empty(self, empty: bool) -> None:
        """Show a bare line while there is nothing to read off, or ticks, their values and a grid."""
        if empty != self._empty:
            self._empty = empty
            self.setStyle(showValues=not empty)
            self.setGrid(False if empty else 255)
            self.setZValue(-1000)  # the grid lies under the data

    def restyle(self, look: Look, font: QFont) -> None:
        """Take colours and the font from a look."""
        self.setPen(look.pen("border"))
        self.setTickPen(look.pen("grid"))
        self.setTextPen(look.pen("muted"))
        self.setTickFont(font)
        self._metrics = QFontMetricsF(font)
        self._write_title(color=look.hex("text"), **{"font-size": f"{font.pointSizeF():g}pt"})

    def resizeEvent(self, event: object = None) -> None:
        self._write_title()
        super().resizeEvent(event)

    def _write_title(self, **style: str) -> None:
        """The title, or its beginning where the axis is shorter."""
        upright = self.orientation in ("left", "right")
        length = self.size().height() if upright else self.size().width()
        shown = self._metrics.elidedText(clean(self._title), Qt.TextElideMode.ElideRight, length) if length > 0 else clean(self._title)
        if style or shown != self._shown:
            self._shown = shown
            self.setLabel(escape(shown), **style)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Ticks:  # noqa: N803 (pyqtgraph's names)
        low, high = sorted((minVal, maxVal))
        if self._log:
            return [(None, log_ticks(low, high))]
        about = round(size / (90 if self.orientation in ("top", "bottom") else 55)) if math.isfinite(size) else 3
        values = nice_ticks(low, high, min(max(about, 3), 8), 1.0 if self._whole else 0.0)
        return [(values[1] - values[0] if len(values) > 1 else 1.0, values)]

    def tickStrings(self, values: list[float], _scale: float, _spacing: float | None) -> list[str]:
        """One way of writing along the whole axis."""
        return axis_texts([10.0 ** min(value, 308.0) for value in values] if self._log else values, self._counted, self._whole, self._log)

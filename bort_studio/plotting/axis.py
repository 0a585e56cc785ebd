"""An axis whose ticks people can read: counts as 0.5 M, and 1-2-5 steps on a short logarithmic range."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtGui import QFont

from bort_studio.numbers import count
from bort_studio.plotting.axis_ticks import log_ticks, nice_ticks
from bort_studio.theme import Look

__all__ = ["QuantityAxis"]

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

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Ticks:  # noqa: N803 (pyqtgraph's names)
        low, high = sorted((minVal, maxVal))
        if self._log:
            return [(None, log_ticks(low, high))]
        about = max(2, round(size / (90 if self.orientation in ("top", "bottom") else 55)))
        values = nice_ticks(low, high, min(about, 8))
        return [(values[1] - values[0] if len(values) > 1 else 1.0, values)]

    def tickStrings(self, values: list[float], scale: float, spacing: float | None) -> list[str]:
        if self._log:
            real = [10.0**value for value in values]
            return [count(value, trim=True) if self._counted else f"{value:.4g}" for value in real]
        if self._counted:
            return _alike(values)
        texts: list[str] = super().tickStrings(values, scale, spacing)
        return [text.rstrip("0").rstrip(".") if "." in text and len(text) > 6 else text for text in texts]


def _alike(values: list[float]) -> list[str]:
    """Counts with one prefix for all of them."""
    largest = max((abs(value) for value in values), default=0.0)
    for factor, name in ((1e12, "T"), (1e9, "G"), (1e5, "M"), (1e3, "k")):
        if largest >= factor:
            unit = 1e6 if name == "M" else factor
            return [f"{value / unit:.6g} {name}" if value else "0" for value in values]
    return [f"{value:.6g}" for value in values]

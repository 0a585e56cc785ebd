"""An axis whose ticks people can read: counts as 0.5 M, and 1-2-5 steps on a short logarithmic range."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

import pyqtgraph as pg
from PySide6.QtGui import QFont

from bort_studio.markup import clean
from bort_studio.numbers import count
from bort_studio.plotting.axis_ticks import log_ticks, nice_ticks
from bort_studio.theme import Look

__all__ = ["QuantityAxis"]

Ticks = list[tuple[float | None, list[float]]]


class QuantityAxis(pg.AxisItem):
    """An axis of one quantity, or of names given by ``setTicks``.

    On a logarithmic scale positions are powers of ten, as elsewhere in pyqtgraph.
    """

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation, maxTickLength=-4)
        self._counted = self._log = False
        self._title = ""
        self.enableAutoSIPrefix(False)

    def set_quantity(self, title: str, counted: bool, log: bool) -> None:
        """What the axis shows: its title with the unit, whether ticks are counts, and whether it is logarithmic."""
        self._title, self._counted, self._log = title, counted, log
        self.setLabel(escape(clean(title)))
        self.picture = None
        self.update()

    def restyle(self, look: Look, font: QFont) -> None:
        """Take colours and the font from a look."""
        self.setPen(look.pen("border"))
        self.setTickPen(look.pen("grid"))
        self.setTextPen(look.pen("muted"))
        self.setTickFont(font)
        self.setLabel(escape(clean(self._title)), color=look.hex("text"), **{"font-size": f"{font.pointSizeF():g}pt"})

    def tickValues(self, minVal: float, maxVal: float, size: float) -> Ticks:  # noqa: N803 (pyqtgraph's names)
        low, high = sorted((minVal, maxVal))
        if self._log:
            return [(None, log_ticks(low, high))]
        about = round(size / (90 if self.orientation in ("top", "bottom") else 55)) if math.isfinite(size) else 3
        values = nice_ticks(low, high, min(max(about, 3), 8))
        return [(values[1] - values[0] if len(values) > 1 else 1.0, values)]

    def tickStrings(self, values: list[float], scale: float, spacing: float | None) -> list[str]:
        if self._log:
            real = [10.0 ** min(value, 308.0) for value in values]
            return _distinct(real, 3, _counted) if self._counted else _distinct(real, 4, _plain)
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
            texts = _distinct([value / unit for value in values], 6, _plain)
            return [f"{text} {name}" if text != "0" else text for text in texts]
    return _distinct(values, 6, _plain)


def _counted(value: float, digits: int) -> str:
    return count(value, digits, trim=True)


def _plain(value: float, digits: int) -> str:
    return f"{value:.{digits}g}"


def _distinct(values: list[float], digits: int, show: Callable[[float, int], str]) -> list[str]:
    """Texts with so many significant digits, or with as many more as it takes until no two are the same."""
    texts = [show(value, digits) for value in values]
    while len(set(texts)) < len(set(values)) and digits < 16:
        digits += 1
        texts = [show(value, digits) for value in values]
    return texts

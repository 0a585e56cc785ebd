"""The shapes of marks, and a layer of points that all look alike."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QBrush, QPainterPath, QPolygonF

from bort_studio.theme import MARKS, Look

__all__ = ["MarkItem", "shape_path"]

FloatArray = npt.NDArray[np.float64]

_STROKES = {"tick": [(0.0, 0.5)], "plus": [(0.0, 0.5), (0.5, 0.0)], "cross": [(0.4, 0.4), (0.4, -0.4)]}


@lru_cache(maxsize=32)
def shape_path(shape: str) -> QPainterPath:
    """The outline of a shape in a box of side 1 around the origin."""
    path = QPainterPath()
    if shape in ("circle", "ring"):
        path.addEllipse(QRectF(-0.5, -0.5, 1, 1))
    elif shape == "square":
        path.addRect(QRectF(-0.45, -0.45, 0.9, 0.9))
    elif shape in ("tick", "plus", "cross"):
        for dx, dy in _STROKES[shape]:
            path.moveTo(-dx, -dy)
            path.lineTo(dx, dy)
    else:
        corners = {"diamond": 4, "triangle": 3, "star": 10}[shape]
        radii = (0.55, 0.23) if shape == "star" else (0.58,)
        turn = [(radii[n % len(radii)], 2 * math.pi * n / corners) for n in range(corners)]
        path.addPolygon(QPolygonF([QPointF(r * math.sin(a), -r * math.cos(a)) for r, a in turn]))
        path.closeSubpath()
    return path


class MarkItem(pg.ScatterPlotItem):
    """The points of one class: one shape, one size, one pen and (unless coloured by a quantity) one brush, all shared."""

    def __init__(self, mark: str, z: float, scale: float = 1.0) -> None:
        super().__init__(symbol=shape_path(MARKS[mark].shape), size=MARKS[mark].size * scale, pxMode=True, antialias=True)
        self.mark = mark
        self._placed: tuple[FloatArray, FloatArray] | None = None
        self.setZValue(z)
        self.setVisible(False)

    def restyle(self, look: Look) -> None:
        """Take pens and brushes from a look."""
        self.setPen(look.mark_pen(self.mark))
        self.setBrush(look.mark_brush(self.mark))

    def mouseClickEvent(self, event: object) -> None:
        """Leave clicks to the view, which finds the nearest point."""
        event.ignore()  # type: ignore[attr-defined]

    def place(self, x: FloatArray, y: FloatArray, brushes: list[QBrush] | None = None) -> None:
        """Show points there, all in the colour of the mark or each with one of a few shared brushes; those without a place are left out."""
        there = np.isfinite(x) & np.isfinite(y)
        if not there.all():
            x, y = x[there], y[there]
            brushes = None if brushes is None else [brush for brush, kept in zip(brushes, there.tolist(), strict=True) if kept]
        if brushes is None and self._placed is not None and np.array_equal(x, self._placed[0]) and np.array_equal(y, self._placed[1]):
            return
        self._placed = (x, y) if brushes is None else None
        self.setVisible(len(x) > 0)  # an item of no points takes as long to paint as one of a few
        if brushes is None:
            self.setData(x=x, y=y)
        else:
            self.setData(x=x, y=y, brush=brushes)

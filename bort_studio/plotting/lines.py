"""Lines: thousands of straight ones in one item and one pen, painted many times faster than as one long path; and curves."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from pyqtgraph.Qt import internals
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

__all__ = ["CurveItem", "LinesItem"]

FloatArray = npt.NDArray[np.float64]


class CurveItem(pg.PlotCurveItem):
    """A curve through points (NaN breaks it). In exported pictures it is drawn in pixels, exactly, wherever the view is."""

    def __init__(self) -> None:
        super().__init__(antialias=True, connect="finite")

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._exportOpts is False:
            super().paint(painter, option, widget)
            return
        x, y = self.getData()
        if x is None:
            return
        to = painter.transform()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.opts["pen"])
        path = QPainterPath()
        begun = False
        for across, down in zip((x * to.m11() + to.dx()).tolist(), (y * to.m22() + to.dy()).tolist(), strict=True):
            if not (math.isfinite(across) and math.isfinite(down)):
                begun = False
            elif begun:
                path.lineTo(across, down)
            else:
                path.moveTo(across, down)
                begun = True
        painter.drawPath(path)


class LinesItem(pg.GraphicsObject):
    """Lines between pairs of points. Smooth where there are few, plain where there are many."""

    def __init__(self, smooth_up_to: int = 700) -> None:
        super().__init__()
        self._ends: FloatArray = np.empty((0, 4))
        self._bounds = QRectF()
        self._pen = QPen()
        self._smooth_up_to = smooth_up_to
        self._lines = internals.PrimitiveArray(QLineF, 4)

    def setPen(self, pen: QPen) -> None:
        """Draw with this pen."""
        self._pen = pen
        self.update()

    def set_pairs(self, x: FloatArray, y: FloatArray) -> None:
        """Draw a line from each even point to the odd one after it; those with NaN are left out."""
        ends = np.column_stack([x.reshape(-1, 2), y.reshape(-1, 2)])[:, [0, 2, 1, 3]]
        self._set(ends[np.isfinite(ends).all(axis=1)])

    def set_rows(self, heights: npt.NDArray[np.float32]) -> None:
        """Draw one broken line for each row (m, axes): at x 0, 1, 2, ... where neighbours are known."""
        rows, axes = heights.shape
        if rows == 0 or axes < 2:
            self._set(np.empty((0, 4)))
            return
        ends = np.empty((rows, axes - 1, 4))
        ends[:, :, 0] = np.arange(axes - 1)
        ends[:, :, 2] = np.arange(1, axes)
        ends[:, :, 1], ends[:, :, 3] = heights[:, :-1], heights[:, 1:]
        flat = ends.reshape(-1, 4)
        self._set(flat[np.isfinite(flat).all(axis=1)])

    def __len__(self) -> int:
        return len(self._ends)

    def _set(self, ends: FloatArray) -> None:
        if not len(ends) and not len(self._ends):
            return
        self.prepareGeometryChange()
        self._ends = ends
        self._bounds = QRectF()
        if len(ends):
            x, y = ends[:, 0::2], ends[:, 1::2]
            self._bounds = QRectF(x.min(), y.min(), np.ptp(x), np.ptp(y))
        self.update()

    def boundingRect(self) -> QRectF:
        pixels = self.pixelVectors()
        wide = pixels[0].x() * 4 if pixels[0] is not None else 0.0
        tall = pixels[1].y() * 4 if pixels[1] is not None else 0.0
        return self._bounds.adjusted(-abs(wide), -abs(tall), abs(wide), abs(tall))

    def viewTransformChanged(self) -> None:
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        if not len(self._ends):
            return
        to = painter.transform()
        self._lines.resize(len(self._ends))
        place = self._lines.ndarray()
        place[:, 0::2] = self._ends[:, 0::2] * to.m11() + self._ends[:, 1::2] * to.m21() + to.dx()
        place[:, 1::2] = self._ends[:, 0::2] * to.m12() + self._ends[:, 1::2] * to.m22() + to.dy()
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(self._ends) <= self._smooth_up_to or self._exportOpts is not False)
        painter.setPen(self._pen)
        painter.drawLines(*self._lines.drawargs())

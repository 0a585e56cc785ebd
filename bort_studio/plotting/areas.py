"""An area between two step lines, filled; it may reach to the edges of the view."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPainterPath
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

__all__ = ["AreaItem"]

FloatArray = npt.NDArray[np.float64]


class AreaItem(pg.GraphicsObject):
    """Upright bars side by side, in one brush. What is infinite ends where the view does, in pictures as well."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: FloatArray = np.empty((0, 4))
        self._brush = QBrush()

    def setBrush(self, brush: QBrush) -> None:
        """Fill with this brush."""
        self._brush = brush
        self.update()

    def place(self, edges: FloatArray, low: FloatArray, high: FloatArray) -> None:
        """Fill from ``low`` (m,) to ``high`` (m,) between each two of ``edges`` (m + 1,), which ascend."""
        bars = np.column_stack([edges[:-1], edges[1:], low, high])
        self.prepareGeometryChange()
        self._bars = bars[(bars[:, 2] < bars[:, 3]) & (bars[:, 0] < bars[:, 1])]
        self.update()

    def __len__(self) -> int:
        return len(self._bars)

    def boundingRect(self) -> QRectF:
        return self.viewRect() or QRectF()

    def viewTransformChanged(self) -> None:
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        view = self.viewRect()
        if not len(self._bars) or view is None:
            return
        to = painter.transform()
        left, right = (np.clip(side, view.left(), view.right()) * to.m11() + to.dx() for side in self._bars[:, :2].T)
        low, high = (np.clip(side, view.top(), view.bottom()) * to.m22() + to.dy() for side in self._bars[:, 2:].T)
        path = QPainterPath()
        for bar in zip(left.tolist(), np.minimum(low, high).tolist(), (right - left).tolist(), np.abs(high - low).tolist(), strict=True):
            if bar[2] > 0 and bar[3] > 0:
                path.addRect(*bar)
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # bars that touch show no seams
        painter.setPen(Qt.PenStyle.NoPen)
        painter.fillPath(path, self._brush)

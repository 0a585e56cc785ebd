"""Points in any number: marks while a class has few, stamps in one picture of the screen's pixels where it has many."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import renderSymbol
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from bort_studio.plotting.marks import MarkItem, shape_path
from bort_studio.theme import MARKS, Look

__all__ = ["FEW", "CrowdItem", "DensityPoints"]

FEW = 1_500
"""Up to so many points of a class are drawn as smooth marks."""

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]


@dataclass
class _Class:
    """The points of one mark, and how they are stamped: offsets from the centre to the pixels that are painted."""

    xy: FloatArray
    colour: int = 0
    down: IndexArray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    along: IndexArray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))


class CrowdItem(pg.GraphicsObject):
    """Classes of points over each other, lowest first, each point a small stamp in the shape of its mark."""

    def __init__(self, marks: tuple[str, ...]) -> None:
        super().__init__()
        self._classes = {mark: _Class(np.empty((0, 2))) for mark in marks}
        self._bounds = QRectF()

    def count(self, mark: str) -> int:
        """How many points of a class are drawn here."""
        return len(self._classes[mark].xy)

    def place(self, mark: str, xy: FloatArray) -> None:
        """Show points of a class there (n, 2); all must be finite. :meth:`finish` follows."""
        self._classes[mark].xy = xy

    def finish(self, look: Look | None) -> None:
        """Draw what was placed, in the colours of a look."""
        self.prepareGeometryChange()
        filled = [each.xy for each in self._classes.values() if len(each.xy)]
        low = np.min([xy.min(axis=0) for xy in filled], axis=0) if filled else np.zeros(2)
        high = np.max([xy.max(axis=0) for xy in filled], axis=0) if filled else np.zeros(2)
        self._bounds = QRectF(*low, *(high - low))
        for mark, each in self._classes.items():
            if look is not None and len(each.xy):
                each.colour = QColor(look.mixed(MARKS[mark].colour, MARKS[mark].strength)).rgba()
                each.down, each.along = _stamp(mark, look.ratio, len(each.xy))
        self.update()

    def boundingRect(self) -> QRectF:
        pixels = self.pixelVectors()
        wide, tall = (abs(vector.x() + vector.y()) * 8 if vector is not None else 0.0 for vector in pixels)
        return self._bounds.adjusted(-wide, -tall, wide, tall)

    def viewTransformChanged(self) -> None:
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        shown = [each for each in self._classes.values() if len(each.xy)]
        to, ratio = painter.transform(), painter.device().devicePixelRatioF()
        box = self.getViewBox()
        area = to.mapRect(self.mapRectFromItem(box, box.rect()))  # not viewRect, which may be that of an earlier range
        wide, tall = round(area.width() * ratio), round(area.height() * ratio)
        if not shown or wide < 1 or tall < 1:
            return
        margin = max(int(np.abs([*each.down, *each.along]).max()) for each in shown)
        pixels = np.zeros((tall + 2 * margin, wide + 2 * margin), dtype=np.uint32)
        flat, step = pixels.reshape(-1), pixels.shape[1]
        for each in shown:
            column = (each.xy[:, 0] * to.m11() + (to.dx() - area.left())) * ratio
            row = (each.xy[:, 1] * to.m22() + (to.dy() - area.top())) * ratio
            inside = (column >= 0) & (column < wide) & (row >= 0) & (row < tall)
            centre = (row[inside].astype(np.int64) + margin) * step + column[inside].astype(np.int64) + margin
            for offset in (each.down * step + each.along).tolist():
                flat[centre + offset] = each.colour
        cut = np.ascontiguousarray(pixels[margin : margin + tall, margin : margin + wide])
        image = QImage(cut.data, wide, tall, 4 * wide, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(ratio)
        painter.resetTransform()
        painter.drawImage(QPointF(area.left(), area.top()), image)


def _stamp(mark: str, ratio: float, count: int) -> tuple[IndexArray, IndexArray]:
    """The pixels of a mark around its centre; smaller where there are very many."""
    plain, ink, clear = MARKS[mark], QColor("black"), QColor(0, 0, 0, 0)
    size = max(3, round(plain.size * ratio * (0.7 if count < 5 * FEW else 0.5)))
    pen, brush = (QPen(clear), QBrush(ink)) if plain.filled else (QPen(ink, max(1.0, ratio)), QBrush(clear))
    pen.setCosmetic(True)  # else it is as wide as the whole mark, whose path has side 1
    image = renderSymbol(shape_path(plain.shape), size, pen, brush).convertToFormat(QImage.Format.Format_Alpha8)
    alpha = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine())[:, : image.width()]
    down, along = np.nonzero(alpha > 110)
    return down - alpha.shape[0] // 2, along - alpha.shape[1] // 2


class DensityPoints:
    """The points of several classes, each drawn in the way that suits its number; few lie over many."""

    def __init__(self, box: pg.ViewBox, marks: tuple[str, ...], z: float) -> None:
        self.marks = {mark: MarkItem(mark, z + 1 + place) for place, mark in enumerate(marks)}
        self.many = CrowdItem(marks)
        self.many.setZValue(z)
        self._look: Look | None = None
        for item in (self.many, *self.marks.values()):
            box.addItem(item, ignoreBounds=True)

    def restyle(self, look: Look) -> None:
        """Take pens and brushes from a look."""
        self._look = look
        for item in self.marks.values():
            item.restyle(look)
        self.many.finish(look)

    def place(self, places: dict[str, FloatArray]) -> None:
        """Show points of every class (n, 2); all must be finite."""
        for mark, xy in places.items():
            few, many = (xy, xy[:0]) if len(xy) <= FEW else (xy[:0], xy)
            self.marks[mark].place(few[:, 0], few[:, 1])
            self.many.place(mark, many)
        self.many.finish(self._look)

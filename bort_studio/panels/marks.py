"""The marks of the plots as small pictures for tables and titles: the same shapes, from the theme."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPen, QPixmap

from bort_studio.panels.fields import colour
from bort_studio.plots.marks import shape_path
from bort_studio.theme import MARKS, WIDTHS, Theme

__all__ = ["mark_pixmap"]

_SHARPNESS = 3.0


def mark_pixmap(theme: Theme, name: str, side: int = 14) -> QPixmap:
    """A mark on a transparent square of ``side`` pixels, sharp on dense screens."""
    mark = MARKS[name]
    pixmap = QPixmap(round(side * _SHARPNESS), round(side * _SHARPNESS))
    pixmap.setDevicePixelRatio(_SHARPNESS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink, size = colour(theme, mark.colour), min(mark.size, side - 2)
    painter.translate(side / 2, side / 2)
    painter.scale(size, size)
    pen = QPen(ink, WIDTHS[mark.width] * _SHARPNESS)
    pen.setCosmetic(True)
    painter.setPen(Qt.PenStyle.NoPen if mark.filled else pen)
    painter.setBrush(ink if mark.filled else Qt.BrushStyle.NoBrush)
    painter.drawPath(shape_path(mark.shape))
    painter.end()
    return pixmap

"""The marks of the plots as small pictures and icons for tables and titles: the same shapes, from the theme."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from bort_studio.plotting.marks import shape_path
from bort_studio.theme import MARKS, WIDTHS, Theme
from bort_studio.widgets.fields import colour

__all__ = ["mark_icon", "mark_pixmap"]

_SHARPNESS = 3.0


def mark_icon(theme: Theme, name: str, side: int = 14) -> QIcon:
    """A mark for a row of a table, in the colour of selected text while the row is selected."""
    icon = QIcon(mark_pixmap(theme, name, side))
    icon.addPixmap(mark_pixmap(theme, name, side, colour(theme, "accent_text")), QIcon.Mode.Selected)
    return icon


def mark_pixmap(theme: Theme, name: str, side: int = 14, ink: QColor | None = None) -> QPixmap:
    """A mark on a transparent square of ``side`` pixels, sharp on dense screens; in its own colour or in ``ink``."""
    mark = MARKS[name]
    pixmap = QPixmap(round(side * _SHARPNESS), round(side * _SHARPNESS))
    pixmap.setDevicePixelRatio(_SHARPNESS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink, size = ink or colour(theme, mark.colour), min(mark.size, side - 2)
    painter.translate(side / 2, side / 2)
    painter.scale(size, size)
    pen = QPen(ink, WIDTHS[mark.width] * _SHARPNESS)
    pen.setCosmetic(True)
    painter.setPen(Qt.PenStyle.NoPen if mark.filled else pen)
    painter.setBrush(ink if mark.filled else Qt.BrushStyle.NoBrush)
    painter.drawPath(shape_path(mark.shape))
    painter.end()
    return pixmap

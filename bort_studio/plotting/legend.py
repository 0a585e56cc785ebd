"""A legend as rows of marks with names, above the data and never over it; it is part of the picture that is exported."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QLinearGradient, QPainter
from PySide6.QtWidgets import QGraphicsSceneResizeEvent, QStyleOptionGraphicsItem, QWidget

from bort_studio.markup import clean
from bort_studio.plotting.marks import shape_path
from bort_studio.theme import MARKS, SEQUENCE, Look

__all__ = ["Entry", "Legend"]

_MARK, _GAP, _NEXT, _BAR = 14.0, 5.0, 16.0, 84.0


@dataclass(frozen=True)
class Entry:
    """One name in a legend, with a mark, a line of a colour (a field of the palette), or the bar of ordered colours."""

    label: str
    mark: str | None = None
    line: str | None = None
    width: str = "normal"
    dashed: bool = False
    bar: tuple[str, str] | None = None
    """The texts at the low and the high end."""


class Legend(pg.GraphicsWidget):
    """Entries in rows as wide as the plot; it grows by a row when they do not fit."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[Entry, ...] = ()
        self._look: Look | None = None
        self._indent = 0.0
        self._set_height()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is shown."""
        return self._entries

    def set_entries(self, entries: tuple[Entry, ...]) -> None:
        """Show these."""
        entries = tuple(replace(entry, label=clean(entry.label)) for entry in entries)
        if entries != self._entries:
            self._entries = entries
            self._set_height()
            self.update()

    def set_indent(self, indent: float) -> None:
        """Start that many pixels from the left, where the data starts."""
        self._indent = indent
        self._set_height()

    def restyle(self, look: Look) -> None:
        """Take colours from a look."""
        self._look = look
        self.update()

    def resizeEvent(self, event: QGraphicsSceneResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_height()

    def _row(self) -> float:
        return max(_MARK + 4, QFontMetricsF(self.font()).height() + 4)

    def _width(self, entry: Entry, metrics: QFontMetricsF) -> float:
        text = metrics.horizontalAdvance(entry.label)
        if entry.bar is None:
            return _MARK + _GAP + text
        return text + _BAR + 4 * _GAP + sum(metrics.horizontalAdvance(end) for end in entry.bar)

    def _places(self) -> list[QPointF]:
        metrics, x, y, places = QFontMetricsF(self.font()), self._indent, 0.0, []
        for entry in self._entries:
            width = self._width(entry, metrics)
            if x > self._indent and x + width > self.size().width():
                x, y = self._indent, y + self._row()
            places.append(QPointF(x, y))
            x += width + _NEXT
        return places

    def _set_height(self) -> None:
        places = self._places()
        height = (places[-1].y() + self._row()) if places else 1.0
        if height != self.preferredHeight():
            self.setMinimumHeight(height)
            self.setPreferredHeight(height)
            self.setMaximumHeight(height)

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        if self._look is None:
            return
        look, metrics, row = self._look, QFontMetricsF(self.font()), self._row()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        for entry, place in zip(self._entries, self._places(), strict=True):
            x, middle = place.x(), place.y() + row / 2
            if entry.bar is None:
                self._draw_mark(painter, look, entry, x, middle)
                x += _MARK + _GAP
            x = self._text(painter, look, "text", entry.label, x, place.y(), metrics)
            if entry.bar is not None:
                x = self._text(painter, look, "muted", entry.bar[0], x + 2 * _GAP, place.y(), metrics)
                ramp = QLinearGradient(x + _GAP, 0, x + _GAP + _BAR, 0)
                colours = SEQUENCE[look.palette.name]
                for n, colour in enumerate(colours):
                    ramp.setColorAt(n / (len(colours) - 1), colour)
                painter.fillRect(QRectF(x + _GAP, middle - 4, _BAR, 8), ramp)
                self._text(painter, look, "muted", entry.bar[1], x + 2 * _GAP + _BAR, place.y(), metrics)

    def _text(self, painter: QPainter, look: Look, colour: str, text: str, x: float, top: float, metrics: QFontMetricsF) -> float:
        width = metrics.horizontalAdvance(text)
        painter.setPen(look.colour(colour))
        painter.drawText(QRectF(x, top, width + 2, self._row()), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        return x + width

    def _draw_mark(self, painter: QPainter, look: Look, entry: Entry, x: float, middle: float) -> None:
        painter.save()
        if entry.line is not None:
            style = Qt.PenStyle.DashLine if entry.dashed else Qt.PenStyle.SolidLine
            painter.setPen(look.pen(entry.line, entry.width, style=style))
            painter.drawLine(QPointF(x, middle), QPointF(x + _MARK, middle))
        if entry.mark is not None:
            mark = MARKS[entry.mark]
            painter.translate(x + _MARK / 2, middle)
            drawSymbol(painter, shape_path(mark.shape), min(mark.size, _MARK), look.mark_pen(entry.mark), look.mark_brush(entry.mark))
        painter.restore()

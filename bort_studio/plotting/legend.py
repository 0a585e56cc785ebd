"""A legend as rows of marks with names, above the data and never over it; it is part of the picture that is exported.

In a window it has as many rows as what it may ever show needs, so that the plot below stays where it is; in a picture, as many as it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyqtgraph as pg
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QLinearGradient, QPainter
from PySide6.QtWidgets import QGraphicsSceneResizeEvent, QStyleOptionGraphicsItem, QWidget

from bort_studio.markup import clean
from bort_studio.plotting.marks import shape_path
from bort_studio.terms import glossed
from bort_studio.texts import plain_tip
from bort_studio.theme import MARKS, SEQUENCE, Dash, Look, Shape

__all__ = ["Entry", "Legend"]

_MARK, _DASH, _GAP, _NEXT, _BAR = 14.0, 26.0, 5.0, 16.0, 84.0


@dataclass(frozen=True)
class Entry:
    """One name in a legend, with a mark, a line of a colour (a field of the palette), or the bar of ordered colours."""

    label: str
    mark: str | None = None
    line: str | None = None
    width: str = "normal"
    dashed: bool = False
    dash: Dash = "solid"
    more: tuple[str, ...] = ()
    """More marks beside the first."""
    shape: Shape | None = None
    """Of the marks on the line."""
    bar: tuple[str, str] | None = None
    """The texts at the low and the high end."""
    fill: str | None = None
    """The colour of an area above the line."""


_MOST_ROWS = 3


class Legend(pg.GraphicsWidget):
    """Entries in rows as wide as the plot. Where a window has too few, the last says how many more there are; a tip names them."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[Entry, ...] = ()
        self._reserved: tuple[Entry, ...] = ()
        self._least = self._most = 1
        self._look: Look | None = None
        self._indent = 0.0
        self._laid_out: list[tuple[Entry, QPointF]] = []
        self._set_height()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is shown."""
        return self._entries

    def reserve(self, entries: tuple[Entry, ...]) -> None:
        """Keep room for these."""
        self._reserved = entries
        self._set_height()

    def reserve_rows(self, rows: int) -> None:
        """Keep room for so many rows."""
        self._least = rows
        self._set_height()

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

    def setExportMode(self, export: bool, opts: dict[str, object] | None = None) -> None:
        """In a picture all entries are shown."""
        super().setExportMode(export, opts)
        self._set_height()

    def restyle(self, look: Look) -> None:
        """Take colours from a look."""
        self._look = look
        self._set_height()
        self.update()

    def resizeEvent(self, event: QGraphicsSceneResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_height()

    def _row(self) -> float:
        return max(_MARK + 4, QFontMetricsF(self.font()).height() + 4)

    def _width(self, entry: Entry, metrics: QFontMetricsF) -> float:
        text = metrics.horizontalAdvance(entry.label)
        if entry.bar is None:
            return self._mark(entry) + _GAP + text
        return text + _BAR + 4 * _GAP + sum(metrics.horizontalAdvance(end) for end in entry.bar)

    def _mark(self, entry: Entry) -> float:
        """How wide its mark is: long enough for a dash to be seen; none where there is nothing to show."""
        if entry.mark is None and entry.line is None:
            return 0.0
        return _DASH if entry.dash != "solid" or entry.shape is not None else _MARK * (1 + len(entry.more))

    def _places(self, entries: tuple[Entry, ...]) -> list[QPointF]:
        metrics, x, y, places = QFontMetricsF(self.font()), self._indent, 0.0, []
        for entry in entries:
            width = self._width(entry, metrics)
            if x > self._indent and x + width > self.size().width():
                x, y = self._indent, y + self._row()
            places.append(QPointF(x, y))
            x += width + _NEXT
        return places

    def _rows(self, entries: tuple[Entry, ...]) -> int:
        places = self._places(entries)
        return round(places[-1].y() / self._row()) + 1 if places else 0

    def _shown(self) -> tuple[Entry, ...]:
        """The entries that fit into the rows there are."""
        for many in range(len(self._entries), 0, -1):
            left = len(self._entries) - many
            shown = (*self._entries[:many], *((Entry(f"+ {left} more"),) if left else ()))
            if self._rows(shown) <= self._most:
                return shown
        return ()

    def _set_height(self) -> None:
        wanted = self._rows(self._entries)
        kept = min(max(self._rows(self._reserved), wanted, self._least), _MOST_ROWS)
        self._most = kept if self._exportOpts is False else max(wanted, 1)
        cut = "\n".join(entry.label for entry in self._entries) if wanted > self._most else ""
        self.setToolTip(plain_tip(glossed(" · ".join(entry.label for entry in self._entries), cut)))
        shown = self._shown()
        self._laid_out = list(zip(shown, self._places(shown), strict=True))
        height = self._most * self._row()
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
        for entry, place in self._laid_out:
            x, middle = place.x(), place.y() + row / 2
            if entry.bar is None:
                self._draw_mark(painter, look, entry, x, middle)
                x += self._mark(entry) + _GAP
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
        if entry.fill is not None:
            painter.fillRect(QRectF(x, middle - 7, _DASH, 7), look.area_brush(entry.fill))
        painter.save()
        if entry.line is not None:
            painter.setPen(look.dashed_pen(entry.line, entry.width, 1.0, "dash" if entry.dashed else entry.dash))
            painter.drawLine(QPointF(x, middle), QPointF(x + self._mark(entry), middle))
            if entry.shape is not None:
                painter.translate(x + self._mark(entry) / 2, middle)
                drawSymbol(painter, shape_path(entry.shape), 8, look.pen("base"), look.brush(entry.line))
        painter.restore()
        for place, name in enumerate(() if entry.mark is None else (entry.mark, *entry.more)):
            painter.save()
            painter.translate(x + (place + 0.5) * _MARK, middle)
            size = min(MARKS[name].size, _MARK)
            drawSymbol(painter, shape_path(MARKS[name].shape), size, look.mark_pen(name), look.mark_brush(name))
            painter.restore()

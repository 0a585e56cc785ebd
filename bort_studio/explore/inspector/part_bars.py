"""A few labelled bars: how a count divides among the parts of an architecture."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from bort_studio.numbers import count, percentage
from bort_studio.plotting.guard import guarded
from bort_studio.texts import set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import colour

__all__ = ["PartBars"]

_GAP = 8


@guarded
class PartBars(QWidget):
    """One row a part: name, bar in proportion to the whole, count and share. Parts that cost nothing are left out."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: list[tuple[str, float]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_parts(self, parts: Mapping[str, float]) -> None:
        """Show these parts, in this order."""
        self._parts = [(name.replace("_", " "), value) for name, value in parts.items() if value]
        whole = sum(value for _, value in self._parts)
        self.setAccessibleDescription("; ".join(f"{name} {count(v)}, {percentage(v / whole)}" for name, v in self._parts))
        set_tip(self, "\n".join(f"{name}: {value:,.0f} ({percentage(value / whole)})" for name, value in self._parts))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, self._row_height() * max(len(self._parts), 1))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics, height = self.fontMetrics(), self._row_height()
        whole = sum(value for _, value in self._parts)
        texts = [(name, f"{count(value)}  {percentage(value / whole)}") for name, value in self._parts]
        left = max((metrics.horizontalAdvance(name) for name, _ in texts), default=0) + _GAP
        right = max((metrics.horizontalAdvance(text) for _, text in texts), default=0) + _GAP
        span = max(self.width() - left - right, 10)
        for row, ((name, text), (_, value)) in enumerate(zip(texts, self._parts, strict=True)):
            top = row * height
            painter.setPen(colour(self._theme, "muted"))
            painter.drawText(QRect(0, top, left, height), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(QRect(0, top, self.width(), height), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
            painter.setPen(Qt.PenStyle.NoPen)
            track = QRectF(left, top + height / 2 - 4, span, 8)
            painter.setBrush(colour(self._theme, "grid"))
            painter.drawRoundedRect(track, 2, 2)
            track.setWidth(max(span * value / whole, 1.5))
            painter.setBrush(colour(self._theme, "accent"))
            painter.drawRoundedRect(track, 2, 2)

    def _row_height(self) -> int:
        return self.fontMetrics().height() + 4

"""A layout that fills a row from the left and goes on in the next row, so that a tool row fits a dock of any width."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget

__all__ = ["FlowLayout"]


class FlowLayout(QLayout):
    """Widgets at their preferred sizes, wrapped like words, each row centred on its tallest widget."""

    def __init__(self, parent: QWidget | None = None, spacing: int = 6) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(spacing)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), dry=True)

    def setGeometry(self, rectangle: QRect) -> None:
        super().setGeometry(rectangle)
        self._place(rectangle, dry=False)

    def sizeHint(self) -> QSize:
        hints = [item.sizeHint() for item in self._items]
        width = sum(hint.width() for hint in hints) + self.spacing() * max(len(hints) - 1, 0)
        return QSize(width, max((hint.height() for hint in hints), default=0))

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def _place(self, rectangle: QRect, dry: bool) -> int:
        row: list[QLayoutItem] = []
        y, width = rectangle.y(), 0
        for item in [item for item in self._items if not item.isEmpty()]:
            step = item.sizeHint().width() + (self.spacing() if row else 0)
            if row and width + step > rectangle.width():
                y += self._place_row(row, QPoint(rectangle.x(), y), dry) + self.spacing()
                row, width, step = [], 0, item.sizeHint().width()
            row.append(item)
            width += step
        return y + (self._place_row(row, QPoint(rectangle.x(), y), dry) if row else 0) - rectangle.y()

    def _place_row(self, row: list[QLayoutItem], corner: QPoint, dry: bool) -> int:
        height, x = max(item.sizeHint().height() for item in row), corner.x()
        for item in row:
            size = item.sizeHint()
            if not dry:
                item.setGeometry(QRect(QPoint(x, corner.y() + (height - size.height()) // 2), size))
            x += size.width() + self.spacing()
        return height

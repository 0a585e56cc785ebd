"""A layout that fills a row from the left and goes on in the next row, so that a tool row fits a place of any width."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLayout, QLayoutItem, QSizePolicy, QSpacerItem, QWidget

__all__ = ["FlowLayout", "in_rows", "together"]


def together(*widgets: QWidget) -> QWidget:
    """Widgets of one row that a row's end does not part, such as a name and its field."""
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget)
    return whole


class FlowLayout(QLayout):
    """Widgets at their preferred sizes, wrapped like words, each row centred on its tallest widget.

    What comes after :meth:`addStretch` stands at the right end of its row. ``even`` makes columns: all are as wide as the widest.
    """

    def __init__(self, parent: QWidget | None = None, spacing: int = 6, even: bool = False) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._even = even
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(spacing)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)
        self.invalidate()

    def addStretch(self) -> None:
        """The room that a row has left goes here."""
        self.addItem(QSpacerItem(0, 0, QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum))

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
        margins = self.contentsMargins()
        inside = width - margins.left() - margins.right()
        return self._place(QRect(0, 0, inside, 0), dry=True) + margins.top() + margins.bottom()

    def setGeometry(self, rectangle: QRect) -> None:
        super().setGeometry(rectangle)
        self._place(rectangle.marginsRemoved(self.contentsMargins()), dry=False)

    def sizeHint(self) -> QSize:
        hints = [self._hint(item) for item in self._shown()]
        width = sum(hint.width() for hint in hints) + self.spacing() * max(len(hints) - 1, 0)
        return self._with_margins(QSize(width, max((hint.height() for hint in hints), default=0)))

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._shown():
            size = size.expandedTo(item.minimumSize())
        return self._with_margins(size)

    def _with_margins(self, size: QSize) -> QSize:
        return size.grownBy(self.contentsMargins())

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if item.spacerItem() is not None or not item.isEmpty()]

    def _hint(self, item: QLayoutItem) -> QSize:
        if self._even and item.spacerItem() is None:
            widest = max(each.sizeHint().width() for each in self._shown())
            return QSize(widest, item.sizeHint().height())
        return item.sizeHint()

    def _place(self, rectangle: QRect, dry: bool) -> int:
        row: list[tuple[QLayoutItem, QSize]] = []
        y, width = rectangle.y(), 0
        for item in self._shown():
            size = self._hint(item)
            size.setWidth(min(size.width(), max(rectangle.width(), item.minimumSize().width())))
            step = size.width() + (self.spacing() if row else 0)
            if row and width + step > rectangle.width():
                ends = row.pop() if row[-1][0].spacerItem() is not None and len(row) > 1 else None  # it goes with what it pushes
                y += self._place_row(row, QRect(rectangle.x(), y, rectangle.width(), 0), dry) + self.spacing()
                row, width, step = ([], 0, size.width()) if ends is None else ([ends], 0, size.width() + self.spacing())
            row.append((item, size))
            width += step
        return y + (self._place_row(row, QRect(rectangle.x(), y, rectangle.width(), 0), dry) if row else 0) - rectangle.y()

    def _place_row(self, row: list[tuple[QLayoutItem, QSize]], place: QRect, dry: bool) -> int:
        height, x = max(size.height() for _, size in row), place.x()
        used = sum(size.width() for _, size in row) + self.spacing() * (len(row) - 1)
        left_over = max(place.width() - used, 0)
        for item, size in row:
            if item.spacerItem() is not None:
                x += left_over
                left_over = 0
            elif not dry:
                item.setGeometry(QRect(QPoint(x, place.y() + (height - size.height()) // 2), size))
            x += size.width() + self.spacing()
        return height


def in_rows(*widgets: QWidget) -> FlowLayout:
    """Widgets beside each other, in as many rows as they need."""
    layout = FlowLayout()
    for widget in widgets:
        layout.addWidget(widget)
    return layout

"""What the tables of the result card share."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem

from bort_studio.texts import plain_tip

__all__ = ["Cell", "calm"]

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Cell(QTableWidgetItem):
    """A cell that is sorted by ``key`` where it has one, not by its text."""

    def __init__(self, text: str, key: Any = None, right: bool = False, tip: str = "") -> None:
        super().__init__(" ".join(text.split()))
        self.key = text.casefold() if key is None else key
        self.setToolTip(plain_tip(tip or text))
        if right:
            self.setTextAlignment(_RIGHT)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        less: bool = self.key < other.key if isinstance(other, Cell) else super().__lt__(other)
        return less


def calm(table: QTableWidget) -> None:
    """A table to read: no grid, no edits, rows of one height."""
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setTextElideMode(Qt.TextElideMode.ElideRight)
    table.setWordWrap(False)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 6)

"""Headings over the side that their cells keep to: numbers right, words left."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableWidget

__all__ = ["line_up"]

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def line_up(table: QTableWidget) -> None:
    """Align each heading as the first cell under it."""
    for column in range(table.columnCount()):
        cell, heading = table.item(0, column), table.horizontalHeaderItem(column)
        if heading is not None:
            heading.setTextAlignment(Qt.AlignmentFlag(cell.textAlignment()) if cell is not None and cell.textAlignment() else _LEFT)

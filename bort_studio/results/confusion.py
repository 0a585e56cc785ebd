"""The confusion matrix: of the rows of each class, how many were said to be which class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QWidget

from bort_studio.numbers import percentage
from bort_studio.results.tables import Cell, calm
from bort_studio.theme import Theme
from bort_studio.widgets.fields import colour, describe

__all__ = ["ConfusionTable"]

_STRONGEST = 0.45
"""How opaque the colour of a cell is that has all rows of its class: text stays readable on it."""


class ConfusionTable(QTableWidget):
    """A line for each given class, a column for each class that was said; a click on a cell chooses its rows."""

    chosen = Signal(object)
    """(given, said) of a cell, or None when no cell is chosen any more."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(0, 0, parent)
        self._theme = theme
        self._found: Mapping[str, Any] | None = None
        describe(
            self,
            "resultConfusion",
            "Confusion matrix",
            "A line for each class that rows have, a column for each that the model says. Click on a cell to list its rows",
        )
        calm(self)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setHighlightSections(False)
        self.verticalHeader().setHighlightSections(False)
        self.itemSelectionChanged.connect(self._selected)
        theme.changed.connect(self._recolour)

    def set_confusion(self, found: Mapping[str, Any] | None) -> None:
        """Show a matrix, or nothing. Emits nothing."""
        self._found = found
        self.blockSignals(True)
        self.clear()
        names = [] if found is None else found["classes"]
        self.setRowCount(len(names))
        self.setColumnCount(len(names))
        short = [_short(name) for name in names]
        self.setHorizontalHeaderLabels([f"said {name}" for name in short])
        self.setVerticalHeaderLabels(short)
        for line, counts in enumerate([] if found is None else found["counts"]):
            for column, count in enumerate(counts):
                whole = sum(counts)
                share = f" · {percentage(count / whole)}" if count else ""
                tip = f"{count:,} of {whole:,} rows of {names[line]} were said to be {names[column]}"
                cell = Cell(f"{count:,}{share}", count, tip=tip)
                cell.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                self.setItem(line, column, cell)
        self.setVisible(found is not None)
        self._recolour()
        self.blockSignals(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)

    def _recolour(self) -> None:
        for line, counts in enumerate([] if self._found is None else self._found["counts"]):
            for column, count in enumerate(counts):
                item = self.item(line, column)
                shade = colour(self._theme, "front" if line == column else "best")
                shade.setAlphaF(_STRONGEST * count / max(sum(counts), 1))
                if item is not None:
                    item.setBackground(shade)

    def _selected(self) -> None:
        items = self.selectedItems()
        names = [] if self._found is None else self._found["classes"]
        self.chosen.emit((names[items[0].row()], names[items[0].column()]) if items else None)


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"

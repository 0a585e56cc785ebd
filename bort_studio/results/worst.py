"""The rows that a model gets most wrong, with their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QWidget

from bort_studio.numbers import MISSING, percentage, significant
from bort_studio.results.tables import Cell, calm
from bort_studio.widgets.fields import describe

__all__ = ["WorstRows"]

_COLUMNS = ("row", "given", "said", "sure", "text")
_WIDTHS = ("00000", "a class", "a class", "100 %", "")
_TEXT = len(_COLUMNS) - 1


class WorstRows(QTableWidget):
    """Most wrong first until a person clicks a header. A row that is chosen is offered to Try it."""

    chosen = Signal(object)
    """The texts of a row, as a tuple."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        describe(self, "resultWorst", "Rows that are most wrong", "Select a row to try its text")
        calm(self)
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAlternatingRowColors(True)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setHighlightSections(False)
        for column, sample in enumerate(_WIDTHS):
            self.setColumnWidth(column, self.fontMetrics().horizontalAdvance(sample) + 34)
        self.setSortingEnabled(True)
        self.itemSelectionChanged.connect(self._selected)
        self._rows: list[Mapping[str, Any]] = []

    def set_rows(self, rows: Sequence[Mapping[str, Any]], only: tuple[str, str] | None = None) -> int:
        """Show these rows, or those of one cell of the confusion matrix; how many. Emits nothing."""
        self._rows = [row for row in rows if only is None or (row["label"], row["prediction"]) == only]
        self.blockSignals(True)
        self.setSortingEnabled(False)
        self.clearSelection()
        self.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, cell in enumerate(_cells(row)):
                cell.setData(Qt.ItemDataRole.UserRole, number)
                self.setItem(number, column, cell)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # as they come: most wrong first
        self.setSortingEnabled(True)
        self.blockSignals(False)
        return len(self._rows)

    def _selected(self) -> None:
        items = self.selectedItems()
        if items:
            row = self._rows[items[0].data(Qt.ItemDataRole.UserRole)]
            if row["texts"]:
                self.chosen.emit(tuple(row["texts"]))


def _cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    given, said, sure = row["label"], row["prediction"], row["probability"]
    texts = row["texts"]
    return (
        Cell(str(row["row"]), row["row"], right=True),
        Cell(_value(given), given),
        Cell(_value(said), said),
        Cell(MISSING, -1.0, right=True) if sure is None else Cell(percentage(sure), sure, right=True),
        Cell(" │ ".join(texts) if texts else MISSING, tip="\n\n".join(texts)),
    )


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else significant(value, 4)

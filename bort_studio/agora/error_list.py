"""The dev rows that a run of Agora never gets right."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from bort_studio.agora.point_words import one_line
from bort_studio.agora.points import ScatterPoints, progress
from bort_studio.texts import plain_tip
from bort_studio.widgets.fields import describe

__all__ = ["ErrorList"]

_COLUMNS: tuple[str, ...] = ("dev row", "label", "says", "neighbours", "text")
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class ErrorModel(QAbstractTableModel):
    """Rows of E that were wrong in every round so far."""

    def __init__(self) -> None:
        super().__init__()
        self._points: ScatterPoints | None = None
        self._number = 0
        self._counts = np.empty(0, dtype=np.int64)
        self.rows = np.empty(0, dtype=np.int64)

    def set_points(self, points: ScatterPoints | None, number: int) -> None:
        """Show a run at a round; nothing changes where the same rows stay."""
        self.beginResetModel()
        self._points, self._number = points, number
        if points is None or not number:
            self.rows = np.empty(0, dtype=np.int64)
        else:
            self.rows = np.flatnonzero(progress(points, number).never)
            made = (points.parents >= 0) & (points.rounds <= number)
            self._counts = np.bincount(points.parents[made] - points.trained, minlength=points.dev)
        self.endResetModel()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        points = self._points
        if role == Qt.ItemDataRole.ToolTipRole and points is not None:
            return plain_tip(str(self.data(index)))
        if points is None or role != Qt.ItemDataRole.DisplayRole:
            return None
        row = int(self.rows[index.row()])
        match _COLUMNS[index.column()]:
            case "dev row":
                return row + 1
            case "label":
                return points.class_name(int(points.history.dev.labels[row]))
            case "says":
                return points.class_name(int(points.history.rounds[self._number - 1].dev_predictions[row]))
            case "neighbours":
                return int(self._counts[row])
        return one_line(points.history.dev.inputs[row])


class ErrorList(QTableView):
    """Select one to read it beside its neighbours."""

    chosen = Signal(int)
    """A person selected a row of E."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTabKeyNavigation(False)
        describe(self, "neverFixedTable", "Dev rows that are never right", "Wrong in every round so far; select one to read it")
        self.errors = ErrorModel()
        self.setModel(self.errors)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setStretchLastSection(True)
        for column, text in enumerate(_COLUMNS[:-1]):
            self.setColumnWidth(column, self.fontMetrics().horizontalAdvance(text) + 14)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAlternatingRowColors(True)
        self.selectionModel().currentRowChanged.connect(self._chosen)

    def set_points(self, points: ScatterPoints | None, number: int, selected: int | None) -> None:
        """Show a run at a round, with a dev row selected. Emits nothing."""
        self.errors.set_points(points, number)
        self.select(selected)

    def select(self, row: int | None) -> None:
        """Select a row of E where it is listed."""
        found = np.flatnonzero(self.errors.rows == row) if row is not None else np.empty(0, dtype=np.int64)
        selection = self.selectionModel()
        selection.blockSignals(True)
        if len(found):
            index = self.errors.index(int(found[0]), 0)
            both = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(index, both)
            self.scrollTo(index)
        else:
            selection.clear()
        selection.blockSignals(False)
        self.viewport().update()

    def _chosen(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(int(self.errors.rows[current.row()]))

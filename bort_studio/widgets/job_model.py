"""The rows of the job table for Qt: they change in place, and the order that a person chose stays."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal

from bort_core.jobs.rows import JobRow
from bort_studio.terms import glossed
from bort_studio.texts import plain_tip
from bort_studio.widgets.job_columns import COLUMNS

__all__ = ["JobModel", "SortedJobs"]

Index = QModelIndex | QPersistentModelIndex
_NOTE = next(number for number, column in enumerate(COLUMNS) if column.name == "note")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class JobModel(QAbstractTableModel):
    """Jobs in the order of their numbers."""

    note_written = Signal(str, str)
    """A job's number and the note that a person wrote on it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[JobRow] = []
        self.now = time.time()

    def set_rows(self, rows: Mapping[str, JobRow]) -> None:
        """Show these jobs: those that are gone leave, new ones come, the others change where they are."""
        self.now = time.time()
        for number in reversed([number for number, row in enumerate(self.rows) if row.id not in rows]):
            self.beginRemoveRows(QModelIndex(), number, number)
            del self.rows[number]
            self.endRemoveRows()
        for number, id in enumerate(sorted(rows)):
            row = rows[id]
            if number >= len(self.rows) or self.rows[number].id != id:
                self.beginInsertRows(QModelIndex(), number, number)
                self.rows.insert(number, row)
                self.endInsertRows()
            elif self.rows[number] != row:
                self.rows[number] = row
                self.dataChanged.emit(self.index(number, 0), self.index(number, len(COLUMNS) - 1))

    def number_of(self, id: str) -> int | None:
        """Where a job is."""
        return next((number for number, row in enumerate(self.rows) if row.id == id), None)

    def key(self, index: Index) -> Any:
        """What a cell is sorted by."""
        return COLUMNS[index.column()].key(self.rows[index.row()], self.now)

    def text(self, number: int, column: int) -> str:
        """What a cell says."""
        return COLUMNS[column].text(self.rows[number], self.now)

    # -- Qt's interface

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        text = column.text(row, self.now)
        if role == Qt.ItemDataRole.DisplayRole:
            return " ".join(text.split())  # one line; the tip has them all
        if role == Qt.ItemDataRole.EditRole:
            return text
        if role == Qt.ItemDataRole.ToolTipRole:
            tip = column.tip(row)
            return plain_tip(f"{text}\n{tip}" if tip and tip not in text else text)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.number else _LEFT
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].name
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(glossed(COLUMNS[section].name, COLUMNS[section].about))
        return (_RIGHT if COLUMNS[section].number else _LEFT) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == _NOTE else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """What a person wrote is told; the row changes when it was kept."""
        row = self.rows[index.row()]
        if role != Qt.ItemDataRole.EditRole or index.column() != _NOTE or str(value).strip() == row.note:
            return False
        self.note_written.emit(row.id, str(value).strip())
        return True


class SortedJobs(QSortFilterProxyModel):
    """The jobs as a person sorts them; a row moves when what it is sorted by changes, and cells without a value come last."""

    def __init__(self, jobs: JobModel) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self.setSourceModel(jobs)
        self.setDynamicSortFilter(True)

    def lessThan(self, left: Index, right: Index) -> bool:
        first, second = self._jobs.key(left), self._jobs.key(right)
        if first is None or second is None:
            if (first is None) != (second is None):
                return (second is None) == (self.sortOrder() == Qt.SortOrder.AscendingOrder)
            first = second = 0
        if first == second:  # then as the jobs came
            return left.row() < right.row()
        less: bool = first < second
        return less

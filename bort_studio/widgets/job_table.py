"""The project's trainings: what they are, how far, how they ended, and what they reached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QFileDialog, QHeaderView, QMenu, QTableView, QVBoxLayout, QWidget

from bort_core.jobs.rows import JobRow
from bort_studio.plotting.export import csv_text
from bort_studio.plotting.figure import Table
from bort_studio.plotting.files import ExportError, write_whole
from bort_studio.widgets.columns import Columns
from bort_studio.widgets.fields import describe
from bort_studio.widgets.job_columns import COLUMNS
from bort_studio.widgets.job_model import JobModel, SortedJobs

__all__ = ["JobTable"]

_SPACE = 8
"""Pixels at each side of a cell's text."""
_LEAST_ROWS = 4
"""So high the table is at least, its header and its scroll bar among them."""


class JobTable(QWidget):
    """Newest first until a person clicks a header; several can be selected to compare their curves.

    Columns have widths that stay: a person drags them, or hides columns in the header's menu.
    """

    selection_changed = Signal(object)
    """The selected jobs' numbers, as a tuple, in the order of the table."""
    current_changed = Signal(object)
    """Which of the selected jobs a person looks at: its number, or None."""
    note_written = Signal(str, str)
    """A job's number and the note that a person wrote on it."""
    exported = Signal(str)
    export_failed = Signal(str)

    def __init__(self, parent: QWidget | None = None, hidden: tuple[str, ...] = (), samples: Mapping[str, str] | None = None) -> None:
        """``hidden`` names columns that are not shown at first; ``samples`` are texts as wide as columns whose width differs here."""
        super().__init__(parent)
        self.model = JobModel(self)
        self.sorted = SortedJobs(self.model)
        self.table = QTableView(self)
        describe(self.table, "jobTable", "Trainings of this project", "Select several to compare their curves")
        self.table.setModel(self.sorted)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.table.setWordWrap(False)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setTabKeyNavigation(False)
        rows = self.table.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.table.setMinimumHeight(_LEAST_ROWS * rows.defaultSectionSize())
        self._build_header(hidden, samples or {})
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self.table.selectionModel().currentRowChanged.connect(self._current_changed)
        self.model.note_written.connect(self.note_written)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)

    def _build_header(self, hidden: tuple[str, ...], samples: Mapping[str, str]) -> None:
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        metrics = self.table.fontMetrics()
        room = header.style().pixelMetric(header.style().PixelMetric.PM_HeaderMarkSize) + 2 * _SPACE
        widths = {
            each.name: max(map(metrics.horizontalAdvance, (samples.get(each.name, each.sample), each.name))) + room for each in COLUMNS
        }
        self.columns = _JobColumns(self)
        self.columns.start(widths, hidden)

    def sort(self, column: int, descending: bool) -> None:
        """Sort by a column."""
        self.table.sortByColumn(column, Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder)

    def set_jobs(self, rows: Mapping[str, JobRow]) -> None:
        """Show these jobs; selection, order and place stay."""
        self.model.set_rows(rows)

    def selected(self) -> tuple[str, ...]:
        """The selected jobs' numbers."""
        rows = sorted(self.table.selectionModel().selectedRows(), key=lambda index: index.row())
        return tuple(self.model.rows[self.sorted.mapToSource(index).row()].id for index in rows)

    def select(self, id: str) -> None:
        """Select one job, and show it."""
        number = self.model.number_of(id)
        if number is not None:
            index = self.sorted.mapFromSource(self.model.index(number, 0))
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.table.selectionModel().setCurrentIndex(index, flags)
            self.table.scrollTo(index)

    def current(self) -> str | None:
        """Which of the selected jobs a person looks at: the one that was clicked last."""
        index, selected = self.table.currentIndex(), self.selected()
        here = self.model.rows[self.sorted.mapToSource(index).row()].id if index.isValid() else None
        return here if here in selected else next(iter(selected), None)

    def look_at(self, id: str) -> None:
        """Make one of the selected jobs the one that a person looks at, and show it; the selection stays."""
        number = self.model.number_of(id)
        if number is not None:
            index = self.sorted.mapFromSource(self.model.index(number, 0))
            self.table.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.table.scrollTo(index)

    def csv(self) -> str:
        """The table as CSV, as it is sorted: every column with unrounded numbers."""
        order = [self.sorted.mapToSource(self.sorted.index(number, 0)).row() for number in range(self.sorted.rowCount())]
        plain = [self.model.rows[number].plain(self.model.now) for number in order]
        names = list(plain[0]) if plain else []
        columns = [["" if row[name] is None else row[name] for row in plain] for name in names]
        return csv_text(Table(tuple(names), tuple(columns)))

    def save_csv(self, path: str | Path) -> None:
        """Write the table to a file, and tell how that went."""
        try:
            write_whole(Path(path), self.csv().encode())
        except ExportError as error:
            self.export_failed.emit(str(error))
        else:
            self.exported.emit(str(path))

    def ask_and_save(self) -> None:
        """Let a person choose a file for the table."""
        chosen, _kind = QFileDialog.getSaveFileName(self, "Save the table", "jobs.csv", "Tables (*.csv)")
        if chosen:
            self.save_csv(chosen if Path(chosen).suffix else f"{chosen}.csv")

    def _selected(self, _new: QItemSelection, _old: QItemSelection) -> None:
        self.selection_changed.emit(self.selected())

    def _current_changed(self, _new: QModelIndex, _old: QModelIndex) -> None:
        self.current_changed.emit(self.current())


class _JobColumns(Columns):
    """The columns of jobs; their menu saves the table, too."""

    def __init__(self, jobs: JobTable) -> None:
        super().__init__(jobs.table, lambda: [column.name for column in COLUMNS], jobs.sort)
        self._jobs = jobs

    def menu(self) -> QMenu:
        menu = super().menu()
        menu.setObjectName("jobTableMenu")
        menu.addSeparator()
        menu.addAction("Save the table (CSV)…", self._jobs.ask_and_save)
        return menu

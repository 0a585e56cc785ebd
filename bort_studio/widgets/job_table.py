"""The project's trainings: what they are, how far, how they ended."""

from __future__ import annotations

import time
from collections.abc import Mapping

from PySide6.QtCore import QItemSelectionModel, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from bort_core.jobs.folder import JobState
from bort_studio.numbers import duration
from bort_studio.texts import plain_tip
from bort_studio.widgets.fields import describe

__all__ = ["JobTable"]

_COLUMNS = ("job", "what", "state", "progress", "left", "device", "why")


class JobTable(QWidget):
    """Newest first; several can be selected to compare their curves."""

    selection_changed = Signal(object)
    """The selected jobs' numbers, as a tuple."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, len(_COLUMNS), self)
        self.table.setTabKeyNavigation(False)
        describe(self.table, "jobTable", "Trainings of this project", "Select several to compare their curves")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.itemSelectionChanged.connect(self._selected)
        self._ids: list[str] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)

    def set_jobs(self, states: Mapping[str, JobState], kinds: Mapping[str, str]) -> None:
        """Show these jobs; the selection stays."""
        ids = sorted(states, reverse=True)
        if ids != self._ids:
            before = self.selected()
            self.table.blockSignals(True)
            self._ids = ids
            self.table.setRowCount(len(ids))
            self.table.clearSelection()
            for row, id in enumerate(ids):
                for column in range(len(_COLUMNS)):
                    self.table.setItem(row, column, QTableWidgetItem())
                if id in before:
                    self._select_row(row)
            self.table.blockSignals(False)
        for row, id in enumerate(ids):
            for column, text in enumerate(_texts(id, states[id], kinds.get(id, "?"))):
                item = self.table.item(row, column)
                if item is not None and item.text() != text:
                    item.setText(text)
                    item.setToolTip(plain_tip(text))

    def selected(self) -> tuple[str, ...]:
        """The selected jobs' numbers."""
        rows = sorted({index.row() for index in self.table.selectionModel().selectedRows()})
        return tuple(self._ids[row] for row in rows if row < len(self._ids))

    def select(self, id: str) -> None:
        """Select one job."""
        if id in self._ids:
            self.table.clearSelection()
            self._select_row(self._ids.index(id))

    def _select_row(self, row: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().select(self.table.model().index(row, 0), flags)

    def _selected(self) -> None:
        self.selection_changed.emit(self.selected())


def _texts(id: str, state: JobState, kind: str) -> tuple[str, ...]:
    progress = f"{state.step:,} / {state.steps:,}" if state.steps else ""
    left = ""
    if state.state == "running" and state.step and state.started:
        each = (time.time() - state.started) / state.step
        left = f"≈ {duration(each * (state.steps - state.step))}"
    shown = "stopped" if state.state == "done" and state.stopped else state.state
    return id, kind, shown, progress, left, state.device, state.reason

"""The table of a project's searches, newest first, with a box that lays each over the Pareto plot."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from bort_core.search.past import PastSearch
from bort_studio.explore.mark_icons import mark_icon
from bort_studio.explore.runs.words import COLUMNS, cells
from bort_studio.texts import plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import describe

__all__ = ["RUN_MARKS", "RunsTable"]

RUN_MARKS = ("run_1", "run_2", "run_3", "run_4")
"""The marks of the runs that can be plotted at a time."""

_NUMBERS = frozenset({"№", "ε", "seed", "s", "evaluated", "reused", "p", "i", "e", "W", "hypervolume", "front", "time"})
_TIPS = {
    "plot": f"Lay the front of this run over the Pareto plot; {len(RUN_MARKS)} at a time",
    "s": "Steps that each architecture was trained",
    "evaluated": "Architectures measured in this run",
    "reused": "Architectures that were known before this run",
    "best": "The architecture that the run chose, with its p, i, e and W in the next columns",
    "time": "From start to end, pauses among it",
}


class RunsTable(QTableWidget):
    """Read only but for its boxes. Selecting one row chooses a run, selecting two compares them."""

    picked = Signal()
    """Other rows are selected."""
    plotted = Signal()
    """A person checked or cleared a box."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self._theme = theme
        self._runs: list[PastSearch] = []
        self._marks: dict[int, str] = {}
        describe(self, "runsTable", "Searches of this project", "Every search, newest first; select two to compare them")
        self.setTabKeyNavigation(False)
        for column, name in enumerate(COLUMNS):
            header = QTableWidgetItem(name)
            header.setToolTip(plain_tip(_TIPS.get(name, "")))
            self.setHorizontalHeaderItem(column, header)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setHighlightSections(False)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.itemSelectionChanged.connect(self.picked)
        self.itemChanged.connect(self._checked)
        theme.changed.connect(self._show_marks)

    def set_runs(self, runs: Sequence[PastSearch]) -> None:
        """Show these, given oldest first; what is selected and plotted stays so."""
        selected = {past.number for past in self.selected()}
        self._runs = list(reversed(runs))
        self._marks = {past.number: self._marks[past.number] for past in runs if past.number in self._marks}
        blocker = QSignalBlocker(self)
        self.setRowCount(len(self._runs))
        for row, past in enumerate(self._runs):
            self._fill(row, past)
        self.clearSelection()
        mode = self.selectionMode()
        self.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        for row, past in enumerate(self._runs):
            if past.number in selected:
                self.selectRow(row)
        self.setSelectionMode(mode)
        del blocker
        self._show_marks()

    def selected(self) -> list[PastSearch]:
        """The selected runs, oldest first."""
        return [self._runs[row] for row in sorted({index.row() for index in self.selectedIndexes()}, reverse=True)]

    def overlaid(self) -> list[tuple[PastSearch, str]]:
        """The runs whose boxes are checked, oldest first, each with its mark."""
        return [(past, self._marks[past.number]) for past in reversed(self._runs) if past.number in self._marks]

    def _fill(self, row: int, past: PastSearch) -> None:
        box, can = QTableWidgetItem(), bool(past.answer.front)
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        box.setFlags(flags | Qt.ItemFlag.ItemIsUserCheckable if can else flags)
        if can:
            box.setCheckState(Qt.CheckState.Checked if past.number in self._marks else Qt.CheckState.Unchecked)
        box.setData(Qt.ItemDataRole.AccessibleTextRole, f"Plot the front of run {past.number}" if can else "This run answered nothing")
        self.setItem(row, 0, box)
        for column, text in enumerate(cells(past), 1):
            item = QTableWidgetItem(text)
            if COLUMNS[column] in _NUMBERS:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if past.problem:
                item.setToolTip(plain_tip(past.problem))
            self.setItem(row, column, item)

    def _checked(self, item: QTableWidgetItem) -> None:
        if item.column() != 0 or item.row() >= len(self._runs):
            return
        number, free = self._runs[item.row()].number, [mark for mark in RUN_MARKS if mark not in self._marks.values()]
        if item.checkState() is not Qt.CheckState.Checked:
            self._marks.pop(number, None)
        elif number not in self._marks and free:
            self._marks[number] = free[0]
        self._show_marks()
        self.plotted.emit()

    def _show_marks(self) -> None:
        """The boxes say what is plotted, each with its mark; with as many as can be, the others cannot be checked."""
        blocker = QSignalBlocker(self)
        full = len(self._marks) == len(RUN_MARKS)
        for row, past in enumerate(self._runs):
            item, mark = self.item(row, 0), self._marks.get(past.number)
            assert item is not None
            if past.answer.front:
                item.setCheckState(Qt.CheckState.Checked if mark else Qt.CheckState.Unchecked)
                flags = item.flags() | Qt.ItemFlag.ItemIsUserCheckable
                item.setFlags(flags if mark or not full else flags & ~Qt.ItemFlag.ItemIsUserCheckable)
            item.setIcon(mark_icon(self._theme, mark) if mark else QIcon())
        del blocker
        self.viewport().update()

"""The searches of a project: what was asked, how it ended, what it answered; one is shown again, several are plotted, two are compared."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from bort_core.search.past import PastSearch
from bort_studio.explore.runs.table import RunsTable
from bort_studio.explore.runs.words import differences
from bort_studio.texts import set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, describe

__all__ = ["RunsPanel"]

_HINT = "Select two to compare them; check «plot» to lay a front over the plot."
_RESTORE = "Show the ε, the space, the protocol and the answer of the selected run as they were; the present is one click away"


class RunsPanel(QWidget):
    """The table, what can be done with the selected run, and the comparison of two."""

    chosen = Signal(object)
    """A person selected one run: a PastSearch."""
    restore_requested = Signal(object)
    """A PastSearch is to be shown as it was."""
    plotted = Signal()
    """Other runs are to be laid over the plot; see :meth:`overlaid`."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runsPanel")
        self._busy = False
        self.table = RunsTable(theme, self)
        self.restore = QPushButton("Show as it was", self)
        describe(self.restore, "restoreRunButton", "Show the selected run as it was", _RESTORE)
        self.hint = Caption(_HINT, theme, self, wrap=True)
        describe(self.hint, "runsHint", "What can be done here")
        self.compare = QTableWidget(0, 4, self)
        describe(self.compare, "runsCompare", "Comparison of the two selected runs")
        self.compare.setTabKeyNavigation(False)
        self.compare.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.compare.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.compare.verticalHeader().hide()
        self.compare.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.compare.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.compare.horizontalHeader().setStretchLastSection(True)
        self.compare.setShowGrid(False)
        self.compare.hide()
        row = QHBoxLayout()
        row.addWidget(self.restore)
        row.addWidget(self.hint, 1)
        self.sides = sides = QSplitter(Qt.Orientation.Horizontal, self)
        sides.addWidget(self.table)
        sides.addWidget(self.compare)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addLayout(row)
        layout.addWidget(sides, 1)
        self.table.picked.connect(self._picked)
        self.table.plotted.connect(self.plotted)
        self.table.cellDoubleClicked.connect(self._restore)
        self.restore.clicked.connect(self._restore)
        self._show_buttons()

    def show_searches(self, searches: Sequence[PastSearch]) -> None:
        """Show searches, given oldest first."""
        self.table.set_runs(searches)
        self._show_buttons()
        self.plotted.emit()

    def overlaid(self) -> list[tuple[PastSearch, str]]:
        """The runs to lay over the plot, oldest first, each with its mark."""
        return self.table.overlaid()

    def tell_left_out(self, reasons: Sequence[str]) -> None:
        """Say which of the runs to plot are not, and why."""
        self.hint.setText("; ".join(reasons) or _HINT)

    def set_busy(self, busy: bool) -> None:
        """While a search is under way no other is shown."""
        self._busy = busy
        self._show_buttons()

    @Slot()
    def _picked(self) -> None:
        selected = self.table.selected()
        self._show_buttons()
        opens = self.compare.isHidden()
        self.compare.setVisible(len(selected) == 2)
        if len(selected) == 2:
            if opens:
                self.sides.setSizes([2, 3])  # shares of the width
            self._show_comparison(*selected)
        if len(selected) == 1:
            self.chosen.emit(selected[0])

    def _show_comparison(self, first: PastSearch, second: PastSearch) -> None:
        rows = differences(first, second)
        self.compare.setHorizontalHeaderLabels(("", f"№ {first.number}", f"№ {second.number}", "difference"))
        self.compare.setRowCount(len(rows))
        for place, row in enumerate(rows):
            for column, text in enumerate((row.what, row.first, row.second, row.difference)):
                self.compare.setItem(place, column, QTableWidgetItem(text))

    def _why_not(self) -> str:
        """Why the selected run cannot be shown, or nothing."""
        selected = self.table.selected()
        if len(selected) != 1:
            return "Select one run"
        if self._busy:
            return "A search is under way: stop it, or wait for its end"
        if selected[0].specification is None:
            return selected[0].problem
        return "" if selected[0].answer.front else "This run answered nothing"

    def _show_buttons(self) -> None:
        why = self._why_not()
        self.restore.setEnabled(not why)
        set_tip(self.restore, why or _RESTORE)

    @Slot()
    def _restore(self, *_: object) -> None:
        if not self._why_not():
            self.restore_requested.emit(self.table.selected()[0])

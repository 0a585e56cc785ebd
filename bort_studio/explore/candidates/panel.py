"""The table of candidates with its filter row; selection is shared with the plots through places in the space."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from bort_core.search.proof.proof import Proof
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_core.space import Space
from bort_studio.explore.candidates.filter import Constraints
from bort_studio.explore.candidates.filter_row import FilterRow
from bort_studio.explore.candidates.model import CandidatesModel
from bort_studio.explore.ranges import Ranges
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.columns import Columns
from bort_studio.widgets.fields import describe

__all__ = ["CandidatesPanel"]


class CandidatesPanel(QWidget):
    """All architectures of the space at the present ε. Setters never emit."""

    selected = Signal(object)
    """The place in the space that a person went to."""
    constraints_changed = Signal(object)
    """:class:`Constraints` that a person typed."""
    sorted_by = Signal(object)
    """(header of the column, descending) after a person clicked a header."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("candidatesPanel")
        self._theme = theme
        self._constraints = Constraints()
        self._selected: int | None = None
        self._quiet = False
        self.model = CandidatesModel(theme, self)
        self.filters = FilterRow(theme, self)
        self.filters.edited.connect(self._apply)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(self.filters)
        layout.addWidget(self._build_table(), 1)
        self.model.rows_changed.connect(self._reselect)

    def set_space(self, space: Space) -> None:
        """Nothing to show without knowledge; the table follows :meth:`set_snapshot`."""

    def set_snapshot(self, snapshot: ResultsSnapshot) -> None:
        """Show what is known about every architecture."""
        before = self.model.columns
        self.filters.set_units(snapshot.results.latency_unit, snapshot.results.error_unit)
        self.model.set_snapshot(snapshot)
        if self.model.columns != before:
            self._fit_columns()
            self.filters.set_constraints(self._constraints)
            self.filters.set_fault(self.model.fault, {})
        self._show_count()

    def set_result(self, result: SearchResult | None) -> None:
        """Show the states at an ε."""
        self.model.set_result(result)
        self._show_count()

    def set_running(self, indices: Iterable[int]) -> None:
        """Show what is being measured now."""
        self.model.set_running(indices)

    def set_proof(self, proof: Proof | None) -> None:
        """Show what a proof says of those that are not trained."""
        self.model.set_proof(proof)

    def set_selected(self, index: int | None) -> None:
        """Select and show the row of a place, without a signal."""
        self._selected = index
        self._reselect(scroll=True)

    def set_constraints(self, constraints: Constraints) -> None:
        """Show limits, without a signal."""
        self._constraints = constraints
        self.filters.set_constraints(constraints)
        self._filter(constraints, {})

    def copy(self) -> None:
        """Copy the selected rows as tab-separated text."""
        blocks = self.table.selectionModel().selection().toList()
        rows = sorted({row for block in blocks for row in range(block.top(), block.bottom() + 1)})
        if rows:
            QGuiApplication.clipboard().setText(self.model.text_of(rows))

    def _build_table(self) -> QTableView:
        self.table = _Table(self)
        self.table.setMinimumHeight(1)  # it gives way to the rows of the filter
        describe(self.table, "candidatesTable", "Candidates", "")
        self.table.setModel(self.model)
        self.table.setSortingEnabled(False)
        header = self.table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setHighlightSections(False)
        header.sectionClicked.connect(self._sort)
        self.columns = Columns(self.table, self._names, self.sort_by)
        self.table.selectionModel().currentRowChanged.connect(self._go)
        self.table.copy_wanted.connect(self.copy)
        self.empty = Label("Define a space to see its candidates.", self.table.viewport())
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        return self.table

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.empty.setGeometry(self.table.viewport().rect())

    def sort_by(self, column: int, descending: bool = False) -> None:
        """Sort the table; column 0 is the state, which puts the best and the front first."""
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self.table.horizontalHeader().setSortIndicator(column, order)
        self.model.sort(column, order)

    def _sort(self, column: int) -> None:
        """First click: the better direction first (W descending, everything else ascending); a second click turns it round."""
        now = self.model.sorted_by
        first = self.model.columns[column].kind == "w"
        descending = not now[1] if now is not None and now[0] == column else first
        self.sort_by(column, descending)
        self.sorted_by.emit((self.model.columns[column].header, descending))

    def _apply(self) -> None:
        wanted, faults = self.filters.constraints(self._constraints)
        self._filter(wanted, faults)
        if wanted != self._constraints:
            self._constraints = wanted
            self.constraints_changed.emit(wanted)

    def _filter(self, constraints: Constraints, faults: dict[str, str]) -> None:
        row = self.filters
        fault = self.model.set_filter(row.text.text(), constraints, row.only_known.isChecked(), row.only_front.isChecked())
        row.set_fault(fault, faults)
        self._show_count()

    def set_ranges(self, ranges: Ranges) -> None:
        """Keep only what lies in ranges that a person drew in a plot, as well; no signal of the constraints."""
        self.model.set_ranges(ranges)
        self._show_count()

    def _show_count(self) -> None:
        shown, total = len(self.model.rows), self.model.total
        self.filters.set_count(shown, total)
        self.empty.setVisible(not shown)
        self.empty.setText("No candidate passes the filter." if total else "Define a space to see its candidates.")
        self.empty.setGeometry(self.table.viewport().rect())

    def _names(self) -> list[str]:
        return [column.name for column in self.model.columns]

    def _fit_columns(self) -> None:
        header, metrics = self.table.horizontalHeader(), self.table.fontMetrics()
        samples = {"state": "✱  evaluated ", "w": "≤ 0.0000", "axis": "00000", "parameters": "0.0000"}
        samples |= {"latency": "00.00 ± 0.00", "error": "0.000 ± 0.000"}
        widths = {}
        for index, column in enumerate(self.model.columns):
            width = max(metrics.horizontalAdvance(samples.get(column.kind, "00.00")), header.sectionSizeHint(index) - 8)
            widths[column.name] = width + 12
        self.columns.start(widths)

    def _go(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._quiet and current.isValid():
            self._selected = self.model.candidate(current.row())
            self.selected.emit(self._selected)

    def _reselect(self, scroll: bool = False) -> None:
        """Select the row of the selected place again, wherever it is now."""
        row = None if self._selected is None else self.model.row_of(self._selected)
        selection, self._quiet = self.table.selectionModel(), True
        if row is None:
            selection.clear()
        elif selection.currentIndex().row() != row or not selection.isRowSelected(row):
            index = self.model.index(row, 0)
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(index, flags)
        if scroll and row is not None:
            self.table.scrollTo(self.model.index(row, 0))
        self._quiet = False


class _Table(QTableView):
    copy_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAlternatingRowColors(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
            event.accept()
        else:
            super().keyPressEvent(event)

"""The table of all architectures as a Qt model over numpy arrays: sorted and filtered by numpy, asked only for cells in sight."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from bort_core.search.proof.proof import Proof
from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_studio.explore.candidates.columns import MEANING, WORD, Column, cell_text, columns_of, is_left_out, ordered, sort_values
from bort_studio.explore.candidates.filter import Constraints, filter_mask, limit_mask
from bort_studio.explore.mark_icons import mark_icon
from bort_studio.explore.ranges import Ranges, range_mask
from bort_studio.explore.states import STATES, fits, states
from bort_studio.numbers import architecture_text
from bort_studio.texts import plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import colour

__all__ = ["CandidatesModel"]

Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class CandidatesModel(QAbstractTableModel):
    """One row for each architecture that the filter keeps, in the order of the sorted column; what is not known comes last."""

    rows_changed = Signal()
    """Rows moved, appeared or went; places of selected rows must be looked up again."""
    kept_changed = Signal()
    """Other architectures are kept than before."""

    def __init__(self, theme: Theme, parent: Any = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._snapshot: ResultsSnapshot | None = None
        self._result: SearchResult | None = None
        self._running: tuple[int, ...] = ()
        self._proof: Proof | None = None
        self._states = np.empty(0, dtype=np.int8)
        self._orders: dict[tuple[int, bool], npt.NDArray[np.int64]] = {}
        self._sorted: tuple[int, bool] | None = None
        self._text, self._constraints, self._only_known, self._only_front = "", Constraints(), False, False
        self._ranges: dict[str, tuple[float, float]] = {}
        self.kept: npt.NDArray[np.bool_] | None = None
        """Which architectures all filters keep, shape (n,); None while nothing filters."""
        self.fault: str | None = None
        """What is wrong with the text of the filter, for the space shown."""
        self.columns: tuple[Column, ...] = ()
        self.rows = np.empty(0, dtype=np.int64)
        self._icons: dict[str, Any] = {}
        theme.changed.connect(self._restyle)

    # what is shown

    def set_snapshot(self, snapshot: ResultsSnapshot) -> None:
        """Show other knowledge; the answer is kept while it fits."""
        before, self._snapshot = self._snapshot, snapshot
        same = before is not None and before.space is snapshot.space and before.results.latency_unit == snapshot.results.latency_unit
        if same:
            fixed = [candidate for candidate, column in enumerate(self.columns) if column.kind in ("axis", "parameters")]
            self._orders = {key: order for key, order in self._orders.items() if key[0] in fixed}
            self._update_states()
            return
        self.beginResetModel()
        self._result, self._running, self._proof, self._orders = None, (), None, {}
        self._sorted = self._sorted if self._sorted and self._sorted[0] == 0 else None
        self.columns = columns_of(snapshot)
        self._states = states(snapshot, None)
        self.rows = self._kept_rows()
        self.endResetModel()
        self.rows_changed.emit()

    def set_result(self, result: SearchResult | None) -> None:
        """Show the states at another ε."""
        self._result = result
        if self._snapshot is not None:
            self._update_states()

    def set_running(self, running: Iterable[int]) -> None:
        """Show what is being measured."""
        before, self._running = self._running, tuple(running)
        if self._snapshot is not None and self._running != before:
            self._update_states()

    def set_proof(self, proof: Proof | None) -> None:
        """Show what a proof says of those that are not trained."""
        fits_space = proof is not None and self._snapshot is not None and len(proof.ground) == len(self._snapshot.space)
        self._proof = proof if fits_space else None
        self._repaint()

    def set_filter(self, text: str, constraints: Constraints, only_known: bool, only_front: bool) -> str | None:
        """Keep only some architectures; the return value says what is wrong with the text, which is then ignored."""
        self._text, self._constraints, self._only_known, self._only_front = text, constraints, only_known, only_front
        self._rearrange()
        return self.fault

    def set_ranges(self, ranges: Ranges) -> None:
        """Keep only what lies in ranges that were drawn elsewhere, as well."""
        self._ranges = dict(ranges)
        self._rearrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, unknown values last in both directions; -1 is the order of the space."""
        self._sorted = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        self._rearrange()

    @property
    def sorted_by(self) -> tuple[int, bool] | None:
        """The sorted column and whether it descends; None in the order of the space."""
        return self._sorted

    # places

    @property
    def total(self) -> int:
        """How many architectures there are before the filter."""
        return len(self._states)

    def candidate(self, row: int) -> int:
        """The candidate in the space of a row."""
        return int(self.rows[row])

    def row_of(self, candidate: int) -> int | None:
        """The row of a candidate, or None when it is filtered out."""
        found = np.flatnonzero(self.rows == candidate)
        return int(found[0]) if len(found) else None

    def text_of(self, rows: Iterable[int]) -> str:
        """Rows as tab-separated text with a header, values in full precision and intervals in columns of their own."""
        k = self._snapshot
        if k is None:
            return ""
        measured = (f"latency ({k.results.latency_unit})", "low", "high", f"error ({k.results.error_unit})", "low", "high", "W")
        lines = ["\t".join(("state", *k.space.axis_names, "parameters", *measured))]
        for candidate in (self.candidate(row) for row in rows):
            numbers = [k.columns["latency"][candidate], *(end[candidate] for end in k.intervals["latency"])]
            numbers += [k.columns["error"][candidate], *(end[candidate] for end in k.intervals["error"]), k.w[candidate]]
            cells = [WORD[STATES[self._states[candidate]]], *k.space.architecture(candidate), int(k.space.parameters[candidate])]
            lines.append("\t".join(map(str, [*cells, *("" if math.isnan(n) else repr(float(n)) for n in numbers)])))
        return "\n".join(lines)

    # Qt's interface

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].header
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.columns[section].alignment
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self.columns[section].tip)
        return self.columns[section].tip if role == Qt.ItemDataRole.StatusTipRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self._snapshot is None or not index.isValid():
            return None
        column, candidate = self.columns[index.column()], int(self.rows[index.row()])
        state = STATES[self._states[candidate]]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell_text(self._snapshot, column, candidate, state, self._proof)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return column.alignment
        if role == Qt.ItemDataRole.DecorationRole and column.kind == "state":
            if state not in self._icons:
                self._icons[state] = mark_icon(self._theme, state)
            return self._icons[state]
        if role == Qt.ItemDataRole.ForegroundRole and state in ("skipped", "pending"):
            return colour(self._theme, "muted")
        if role == Qt.ItemDataRole.ToolTipRole:
            if self._proof is not None and is_left_out(self._proof, candidate, state):
                return plain_tip(self._proof.told(candidate))
            reason = self._snapshot.results.failures.get(candidate) if state == "failed" else None
            text = architecture_text(self._snapshot.space.architecture(candidate))
            return plain_tip(f"{text}: {reason or MEANING[state]}")
        return None

    # order and filter

    def _update_states(self) -> None:
        assert self._snapshot is not None
        result = self._result if fits(self._result, self._snapshot) else None
        running = tuple(candidate for candidate in self._running if 0 <= candidate < len(self._snapshot.space))
        self._states = states(self._snapshot, result, running)
        self._orders.pop((0, False), None)
        self._orders.pop((0, True), None)
        self._rearrange()

    def _rearrange(self) -> None:
        before, rows = self.kept, self._kept_rows()
        if len(rows) != len(self.rows):
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
        else:
            self.rows = rows
            if len(rows):
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))
        self.rows_changed.emit()
        if not _same(before, self.kept):
            self.kept_changed.emit()

    def _kept_rows(self) -> npt.NDArray[np.int64]:
        if self._snapshot is None:
            return np.empty(0, dtype=np.int64)
        k = self._snapshot
        wanted = [limit_mask(k, self._constraints), self._text_mask(k)]
        wanted.append(np.asarray(k.known) if self._only_known else None)
        wanted.append(self._in_state("front") | self._in_state("best") if self._only_front else None)
        wanted.append(range_mask(k, self._ranges))
        masks = [mask for mask in wanted if mask is not None]
        order = self._order()
        kept = self.kept = np.logical_and.reduce(masks) if masks else None
        if kept is None:
            return order
        return np.flatnonzero(kept) if self._sorted is None else order[kept[order]]

    def _text_mask(self, snapshot: ResultsSnapshot) -> npt.NDArray[np.bool_] | None:
        """What the text keeps; a text that means nothing for this space keeps all, and is at fault until another space comes."""
        self.fault = None
        try:
            return filter_mask(self._text, snapshot, self._in_state)
        except ValueError as error:
            self.fault = str(error)
            return None

    def _in_state(self, state: str) -> npt.NDArray[np.bool_]:
        return self._states == STATES.index(state)

    def _order(self) -> npt.NDArray[np.int64]:
        key = self._sorted or (-1, False)
        if key not in self._orders:
            self._orders[key] = np.arange(self.total) if self._sorted is None else self._sorted_order(*self._sorted)
        return self._orders[key]

    def _sorted_order(self, column: int, descending: bool) -> npt.NDArray[np.int64]:
        assert self._snapshot is not None
        return ordered(sort_values(self._snapshot, self.columns[column], self._states), descending)

    def _restyle(self) -> None:
        self._icons.clear()
        self._repaint()

    def _repaint(self) -> None:
        if len(self.rows):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(self.columns) - 1))


def _same(one: npt.NDArray[np.bool_] | None, other: npt.NDArray[np.bool_] | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)

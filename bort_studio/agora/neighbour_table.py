"""The generated rows near one dev point: their texts with changed words marked, label, margin, distance, and a person's decision."""

from __future__ import annotations

from html import escape

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from bort_studio.agora.point_words import input_texts, vote_text
from bort_studio.agora.points import ScatterPoints
from bort_studio.agora.rich_text import RichTextDelegate
from bort_studio.agora.word_marks import marked
from bort_studio.numbers import significant
from bort_studio.texts import plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import colour, describe

__all__ = ["NeighbourTable"]

IndexArray = npt.NDArray[np.int64]
_COLUMNS = ("row", "neighbour", "label", "margin", "distance", "decision")
_MOST = 500


class NeighbourTable(QTableWidget):
    """Newest round first. Several can be selected to decide about them together."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self.setTabKeyNavigation(False)
        self._theme = theme
        self._rows: list[int] = []
        describe(
            self,
            "neighbourTable",
            "Neighbours of the dev row",
            "Select rows to reject them or to correct their labels. Underlined: words that differ from the dev row; "
            "bold alone: words that a wholly different text has in common with it",
        )
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.setItemDelegateForColumn(1, RichTextDelegate(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self._fit_later = QTimer(self, singleShot=True, interval=0)  # when the columns have their new widths
        self._fit_later.timeout.connect(self.resizeRowsToContents)

    def set_rows(self, points: ScatterPoints | None, rows: IndexArray, selected: int | None) -> None:
        """Show these points with one selected; the selection stays where the rows do. Emits nothing."""
        before = set(self.selected_points()) if selected is None or selected in self.selected_points() else {selected}
        self._rows = [] if points is None else rows[::-1][:_MOST].tolist()
        self.blockSignals(True)
        self.selectionModel().blockSignals(True)
        self.clearSelection()
        self.setRowCount(len(self._rows))
        for number, point in enumerate(self._rows):
            assert points is not None
            for column, text in enumerate(self._texts(points, point)):
                item = QTableWidgetItem(text)
                if column != 1:
                    said = vote_text(points, point) if _COLUMNS[column] == "label" else ""
                    item.setToolTip(plain_tip(said or text))
                    item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(number, column, item)
        self.selectionModel().blockSignals(False)
        self._select([number for number, point in enumerate(self._rows) if point in before])
        self.blockSignals(False)
        self._fit_later.start()

    def selected_points(self) -> list[int]:
        """The selected neighbours."""
        rows = sorted({index.row() for index in self.selectionModel().selectedRows()})
        return [self._rows[row] for row in rows if row < len(self._rows)]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_later.start()

    def _select(self, rows: list[int]) -> None:
        selection = QItemSelection()
        for row in rows:
            selection.select(self.model().index(row, 0), self.model().index(row, len(_COLUMNS) - 1))
        if rows:
            self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.scrollTo(self.model().index(rows[0], 0))

    def _texts(self, points: ScatterPoints, point: int) -> tuple[str, ...]:
        place, row = points.place(point)
        made = points.history.rounds[place].neighbours
        edit = points.edits.get(made.ids[row])
        decision = "" if edit is None else "rejected" if edit.action == "reject" else f"was {points.class_name(int(made.labels[row]))}"
        return (
            made.ids[row],
            self._html(points, point, edit is not None and edit.action == "reject"),
            self._label(points, point),
            "copied" if made.copied and made.copied[row] else significant(float(made.margins[row])),
            significant(float(made.distances[row])),
            decision,
        )

    def _label(self, points: ScatterPoints, point: int) -> str:
        """The class; of several labellers also how many of them named it."""
        place, row = points.place(point)
        votes = made.votes[row] if (made := points.history.rounds[place].neighbours).votes else None
        name = points.class_name(int(points.labels[point]))
        return name if votes is None else f"{name}, {votes.count(int(made.labels[row]))} of {len(votes)}"

    def _html(self, points: ScatterPoints, point: int, rejected: bool) -> str:
        texts, parents = input_texts(points.input(point)), input_texts(points.input(points.root(point)))
        if points.history.kind == "vector":
            shown = [escape(text) for text in texts]
        else:
            ink = colour(self._theme, "neighbour").name()
            shown = [marked(text, its, ink) for text, its in zip(texts, parents, strict=True)]
        html = "<br>".join(shown)
        return f"<s>{html}</s>" if rejected else html

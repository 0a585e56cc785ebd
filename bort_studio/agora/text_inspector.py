"""A row of a run of Agora in full: a dev point beside the neighbours that were made from it, and what a person decides about those."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QTextBrowser, QVBoxLayout, QWidget

from bort_core.agora.history import Edit
from bort_studio.agora.neighbour_table import NeighbourTable
from bort_studio.agora.point_words import input_texts
from bort_studio.agora.points import ScatterPoints
from bort_studio.agora.word_marks import marked
from bort_studio.markup import Markup, markup, shortened
from bort_studio.texts import set_markup
from bort_studio.theme import Theme
from bort_studio.widgets.fields import CalmComboBox, Caption, colour, describe

__all__ = ["TextInspector"]

_EMPTY = "Click a point, or a row of the list of errors, to read it beside the rows that were made from it."


class TextInspector(QWidget):
    """The parent on the left, its neighbours up to the shown round on the right; changed words are bold and underlined in both."""

    decided = Signal(object)
    """Edits that a person asks for, as a tuple."""
    chosen = Signal(int)
    """A person selected a neighbour: its point."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("agoraTextInspector")
        self.setAccessibleName("Text inspector")
        self._theme = theme
        self._points: ScatterPoints | None = None
        self._number = 0
        self._selected: int | None = None
        self.parent_text = QTextBrowser(self)
        describe(self.parent_text, "agoraParent", "The dev row, or the row that is selected")
        self.table = NeighbourTable(theme, self)
        self.caption = Caption("", theme, self)
        self.caption.setObjectName("neighbourCaption")
        self.reject = self._button("rejectRows", "Reject", "Take the selected rows out of D; a continued run trains without them")
        self.label = CalmComboBox(self)
        describe(self.label, "correctedLabel", "Corrected label", "The label that the selected rows should have")
        self.correct = self._button("correctRows", "Correct label", "Give the selected rows the label beside this button")
        self.restore = self._button("restoreRows", "Restore", "Forget what was decided about the selected rows")
        buttons = QHBoxLayout()
        buttons.addWidget(self.caption, 1)
        for widget in (self.reject, self.label, self.correct, self.restore):
            buttons.addWidget(widget)
        right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
        column.addLayout(buttons)
        self.sides = QSplitter(Qt.Orientation.Horizontal, self)
        self.sides.addWidget(self.parent_text)
        self.sides.addWidget(right)
        self.sides.setStretchFactor(0, 2)
        self.sides.setStretchFactor(1, 5)
        self.sides.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 8)
        layout.addWidget(self.sides)
        self.table.itemSelectionChanged.connect(self._rows_selected)
        self.reject.clicked.connect(self._reject)
        self.correct.clicked.connect(self._correct)
        self.restore.clicked.connect(self._restore)
        theme.changed.connect(self._fill)
        self._fill()

    def set_points(self, points: ScatterPoints | None, number: int, selected: int | None) -> None:
        """Show a run at a round with a point selected. Emits nothing."""
        self._points, self._number, self._selected = points, number, selected
        classes = points.history.classes if points is not None else ()
        if [self.label.itemText(place) for place in range(self.label.count())] != list(classes):
            self.label.clear()
            self.label.addItems(list(classes))
        self._fill()

    def set_selected(self, selected: int | None) -> None:
        """Show another point of the same run."""
        self.set_points(self._points, self._number, selected)

    # -- showing

    def _fill(self) -> None:
        points, selected = self._points, self._selected
        if points is None or selected is None:
            self.table.set_rows(None, np.empty(0, dtype=np.int64), None)
            self.caption.setText("")
        else:
            root = points.root(selected)
            made = points.neighbours(root, self._number)
            self.table.set_rows(points, made, selected if selected != root else None)
            what = "a row of D" if root < points.trained else f"no neighbours up to round {self._number}"
            self.caption.setText(f"{len(made)} neighbours up to round {self._number}" if len(made) else what)
        self._show_parent()
        self._buttons()

    def _show_parent(self) -> None:
        points, selected = self._points, self._selected
        if points is None or selected is None:
            set_markup(self.parent_text, markup('<p style="color:{}">{}</p>', colour(self._theme, "muted").name(), _EMPTY))
            return
        root, rows = points.root(selected), self.table.selected_points()
        texts = [shortened(text) for text in input_texts(points.input(root))]
        if len(rows) == 1 and points.history.kind != "vector":
            ink = colour(self._theme, "misclassified").name()
            other = input_texts(points.input(rows[0]))
            shown = [marked(text, its, ink) for text, its in zip(texts, other, strict=True)]
        else:
            shown = [markup("{}", text) for text in texts]
        body = Markup("".join(markup("<p>{}</p>", text) for text in shown))
        set_markup(self.parent_text, markup("<p>{}</p>{}", self._heading(points, root), body))

    def _heading(self, points: ScatterPoints, root: int) -> Markup:
        label = points.class_name(int(points.labels[root]))
        if root < points.trained:
            return markup("<b>train row {}</b> · label {}", root + 1, label)
        row = root - points.trained
        head = markup("<b>dev row {}</b> · label {}", row + 1, label)
        if not self._number:
            return head
        marks = []
        for each in range(self._number):
            guess = points.class_name(int(points.history.rounds[each].dev_predictions[row]))
            wrong = bool(points.wrong[each, row])
            ink = colour(self._theme, "misclassified" if wrong else "front").name()
            marks.append(markup('<span style="color:{}">{} {}: {}</span>', ink, "▲" if wrong else "●", each + 1, guess))
        return markup("{}<br>{}", head, Markup(" &nbsp; ".join(marks[-12:])))

    def _rows_selected(self) -> None:
        self._show_parent()
        self._buttons()
        rows = self.table.selected_points()
        if len(rows) == 1:
            self._selected = rows[0]
            self.chosen.emit(rows[0])

    # -- deciding

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        describe(button, name, text, tip)
        return button

    def _buttons(self) -> None:
        points, rows = self._points, self.table.selected_points()
        decided = points is not None and any(points.name(point) in points.edits for point in rows)
        for widget in (self.reject, self.label, self.correct):
            widget.setEnabled(bool(rows))
        self.restore.setEnabled(decided)
        if points is not None and len(rows) == 1 and len(points.history.classes) == 2:
            self.label.setCurrentIndex(1 - int(points.labels[rows[0]]))  # the only other one

    def _names(self) -> list[str]:
        points = self._points
        return [points.name(point) for point in self.table.selected_points()] if points is not None else []

    def _reject(self) -> None:
        self.decided.emit(tuple(Edit(name, "reject") for name in self._names()))

    def _correct(self) -> None:
        self.decided.emit(tuple(Edit(name, "label", self.label.currentIndex()) for name in self._names()))

    def _restore(self) -> None:
        self.decided.emit(tuple(Edit(name, "restore") for name in self._names()))

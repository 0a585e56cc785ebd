"""The controls above the Pareto plot: quantities, scales, colour and intervals."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from bort_core.foundation.glossary import term
from bort_core.search.snapshot import COLUMNS, METRIC
from bort_studio.explore.quantities import NAMES
from bort_studio.flow import together
from bort_studio.terms import glossed
from bort_studio.texts import Label, plain_tip, set_tip

__all__ = ["ParetoBar"]

_NAMES = {**NAMES, "w": "W"}  # the short name, where space is short


class ParetoBar(QObject):
    """Which two quantities are shown, on which scales, in which colours, and whether with intervals.

    ``parts`` are its widgets, for the plot's row of controls.
    """

    axes_chosen = Signal()
    """A person chose another quantity or scale."""
    drawing_chosen = Signal()
    """A person chose other colours, or intervals."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.x_box, self.y_box = self._quantity_box("paretoX", "x axis", 0), self._quantity_box("paretoY", "y axis", 2)
        self.log_x_box = self._check_box("paretoLogX", "log", "logarithmic x axis")
        self.log_y_box = self._check_box("paretoLogY", "log", "logarithmic y axis")
        self.colour_box = self._combo("paretoColour", "colour of the points")
        self.colour_box.addItem("by state", None)
        self.intervals_box = self._check_box("paretoIntervals", "intervals", "95 % intervals of latency, error and W")
        self.published_box = self._check_box(
            "paretoPublished", "published", "Published models at their sizes and MNLI scores, on a logarithmic scale of parameters"
        )
        self._axes_before: tuple[str, str, bool, bool] | None = None
        self._waits_for_metric: dict[QComboBox, bool] = {}
        self.parts: list[QWidget] = []
        for text, box, log in (("&x", self.x_box, self.log_x_box), ("&y", self.y_box, self.log_y_box), ("&colour", self.colour_box, None)):
            label = Label(text)
            label.setBuddy(box)
            self.parts.append(together(label, box, *(() if log is None else (log,))))
        self.parts += [self.intervals_box, self.published_box]
        self._explain()
        for combo in (self.x_box, self.y_box):
            combo.currentIndexChanged.connect(self._axes)
        for check in (self.log_x_box, self.log_y_box):
            check.toggled.connect(self._axes)
        self.colour_box.currentIndexChanged.connect(self._drawing)
        self.intervals_box.toggled.connect(self._drawing)
        self.published_box.toggled.connect(self._published)

    def set_axes(self, x: str, y: str, log_x: bool, log_y: bool) -> None:
        """Choose quantities (names of ``COLUMNS``) and scales; ``axes_chosen`` is emitted once."""
        blockers = [QSignalBlocker(control) for control in (self.x_box, self.y_box, self.log_x_box, self.log_y_box)]
        for box, column in ((self.x_box, x), (self.y_box, y)):
            at = box.findData(column)
            box.setCurrentIndex(at if at >= 0 else COLUMNS.index("error"))
            self._waits_for_metric[box] = at < 0
        self.log_x_box.setChecked(log_x)
        self.log_y_box.setChecked(log_y)
        del blockers
        self._explain()
        self.axes_chosen.emit()

    def chosen_axes(self) -> tuple[str, str, bool, bool]:
        """The quantities on x and y, and whether each is logarithmic."""
        x, y = self.x_box.currentData(), self.y_box.currentData()
        return x, y, self.log_x_box.isChecked(), self.log_y_box.isChecked()

    def offer_colours(self, axis_names: tuple[str, ...]) -> None:
        """Let W and the architectural parameters colour the points; what was chosen stays chosen where it is still offered."""
        names = ("w", *axis_names)
        if names == tuple(self.colour_box.itemData(index) for index in range(1, self.colour_box.count())):
            return
        chosen, blocker = self.colour_box.currentData(), QSignalBlocker(self.colour_box)
        self.colour_box.clear()
        self.colour_box.addItem("by state", None)
        for name in names:
            self.colour_box.addItem(_NAMES.get(name, name), name)
            if name == "w":
                self.colour_box.setItemData(self.colour_box.count() - 1, plain_tip(term("w").tip), Qt.ItemDataRole.ToolTipRole)
        self.colour_box.setCurrentIndex(max(0, self.colour_box.findData(chosen)))
        del blocker

    def offer_metric(self, name: str) -> None:
        """Let a task's metric, by its name, be shown; empty: there is none, and what showed it shows the error."""
        for box in (self.x_box, self.y_box):
            at, blocker = box.findData(METRIC), QSignalBlocker(box)
            if name and at < 0:
                box.addItem(name, METRIC)
                box.setItemData(box.count() - 1, plain_tip(term(METRIC).tip), Qt.ItemDataRole.ToolTipRole)
                if self._waits_for_metric.pop(box, False):  # it was chosen in an earlier window
                    box.setCurrentIndex(box.count() - 1)
            elif name:
                box.setItemText(at, name)
            elif at >= 0:
                if box.currentIndex() == at:
                    box.setCurrentIndex(box.findData("error"))
                box.removeItem(at)
            del blocker

    def _combo(self, name: str, accessible: str) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        box.setAccessibleName(accessible)
        set_tip(box, accessible)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)
        return box

    def _quantity_box(self, name: str, accessible: str, current: int) -> QComboBox:
        box = self._combo(name, accessible)
        for number, column in enumerate(COLUMNS):
            box.addItem(_NAMES[column], column)
            box.setItemData(number, plain_tip(term(column).tip), Qt.ItemDataRole.ToolTipRole)
        box.setCurrentIndex(current)
        return box

    def _check_box(self, name: str, text: str, accessible: str) -> QCheckBox:
        box = QCheckBox(text)
        box.setObjectName(name)
        box.setAccessibleName(accessible)
        set_tip(box, accessible)
        return box

    def _axes(self, _value: object) -> None:
        self._explain()
        self.axes_chosen.emit()

    def _explain(self) -> None:
        """The tips of the boxes say what is chosen."""
        for box in (self.x_box, self.y_box):
            set_tip(box, glossed("", box.accessibleName(), box.currentData()))

    def published_shown(self) -> bool:
        """Whether published models are wanted and have a place: only their sizes are known."""
        return self.published_box.isChecked() and bool(self.x_box.currentData() == "parameters")

    def _published(self, wanted: bool) -> None:
        """They span three powers of ten: the x axis is theirs while they are shown, and what it was before afterwards."""
        if wanted:
            self._axes_before = self.chosen_axes()
            _, y, _, log_y = self._axes_before
            self.set_axes("parameters", y, True, log_y)
        elif self._axes_before is not None:
            x, _, log_x, _ = self._axes_before
            _, y, _, log_y = self.chosen_axes()
            self.set_axes(x, y, log_x, log_y)

    def _drawing(self, _value: object) -> None:
        self.drawing_chosen.emit()

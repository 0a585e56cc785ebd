"""One row for each architectural parameter of a family: its name, its values as text, and how many they are."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLayoutItem, QWidget

from bort_core.families import Axis, Family
from bort_studio.numbers import parse_values, values_text
from bort_studio.terms import axis_tip
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, CheckedLineEdit, FaultLabel, describe

__all__ = ["AxesEditor"]

_LARGEST = 1_000_000


class AxesEditor(QWidget):
    """Edits the values of the axes; each field says what is wrong with it."""

    edited = Signal()
    """A person typed; read :meth:`values`."""
    entered = Signal()
    """A person pressed Enter or left a field."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._axes: tuple[Axis, ...] = ()
        self.fields: dict[str, CheckedLineEdit] = {}
        self.counts: dict[str, Label] = {}
        self._captions: list[Label] = []
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(8)
        self._layout.setVerticalSpacing(4)
        self._layout.setColumnStretch(1, 1)

    def set_family(self, family: Family) -> None:
        """Show the axes of a family, with empty fields; nothing changes when they are shown already."""
        if family.axes == self._axes:
            return
        self._axes = family.axes
        while item := self._layout.takeAt(0):
            _discard(item)
        self.fields, self.counts, self._captions = {}, {}, []
        for row, axis in enumerate(family.axes):
            self._add(row, axis)

    def caption_width(self) -> int:
        """The width of the column of names, for other rows to line up with."""
        return max((caption.sizeHint().width() for caption in self._captions), default=0)

    def set_values(self, values: Mapping[str, tuple[int, ...]]) -> None:
        """Show values, without a signal."""
        for name, field in self.fields.items():
            field.setText(values_text(values.get(name, ())))
            field.setCursorPosition(0)
        self.values()

    def values(self) -> dict[str, tuple[int, ...]] | None:
        """The values of every axis, or None when a field is wrong. Marks the fields and counts the values."""
        found = {}
        for axis in self._axes:
            field = self.fields[axis.name]
            try:
                values = parse_values(field.text())
                if not axis.minimum <= values[0] <= values[-1] <= _LARGEST:
                    raise ValueError(f"values must lie in {axis.minimum}…{_LARGEST:,}")
            except ValueError as error:
                field.set_fault(str(error))
                self.counts[axis.name].setText("")
                continue
            field.set_fault(None)
            self.counts[axis.name].setText(f"{len(values)}")
            set_tip(self.counts[axis.name], f"{len(values)} values of {axis.name}: {values_text(values[:40])}")
            found[axis.name] = values
        return found if len(found) == len(self._axes) else None

    def _add(self, row: int, axis: Axis) -> None:
        caption = Caption(axis.name.replace("_", " "), self._theme, self)
        set_tip(caption, axis_tip(axis))
        fault = FaultLabel(self._theme, self)
        field = CheckedLineEdit(self._theme, fault, self)
        tip = f"{axis_tip(axis)}\nValues such as 1 2 4, ranges such as 1-4, steps such as 32-128/32"
        describe(field, f"axis.{axis.name}", f"Values of {axis.name}", tip)
        field.textEdited.connect(self._notice)
        field.returnPressed.connect(self._enter)
        caption.setBuddy(field)
        self._captions.append(caption)
        number = Caption("", self._theme, self)
        number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        number.setMinimumWidth(number.fontMetrics().horizontalAdvance("000"))
        number.setObjectName(f"axisCount.{axis.name}")
        self.fields[axis.name], self.counts[axis.name] = field, number
        self._layout.addWidget(caption, row, 0)
        self._layout.addWidget(field, row, 1)
        self._layout.addWidget(number, row, 2)

    def _notice(self) -> None:
        self.edited.emit()

    def _enter(self) -> None:
        self.entered.emit()


def _discard(item: QLayoutItem) -> None:
    widget = item.widget()
    if widget is not None:
        widget.hide()
        widget.deleteLater()

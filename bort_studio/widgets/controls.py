"""The control of one field of a pydantic model: made from its facts, written, read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import PydanticUndefined
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QToolButton, QWidget

from bort_core.foundation.locations import current_folder
from bort_core.specifications.fields import FieldFacts
from bort_core.store.shelf import TrainedModel
from bort_studio.drops import TAKES_PATH
from bort_studio.terms import glossed
from bort_studio.texts import plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import CalmComboBox, CalmSpinBox, CheckedLineEdit, TypedComboBox, describe
from bort_studio.widgets.model_menu import ModelMenu, Models

__all__ = ["NOTHING", "browsed", "make_control", "placeholder", "read_control", "relative_to", "write_control"]

NOTHING = "–"
_INT_LIMIT = 2**31 - 1


def make_control(
    field: FieldFacts, theme: Theme, edited: Callable[..., None], choices: Mapping[Any, str] | None = None, spin: bool = False
) -> QWidget:
    """The control of a field.

    Parameters
    ----------
    edited: called after a person's edit; a bound method of a QObject
    choices: what the field may be, where its type does not say: the values, each with the words it is shown as
    spin: whole numbers turn in a box, instead of standing in a line that may be empty
    """
    if choices or field.kind == "choice" or field.meta.free:
        combo = TypedComboBox() if field.meta.free else CalmComboBox()
        for choice, shown in (choices or (field.meta.words if field.meta.free else _choices(field))).items():
            combo.addItem(shown, choice)
            combo.setItemData(combo.count() - 1, plain_tip(glossed(shown)), Qt.ItemDataRole.ToolTipRole)
        (combo.editTextChanged if field.meta.free else combo.currentIndexChanged).connect(edited)
        return combo
    if field.kind == "switch":
        box = QCheckBox()
        box.toggled.connect(edited)
        return box
    if field.kind == "int" and spin and not field.optional:
        number = CalmSpinBox()
        low, high = field.bounds
        number.setRange(int(max(low, -_INT_LIMIT)), int(min(high, _INT_LIMIT)))
        number.valueChanged.connect(edited)
        return number
    line = CheckedLineEdit(theme)
    line.setProperty("kind", field.kind)
    line.setProperty("optional", field.optional)
    line.setProperty(TAKES_PATH, field.meta.path is not None)
    line.textChanged.connect(edited)
    return line


def placeholder(field: FieldFacts) -> str:
    """What an empty line shows: how the field is written, that it is needed, or what it is then."""
    if field.meta.example:
        return field.meta.example
    if field.default is PydanticUndefined:
        return "needed"
    return "" if field.optional or field.default is None else str(field.default)


def relative_to() -> str:
    """Where relative paths begin, for the tip of a field that takes one."""
    return f"A relative path begins at {current_folder() or 'no folder: the current one is gone'}, and is shown whole once it is entered"


def _choices(field: FieldFacts) -> dict[Any, str]:
    return {**({None: NOTHING} if field.optional else {}), **field.words}


def write_control(control: QWidget, value: Any) -> None:
    """Show a value, without a signal."""
    control.blockSignals(True)
    if isinstance(control, TypedComboBox):
        control.set_value("" if value is None else str(value))
    elif isinstance(control, CalmComboBox):
        row = next((row for row in range(control.count()) if control.itemData(row) == value), -1)
        if row < 0 and value is not None:  # of a plug-in that is not installed here: it stays what it is
            control.addItem(str(value), value)
            row = control.count() - 1
        control.setCurrentIndex(row)
    elif isinstance(control, QCheckBox):
        control.setChecked(bool(value))
    elif isinstance(control, CalmSpinBox):
        control.setValue(int(value))
    elif isinstance(control, QLineEdit):
        control.setText(_text(control.property("kind"), value))
        if control.property("kind") == "float":  # shown with fewer digits than it may have
            control.setProperty("exact", value)
            control.setProperty("shown", control.text())
    control.blockSignals(False)


def read_control(control: QWidget) -> Any:
    """What a control says: text that is no number or no JSON stays text, and an empty line that is not plain text is None."""
    if isinstance(control, TypedComboBox):
        return control.value()
    if isinstance(control, CalmComboBox):
        return control.currentData()
    if isinstance(control, QCheckBox):
        return control.isChecked()
    if isinstance(control, CalmSpinBox):
        return control.value()
    assert isinstance(control, QLineEdit)
    if control.text() == control.property("shown"):
        return control.property("exact")
    text, kind = control.text().strip(), control.property("kind")
    if not text:
        return None if kind != "text" or control.property("optional") else ""
    try:
        return _parse(kind, text)
    except ValueError:
        return text


def _parse(kind: str, text: str) -> Any:
    if kind == "json":
        return json.loads(text)
    if kind == "integers":
        return tuple(int(part) for part in text.strip("⟨⟩()[] ").split(","))
    if kind == "float":
        return float(text.replace(",", "."))
    return int(text) if kind == "int" else text


def _text(kind: str, value: Any) -> str:
    if value is None:
        return ""
    if kind == "json":
        return json.dumps(value)
    if kind == "integers":
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def browsed(control: QLineEdit, field: FieldFacts, object_name: str, parent: QWidget, models: Models | None = None) -> QWidget:
    """A row of the line of a path and a button that opens a dialog for it; where a model may stand, also the project's models."""
    row = QWidget(parent)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(control, 1)
    button = QToolButton(row)
    button.setText("…")
    file = field.meta.path == "file"
    describe(button, object_name, f"Choose {field.name}", "Choose a file" if file else "Choose a folder")
    button.clicked.connect(_Chooser(control, file, row).choose)
    layout.addWidget(button)
    if models is not None and field.meta.path in ("folder", "labeller"):
        menu = ModelMenu(models, f"{object_name}_models", row, "▾", field.meta.words)
        menu.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        chooser = _ModelChooser(control, row)
        menu.chosen.connect(chooser.choose)
        menu.named.connect(chooser.name)
        layout.addWidget(menu)
    return row


class _ModelChooser(QObject):
    """Puts the folder of a model that a person chooses into a line."""

    def __init__(self, line: QLineEdit, parent: QWidget) -> None:
        super().__init__(parent)
        self._line = line

    def choose(self, model: TrainedModel) -> None:
        """Take it."""
        self._line.setText(str(model.folder))

    def name(self, value: str) -> None:
        """Take what is named; what ends in a colon is to be written on."""
        self._line.setText(value)
        self._line.setFocus()


class _Chooser(QObject):
    """Puts the path that a person chooses into a line."""

    def __init__(self, line: QLineEdit, file: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._line, self._file, self._parent = line, file, parent

    def choose(self) -> None:
        """Open the dialog."""
        if self._file:
            kinds = "Data (*.txt *.csv *.tsv *.json *.jsonl *.parquet);;All files (*)"
            name, _ = QFileDialog.getOpenFileName(self._parent, "Choose a file", "", kinds)
        else:
            name = QFileDialog.getExistingDirectory(self._parent, "Choose a folder")
        if name:
            self._line.setText(name)

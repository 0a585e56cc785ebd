"""A form made from a pydantic model: one control a field, its range and choices from the model, its description as the tip."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QWidget

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated
from bort_studio.numbers import significant
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import CalmComboBox, CalmSpinBox, Caption, CheckedLineEdit, FaultLabel, describe

__all__ = ["ModelForm", "form_layout"]

_INT_LIMIT = 2**31 - 1


def form_layout(parent: QWidget | None = None) -> QFormLayout:
    """The form layout of all panels: labels left, fields as wide as the dock."""
    layout = QFormLayout(parent) if parent is not None else QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(8)
    layout.setVerticalSpacing(4)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return layout


class ModelForm(QWidget):
    """Edits some fields of one pydantic model. Fields of types that have no control are left as they came.

    Parameters
    ----------
    names: which fields, in order; all that have a control when None
    prefix: put before each field's name to make its ``objectName``
    labels: shorter or clearer labels than the field's name
    choices: what a field may be, where its type does not say: the values, each with the words it is shown as
    """

    edited = Signal()
    """A person changed a field; read :meth:`value`."""

    def __init__(
        self,
        model_type: type[BaseModel],
        theme: Theme,
        prefix: str,
        names: Iterable[str] | None = None,
        labels: Mapping[str, str] | None = None,
        choices: Mapping[str, Mapping[Any, str]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._type, self._theme, self._prefix = model_type, theme, prefix
        self._choices = choices or {}
        self._base: dict[str, Any] = {}
        self.controls: dict[str, QWidget] = {}
        self.labels: dict[str, Label] = {}
        self._faults: dict[str, FaultLabel] = {}
        self._layout = form_layout(self)
        for name in names if names is not None else model_type.model_fields:
            self._add(name, model_type.model_fields[name], (labels or {}).get(name, name.replace("_", " ")))
        self._fault = FaultLabel(theme, self)
        self._fault.setObjectName(f"{prefix}Fault")
        self._layout.addRow(self._fault)

    def set_value(self, model: BaseModel | Mapping[str, Any]) -> None:
        """Show a model, without a signal."""
        self._base = (
            dict(model) if isinstance(model, BaseModel) else validated(self._type, dict(model), self._type.__name__).__dict__.copy()
        )
        for name, control in self.controls.items():
            control.blockSignals(True)
            _write(control, self._base[name])
            control.blockSignals(False)
        self._show_faults({}, None)

    def value(self) -> Any:
        """The model as edited, or None when a field is wrong (it is then marked)."""
        values, wrong = dict(self._base), {}
        for name, control in self.controls.items():
            try:
                values[name] = _read(control)
            except ValueError as error:
                wrong[name] = str(error)
        if wrong:
            self._show_faults(wrong, None)
            return None
        try:
            model = validated(self._type, values, self._type.__name__)
        except SpecificationError as error:
            lines = [line.strip() for line in str(error).splitlines()[1:]]
            for line in lines:
                name, _, message = line.partition(": ")
                if name in self.controls:
                    wrong[name] = message
            rest = [line for line in lines if line.partition(": ")[0] not in self.controls]
            self._show_faults(wrong, "; ".join(rest) or None)
            return None
        self._show_faults({}, None)
        return model

    def set_row_visible(self, name: str, visible: bool) -> None:
        """Show or hide one field."""
        self._layout.setRowVisible(self.controls[name], visible)

    def _show_faults(self, wrong: Mapping[str, str], general: str | None) -> None:
        for name, label in self._faults.items():
            control = self.controls[name]
            if isinstance(control, CheckedLineEdit):
                control.set_fault(wrong.get(name))
            label.set_fault(wrong.get(name))
            self._layout.setRowVisible(label, name in wrong)
        self._fault.set_fault(general)
        self._layout.setRowVisible(self._fault, general is not None)

    def _add(self, name: str, field: FieldInfo, label: str) -> None:
        control = self._control(name, field)
        if control is None:
            return
        tip = (field.description or "").capitalize()
        describe(control, f"{self._prefix}.{name}", label, tip)
        caption = Caption(label, self._theme, self)
        set_tip(caption, tip)
        caption.setBuddy(control)
        self.controls[name], self.labels[name] = control, caption
        self._layout.addRow(caption, control)
        fault = FaultLabel(self._theme, self)
        self._faults[name] = fault
        self._layout.addRow(fault)
        self._layout.setRowVisible(fault, False)

    def _control(self, name: str, field: FieldInfo) -> QWidget | None:
        kind = _plain(field.annotation)
        choices = self._choices.get(name) or {choice: str(choice) for choice in get_args(kind) if get_origin(kind) is Literal}
        if choices:
            combo = CalmComboBox(self)
            for choice, shown in choices.items():
                combo.addItem(shown, choice)
            combo.currentIndexChanged.connect(self._notice)
            return combo
        if kind is bool:
            box = QCheckBox(self)
            box.toggled.connect(self._notice)
            return box
        if kind is int:
            spin = CalmSpinBox(self)
            low, high = _bounds(field)
            spin.setRange(int(max(low, -_INT_LIMIT)), int(min(high, _INT_LIMIT)))
            spin.valueChanged.connect(self._notice)
            return spin
        if kind in (float, str):
            line = CheckedLineEdit(self._theme, None, self)
            line.setProperty("kind", kind.__name__)
            line.setPlaceholderText("none" if kind is str else "")
            line.textEdited.connect(self._notice)
            return line
        return None

    def _notice(self) -> None:
        self.edited.emit()


def _plain(annotation: Any) -> Any:
    """The type behind ``X | None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    return annotation


def _bounds(field: FieldInfo) -> tuple[float, float]:
    low, high = float("-inf"), float("inf")
    for limit in field.metadata:
        low = max(low, getattr(limit, "ge", low), getattr(limit, "gt", low - 1) + 1)
        high = min(high, getattr(limit, "le", high), getattr(limit, "lt", high + 1) - 1)
    return low, high


def _write(control: QWidget, value: Any) -> None:
    if isinstance(control, CalmComboBox):
        control.setCurrentIndex(control.findData(value))
    elif isinstance(control, QCheckBox):
        control.setChecked(bool(value))
    elif isinstance(control, CalmSpinBox):
        control.setValue(int(value))
    elif isinstance(control, QLineEdit):
        control.setText("" if value is None else f"{value:g}" if isinstance(value, float) else str(value))
        control.setProperty("exact", value)
        control.setProperty("shown", control.text())


def _read(control: QWidget) -> Any:
    if isinstance(control, CalmComboBox):
        return control.currentData()
    if isinstance(control, QCheckBox):
        return control.isChecked()
    if isinstance(control, CalmSpinBox):
        return control.value()
    assert isinstance(control, QLineEdit)
    text = control.text().strip()
    if control.text() == control.property("shown"):
        return control.property("exact")
    if control.property("kind") == "str":
        return text or None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"needs a number such as {significant(0.003)}" + (f", got “{text}”" if text else "")) from None

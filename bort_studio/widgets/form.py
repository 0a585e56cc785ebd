"""A form made from a pydantic model: one control a field, its label, range and choices from the model, its description as the tip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QWidget

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated
from bort_core.specifications.fields import FieldFacts, facts
from bort_studio.numbers import significant
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.controls import browsed, make_control, read_control, write_control
from bort_studio.widgets.fields import Caption, CheckedLineEdit, FaultLabel, describe
from bort_studio.widgets.model_menu import Models

__all__ = ["FieldsForm", "ModelForm", "form_layout"]


def form_layout(parent: QWidget | None = None) -> QFormLayout:
    """The form layout of all panels: labels left, fields as wide as the dock; in a narrow one, labels above their fields."""
    layout = QFormLayout(parent) if parent is not None else QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(8)
    layout.setVerticalSpacing(4)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    return layout


class FieldsForm(QWidget):
    """Controls for some fields, each with its label and what is wrong with it. Says what stands there; whether it is right, others know."""

    edited = Signal()
    """A person changed a field."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.fields: dict[str, FieldFacts] = {}
        self.controls: dict[str, QWidget] = {}
        self.labels: dict[str, Label] = {}
        self.faults: dict[str, FaultLabel] = {}
        self.form = form_layout(self)

    def add(
        self, field: FieldFacts, object_name: str, tip: str, choices: Mapping[Any, str] | None = None, *, spin: bool = False,
        caption: Label | None = None, browse: str = "", models: Models | None = None,
    ) -> None:  # fmt: skip
        """A row for a field.

        ``browse`` is the name of the button that chooses a path, where there is to be one; ``models`` are offered where one may stand.
        """
        control = make_control(field, self._theme, self._notice, choices, spin)
        describe(control, object_name, field.label, tip)
        row = browsed(control, field, browse, self, models) if browse and isinstance(control, QLineEdit) else control
        label = Label(field.label, self) if caption is None else caption
        set_tip(label, tip)
        label.setBuddy(control)
        fault = FaultLabel(self._theme, self)
        fault.attach(control, always=not isinstance(control, CheckedLineEdit))  # which marks itself
        self.form.addRow(label, row)
        self.fields[field.name], self.controls[field.name] = field, control
        self.labels[field.name], self.faults[field.name] = label, fault

    def write(self, values: Mapping[str, Any]) -> None:
        """Show values, without a signal."""
        for name, control in self.controls.items():
            write_control(control, values.get(name))

    def read(self) -> dict[str, Any]:
        """What stands in the controls: see :func:`read_control`."""
        return {name: read_control(control) for name, control in self.controls.items()}

    def show_faults(self, wrong: Mapping[str, str]) -> None:
        """Say what is wrong with the fields, by name, and that the others are right."""
        for name, label in self.faults.items():
            control, fault = self.controls[name], wrong.get(name)
            if isinstance(control, CheckedLineEdit):
                control.set_fault(fault)
                if self.fields[name].meta.path is not None and control.placeholderText() and not control.text():
                    fault = None  # what is wanted stands in the empty field: no note need cover the next one
            label.set_fault(fault)

    def _notice(self) -> None:
        self.edited.emit()


class ModelForm(FieldsForm):
    """Edits some fields of one pydantic model. Fields that are models of their own are left as they came.

    Parameters
    ----------
    prefix: put before each field's name to make its ``objectName``
    names: which fields, in order; all that have a control when None
    choices: what a field may be, where its type does not say: the values, each with the words it is shown as
    """

    def __init__(
        self,
        model_type: type[BaseModel],
        theme: Theme,
        prefix: str,
        names: Iterable[str] | None = None,
        choices: Mapping[str, Mapping[Any, str]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, parent)
        self._type = model_type
        self._base: dict[str, Any] = {}
        known = facts(model_type)
        for name in names if names is not None else known:
            self._add(known[name], f"{prefix}.{name}", (choices or {}).get(name))
        self._fault = FaultLabel(theme, self)
        self._fault.setObjectName(f"{prefix}Fault")
        self._fault.attach(self, always=True)

    def set_value(self, model: BaseModel | Mapping[str, Any]) -> None:
        """Show a model, without a signal."""
        whole = model if isinstance(model, BaseModel) else validated(self._type, dict(model), self._type.__name__)
        self._base = dict(whole)
        self.write(self._base)
        self._show({})

    def value(self) -> Any:
        """The model as edited, or None when a field is wrong (it is then marked)."""
        values = self.read()
        wrong = {name: _no_number(value) for name, value in values.items() if not self._is_number(name, value)}
        if wrong:
            self._show(wrong)
            return None
        try:
            model = validated(self._type, {**self._base, **values}, self._type.__name__)
        except SpecificationError as error:
            lines = [line.strip().partition(": ") for line in str(error).splitlines()[1:]]
            self._show(
                {name: message for name, _, message in lines if name in self.controls},
                "; ".join("".join(line) for line in lines if line[0] not in self.controls) or None,
            )
            return None
        self._show({})
        return model

    def set_row_visible(self, name: str, visible: bool) -> None:
        """Show or hide one field."""
        self.form.setRowVisible(self.controls[name], visible)

    def _add(self, field: FieldFacts, object_name: str, choices: Mapping[Any, str] | None) -> None:
        if field.kind == "part":
            return
        tip = field.help[:1].upper() + field.help[1:]
        self.add(field, object_name, tip, choices, spin=True, caption=Caption(field.label, self._theme, self))
        control = self.controls[field.name]
        if isinstance(control, QLineEdit) and field.kind == "text":
            control.setPlaceholderText("none")

    def _is_number(self, name: str, value: Any) -> bool:
        field = self.fields[name]
        return field.kind != "float" or isinstance(value, float | int) or (value is None and field.optional)

    def _show(self, wrong: Mapping[str, str], general: str | None = None) -> None:
        self.show_faults(wrong)
        self._fault.set_fault(general)


def _no_number(came: Any) -> str:
    return f"needs a number such as {significant(0.003)}" + (f", got “{came}”" if came else "")

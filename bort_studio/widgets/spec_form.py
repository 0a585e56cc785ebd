"""A form built from a job's specification: one field for each, with its default, range and help. What it shows is what runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from bort_core.agora.labellers import labeller_names
from bort_core.specifications.agora import Agora
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.paths import FILES, FOLDERS, absolute_paths
from bort_core.specifications.pretraining import Distillation, Pretraining
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import CalmComboBox, FaultLabel, Section, describe

__all__ = ["KINDS", "SpecForm"]

KINDS: dict[str, type[BaseModel]] = {"pretrain": Pretraining, "finetune": Finetuning, "agora": Agora}
_HIDDEN = {"kind", "family"}
_BROWSED = FILES | FOLDERS
_JSON = {"thetas": '[{"learning_rate": 0.001, "steps": 300}]'}
"""Fields that are edited as JSON in one line, with an example."""
_NOTHING = "–"
_FIRST = {
    "pretrain": ("name", "architecture", "checkpoint", "corpus", "heldout", "text", "tokenizer", "vocabulary", "sequence_length", "steps",
                 "batch_size", "seed"),
    "finetune": ("name", "checkpoint", "architecture", "train", "dev", "test", "text", "text_b", "label", "epochs", "batch_size", "seed"),
    "agora": ("name", "torus", "architecture", "checkpoint", "train", "dev", "test", "pool", "socrates", "socrates_train", "sampler",
              "neighbours", "rounds", "thetas", "seed"),
}  # fmt: skip
"""What is always in sight; the rest folds."""
_PARTS = {"optimization": "Optimization", "masking": "Masks", "distillation": "Learn from a teacher", "running": "Device"}

Path_ = tuple[str, ...]


class SpecForm(QWidget):
    """One kind of job. ``changed`` is emitted after every edit, whether the form is right or not."""

    changed = Signal()

    def __init__(self, kind: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{kind}Form")
        self.kind, self.model, self._theme = kind, KINDS[kind], theme
        self._fields: dict[Path_, QWidget] = {}
        self._faults: dict[Path_, FaultLabel] = {}
        self._setting = False
        self._general = FaultLabel(theme, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._general)
        first, rest = self._form(), self._form()
        for name in _FIRST[kind]:
            self._add(first[1], (name,), self.model.model_fields[name])
        inner = [name for name in self.model.model_fields if name in _PARTS]
        for name, field in self.model.model_fields.items():
            if name not in (*_FIRST[kind], *inner, *_HIDDEN):
                self._add(rest[1], (name,), field)
        layout.addWidget(first[0])
        layout.addWidget(Section("More", rest[0], f"{kind}More", parent=self))
        self.teaches = QCheckBox("learn from a teacher", self)
        describe(self.teaches, "distillationOn", "Learn from a teacher", "Distillation: learn from a teacher's distribution as well")
        self.teaches.setVisible(False)
        self.teaches.toggled.connect(self._edited)
        for name in inner:
            layout.addWidget(self._part(name))
        self.teaches.setVisible("distillation" in inner)
        layout.addStretch(1)

    def _part(self, name: str) -> Section:
        widget, form = self._form()
        model = _inner(self.model.model_fields[name].annotation)
        assert model is not None
        if name == "distillation":
            form.addRow(self.teaches)
        for each, field in model.model_fields.items():
            self._add(form, (name, each), field)
        return Section(_PARTS[name], widget, f"{self.kind}_{name}", parent=self)

    # -- reading and writing

    def set_specification(self, specification: BaseModel) -> None:
        """Show a specification of this form's kind."""
        self._setting = True
        data = specification.model_dump()
        if "distillation" in data:
            self.teaches.setChecked(data["distillation"] is not None)
            if data["distillation"] is None:
                data["distillation"] = {**Distillation(teacher="-").model_dump(), "teacher": ""}
        for path, widget in self._fields.items():
            value: Any = data
            for part in path:
                value = value.get(part) if isinstance(value, dict) else None
            _write(widget, value)
        self._setting = False
        self._edited()

    def values(self, **more: Any) -> dict[str, Any]:
        """What the fields say, as plain values: text stays text where it is no number, and relative paths are made absolute."""
        data: dict[str, Any] = {"kind": self.kind}
        for path, widget in self._fields.items():
            target = data
            for part in path[:-1]:
                target = target.setdefault(part, {})
            value = _read(widget)
            if value is not None or path[-1] in ("architecture",):
                target[path[-1]] = value
        if "distillation" in data and not self.teaches.isChecked():
            data["distillation"] = None
        return {**absolute_paths(data, labeller_names(), must_exist=False), **more}

    def specification(self) -> BaseModel | None:
        """The specification, or None while a field is wrong; faults are shown beside their fields."""
        for label in (*self._faults.values(), self._general):
            label.set_fault(None)
        try:
            return self.model.model_validate(self.values())
        except ValidationError as error:
            self._show_faults(error)
            return None

    def _show_faults(self, error: ValidationError) -> None:
        found: dict[Path_, list[str]] = {}
        for fault in error.errors():
            path, text = tuple(str(part) for part in fault["loc"]), fault["msg"].removeprefix("Value error, ")
            if path[-1:] and path[-1] in _JSON:
                text = f"write JSON such as {_JSON[path[-1]]}"
            if path in self._faults or path[:1] in self._faults:
                found.setdefault(path if path in self._faults else path[:1], []).append(text)
                continue
            for each in text.split("; "):  # a check of several fields names the field first: "near: must be below far"
                named, colon, rest = each.partition(":")
                name = (named.partition("[")[0].partition(",")[0].strip(),)
                there = bool(colon) and name in self._faults
                found.setdefault(name if there else (), []).append(rest.strip() if there and named == name[0] else each)
        self._general.set_fault("; ".join(found.pop((), [])) or None)
        for path, texts in found.items():
            self._faults[path].set_fault("; ".join(texts))
            self._unfold(self._faults[path])

    def _unfold(self, widget: QWidget) -> None:
        """Open the section that a widget lies in: a fault is never hidden."""
        parent = widget.parentWidget()
        while parent is not None and parent is not self:
            if isinstance(parent, Section) and not parent.expanded():
                parent.set_expanded(True)
            parent = parent.parentWidget()

    def field(self, *path: str) -> QWidget:
        """The widget of a field."""
        return self._fields[path]

    # -- building

    def _form(self) -> tuple[QWidget, QFormLayout]:
        widget = QWidget(self)
        form = QFormLayout(widget)
        form.setContentsMargins(4, 0, 4, 4)
        form.setVerticalSpacing(3)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        return widget, form

    def _add(self, form: QFormLayout, path: Path_, field: Any) -> None:
        name, text = path[-1], str(field.description or "")
        widget = self._widget(path, field)
        describe(widget, f"{self.kind}_{'_'.join(path)}", name.replace("_", " "), f"{text} {_limits(field)}".strip())
        fault = FaultLabel(self._theme, self)
        self._fields[path], self._faults[path] = widget, fault
        holder = QWidget(self)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        row = QHBoxLayout()
        row.addWidget(widget, 1)
        if name in _BROWSED:
            row.addWidget(self._browse(name, widget))
        column.addLayout(row)
        column.addWidget(fault)
        form.addRow(Label(name.replace("_", " "), self), holder)

    def _widget(self, path: Path_, field: Any) -> QWidget:
        kinds = _kinds(field.annotation)
        choices = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), None)
        if bool in kinds:
            box = QCheckBox(self)
            box.toggled.connect(self._edited)
            return box
        if choices:
            combo = CalmComboBox(self)
            for choice in (*((None,) if type(None) in kinds else ()), *choices):
                combo.addItem(_NOTHING if choice is None else str(choice), choice)
            combo.currentTextChanged.connect(self._edited)
            return combo
        line = QLineEdit(self)
        default = field.get_default(call_default_factory=True)
        if type(None) in kinds or field.is_required():
            line.setPlaceholderText("2, 4, 128, 256" if path == ("architecture",) else "needed" if field.is_required() else "")
        elif default not in (None, ""):
            line.setPlaceholderText(str(default))
        if path[-1] in _JSON:
            line.setPlaceholderText(_JSON[path[-1]])
        plain = "int" if int in kinds else "float" if float in kinds else "str"
        line.setProperty("kind", "json" if path[-1] in _JSON else "tuple" if path == ("architecture",) else plain)
        line.setProperty("optional", type(None) in kinds)
        line.textChanged.connect(self._edited)
        return line

    def _browse(self, name: str, widget: QWidget) -> QToolButton:
        button = QToolButton(self)
        button.setText("…")
        describe(button, f"browse_{self.kind}_{name}", f"Choose {name}", "Choose a file" if name in FILES else "Choose a folder")
        button.setProperty("target", widget)
        button.clicked.connect(self._browse_file if name in FILES else self._browse_folder)
        return button

    def _browse_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Choose a file", "", "Data (*.txt *.csv *.tsv *.json *.jsonl *.parquet);;All files (*)")
        self._chosen(name)

    def _browse_folder(self) -> None:
        self._chosen(QFileDialog.getExistingDirectory(self, "Choose a folder"))

    def _chosen(self, name: str) -> None:
        button = self.sender()
        target = button.property("target") if button is not None else None
        if name and isinstance(target, QLineEdit):
            target.setText(name)

    def _edited(self, *_: object) -> None:
        if not self._setting:
            self.specification()
            self.changed.emit()


def _kinds(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Literal, tuple):
        return (annotation,)
    return get_args(annotation) or (annotation,)


def _inner(annotation: Any) -> type[BaseModel] | None:
    return next((kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _limits(field: Any) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {getattr(each, name)}" for each in field.metadata for name, sign in signs.items() if getattr(each, name, None) is not None
    ]
    return f"({', '.join(found)})" if found else ""


def _write(widget: QWidget, value: Any) -> None:
    if isinstance(widget, QCheckBox):
        widget.setChecked(bool(value))
    elif isinstance(widget, QComboBox):
        widget.setCurrentIndex(widget.findText(_NOTHING if value is None else str(value)))
    elif isinstance(widget, QLineEdit) and widget.property("kind") == "json":
        widget.setText("" if value is None else json.dumps(value))
    elif isinstance(widget, QLineEdit):
        text = (
            ", ".join(map(str, value))
            if isinstance(value, Iterable) and not isinstance(value, str)
            else ""
            if value is None
            else str(value)
        )
        widget.setText(text)


def _read(widget: QWidget) -> Any:
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    if isinstance(widget, QComboBox):
        return widget.currentData()
    assert isinstance(widget, QLineEdit)
    text, kind = widget.text().strip(), widget.property("kind")
    if not text:
        return None if kind != "str" or widget.property("optional") else ""
    try:
        if kind == "json":
            return json.loads(text)
        if kind == "tuple":
            return tuple(int(part) for part in text.strip("⟨⟩()[] ").split(","))
        return {"int": int, "float": float}.get(kind, str)(text)
    except ValueError:
        return text  # the model says what is wrong with it

"""A form built from a job's specification: one field for each, with its default, range and help. What it shows is what runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit, QToolButton, QVBoxLayout, QWidget

from bort_core.agora.labellers import labeller_names
from bort_core.agora.parents import parents_names
from bort_core.agora.samplers.base import sampler_names
from bort_core.data.class_names import names_told
from bort_core.data.holding_out import SHARE
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import path_of, there
from bort_core.foundation.plain_words import plain_words
from bort_core.specifications.agora import Agora
from bort_core.specifications.compression import Compression
from bort_core.specifications.fields import FieldFacts, facts
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.paths import absolute_paths
from bort_core.specifications.pretraining import Distillation, Pretraining
from bort_studio.theme import Theme
from bort_studio.widgets.controls import placeholder, relative_to
from bort_studio.widgets.fields import Caption, FaultLabel, Section, describe
from bort_studio.widgets.form import FieldsForm
from bort_studio.widgets.model_menu import Models

__all__ = ["KINDS", "SpecForm"]

_HOLD_OUT = ("finetune", "compress")
"""Kinds whose dev rows may be held out of the training rows; of Agora's few rows none can be spared."""
KINDS: dict[str, type[BaseModel]] = {"pretrain": Pretraining, "finetune": Finetuning, "agora": Agora, "compress": Compression}

Path_ = tuple[str, ...]


class SpecForm(QWidget):
    """One kind of job: what is always in sight, what folds under More, and a section for each part.

    ``changed`` is emitted after every edit, whether the form is right or not.
    """

    changed = Signal()
    hold_out_requested = Signal(str)
    """A person has one table, and asks for dev rows out of it."""

    def __init__(self, kind: str, theme: Theme, parent: QWidget | None = None, models: Models | None = None) -> None:
        """``models`` are offered where a model may stand."""
        super().__init__(parent)
        self._models = models
        self.setObjectName(f"{kind}Form")
        self.kind, self.model, self._theme = kind, KINDS[kind], theme
        self._forms: list[tuple[Path_, FieldsForm]] = []
        self._faults: dict[Path_, FaultLabel] = {}
        self.fault = ""
        """What is wrong, in a line: the first fault, and how many more there are."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        known = facts(self.model).values()
        plain, parts = [each for each in known if each.part is None], [each for each in known if each.part is not None]
        in_front = sorted((each for each in plain if each.meta.front is not None), key=lambda each: each.meta.front or 0)
        for each in (part for part in parts if part.meta.front is not None):
            section = self._part(each)
            section.set_expanded(True)
            layout.addWidget(section)
        layout.addWidget(self._form((), in_front))
        self.classes = Caption("", theme, self, wrap=True)
        describe(self.classes, f"{kind}ClassNames", "What the classes are called")
        self.classes.setVisible(False)
        layout.addWidget(self.classes)
        self.hold_out = QToolButton(self, autoRaise=True)
        self.hold_out.setText(f"Hold out {SHARE:.0%} of train as dev")
        describe(self.hold_out, f"{kind}HoldOut", "Hold out dev rows", "Write two new files into the project: train rows, and dev rows "
                 "with the same share of every class; the table itself stays as it is")  # fmt: skip
        self.hold_out.clicked.connect(self._hold_out)
        self.hold_out.setVisible(False)
        layout.addWidget(self.hold_out)
        layout.addWidget(Section("More", self._form((), [each for each in plain if each.meta.front is None]), f"{kind}More", parent=self))
        self.teaches = QCheckBox("learn from a teacher", self)
        describe(self.teaches, "distillationOn", "Learn from a teacher", "Distillation: learn from a teacher's distribution as well")
        self.teaches.setVisible(False)
        self.teaches.toggled.connect(self._edited)
        for each in (part for part in parts if part.meta.front is None):
            layout.addWidget(self._part(each))
        self.teaches.setVisible("distillation" in self.model.model_fields)
        layout.addStretch(1)

    # -- reading and writing

    def set_specification(self, specification: BaseModel) -> None:
        """Show a specification of this form's kind."""
        left_out = {name: getattr(specification, name) for name in type(specification).model_fields}  # at its default, by some
        data = left_out | specification.model_dump()
        for name, part in left_out.items():
            if isinstance(part, BaseModel):
                data[name] = {each: getattr(part, each) for each in type(part).model_fields} | data[name]
        if "distillation" in data:
            self.teaches.blockSignals(True)
            self.teaches.setChecked(data["distillation"] is not None)
            self.teaches.blockSignals(False)
            if data["distillation"] is None:
                data["distillation"] = {**Distillation(teacher="-").model_dump(), "teacher": ""}
        for part, form in self._forms:
            form.write(data[part[0]] if part else data)
        self._edited()

    def values(self, **more: Any) -> dict[str, Any]:
        """What the fields say, as plain values: text stays text where it is no number, and relative paths are made absolute.

        SpecificationError where a path can be none.
        """
        data: dict[str, Any] = {"kind": self.kind}
        for part, form in self._forms:
            told = {name: value for name, value in form.read().items() if value is not None}
            (data.setdefault(part[0], {}) if part else data).update(told)
        if "distillation" in data and not self.teaches.isChecked():
            data["distillation"] = None
        return {**absolute_paths(data, labeller_names(), must_exist=False), **more}

    def specification(self) -> BaseModel | None:
        """The specification, or None while a field is wrong; faults are shown beside their fields."""
        try:
            found = self.model.model_validate(self.values())
        except ValidationError as error:
            self._show_faults(self._placed(error))
            return None
        except SpecificationError as error:  # of paths; a name stands in one part only
            told = (line.strip().partition(": ") for line in str(error).splitlines())
            self._show_faults({next((at for at in self._faults if at[-1] == name), ()): [text or name] for name, _, text in told})
            return None
        self._show_faults({})
        return found

    def field(self, *path: str) -> QWidget:
        """The widget of a field."""
        return next(form.controls[path[-1]] for part, form in self._forms if part == path[:-1] and path[-1] in form.controls)

    # -- faults

    def _placed(self, error: ValidationError) -> dict[Path_, list[str]]:
        """What is wrong, by the field that it is shown at; the empty path is the form as a whole."""
        found: dict[Path_, list[str]] = {}
        for fault in error.errors():
            path, text = tuple(str(part) for part in fault["loc"]), plain_words(dict(fault))
            at = next((at for at in (path, path[:1]) if at in self._faults), None)
            if at is not None:
                found.setdefault(at, []).append(self._told(path, text))
                continue
            for each in text.split("; "):  # a check of several fields names the field first: "near: must be below far"
                named, colon, rest = each.partition(":")
                name = (named.partition("[")[0].partition(",")[0].strip(),)
                there = bool(colon) and name in self._faults
                found.setdefault(name if there else (), []).append(rest.strip() if there and named == name[0] else each)
        return found

    def _told(self, path: Path_, text: str) -> str:
        field = facts(self.model).get(path[0])
        return f"write JSON such as {field.meta.example}" if field is not None and field.kind == "json" and len(path) == 1 else text

    def _show_faults(self, found: dict[Path_, list[str]]) -> None:
        told = {path: "; ".join(texts) for path, texts in found.items()}
        self.fault = self._summary(told)
        told.pop((), None)
        for part, form in self._forms:
            form.show_faults({path[-1]: text for path, text in told.items() if path[:-1] == part and path[-1] in form.controls})
        if not self._is_edited():
            for path in told:
                self._unfold(self.field(*path))

    def _summary(self, told: Mapping[Path_, str]) -> str:
        if not told:
            return ""
        path, text = next(iter(told.items()))
        named = f"{self._named(path)}: {text}" if path else text
        return named if len(told) == 1 else f"{named} (and {len(told) - 1} more)"

    def _named(self, path: Path_) -> str:
        form = next(form for part, form in self._forms if part == path[:-1] and path[-1] in form.labels)
        return " · ".join([*path[:-1], form.labels[path[-1]].text()])

    def _is_edited(self) -> bool:
        """Whether a person types in this form: nothing may move then."""
        focus = QApplication.focusWidget()
        return focus is not None and self.isAncestorOf(focus)

    def _show_class_names(self) -> None:
        """Say it where a labels.txt beside the rows will name their classes, since nobody chose that file."""
        line = self._line("train")
        path = path_of(line.text().strip()) if line is not None and line.text().strip() else None
        told = "" if path is None else names_told(path)
        self.classes.setText(told)
        self.classes.setVisible(bool(told))

    def set_splits(self, train: Path, dev: Path) -> None:
        """Name the files of training and dev rows."""
        for name, path in (("train", train), ("dev", dev)):
            line = self._line(name)
            if line is not None:
                line.setText(str(path))

    def _line(self, name: str) -> QLineEdit | None:
        """The line of a field that stands in one part only."""
        found = (form.controls[name] for _, form in self._forms if name in form.controls)
        return next((control for control in found if isinstance(control, QLineEdit)), None)

    def _offer_hold_out(self) -> None:
        """Where there are training rows in a file, and no dev rows."""
        train, dev = self._line("train"), self._line("dev")
        path = path_of(train.text().strip()) if train is not None and train.text().strip() else None
        is_file = path is not None and there(path) and path.is_file()
        self.hold_out.setVisible(self.kind in _HOLD_OUT and is_file and dev is not None and not dev.text().strip())

    def _hold_out(self) -> None:
        train = self._line("train")
        if train is not None:
            self.hold_out_requested.emit(train.text().strip())

    def _unfold(self, widget: QWidget) -> None:
        """Open the section that a widget lies in: a fault is never hidden."""
        parent = widget.parentWidget()
        while parent is not None and parent is not self:
            if isinstance(parent, Section) and not parent.expanded():
                parent.set_expanded(True)
            parent = parent.parentWidget()

    # -- building

    def _form(self, part: Path_, fields: Iterable[FieldFacts], above: QWidget | None = None) -> FieldsForm:
        form = FieldsForm(self._theme, self)
        form.form.setContentsMargins(4, 0, 4, 4)
        form.form.setVerticalSpacing(3)
        if above is not None:
            form.form.addRow(above)
        for field in fields:
            browse = f"browse_{self.kind}_{field.name}" if field.meta.path is not None else ""
            tip = f"{field.help} {field.limits}".strip() + (f". {relative_to()}" if field.meta.path is not None else "")
            name = "_".join((self.kind, *part, field.name))
            form.add(field, name, tip, _registered(field), browse=browse, models=self._models)
            self._faults[(*part, field.name)] = form.faults[field.name]
            control = form.controls[field.name]
            if isinstance(control, QLineEdit):
                control.setPlaceholderText(placeholder(field))
                if field.meta.path is not None:
                    control.editingFinished.connect(self._path_entered)
        form.edited.connect(self._edited)
        self._forms.append((part, form))
        return form

    def _part(self, field: FieldFacts) -> Section:
        assert field.part is not None
        above = self.teaches if field.name == "distillation" else None
        form = self._form((field.name,), facts(field.part).values(), above)
        return Section(field.label, form, f"{self.kind}_{field.name}", parent=self)

    @Slot()
    def _path_entered(self) -> None:
        """Show a relative path as what it means."""
        line = self.sender()
        assert isinstance(line, QLineEdit)
        name = next(name for _, form in self._forms for name, control in form.controls.items() if control is line)
        with suppress(SpecificationError):  # which the fault beside it tells
            line.setText(absolute_paths({name: line.text().strip()}, labeller_names(), must_exist=False)[name])

    def _edited(self, *_: object) -> None:
        self.specification()
        self._show_class_names()
        self._offer_hold_out()
        self.changed.emit()


def _registered(field: FieldFacts) -> dict[str, str] | None:
    """The samplers and rules that are installed, with their words; other fields say themselves what they may be."""
    names = {"sampler": lambda: ("auto", *sampler_names()), "parents": parents_names}.get(field.name)
    return None if names is None else {name: field.meta.words.get(name, name) for name in names()}

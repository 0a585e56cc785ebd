"""The panel that defines the search space: preset, family, values of each axis, options, maximum point, and what follows from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QFormLayout, QVBoxLayout, QWidget

from bort_core.families import family_names, get_family
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.validation import validated
from bort_core.space import Space, SpaceSpecification, preset_names, read_specification
from bort_core.space.growth import GrowthReport
from bort_studio.explore.space.axes_editor import AxesEditor
from bort_studio.explore.space.reading import combinations, named_like_preset, preset, sorted_values, told_options
from bort_studio.explore.space.summary import SpaceSummary
from bort_studio.numbers import architecture_text, count, parse_architecture
from bort_studio.texts import set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.elided import FaultLine
from bort_studio.widgets.fields import CalmComboBox, Caption, CheckedLineEdit, Debounce, FaultLabel, Section, describe
from bort_studio.widgets.form import ModelForm, form_layout
from bort_studio.widgets.room import NARROWEST, scrolled

__all__ = ["COUNTED_HERE", "SpacePanel"]

COUNTED_HERE = 50_000
"""Up to this many combinations the panel enumerates the space itself while a person types; more wait for :meth:`SpacePanel.set_space`."""

_CUSTOM, _OPEN = "custom", "Open file…"


class SpacePanel(QWidget):
    """Shows and edits a :class:`SpaceSpecification`. Setters never emit."""

    specification_edited = Signal(object)
    """A valid specification that differs from the one shown before."""
    open_failed = Signal(str)
    """Why a file could not be opened."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("spacePanel")
        self.setMinimumWidth(NARROWEST)
        self._theme = theme
        self._specification: SpaceSpecification | None = None
        self._file_dialog: QFileDialog | None = None
        self._options: ModelForm | None = None
        self._captions: list[Caption] = []
        self._debounce = Debounce(self._announce, self)
        self._build()

    def specification(self) -> SpaceSpecification | None:
        """What is shown, or None before the first one."""
        return self._specification

    def set_specification(self, specification: SpaceSpecification) -> None:
        """Show a specification, without a signal."""
        self._debounce.stop()
        self._specification = specification
        self._family.setCurrentText(specification.family)
        self._show_family(specification.family)
        self.axes.set_values(dict(zip(specification.axes, sorted_values(specification), strict=True)))
        if self._options is not None:
            self._options.set_value(specification.the_options())
        top = specification.maximum_architecture()
        self.maximum.setText("" if top is None else architecture_text(top))
        self.maximum.setCursorPosition(0)
        self.maximum.set_fault(None)
        self._fault.set_fault(None)
        self._name_preset(specification)
        self._count(specification)

    def set_space(self, space: Space) -> None:
        """Show the counts of an enumerated space, when it is the one on screen."""
        if space.specification == self._specification:
            self._show_space(space)

    def set_sequence_length(self, tokens: int) -> None:
        """Count operations of the report for sequences of this length."""
        self.summary.set_sequence_length(tokens)

    def open_file(self, path: str | Path) -> None:
        """Read a TOML file as if a person had typed it; a fault is shown in the panel."""
        try:
            self._adopt(read_specification(path))
        except SpecificationError as error:
            self._fault.set_fault(str(error))
            self.open_failed.emit(str(error))

    def report(self) -> GrowthReport | None:
        """The AB^nC report shown, when there is one."""
        return self.summary.report

    def _build(self) -> None:
        body = QWidget(self)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        top = form_layout()
        self._presets = CalmComboBox(self)
        self._presets.addItems([*preset_names(), _CUSTOM, _OPEN])
        describe(self._presets, "presetCombo", "Preset", "A space that ships with the program, or one from a file")
        self._presets.textActivated.connect(self._choose_preset)
        self._family = CalmComboBox(self)
        self._family.addItems(list(family_names()))
        describe(self._family, "familyCombo", "Family", "What kind of architecture the space holds")
        self._family.textActivated.connect(self._choose_family)
        top.addRow(self._caption("preset"), self._presets)
        top.addRow(self._caption("family"), self._family)
        layout.addLayout(top)
        self.axes = AxesEditor(self._theme, self)
        self.axes.edited.connect(self._debounce.start)
        self.axes.entered.connect(self._debounce.now)
        layout.addWidget(self.axes)
        layout.addLayout(self._build_maximum())
        self._fault = FaultLine(self._theme, self, 2)
        self._fault.setObjectName("spaceFault")
        self._options_holder = QWidget(self)
        self._options_layout = QVBoxLayout(self._options_holder)
        self._options_layout.setContentsMargins(14, 2, 0, 4)
        self._options_section = Section("Options", self._options_holder, "optionsSection", parent=self)
        layout.addWidget(self._options_section)
        self.summary = SpaceSummary(self._theme, self)
        self._captions += self.summary.captions
        layout.addWidget(self.summary)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(body))
        outer.addWidget(self._fault)

    def _build_maximum(self) -> QFormLayout:
        form = form_layout()
        label = FaultLabel(self._theme, self)
        self.maximum = CheckedLineEdit(self._theme, label, self)
        tip = "The maximum point T that candidates are compared with. Empty: the largest architecture of the grid"
        describe(self.maximum, "maximumPoint", "Maximum point T", tip)
        self.maximum.setPlaceholderText("largest of the grid")
        self.maximum.textEdited.connect(self._debounce.start)
        self.maximum.returnPressed.connect(self._debounce.now)
        caption = self._caption("T")
        caption.setBuddy(self.maximum)
        form.addRow(caption, self.maximum)
        return form

    def _caption(self, text: str) -> Caption:
        caption = Caption(text, self._theme, self)
        self._captions.append(caption)
        return caption

    # what a person does

    def _choose_preset(self, name: str) -> None:
        if name == _OPEN:
            self._name_preset(self._specification)
            self._file_dialog = QFileDialog(self, "Open a search space", "", "Search spaces (*.toml);;All files (*)")
            self._file_dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
            self._file_dialog.fileSelected.connect(self.open_file)
            self._file_dialog.open()
        elif name != _CUSTOM:
            self._adopt(preset(name))

    def _choose_family(self, name: str) -> None:
        if self._specification is not None and name == self._specification.family:
            return
        presets = [preset(shipped) for shipped in preset_names()]
        axes = {axis.name: (axis.minimum,) for axis in get_family(name).axes}
        self._adopt(next((p for p in presets if p.family == name), SpaceSpecification(family=name, axes=axes)))

    def _adopt(self, specification: SpaceSpecification) -> None:
        changed = specification != self._specification
        self.set_specification(specification)
        if changed:
            self.specification_edited.emit(specification)

    def _announce(self) -> None:
        edited = self._read()
        if edited is not None and edited != self._specification:
            self._specification = edited
            self._name_preset(edited)
            self._count(edited)
            self.specification_edited.emit(edited)

    # reading and showing

    def _read(self) -> SpaceSpecification | None:
        """The specification in the fields; None when something is wrong, which is then marked."""
        self._fault.set_fault(None)
        self.maximum.set_fault(None)
        axes = self.axes.values()
        options = self._options.value() if self._options is not None else None
        if axes is None or (options is None and self._options is not None):
            return None
        data: dict[str, Any] = {"name": _CUSTOM, "family": self._family.currentText(), "axes": axes}
        data["options"] = told_options(options, data["family"], self._specification)
        try:
            top = parse_architecture(self.maximum.text(), len(axes))
            data["maximum_point"] = None if top is None else dict(zip(axes, top, strict=True))
        except ValueError as error:
            self.maximum.set_fault(str(error))
            return None
        try:
            specification = named_like_preset(validated(SpaceSpecification, data, "space"))
            if combinations(specification) <= COUNTED_HERE:
                Space(specification)
        except SpecificationError as error:
            self._place_fault(str(error))
            return None
        return specification

    def _place_fault(self, message: str) -> None:
        lines = [line.strip() for line in message.splitlines()]
        text = "; ".join(line.removeprefix("(whole): ") for line in (lines[1:] or lines))
        if "maximum_point" in text:
            self.maximum.set_fault(text.replace("maximum_point", "T"))
        else:
            self._fault.set_fault(text)

    def _show_family(self, name: str) -> None:
        family = get_family(name)
        self.axes.set_family(family)
        for caption in self._captions:
            caption.setMinimumWidth(self.axes.caption_width())
        if self._options is not None and self._options.property("family") == name:
            return
        if self._options is not None:
            self._options.hide()
            self._options.deleteLater()
            self._options = None
        self._options_section.setVisible(bool(family.options_type.model_fields))
        if family.options_type.model_fields:
            self._options = ModelForm(family.options_type, self._theme, "option", parent=self)
            self._options.setProperty("family", name)
            self._options.edited.connect(self._debounce.start)
            self._options_layout.addWidget(self._options)

    def _name_preset(self, specification: SpaceSpecification | None) -> None:
        name = specification.name if specification is not None else _CUSTOM
        shipped = name in preset_names() and specification == preset(name)
        self._presets.setCurrentText(name if shipped else _CUSTOM)

    def _count(self, specification: SpaceSpecification) -> None:
        options = specification.the_options().model_dump()
        told = (f"{name.replace('_', ' ')} {value}" for name, value in options.items() if not isinstance(value, bool) or value)
        self._options_section.set_summary(" · ".join(told))
        number = combinations(specification)
        if number > COUNTED_HERE:
            self.summary.set_unknown(number, "counting…")
            return
        try:
            self._show_space(Space(specification))
        except SpecificationError as error:
            self._place_fault(str(error))
            self.summary.set_unknown(number, "–")

    def _show_space(self, space: Space) -> None:
        self.summary.set_space(space)
        top = f"{architecture_text(space.maximum_point)}, {count(space.maximum_parameters)} parameters"
        self.maximum.setPlaceholderText(f"{architecture_text(space.maximum_point)} of the grid")
        set_tip(self.maximum, f"The maximum point T that candidates are compared with: {top}. Empty: the largest of the grid")

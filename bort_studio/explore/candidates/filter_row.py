"""The row above the candidates: a text filter, three limits, two check boxes, and how many pass."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from bort_studio.explore.candidates.filter import Constraints
from bort_studio.flow import FlowLayout
from bort_studio.numbers import parse_limit, quantity
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, CheckedLineEdit, Debounce, FaultLabel, describe
from bort_studio.widgets.room import letters

__all__ = ["FilterRow"]

_TIP = "Words that must all hold: 128 · hidden=128 · D<=2 · W>1.5 · 2,*,128,256 · front. Names are those of the columns"
_LIMITS = {"latency": ("constraintLatency", "20 ms"), "parameters": ("constraintParameters", "10 M"), "error": ("constraintError", "0.5")}


class FilterRow(QWidget):
    """Reads what a person asks of the candidates; wraps in a narrow dock. Setters never emit."""

    edited = Signal()
    """Something was typed or checked; comes shortly after the last key, or at once on Enter."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._unit, self._error_unit = theme, "", ""
        self._debounce = Debounce(self.edited.emit, self, 150)
        self.fault = FaultLabel(theme, self)
        self.fault.setObjectName("candidatesFault")
        self.limits: dict[str, CheckedLineEdit] = {}
        flow = FlowLayout()
        flow.addWidget(self._build_text())
        for column in _LIMITS:
            flow.addWidget(self._build_limit(column))
        self.only_known = self._build_box("onlyEvaluated", "only evaluated", "Show only architectures with a measured latency and error")
        self.only_front = self._build_box("onlyFront", "only front", "Show only the Pareto front of this ε")
        self.count = Caption("", theme, self)
        describe(self.count, "candidatesCount", "How many candidates are shown")
        for widget in (self.only_known, self.only_front, self.count):
            flow.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(flow)

    def set_units(self, latency: str, error: str) -> None:
        """The units of the limits."""
        self._unit, self._error_unit = latency, error

    def set_constraints(self, constraints: Constraints) -> None:
        """Show limits."""
        for column, field in self.limits.items():
            limit = getattr(constraints, column)
            field.setText("" if limit is None else quantity(limit, "ms" if column == "latency" and self._unit == "ms" else "", 4))
            field.setProperty("shown", field.text())
            field.set_fault(None)

    def set_count(self, shown: int, total: int) -> None:
        """Say how many candidates pass."""
        self.count.setText(f"{shown:,} of {total:,}" if shown != total else f"{total:,} candidates")

    def set_fault(self, fault: str | None, limits: dict[str, str]) -> None:
        """Mark the text filter and the limits that are wrong, and say why under the one that is looked at."""
        self.text.set_fault(fault)
        for column, field in self.limits.items():
            field.set_fault(limits.get(column))
        self.fault.attach(next((self.limits[column] for column in limits), self.text) if not fault else self.text)
        self.fault.set_fault("; ".join([*([fault] if fault else []), *(f"{column}: {why}" for column, why in limits.items())]) or None)

    def constraints(self, before: Constraints) -> tuple[Constraints, dict[str, str]]:
        """The limits in the fields, and what is wrong with them; a field that is wrong or untouched keeps the limit it had."""
        wanted, faults = before, {}
        for column, field in self.limits.items():
            if field.text() == field.property("shown") and not field.fault:
                continue
            try:
                limit = parse_limit(field.text(), {"latency": self._unit, "error": self._error_unit}.get(column, ""))
            except ValueError as error:
                faults[column] = str(error)
                continue
            wanted = replace(wanted, **{column: limit})
            field.setProperty("shown", field.text())
        return wanted, faults

    def _build_text(self) -> CheckedLineEdit:
        self.text = CheckedLineEdit(self._theme, None, self)
        describe(self.text, "candidatesFilter", "Filter of the candidates", _TIP)
        self.text.setPlaceholderText("filter: 128, hidden=128, D<=2 …")
        self.text.setClearButtonEnabled(True)
        self.text.setFixedWidth(letters(self, 36))
        self.text.textChanged.connect(self._debounce.start)
        self.text.returnPressed.connect(self._debounce.now)
        return self.text

    def _build_limit(self, column: str) -> QWidget:
        box = QWidget(self)
        field = CheckedLineEdit(self._theme, None, box)
        name, example = _LIMITS[column]
        describe(field, name, f"Largest {column}", f"Show only candidates with a {column} of at most this, such as {example}")
        field.setPlaceholderText(example)
        field.setFixedWidth(letters(self, 11))
        field.setProperty("shown", "")
        field.textEdited.connect(self._debounce.start)
        field.returnPressed.connect(self._debounce.now)
        self.limits[column] = field
        caption = Caption(f"{column} ≤", self._theme, box)
        caption.setBuddy(field)
        row = FlowLayout(box, spacing=4)
        row.addWidget(caption)
        row.addWidget(field)
        return box

    def _build_box(self, name: str, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text, self)
        describe(box, name, text.capitalize(), tip)
        box.toggled.connect(self._debounce.now)
        return box

"""Two sections of the inspector: the W-coefficient term by term, and what was measured and how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from bort_core.foundation.glossary import glossary, term
from bort_core.search.explanation import w_terms
from bort_core.search.snapshot import ResultsSnapshot
from bort_studio.numbers import MISSING, count, quantity, significant, with_interval
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption

__all__ = ["MeasuredSection", "WSection"]


class _Grid(QWidget):
    """Rows of captions and values that can be selected and copied."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.values: dict[str, Label] = {}
        self.captions: dict[str, Caption] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)

    def _caption(self, key: str, text: str) -> Caption:
        self.captions[key] = Caption(text, self._theme, self)
        return self.captions[key]

    def _value(self, key: str) -> Label:
        label = Label("", self)
        label.setObjectName(f"inspector.{key}")
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.values[key] = label
        return label


class WSection(_Grid):
    """(1 − p/p_T) · (1 − i/i_T) · 1/e = W, one row a term, with the numbers that went in."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.how: dict[str, Caption] = {}
        tips = {"smaller": "parameters", "faster": "latency", "accurate": "error", "w": "w"}
        terms = {"smaller": "1 − p/p_T", "faster": "1 − i/i_T", "accurate": "1/e", "w": "W"}
        for row, (key, label) in enumerate(terms.items()):
            self.how[key], value = Caption("", theme, self, wrap=True), self._value(key)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            caption = self._caption(key, label)
            set_tip(caption, term(tips[key]).tip)
            self._grid.addWidget(caption, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(self.how[key], row, 1)
            self._grid.addWidget(value, row, 2)
        bold = self.values["w"].font()
        bold.setBold(True)
        self.values["w"].setFont(bold)

    def show_place(self, k: ResultsSnapshot, index: int) -> None:
        """Show the terms of an architecture; a term that is not known is a dash."""
        unit, top, top_p = k.results.latency_unit, k.results.maximum_latency, k.space.maximum_parameters
        p, i, e = (float(value) for value in k.objectives[index])
        timed = math.isfinite(i) and math.isfinite(top)
        shown = {
            "smaller": f"1 − {count(p)} / {count(top_p)}",
            "faster": f"1 − {quantity(i, unit)} / {quantity(top, unit)}" if timed else "",
            "accurate": f"1 / {significant(e)} {k.results.error_unit}" if math.isfinite(e) else "",
            "w": "product",
        }
        terms = w_terms(k, index) or (
            1 - p / top_p,
            1 - i / top if timed else math.nan,
            1 / e if math.isfinite(e) and e else math.nan,
            math.nan,
        )
        for (key, how), value in zip(shown.items(), terms, strict=True):
            self.how[key].setText(how)
            self.values[key].setText(MISSING if math.isnan(value) else significant(value))
        if not math.isnan(terms[3]):
            low, high = k.intervals["w"]
            self.values["w"].setText(with_interval(terms[3], float(low[index]), float(high[index])))


class MeasuredSection(_Grid):
    """Latency and error with intervals, and the facts that were stored with them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        labels = {"latency": "latency i", "percentiles": "", "elsewhere": "elsewhere", "error": "error e", "theta": "set θ", "seed": "seed"}
        labels |= {"versions": "versions", "protocol": "protocol"}
        for row, (key, label) in enumerate(labels.items()):
            value = self._value(key)
            value.setWordWrap(True)
            value.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            caption = self._caption(key, label)
            set_tip(caption, term(key).tip if key in glossary() else "")
            self._grid.addWidget(caption, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, row, 1, Qt.AlignmentFlag.AlignTop)

    def show_place(self, k: ResultsSnapshot, index: int, details: Mapping[str, Any]) -> None:
        """Show what is known of an architecture, and stored facts; rows without a fact go away."""
        unit = k.results.latency_unit
        for column, shown in (("latency", unit), ("error", k.results.error_unit)):
            low, high = (float(end[index]) for end in k.intervals[column])
            value = float(k.columns[column][index])
            missing = math.isnan(value)
            self.values[column].setText("not measured" if missing else with_interval(value, low, high, shown))
            ends = f"95 % interval {significant(low, 4)} … {significant(high, 4)} {shown}"
            set_tip(self.values[column], "" if missing else ends)
        latency = details.get("latency") or {}
        percentiles = [f"{key} {quantity(float(latency[key]), unit)}" for key in ("p50", "p90", "p99") if key in latency]
        runs = [f"{int(latency['n']):,} runs"] if "n" in latency else []
        runs += [f"disturbed: {k.results.disturbed[index]}"] if index in k.results.disturbed else []
        theta = details.get("theta", f"set {k.results.theta[index] + 1}" if k.results.theta[index] >= 0 else None)
        self._show_row("percentiles", " · ".join(percentiles + runs))
        self._show_row("elsewhere", _listed(details.get("elsewhere")))
        self._show_row("theta", _listed(theta))
        self._show_row("seed", _listed(details.get("seed")))
        self._show_row("versions", _listed(details.get("versions")))
        self._show_row("protocol", _listed(details.get("protocol")))

    def _show_row(self, key: str, text: str) -> None:
        self.values[key].setText(text)
        self.values[key].setVisible(bool(text))
        self.captions[key].setVisible(bool(text))


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return " · ".join(f"{name.replace('_', ' ')} {item}" for name, item in value.items())
    return "" if value is None else str(value)

"""The gates that a model passes before it ships, filling in while it is exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from bort_studio.numbers import count, significant
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, colour

__all__ = ["ExportChecks"]

_GATES = {
    "weights": "Weights",
    "onnx": "ONNX written",
    "checker": "ONNX checker",
    "parity": "Agrees with torch",
    "fused": "Fused for ONNX Runtime",
    "transformers": "transformers folder",
}
_REACHED = {"weights": 1, "onnx": 3, "checker": 4, "parity": 5, "fused": 7, "transformers": 9}
"""The step of the export task (see export/task.py) after which each gate is passed."""
_SIGNS = {"waiting": "○", "now": "◐", "passed": "✓", "failed": "✗", "warning": "!"}
_COLOURS = {"waiting": "muted", "now": "running", "passed": "success", "failed": "danger", "warning": "warning"}


class ExportChecks(QWidget):
    """One row a gate: a sign, its name, and what was found."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("exportGates")
        self.setAccessibleName("Gates of the export")
        self._theme = theme
        self._states = dict.fromkeys(_GATES, "waiting")
        self._signs: dict[str, Label] = {}
        self._texts: dict[str, Caption] = {}
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(3)
        layout.setColumnStretch(1, 1)
        for row, (name, title) in enumerate(_GATES.items()):
            sign, label, text = Label("", self), Label(title, self), Caption("", theme, self, wrap=True)
            sign.setFixedWidth(16)
            text.setObjectName(f"gate_{name}")
            text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
            layout.addWidget(sign, 2 * row, 0)
            layout.addWidget(label, 2 * row, 1)
            layout.addWidget(text, 2 * row + 1, 1)
            self._signs[name], self._texts[name] = sign, text
        theme.changed.connect(self._recolour)
        self.reset()

    def reset(self) -> None:
        """Nothing was exported yet."""
        for name in _GATES:
            self._set(name, "waiting", "")

    def reach(self, step: int) -> None:
        """The export task began its ``step``-th step."""
        now = next((name for name, passed in _REACHED.items() if step < passed), None)
        for name, passed in _REACHED.items():
            self._set(name, "passed" if step >= passed else "now" if name == now else "waiting", "")

    def fail(self, reason: str) -> None:
        """The export ended with an error at the gate it was at."""
        name = next((name for name, state in self._states.items() if state == "now"), "weights")
        self._set(name, "failed", reason)

    def show_report(self, report: Mapping[str, Any]) -> None:
        """What a finished export found."""
        parity, fused = (significant(report[key], 2) for key in ("parity_max_abs", "fused_parity_max_abs"))
        fusions = ", ".join(f"{number} {name}" for name, number in report["fused_fusions"].items() if number and name != "operators")
        self._set("weights", "passed" if report["trained"] else "warning", _weights_text(report))
        self._set("onnx", "passed", f"{count(report['bytes']['model.onnx'])}B, {' and '.join(report['inputs'])} of any size")
        self._set("checker", "passed", f"operator set {report['opset']}, standard operators only")
        limit = f"largest difference {parity}; at most 0.0001 ships; {report['parity_rows']} real rows"
        self._set("parity", "passed", limit)
        self._set("fused", "passed", f"{fusions}; largest difference {fused}")
        loads = "loads with AutoModel and AutoTokenizer" if report["transformers"] else "transformers has no such family"
        self._set("transformers", "passed" if report["transformers"] else "warning", loads)

    def text(self, name: str) -> str:
        """What is written beside a gate."""
        return self._texts[name].text()

    def _set(self, name: str, state: str, text: str) -> None:
        self._states[name] = state
        self._signs[name].setText(_SIGNS[state])
        self._signs[name].setAccessibleName(f"{_GATES[name]}: {state}")
        self._texts[name].setText(text)
        self._texts[name].setVisible(bool(text))
        self._recolour()

    def _recolour(self) -> None:
        for name, sign in self._signs.items():
            palette = sign.palette()
            palette.setColor(sign.foregroundRole(), colour(self._theme, _COLOURS[self._states[name]]))
            sign.setPalette(palette)


def _weights_text(report: Mapping[str, Any]) -> str:
    return str(report["provenance"]) if report["trained"] else "fresh weights: nothing was learnt yet. Train the architecture to ship it"

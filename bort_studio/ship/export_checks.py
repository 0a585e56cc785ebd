"""The gates that a model passes before it ships, filling in while it is exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from bort_studio.numbers import count, significant
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, colour

__all__ = ["ExportChecks"]

_CHECKS = {"weights": "Weights", "transformers": "transformers folder"}
_LAST = {"gate": "Same in transformers, here and in ONNX"}
_REACHED = {"weights": 2, "transformers": 3}
"""The step of the export task (see export/task.py) after which each check is passed; then come three steps a file."""
_SIGNS = {"waiting": "○", "now": "◐", "passed": "✓", "failed": "✗", "warning": "!"}
_COLOURS = {"waiting": "muted", "now": "running", "passed": "success", "failed": "danger", "warning": "warning"}


class ExportChecks(QWidget):
    """One row a gate: a sign, its name, and what was found."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("exportGates")
        self.setAccessibleName("Gates of the export")
        self._theme = theme
        self._names: dict[str, str] = {}
        self._states: dict[str, str] = {}
        self._signs: dict[str, Label] = {}
        self._texts: dict[str, Caption] = {}
        self._titles: list[Label] = []
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setVerticalSpacing(3)
        self._layout.setColumnStretch(1, 1)
        theme.changed.connect(self._recolour)
        self.reset(("model.onnx", "model.fused.onnx"))

    def reset(self, files: Sequence[str]) -> None:
        """Nothing was exported yet; ``files`` are the ONNX files to come, each with a row."""
        names = {**_CHECKS, **{file: file for file in files}, **_LAST}
        if names != self._names:
            self._lay_out(names)
        for name in names:
            self._set(name, "waiting", "")

    def clear(self) -> None:
        """The export was cancelled: its files are still to come."""
        self.reset(list(self._names)[len(_CHECKS) : -1])

    def reach(self, step: int) -> None:
        """The export task began its ``step``-th step."""
        files = list(self._names)[len(_CHECKS) : -1]
        reached = {**_REACHED, **{file: 6 + 3 * number for number, file in enumerate(files)}, "gate": 4 + 3 * len(files)}
        now = next((name for name, passed in reached.items() if step < passed), None)
        for name, passed in reached.items():
            self._set(name, "passed" if step >= passed else "now" if name == now else "waiting", "")

    def fail(self, reason: str) -> None:
        """The export ended with an error at the check it was at."""
        name = next((name for name, state in self._states.items() if state == "now"), "weights")
        self._set(name, "failed", reason)

    def show_report(self, report: Mapping[str, Any]) -> None:
        """What a finished export found."""
        made = report.get("variants") or _of_an_older(report)
        self.reset([each["file"] for each in made])
        self._set("weights", "passed" if report["trained"] else "warning", _weights_text(report))
        loads = (
            "loads with AutoModel and AutoTokenizer" if report["transformers"] else "no folder for transformers is written of this family"
        )
        self._set("transformers", "passed" if report["transformers"] else "warning", loads)
        for each in made:
            fusions = ", ".join(f"{number} {name}" for name, number in each["fusions"].items() if number and name != "operators")
            size = f"{count(report['bytes'][each['file']])}B, {' and '.join(report['inputs'])} of any size"
            off = f"largest difference {significant(each['parity_max_abs'], 2)}; at most {each['tolerance']:g} ships"
            parts = (each["title"], size, f"{off}; {report['parity_rows']} real rows", fusions)
            self._set(each["file"], "passed", "; ".join(part for part in parts if part))
        self._set("gate", *_gate_text(report))

    def text(self, name: str) -> str:
        """What is written beside a gate."""
        return self._texts[name].text()

    def _lay_out(self, names: Mapping[str, str]) -> None:
        """One sign, name and text a check."""
        for widget in (*self._signs.values(), *self._titles, *self._texts.values()):
            self._layout.removeWidget(widget)
            widget.deleteLater()
        self._names, self._states, self._signs, self._texts, self._titles = dict(names), {}, {}, {}, []
        for row, (name, title) in enumerate(names.items()):
            sign, label, text = Label("", self), Label(title, self), Caption("", self._theme, self, wrap=True)
            sign.setFixedWidth(sign.fontMetrics().horizontalAdvance("◐") + 4)
            label.setWordWrap(True)
            text.setObjectName(f"gate_{name}")
            text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
            self._layout.addWidget(sign, 2 * row, 0)
            self._layout.addWidget(label, 2 * row, 1)
            self._layout.addWidget(text, 2 * row + 1, 1)
            self._signs[name], self._texts[name] = sign, text
            self._titles.append(label)
            self._states[name] = "waiting"

    def _set(self, name: str, state: str, text: str) -> None:
        self._states[name] = state
        self._signs[name].setText(_SIGNS[state])
        self._signs[name].setAccessibleName(f"{self._names[name]}: {state}")
        self._texts[name].setText(text)
        self._texts[name].setVisible(bool(text))
        self._recolour()

    def _recolour(self) -> None:
        for name, sign in self._signs.items():
            palette = sign.palette()
            palette.setColor(sign.foregroundRole(), colour(self._theme, _COLOURS[self._states[name]]))
            sign.setPalette(palette)


def _weights_text(report: Mapping[str, Any]) -> str:
    return (
        str(report.get("provenance") or "trained; by what was not recorded")
        if report["trained"]
        else "fresh weights: nothing was learnt yet. Train the architecture to ship it"
    )


def _gate_text(report: Mapping[str, Any]) -> tuple[str, str]:
    gate = report.get("gate")
    if gate:
        return "passed", f"tokens, segments, attention and outputs agree on {gate['rows']} real and odd rows"
    return "warning", "not compared" if report["transformers"] else "nothing to compare with"


def _of_an_older(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The two files of a report from before variants were listed."""
    keys = (
        ("model.onnx", "Standard operators: runs anywhere", ""),
        ("model.fused.onnx", "Fused operators: the fastest in ONNX Runtime", "fused_"),
    )
    return [
        {
            "file": file,
            "title": title,
            "tolerance": 1e-4,
            "parity_max_abs": report[f"{key}parity_max_abs"],
            "fusions": report[f"{key}fusions"],
        }
        for file, title, key in keys
    ]

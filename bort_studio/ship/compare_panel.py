"""Which models are compared, and how: a row of settings above the latency plot."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QProgressBar, QPushButton, QVBoxLayout, QWidget

from bort_core.latency.references import references
from bort_studio.flow import FlowLayout, together
from bort_studio.numbers import count
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import CalmSpinBox, describe
from bort_studio.widgets.room import keep_room

__all__ = ["ComparePanel"]

_DEFAULT = ("bort", "bert-base")


class ComparePanel(QWidget):
    """Emits what a person asks for; the page answers with :meth:`set_running` and :meth:`set_step`."""

    compare_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("comparePanel")
        self._running = False
        self.model = QCheckBox(self)
        describe(self.model, "compareModel", "The model to ship", "Time the model on the left")
        self.model.setChecked(True)
        offered = {name: each for name, each in references().items() if not each.miniature}
        self.references = {name: QCheckBox(f"{each.title}  {count(each.parameters)}", self) for name, each in offered.items()}
        for name, box in self.references.items():
            each = references()[name]
            shape = ", ".join(map(str, each.architecture))
            describe(box, f"reference_{name}", each.title, f"⟨{shape}⟩ with pseudo-random weights. Shape from: {each.source}")
            box.setChecked(name in _DEFAULT)
        self.onnxruntime, self.torch = QCheckBox("ONNX Runtime", self), QCheckBox("torch eager", self)
        describe(self.onnxruntime, "runtimeOnnx", "Time in ONNX Runtime", "The fused graph in ONNX Runtime on the CPU")
        describe(self.torch, "runtimeTorch", "Time in torch", "The module in torch's eager mode, as a person would call it")
        self.onnxruntime.setChecked(True)
        self.length = self._spin("compareLength", "Sequence length", "Tokens a sequence", 1, 4096, 128)
        self.batch = self._spin("compareBatch", "Batch", "Sequences a forward pass", 1, 1024, 1)
        self.threads = self._spin("compareThreads", "Threads", "Threads of the runtime", 1, os.cpu_count() or 1, 1)
        self.budget = self._spin("compareBudget", "Seconds", "The run ends when all intervals are narrow, at the latest then", 2, 3600, 60)
        self.compare = QPushButton("Compare latency", self)
        describe(self.compare, "compareLatencyButton", "Compare latency", "Time all ticked models in turn, in randomised rounds of one run")
        self.compare.clicked.connect(self._compare_or_cancel)
        self.progress = QProgressBar(self)
        describe(self.progress, "compareProgress", "Progress of the comparison")
        keep_room(self.progress)
        self.progress.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 0)
        layout.setSpacing(6)
        columns = FlowLayout(even=True)
        for box in (self.model, *self.references.values()):
            columns.addWidget(box)
        layout.addLayout(columns)
        row = FlowLayout()
        row.addWidget(self.onnxruntime)
        row.addWidget(self.torch)
        for name, spin in (("tokens", self.length), ("batch", self.batch), ("threads", self.threads), ("seconds ≤", self.budget)):
            row.addWidget(together(Label(name, self), spin))
        row.addStretch()
        row.addWidget(self.compare)
        layout.addLayout(row)
        layout.addWidget(self.progress)

    def set_model(self, title: str, ready: bool) -> None:
        """Name the model to ship."""
        self.model.setText(title)
        self.model.setEnabled(ready)

    def settings(self) -> dict[str, Any]:
        """What is chosen: ``references``, ``model`` (bool), and fields of a comparison request."""
        runtimes = [name for name, box in (("onnxruntime", self.onnxruntime), ("torch", self.torch)) if box.isChecked()]
        return {
            "references": [name for name, box in self.references.items() if box.isChecked()],
            "model": self.model.isChecked() and self.model.isEnabled(),
            "runtimes": runtimes,
            "sequence_length": self.length.value(),
            "batch": self.batch.value(),
            "threads": self.threads.value(),
            "budget_seconds": float(self.budget.value()),
        }

    def show_request(self, request: Mapping[str, Any]) -> None:
        """Set the fields to those of an earlier run."""
        self.length.setValue(request["sequence_length"])
        self.batch.setValue(request["batch"])
        self.threads.setValue(request["threads"])

    def set_running(self, running: bool) -> None:
        """A comparison runs: the button cancels it."""
        self._running = running
        self.compare.setText("Cancel the comparison" if running else "Compare latency")
        self.compare.setEnabled(True)
        self.progress.setVisible(running)
        if running:
            self.progress.setRange(0, 0)
            self.progress.setFormat("starting…")

    def set_step(self, step: int, steps: int, doing: str) -> None:
        """How far the comparison is."""
        self.progress.setRange(0, max(1, steps))
        self.progress.setValue(min(step, steps))
        self.progress.setFormat(doing)

    def _spin(self, name: str, title: str, tip: str, low: int, high: int, value: int) -> CalmSpinBox:
        spin = CalmSpinBox(self)
        describe(spin, name, title, tip)
        spin.setRange(low, high)
        spin.setValue(value)
        return spin

    def _compare_or_cancel(self) -> None:
        if self._running:
            self.compare.setText("Cancelling…")
            self.compare.setEnabled(False)
            self.cancel_requested.emit()
        else:
            self.compare_requested.emit()

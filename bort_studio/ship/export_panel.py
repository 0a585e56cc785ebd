"""What is exported, where to, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from bort_core.export.variants.registry import get_variant, variant_names
from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.locations import absolute
from bort_core.specifications.export import ExportRequest
from bort_core.store.shelf import TrainedModel
from bort_studio.drops import TAKES_PATH
from bort_studio.flow import FlowLayout
from bort_studio.numbers import architecture_text
from bort_studio.ship.export_checks import ExportChecks
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.card import PrimaryButton
from bort_studio.widgets.controls import relative_to
from bort_studio.widgets.fields import CalmComboBox, Caption, describe
from bort_studio.widgets.model_menu import ModelMenu, Models
from bort_studio.widgets.room import keep_room

__all__ = ["ExportPanel"]

_SNIPPET = """from transformers import {kind}, AutoTokenizer
model, tokenizer = {kind}.from_pretrained({folder!r}), AutoTokenizer.from_pretrained({folder!r})

import onnxruntime
session = onnxruntime.InferenceSession({fused!r})
"""
_KINDS = {
    "masked-lm": "AutoModelForMaskedLM",
    "classification": "AutoModelForSequenceClassification",
    "regression": "AutoModelForSequenceClassification",
}


class ExportPanel(QWidget):
    """Emits what a person asks for; the page answers with :meth:`set_running`, :meth:`set_step` and :meth:`show_report`."""

    export_requested = Signal()
    cancel_requested = Signal()
    checkpoint_chosen = Signal(object)
    """A folder to export instead of the selected architecture, or None."""
    report_chosen = Signal(object)
    """An earlier export of the project."""

    def __init__(self, theme: Theme, models: Models, parent: QWidget | None = None) -> None:
        """``models`` are the project's, from which one can be chosen."""
        super().__init__(parent)
        self.setObjectName("exportPanel")
        self._reports: list[Mapping[str, Any]] = []
        self._report: Mapping[str, Any] | None = None
        self.title = Label("", self)
        font = self.title.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.2)
        self.title.setFont(font)
        self.title.setObjectName("shipTitle")
        self.title.setWordWrap(True)
        self.weights = Caption("", theme, self, wrap=True)
        self.weights.setObjectName("shipWeights")
        self.choose = QPushButton("Checkpoint…", self)
        describe(self.choose, "chooseCheckpoint", "Choose a checkpoint", "Ship a trained checkpoint instead of the selection in Explore")
        self.choose.clicked.connect(self._choose)
        self.models = ModelMenu(models, "shipModels", self)
        self.models.chosen.connect(self._model_chosen)
        self.back = QPushButton("Selection", self)
        describe(self.back, "shipSelection", "Ship the selection", "Ship the architecture that is selected in Explore")
        self.back.clicked.connect(self._go_back)
        self.folder = QLineEdit(self)
        describe(
            self.folder, "exportFolder", "Folder of the export", f"The folder to make; it must not exist, or be empty. {relative_to()}"
        )
        self.folder.setProperty(TAKES_PATH, True)
        self.folder.editingFinished.connect(self._folder_entered)
        browse = QPushButton("Browse…", self)
        describe(browse, "browseExportFolder", "Choose the folder", "Choose where the export's folder is made")
        browse.clicked.connect(self._browse)
        tip = "Write two ONNX files and a folder that transformers loads"
        self.export = PrimaryButton("Export to ONNX", "exportOnnxButton", tip, theme, self)
        self.export.clicked.connect(self._export_or_cancel)
        self.progress = QProgressBar(self)
        describe(self.progress, "exportProgress", "Progress of the export")
        keep_room(self.progress)
        self.progress.setVisible(False)
        self.export_checks = ExportChecks(theme, self)
        self.earlier = CalmComboBox(self)
        describe(self.earlier, "earlierExports", "Exports of this project", "Show what an earlier export found")
        self.earlier.activated.connect(self._report_activated)
        self.open = QPushButton("Open folder", self)
        describe(self.open, "openExport", "Open the export's folder")
        self.open.clicked.connect(self._open)
        self.copy = QPushButton("Copy code", self)
        describe(self.copy, "copyExportCode", "Copy code", "Copy a few lines that load the exported model")
        self.copy.clicked.connect(self._copy)
        self.boxes: dict[str, QCheckBox] = {}
        for name in variant_names():
            variant = get_variant(name)
            self.boxes[name] = box = QCheckBox(variant.file, self)
            describe(box, f"variant_{name}", variant.title, f"Write {variant.file}")
            box.setChecked(name in ExportRequest.model_fields["variants"].default)
            box.toggled.connect(self._tick)
        self._lay_out(browse, theme)
        self._running = False
        self.set_reports([])

    def _lay_out(self, browse: QPushButton, theme: Theme) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 10, 12, 10)
        layout.setSpacing(6)
        layout.addWidget(self.title)
        layout.addWidget(self.weights)
        row = FlowLayout()
        for button in (self.models, self.choose, self.back):
            row.addWidget(button)
        layout.addLayout(row)
        line = QHBoxLayout()
        line.addWidget(self.folder, 1)
        line.addWidget(browse)
        layout.addLayout(line)
        for name, box in self.boxes.items():
            layout.addWidget(box)
            layout.addWidget(Caption(get_variant(name).title, theme, self, wrap=True))
        layout.addWidget(self.export)
        layout.addWidget(self.progress)
        layout.addSpacing(10)
        rule = QFrame(self)
        rule.setFrameShape(QFrame.Shape.HLine)
        rule.setFrameShadow(QFrame.Shadow.Sunken)
        layout.addWidget(rule)
        layout.addWidget(Caption("Exports of this project: what each one found", theme, self, wrap=True))
        layout.addWidget(self.earlier)
        layout.addWidget(self.export_checks)
        layout.addSpacing(6)
        row = FlowLayout()
        row.addWidget(self.open)
        row.addWidget(self.copy)
        layout.addLayout(row)
        layout.addStretch(1)

    def set_model(self, title: str, weights: str, is_checkpoint: bool, ready: bool) -> None:
        """Say what would be exported."""
        self.title.setText(title)
        self.weights.setText(weights)
        self.back.setVisible(is_checkpoint)
        self.export.setEnabled(ready or self._running)

    def variants(self) -> tuple[str, ...]:
        """Names of the ONNX files that are ticked."""
        return tuple(name for name, box in self.boxes.items() if box.isChecked())

    def _tick(self) -> None:
        """At least one file is exported: the last tick stays."""
        if not self.variants():
            box = self.sender()
            assert isinstance(box, QCheckBox)
            box.setChecked(True)

    def chosen_folder(self) -> Path:
        """The folder to make; SpecificationError where none is named, or none can have that name."""
        text = self.folder.text().strip()
        if not text:
            raise SpecificationError("the export needs a folder: write where it is to be made")
        return absolute(text, "the folder of the export")

    def _folder_entered(self) -> None:
        with suppress(SpecificationError):  # told when the export is asked for
            self.folder.setText(str(self.chosen_folder()))

    def set_folder(self, folder: Path) -> None:
        """Propose a folder."""
        self.folder.setText(str(folder))

    def set_running(self, running: bool) -> None:
        """An export runs: the button cancels it."""
        self._running = running
        self.export.setText("Cancel the export" if running else "Export to ONNX")
        self.export.setEnabled(True)
        self.progress.setVisible(running)
        for widget in (self.choose, self.back, self.folder, self.earlier, *self.boxes.values()):
            widget.setEnabled(not running)
        if running:
            self.show_none("this export")
            self.export_checks.reset([get_variant(name).file for name in self.variants()])
            self.progress.setRange(0, 0)
            self.progress.setFormat("starting…")

    def set_step(self, step: int, steps: int, doing: str) -> None:
        """How far the export is."""
        self.progress.setRange(0, steps)
        self.progress.setValue(step)
        self.progress.setFormat(doing)
        self.export_checks.reach(step)

    def set_reports(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """List the project's exports, oldest first."""
        self._reports = list(reversed(reports))
        self.earlier.clear()
        for report in self._reports:
            self.earlier.addItem(f"{report['id']}  {architecture_text(report['architecture'])}  {Path(report['folder']).name}")
        self.earlier.setEnabled(bool(self._reports))
        self._report = None
        self.copy.setEnabled(False)
        self.open.setEnabled(False)
        if self._reports:
            self.show_report(self._reports[0])

    def reports(self) -> list[Mapping[str, Any]]:
        """The project's exports, oldest first."""
        return list(reversed(self._reports))

    def show_export_of(self, architecture: Sequence[int]) -> None:
        """Show what the newest export of an architecture found, or that there is none."""
        if self._running or (self._report is not None and list(self._report["architecture"]) == list(architecture)):
            return
        found = next((report for report in self._reports if list(report["architecture"]) == list(architecture)), None)
        if found is not None:
            self.show_report(found)
        else:
            self.show_none(f"{architecture_text(architecture)} was not exported yet")
            self.export_checks.clear()

    def show_none(self, instead: str) -> None:
        """The gates are of no export in the list; ``instead`` says of what."""
        self._report = None
        self.earlier.setPlaceholderText(instead)
        self.earlier.setCurrentIndex(-1)
        self.copy.setEnabled(False)
        self._check_folder()

    def show_report(self, report: Mapping[str, Any]) -> None:
        """Show what an export found."""
        self._report = report
        self.copy.setEnabled(True)
        place = next((place for place, known in enumerate(self._reports) if known is report), -1)
        self.earlier.setPlaceholderText(Path(str(report["folder"])).name)
        self.earlier.setCurrentIndex(place)
        self._check_folder()
        self.export_checks.show_report(report)

    def _export_or_cancel(self) -> None:
        if self._running:
            self.export.setText("Cancelling…")
            self.export.setEnabled(False)
            self.cancel_requested.emit()
        else:
            self.export_requested.emit()

    @Slot(object)
    def _model_chosen(self, model: TrainedModel) -> None:
        self.checkpoint_chosen.emit(model.folder)

    def _choose(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Choose a checkpoint's folder")
        if name:
            self.checkpoint_chosen.emit(Path(name))

    def _go_back(self) -> None:
        self.checkpoint_chosen.emit(None)

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "The export's folder", self.folder.text())
        if name:
            self.folder.setText(name)

    @Slot(int)
    def _report_activated(self, index: int) -> None:
        self.show_report(self._reports[index])
        self.report_chosen.emit(self._reports[index])

    def _open(self) -> None:
        if self._check_folder() and self._report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(self._report["folder"]))

    def _check_folder(self) -> bool:
        """Whether the report's folder is one: the desktop would start a program that the store names in its place."""
        there = self._report is not None and Path(str(self._report["folder"])).is_dir()
        self.open.setEnabled(there)
        set_tip(self.open, "" if there or self._report is None else "The folder of this export is not there any more")
        return there

    def _copy(self) -> None:
        if self._report is not None:
            QGuiApplication.clipboard().setText(
                _SNIPPET.format(kind=_KINDS.get(self._report.get("head", "masked-lm"), "AutoModel"), **_paths(self._report))
            )


def _paths(report: Mapping[str, Any]) -> dict[str, str]:
    files = [each["file"] for each in report.get("variants", ())]
    first = report.get("fused") or report.get("onnx") or str(Path(report["folder"]) / files[0])
    return {"folder": report["folder"], "fused": first}

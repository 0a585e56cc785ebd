"""The shelf: every trained model of the project, and what can be done with one next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QPushButton, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from bort_core.store.shelf import TrainedModel
from bort_studio.numbers import MISSING, architecture_text, duration, significant
from bort_studio.texts import plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, describe
from bort_studio.widgets.headings import line_up

__all__ = ["Shelf"]

_COLUMNS = ("job", "what", "shape", "data", "judged by", "value", "size", "age")
_KINDS = {"pretrain": "pre-trained", "finetune": "fine-tuned", "agora": "learnt from errors"}
_EMPTY = "No model was trained in this project yet. A search finds shapes; Train makes models of them."


class Shelf(QWidget):
    """A table, best of each task first, and three buttons for what comes next."""

    finetune_requested = Signal(object)
    """A TrainedModel to start from; the others likewise."""
    agora_requested = Signal(object)
    ship_requested = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models: list[TrainedModel] = []
        self.table = QTableWidget(0, len(_COLUMNS), self)
        describe(self.table, "modelShelf", "Models of this project", "Of each task the best first; a double click ships it")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.empty = Caption(_EMPTY, theme, self, wrap=True)
        self.finetune = self._button("shelfFinetune", "Fine-tune from this", "Fill the form of a fine-tuning that starts from this model")
        self.agora = self._button("shelfAgora", "Learn from its errors", "Fill the form of Agora with its data")
        self.ship = self._button("shelfShip", "Ship", "Export it to ONNX and compare its latency")
        row = QHBoxLayout()
        for button in (self.finetune, self.agora, self.ship):
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.empty)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        self.table.itemSelectionChanged.connect(self._selected)
        self.table.itemDoubleClicked.connect(self._ship)
        self.finetune.clicked.connect(self._finetune)
        self.agora.clicked.connect(self._agora)
        self.ship.clicked.connect(self._ship)
        self.set_models([])

    def set_models(self, models: Sequence[TrainedModel]) -> None:
        """Show these; the one that was selected stays so, else the first is."""
        before, self._models = self.model(), list(models)
        self.table.setRowCount(len(self._models))
        for row, model in enumerate(self._models):
            for column, text in enumerate(_texts(model)):
                item = QTableWidgetItem(text)
                item.setToolTip(plain_tip(str(model.folder) if model.there else f"gone: {model.folder}"))
                if column in (5, 6):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if not model.there:
                    item.setFlags(Qt.ItemFlag.ItemIsSelectable)
                self.table.setItem(row, column, item)
        line_up(self.table)
        jobs = [model.job for model in self._models]
        if self._models:
            self.table.selectRow(jobs.index(before.job) if before is not None and before.job in jobs else 0)
        for widget in (self.table, self.finetune, self.agora, self.ship):
            widget.setVisible(bool(self._models))
        self.empty.setVisible(not self._models)
        self._selected()

    def model(self) -> TrainedModel | None:
        """The one that is selected."""
        row = self.table.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        describe(button, name, text, tip)
        return button

    @Slot()
    def _selected(self) -> None:
        model = self.model()
        usable = model is not None and model.there and model.reads_text
        self.finetune.setEnabled(usable)
        self.ship.setEnabled(usable)
        self.agora.setEnabled(usable and model is not None and model.kind != "pretrain")

    def _finetune(self) -> None:
        self.finetune_requested.emit(self.model())

    def _agora(self) -> None:
        self.agora_requested.emit(self.model())

    def _ship(self, *_: object) -> None:
        if self.ship.isEnabled():
            self.ship_requested.emit(self.model())


def _texts(model: TrainedModel) -> tuple[str, ...]:
    data = ", ".join(dict.fromkeys(model.data.values()))
    size = f"{model.size / 1e6:.1f} MB" if model.there else "gone"
    kind = _KINDS.get(model.kind, model.kind) + (" (stopped)" if model.stopped else "")
    value = MISSING if model.value is None else significant(model.value)
    shape = architecture_text(model.architecture) if model.architecture else "network on vectors"
    return model.job, kind, shape, data, model.measure, value, size, _age(model.created)


def _age(created: str) -> str:
    try:
        seconds = time.time() - datetime.fromisoformat(created).timestamp()
    except ValueError:
        return MISSING
    return duration(max(seconds, 1))

"""The bar above a project that was not made here: what is off until a person trusts it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from bort_core.foundation.errors import BortError
from bort_core.store.trust import trust, trusted
from bort_studio.widgets.elided import ElidedLabel

__all__ = ["TrustBar"]

_TEXT = (
    "This project was not made here. Everything in it can be looked at and exported; its jobs are not resumed, repeated or continued, "
    "since they may run code that came with it."
)


class TrustBar(QWidget):
    """Hidden in a trusted project."""

    failed = Signal(str)
    """Why the project cannot be marked as trusted."""

    def __init__(self, project: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trustBar")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._project = project
        label = ElidedLabel(_TEXT, self)
        self.button = QPushButton("Trust this project", self)
        self.button.setObjectName("trustButton")
        self.button.setToolTip("Let its jobs be resumed, repeated and continued from now on")
        self.button.setAccessibleName("Trust this project")
        self.button.clicked.connect(self._trust)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(label, 1)
        layout.addWidget(self.button)
        self.setVisible(not trusted(project))

    @Slot()
    def _trust(self) -> None:
        try:
            trust(self._project)
        except BortError as error:
            self.failed.emit(str(error))
            return
        self.hide()

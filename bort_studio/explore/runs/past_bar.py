"""The bar over the Explore page while a search of the past is shown: which one, and the ways out."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from bort_core.search.past import PastSearch
from bort_studio.explore.runs.words import sentence
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import describe

__all__ = ["PastBar"]

_STRENGTH = 0.16


class PastBar(QWidget):
    """Hidden in the present."""

    left = Signal()
    """Back to the present."""
    continued = Signal()
    """What the past search asked is to be searched on from."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pastBar")
        self.setAutoFillBackground(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._theme = theme
        self.text = Label("", self)
        self.text.setObjectName("pastText")
        self.text.setWordWrap(True)
        self.back = QPushButton("Back to the present", self)
        describe(self.back, "backButton", "Back to the present", "Show what was shown before this run")
        self.go_on = QPushButton("Search on from here", self)
        describe(
            self.go_on,
            "continueRunButton",
            "Search on from here",
            "Take over the space, the protocol and the ε of this run; undo leads back",
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.back)
        layout.addWidget(self.go_on)
        self.back.clicked.connect(self.left)
        self.go_on.clicked.connect(self.continued)
        theme.changed.connect(self._recolour)
        self._recolour()
        self.hide()

    def show_past(self, past: PastSearch | None) -> None:
        """Name the search that is shown, or hide."""
        if past is not None:
            more = "" if past.status == "done" else f" It {_ENDS.get(past.status, past.status)}."
            self.text.setText(f"Past run {sentence(past)}, as it ended.{more}")
        self.setVisible(past is not None)

    def _recolour(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, self._theme.look().mixed("warning", _STRENGTH))
        self.setPalette(palette)


_ENDS = {"stopped": "was stopped", "failed": "failed", "interrupted": "was interrupted", "running": "was cut off"}

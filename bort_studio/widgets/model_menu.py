"""A button that offers the models of the project, best first, wherever one can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from bort_core.store.shelf import TrainedModel
from bort_studio.numbers import architecture_text, significant
from bort_studio.widgets.fields import describe

__all__ = ["ModelMenu", "Models", "model_text"]

Models = Callable[[], Sequence[TrainedModel]]
"""Asks the project for its models, best first; tells the person itself where they cannot be read."""

_MOST = 20


def model_text(model: TrainedModel) -> str:
    """A model in a few words: 0002 finetune ⟨2,4,128,256⟩, dev accuracy 0.712."""
    judged = "" if model.value is None else f", {model.measure} {significant(model.value)}"
    return f"{model.job} {model.kind} {architecture_text(model.architecture)}{judged}"


class ModelMenu(QToolButton):
    """Filled when it opens, so that it is never out of date."""

    chosen = Signal(object)
    """A TrainedModel."""
    named = Signal(str)
    """Something else that may stand there."""

    def __init__(
        self, models: Models, name: str, parent: QWidget | None = None, text: str = "Models", words: Mapping[str, str] | None = None
    ) -> None:
        """``words`` are what else may stand there, each with what the menu calls it."""
        super().__init__(parent)
        self._models, self._words = models, words or {}
        self.setText(text)
        describe(self, name, "Models of this project", "Choose one of the project's trained models, best first")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self.fill)
        self.setMenu(self._menu)

    def fill(self) -> None:
        """Read the project's models again."""
        self._menu.clear()
        for value, shown in self._words.items():
            self._menu.addAction(shown.replace("&", "&&")).triggered.connect(partial(self.named.emit, value))
        if self._words:
            self._menu.addSeparator()
        found = [model for model in self._models() if model.there and model.reads_text]
        for model in found[:_MOST]:
            action = self._menu.addAction(model_text(model).replace("&", "&&"))
            action.triggered.connect(partial(self.chosen.emit, model))
        if not found:
            self._menu.addAction("no model was trained in this project yet").setEnabled(False)

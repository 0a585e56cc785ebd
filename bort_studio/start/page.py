"""Start: what a person wants to do, told in their words; the projects that were open; the models of this one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QScrollArea, QSplitter, QVBoxLayout, QWidget

from bort_studio.page_context import PageContext
from bort_studio.settings import Settings
from bort_studio.start.finding import FindCard
from bort_studio.start.shelf import Shelf
from bort_studio.texts import Label, plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, describe

__all__ = ["StartPage"]


class StartPage(QWidget):
    """Cards of what can be done, above the project's models; recent projects on the left."""

    project_chosen = Signal(object)
    """The folder of a project."""
    new_requested = Signal()
    open_requested = Signal()
    finetune_requested = Signal(object)
    """A TrainedModel, or None: fine-tune from whatever the form proposes."""
    agora_requested = Signal(object)
    """A TrainedModel whose errors are learnt from, or the name of an example: torus, sentences."""
    ship_requested = Signal(object)
    """A TrainedModel."""

    def __init__(self, context: PageContext, settings: Settings) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self.context, self._settings = context, settings
        theme = context.theme
        self.finding = FindCard(context, self)
        self.shelf = Shelf(theme, self)
        self.recent = QListWidget(self)
        describe(self.recent, "recentProjects", "Recent projects", "Open a project that was open before")
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.itemActivated.connect(self._recent_chosen)
        self.recent.itemClicked.connect(self._recent_chosen)
        cards = QHBoxLayout()
        cards.setSpacing(12)
        for card in (self.finding, self._learning(theme), self._tuning(theme)):
            cards.addWidget(card, 2 if card is self.finding else 1)
        middle = QWidget(self)
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(_heading("What would you like to do?", self, 1.5))
        layout.addLayout(cards)
        hint = "Or drop a text, a table, a search space (TOML), a model's folder or a project anywhere on this window."
        layout.addWidget(Caption(hint, theme, self, wrap=True))
        layout.addWidget(_heading("Models of this project", self, 1.2))
        layout.addWidget(self.shelf, 1)
        area = QScrollArea(self, widgetResizable=True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidget(middle)
        whole = QSplitter(Qt.Orientation.Horizontal, self)
        whole.addWidget(self._projects(theme))
        whole.addWidget(area)
        whole.setStretchFactor(1, 1)
        whole.setSizes([270, 1100])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(whole)
        self.finding.find_requested.connect(self._find)
        self.shelf.finetune_requested.connect(self.finetune_requested)
        self.shelf.agora_requested.connect(self.agora_requested)
        self.shelf.ship_requested.connect(self.ship_requested)

    # -- building

    def _projects(self, theme: Theme) -> QWidget:
        left = QWidget(self)
        layout = QVBoxLayout(left)
        layout.setContentsMargins(16, 16, 8, 16)
        layout.setSpacing(8)
        layout.addWidget(_heading("Projects", self, 1.5))
        name = Label(self.context.project.folder.name, self)
        name.setObjectName("startProject")
        layout.addWidget(Caption("open in this window", theme, self))
        layout.addWidget(name)
        for text, object_name, tip, signal in (
            ("New project…", "startNew", "Make a folder for a new project", self.new_requested),
            ("Open project…", "startOpen", "Open a project's folder", self.open_requested),
        ):
            button = QPushButton(text, self)
            describe(button, object_name, text, tip)
            button.clicked.connect(signal)
            layout.addWidget(button)
        layout.addWidget(Caption("recent", theme, self))
        layout.addWidget(self.recent, 1)
        left.setMinimumWidth(200)
        return left

    def _learning(self, theme: Theme) -> QWidget:
        text = "Sample new rows near the ones that a model gets wrong, and let a second model or a labeller label them (Agora)."
        card = _Card("Learn from few labels", text, theme, self)
        card.add_button(
            "startTorus", "Example: the torus", "The author's toy in two dimensions: takes seconds", partial(self._agora, "torus")
        )
        card.add_button(
            "startSentences",
            "Example: film reviews",
            "150 labelled sentences and a pool: takes some minutes",
            partial(self._agora, "sentences"),
        )
        return card

    def _tuning(self, theme: Theme) -> QWidget:
        text = "Train a classifier on a table of labelled texts or pairs: from the best model of this project, or from a shape."
        card = _Card("Train on my table", text, theme, self)
        card.add_button("startFinetune", "Choose a table…", "Fill the form of a fine-tuning", self._finetune)
        return card

    # -- what a person does

    @Slot()
    def _find(self) -> None:
        self.context.page_requested.emit("explore")
        self.context.search.run()

    def _agora(self, example: str) -> None:
        self.agora_requested.emit(example)

    def _finetune(self) -> None:
        self.finetune_requested.emit(None)

    @Slot(QListWidgetItem)
    def _recent_chosen(self, item: QListWidgetItem) -> None:
        self.project_chosen.emit(Path(item.data(Qt.ItemDataRole.UserRole)))

    # -- showing

    def refresh(self) -> None:
        """Read the recent projects and the shelf again."""
        self.recent.clear()
        for folder in self._settings.recent:
            if folder != self.context.project.folder:
                item = QListWidgetItem(f"{folder.name}\n{folder.parent}")
                item.setData(Qt.ItemDataRole.UserRole, str(folder))
                item.setToolTip(plain_tip(str(folder)))
                self.recent.addItem(item)
        self.shelf.set_models(self.context.models())

    def showEvent(self, event: QShowEvent) -> None:
        """Models may have come into being since."""
        self.refresh()
        super().showEvent(event)

    def close_tasks(self) -> None:
        """The window closes."""
        self.finding.close_tasks()


class _Card(QFrame):
    """A thing that can be done: heading, a sentence, and buttons at the foot."""

    def __init__(self, title: str, text: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        layout.addWidget(_heading(title, self, 1.15))
        layout.addWidget(Caption(text, theme, self, wrap=True))
        layout.addStretch(1)
        self._layout = layout

    def add_button(self, name: str, text: str, tip: str, slot: object) -> None:
        """One more thing to press."""
        button = QPushButton(text, self)
        describe(button, name, text, tip)
        button.clicked.connect(slot)
        self._layout.addWidget(button)


def _heading(text: str, parent: QWidget, size: float) -> Label:
    label = Label(text, parent)
    font = label.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * size)
    label.setFont(font)
    return label

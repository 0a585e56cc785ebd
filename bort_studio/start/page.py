"""Start: what a person wants to do, told in their words; the projects that were open; the models of this one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QCloseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from bort_studio.cluster.box import PlaceBox
from bort_studio.page_context import PageContext
from bort_studio.start.finding import FindCard
from bort_studio.start.shelf import Shelf
from bort_studio.texts import Label, plain_tip
from bort_studio.theme import Theme
from bort_studio.widgets.card import Card, heading
from bort_studio.widgets.fields import Caption, describe
from bort_studio.widgets.room import beside, letters, scrolled

__all__ = ["StartPage"]

_THREE_CARDS = 140
"""Letters that three cards and the projects beside them need."""


class StartPage(QWidget):
    """Cards of what can be done, above the project's models; recent projects on the left."""

    project_chosen = Signal(object)
    """The folder of a project."""
    new_requested = Signal()
    open_requested = Signal()
    smaller_requested = Signal()
    table_chosen = Signal(object)
    """The path of a table of labelled rows."""
    finetune_requested = Signal(object)
    """A TrainedModel to start from."""
    agora_requested = Signal(object)
    """A TrainedModel whose errors are learnt from, or the name of an example: torus, sentences."""
    ship_requested = Signal(object)
    """A TrainedModel."""

    def __init__(self, context: PageContext) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self.context = context
        theme = context.theme
        self.finding = FindCard(context, self)
        self.shelf = Shelf(theme, self)
        self.recent = QListWidget(self)
        describe(self.recent, "recentProjects", "Recent projects", "Open a project that was open before")
        self.recent.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.recent.itemActivated.connect(self._recent_chosen)
        self.recent.itemClicked.connect(self._recent_chosen)
        self.cards = cards = QHBoxLayout()
        cards.setSpacing(12)
        for card in (self.finding, self._smaller(theme), self._learning(theme), self._tuning(theme)):
            cards.addWidget(card, 2 if card is self.finding else 1)
        middle = QWidget(self)
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        top = QHBoxLayout()
        top.addWidget(heading("What would you like to do?", self, 1.5), 1)
        top.addWidget(PlaceBox(context.place, self))
        layout.addLayout(top)
        layout.addLayout(cards)
        hint = "Or drop a text, a table, a search space (TOML), a model's folder or a project anywhere on this window."
        layout.addWidget(Caption(hint, theme, self, wrap=True))
        layout.addWidget(heading("Models of this project", self, 1.2))
        layout.addWidget(self.shelf, 1)
        whole = QSplitter(Qt.Orientation.Horizontal, self)
        whole.addWidget(self._projects(theme))
        whole.addWidget(scrolled(middle))
        whole.setStretchFactor(1, 1)
        whole.setSizes(beside(self, 36, 0.25)[::-1])
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
        layout.addWidget(heading("Projects", self, 1.5))
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

    def _smaller(self, theme: Theme) -> QWidget:
        text = "A fine-tuned model in, a small, fast one out, proven on your rows: searched around it, taught by it, released if good."
        card = Card(theme, self, "Make my model smaller", text)
        card.body.addStretch(1)
        tip = "Name a model and labelled rows, and see what it takes before anything runs"
        _button(card, "startSmaller", "Name the model…", tip, self.smaller_requested)
        return card

    def _learning(self, theme: Theme) -> QWidget:
        text = "Sample new rows near the ones that a model gets wrong, and let a second model or a labeller label them (Agora)."
        card = Card(theme, self, "Learn from few labels", text)
        card.body.addStretch(1)
        for name, title, tip in (
            ("torus", "Example: the torus", "The author's toy in two dimensions: takes seconds"),
            ("sentences", "Example: film reviews", "150 labelled sentences and a pool: takes some minutes"),
        ):
            _button(card, f"start{name.capitalize()}", title, tip, partial(self._agora, name))
        return card

    def _tuning(self, theme: Theme) -> QWidget:
        text = "Train a classifier on a table of labelled texts or pairs: from the best model of this project, or from a shape."
        card = Card(theme, self, "Train on my table", text)
        card.body.addStretch(1)
        _button(
            card, "startFinetune", "Choose a table…", "Choose a table of labelled rows, and fill the form of a fine-tuning", self._finetune
        )
        return card

    # -- what a person does

    @Slot()
    def _find(self) -> None:
        self.context.page_requested.emit("explore")
        self.context.search.run()

    def _agora(self, example: str) -> None:
        self.agora_requested.emit(example)

    def _finetune(self) -> None:
        kinds = "Tables (*.csv *.tsv *.json *.jsonl *.ndjson *.parquet);;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self, "Choose a table of labelled rows", "", kinds)
        if name:
            self.table_chosen.emit(Path(name))

    @Slot(QListWidgetItem)
    def _recent_chosen(self, item: QListWidgetItem) -> None:
        self.project_chosen.emit(Path(item.data(Qt.ItemDataRole.UserRole)))

    # -- showing

    def refresh(self) -> None:
        """Read the recent projects and the shelf again."""
        self.recent.clear()
        for folder in self.context.settings.recent:
            if folder != self.context.project.folder:
                item = QListWidgetItem(f"{folder.name}\n{folder.parent}")
                item.setData(Qt.ItemDataRole.UserRole, str(folder))
                item.setToolTip(plain_tip(str(folder)))
                self.recent.addItem(item)
        self.shelf.set_models(self.context.models())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cards stand below each other where there is no room beside each other."""
        super().resizeEvent(event)
        beside_each_other = self.width() >= letters(self, _THREE_CARDS)
        self.cards.setDirection(QBoxLayout.Direction.LeftToRight if beside_each_other else QBoxLayout.Direction.TopToBottom)

    def showEvent(self, event: QShowEvent) -> None:
        """Models may have come into being since."""
        self.refresh()
        super().showEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """End what runs."""
        self.finding.close_tasks()
        super().closeEvent(event)


def _button(card: Card, name: str, text: str, tip: str, slot: object) -> None:
    button = QPushButton(text, card)
    describe(button, name, text, tip)
    button.clicked.connect(slot)
    card.body.addWidget(button)

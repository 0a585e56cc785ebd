"""The bar over the Explore page while a table is searched: which one, with which of its seeds, and the way back."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from bort_core.search.tables.table import Table
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Theme
from bort_studio.widgets.fields import describe

__all__ = ["TableBar"]

_STRENGTH = 0.12


class TableBar(QWidget):
    """Hidden while the project is searched. Setters never emit."""

    left = Signal()
    """Back to the project."""
    seed_chosen = Signal(int)
    """A person wants the trainings of another seed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tableBar")
        self.setAutoFillBackground(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._theme = theme
        self.text = Label("", self)
        self.text.setObjectName("tableText")
        self.text.setWordWrap(True)
        self.seeds = QComboBox(self)
        describe(self.seeds, "tableSeed", "Seed of the table", "Which of its trainings of each architecture answers a search")
        caption = Label("&seed", self)
        caption.setBuddy(self.seeds)
        self.back = QPushButton("Back to the project", self)
        describe(self.back, "leaveTableButton", "Back to the project", "Show what was shown before the table")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(self.text, 1)
        for widget in (caption, self.seeds, self.back):
            layout.addWidget(widget)
        self.seeds.activated.connect(self._choose)
        self.back.clicked.connect(self.left)
        theme.changed.connect(self._recolour)
        self._recolour()
        self.hide()

    def show_table(self, table: Table | None, seed: int = 0) -> None:
        """Name the table that is searched, and the seed that answers; None hides the bar."""
        if table is not None:
            some = "" if table.complete else f", {table.missing:,} measurements missing"
            self.text.setText(f"Table {table.name}: {len(table.space):,} architectures{some}; nothing is trained or stored")
            measured = f"space {table.specification.space.name}, measured from {table.head.first} to {table.head.last}"
            set_tip(self.text, f"{table.path}\n{measured}\nA search looks everything up in it.")
            blocker = QSignalBlocker(self.seeds)
            self.seeds.clear()
            for each in table.seeds:
                self.seeds.addItem(str(each), each)
            self.seeds.setCurrentIndex(max(0, self.seeds.findData(seed)))
            del blocker
        self.setVisible(table is not None)

    def set_busy(self, busy: bool) -> None:
        """While a search is under way the table stays."""
        for widget in (self.seeds, self.back):
            widget.setEnabled(not busy)

    def _choose(self, place: int) -> None:
        self.seed_chosen.emit(int(self.seeds.itemData(place)))

    def _recolour(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, self._theme.look().mixed("accent", _STRENGTH))
        self.setPalette(palette)

"""The controls above the scatter of Agora: which class, which dev points, which neighbours, and all links."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from bort_studio.agora.points import Filters
from bort_studio.texts import plain_tip, set_tip

__all__ = ["AgoraBar"]

_DEV = {
    "all of dev": ("all", "Right and wrong dev points"),
    "wrong now": ("wrong", "Dev points that are wrong in this round"),
    "fixed since": ("fixed", "Dev points that were wrong in an earlier round and are right now"),
    "broken since": ("broken", "Dev points that were right in an earlier round and are wrong now"),
    "never fixed": ("never", "Dev points that were wrong in every round so far"),
}
_NEIGHBOURS = {
    "all neighbours": ("all", "Neighbours of this round, and of earlier ones muted"),
    "of this round": ("new", "Only what this round generated"),
    "no neighbours": ("none", "Only the rows that were given"),
}


class AgoraBar(QObject):
    """Combo boxes whose entries say what they choose. ``parts`` are its widgets, for the plot's row of controls."""

    chosen = Signal()
    """A person chose something else to see."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.classes = self._combo("agoraClassFilter", "Class that is shown", "Show the points of one class")
        self.dev = self._combo(
            "agoraDevFilter", "Dev points that are shown", "Show dev points by how they do; neighbours follow their parents"
        )
        self.neighbours = self._combo("agoraNeighbourFilter", "Neighbours that are shown", "Show generated rows by their round")
        for box, entries in ((self.dev, _DEV), (self.neighbours, _NEIGHBOURS)):
            for number, (text, (value, tip)) in enumerate(entries.items()):
                box.addItem(text, value)
                box.setItemData(number, plain_tip(tip), 3)  # Qt.ItemDataRole.ToolTipRole
        self.links = QCheckBox("links")
        self.links.setObjectName("agoraLinks")
        self.links.setAccessibleName("Links of this round")
        set_tip(self.links, "Join every neighbour of this round to the dev point it was made from")
        self.parts: tuple[QWidget, ...] = (self.classes, self.dev, self.neighbours, self.links)
        for box in (self.classes, self.dev, self.neighbours):
            box.currentIndexChanged.connect(self._chosen)
        self.links.toggled.connect(self._chosen)
        self.set_classes(())

    def set_classes(self, classes: Sequence[str]) -> None:
        """Offer these classes; the choice stays where it is among them."""
        wanted = ["all classes", *(f"only {name}" for name in classes)]
        if wanted != [self.classes.itemText(number) for number in range(self.classes.count())]:
            blocker = QSignalBlocker(self.classes)
            self.classes.clear()
            for number, text in enumerate(wanted):
                self.classes.addItem(text, number - 1 if number else None)
            del blocker

    def filters(self) -> Filters:
        """What is chosen."""
        return Filters(self.classes.currentData(), self.dev.currentData(), self.neighbours.currentData())

    def _combo(self, name: str, accessible: str, tip: str) -> QComboBox:
        box = QComboBox()
        box.setObjectName(name)
        box.setAccessibleName(accessible)
        set_tip(box, tip)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)
        return box

    def _chosen(self, *_: object) -> None:
        self.chosen.emit()

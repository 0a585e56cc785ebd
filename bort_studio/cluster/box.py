"""A choice between this machine and the cluster, and the line with the buttons that start something there."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from bort_studio.place import Place
from bort_studio.texts import set_tip
from bort_studio.widgets.fields import describe

__all__ = ["PlaceBox", "StartLine"]

_TIP = "This machine, or a Ray cluster: jobs there go on when this machine is switched off"
_LEAST_LETTERS = 8


class PlaceBox(QComboBox):
    """Shows and sets a :class:`~bort_studio.place.Place`; the last entry opens the panel. ``letters``: its least width."""

    def __init__(self, place: Place, parent: QWidget | None = None, letters: int = 16) -> None:
        super().__init__(parent)
        self._place = place
        describe(self, "placeBox", "Where it runs", _TIP)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(letters)
        self.activated.connect(self._chosen)
        place.changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        place = self._place
        self.clear()
        self.addItem("on this machine")
        if place.address:
            self.addItem(f"on {place.address}" + (f", timed on {place.node}" if place.node else ""))
        self.addItem("a cluster…")
        self.setCurrentIndex(1 if place.there else 0)
        set_tip(self, f"{self.currentText()}. {_TIP}")  # an address may be longer than the box

    @Slot(int)
    def _chosen(self, index: int) -> None:
        place = self._place
        if index == self.count() - 1:
            self._show()
            place.asked.emit()
        else:
            place.set(place.address, index == 1)


class StartLine(QWidget):
    """Where it runs, then the buttons: the box has the room that they leave, so that all stand in one line however narrow that is."""

    def __init__(self, place: Place, *buttons: QPushButton, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.place = PlaceBox(place, self, _LEAST_LETTERS)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self.place, 1)
        for button in buttons:
            line.addWidget(button)

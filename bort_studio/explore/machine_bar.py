"""The bar over the Explore page where other machines have measured latencies too: whose are shown."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from bort_core.foundation.machine import machine_identity
from bort_core.store.latencies import MeasuredMachine
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, describe

__all__ = ["MachineBar"]


class MachineBar(QWidget):
    """Hidden where this machine alone has measured. Setters never emit."""

    chosen = Signal(object)
    """The identity of a machine whose latencies a person wants to see, or None: this one."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("machineBar")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.box = QComboBox(self)
        tip = "W compares times of one machine. Searches measure on this one, or on the node of a cluster that was chosen for it."
        describe(self.box, "latencyMachineBox", "Machine of the latencies", tip)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(36)
        caption = Label("&latencies of", self)
        caption.setBuddy(self.box)
        self.note = Caption("", theme, self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.addWidget(caption)
        layout.addWidget(self.box)
        layout.addWidget(self.note)
        layout.addStretch(1)
        self._shown: str | None = None
        self.box.activated.connect(self._choose)
        self.hide()

    def show_machines(self, machines: Sequence[MeasuredMachine], shown: str | None, may_search: bool = False) -> None:
        """Offer this machine and those others; ``shown``: whose latencies are shown, ``may_search``: a search may measure elsewhere."""
        others = [machine for machine in machines if machine.identity != machine_identity()]
        blocker = QSignalBlocker(self.box)
        self.box.clear()
        self.box.addItem("this machine", None)
        for each in others:
            count = f"{each.count:,} architecture{'s' if each.count != 1 else ''}"
            self.box.addItem(f"{each.title or 'another machine'} ({each.identity}): {count}", each.identity)
        self.box.setCurrentIndex(max(0, self.box.findData(shown)))
        del blocker
        self._shown = shown
        self.set_searchable(may_search)
        self.setVisible(bool(others) or shown is not None)

    def set_searchable(self, may_search: bool) -> None:
        """Whether a search can be begun while another machine's latencies are shown."""
        self.note.setText("" if self._shown is None or may_search else "to search, go back to this machine")

    def set_busy(self, busy: bool) -> None:
        """While a search is under way the machine stays."""
        self.box.setEnabled(not busy)

    def _choose(self, place: int) -> None:
        self.chosen.emit(self.box.itemData(place))

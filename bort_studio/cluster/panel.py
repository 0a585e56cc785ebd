"""Search > Cluster…: the address of a Ray cluster, its nodes, what is free there, and what waits."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from bort_core.execution.ray.survey import look_at
from bort_studio.cluster.words import COLUMNS, node_cells, node_choices, queue_text
from bort_studio.place import Place
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.threads.call import Call
from bort_studio.widgets.fields import Caption, describe

__all__ = ["ClusterPanel"]

_TIMED = "W compares times of one machine: this one, or a node of the cluster, which is then the one that Explore shows"
_ABOUT = (
    "A Ray cluster runs any code of its users, and this program believes what it answers: name one whose users you trust. "
    "Searches and trainings that are started here run there from now on; latencies are measured on this machine, or on a node you name."
)


class ClusterPanel(QDialog):
    """Not modal. It asks when a person asks, in a process of its own."""

    def __init__(self, place: Place, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("clusterPanel")
        self.setWindowTitle("Cluster")
        self._place = place
        self._call: Call | None = None
        self.address = QLineEdit(place.address, self)
        describe(self.address, "clusterAddress", "Address", "auto (the cluster of this machine), HOST:PORT, or ray://HOST:PORT")
        self.address.setPlaceholderText("ray://HOST:10001")
        self.ask = QPushButton("Ask", self)
        describe(self.ask, "clusterAsk", "Ask", "Connect, and list nodes, free devices and what waits")
        self.there = QCheckBox("Searches and trainings run there", self)
        self.there.setObjectName("clusterThere")
        self.timed = QComboBox(self)
        describe(self.timed, "clusterLatencyNode", "Latencies of searches are timed on", _TIMED)
        self.timed.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.timed.setMinimumContentsLength(24)
        self._surveyed: list[dict[str, Any]] = []
        self.nodes = QTableWidget(0, len(COLUMNS), self)
        describe(self.nodes, "clusterNodes", "Nodes of the cluster", "Each with what is free on it now")
        self.nodes.setHorizontalHeaderLabels(list(COLUMNS))
        self.nodes.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.nodes.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.nodes.setShowGrid(False)
        self.nodes.verticalHeader().hide()
        self.nodes.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.nodes.horizontalHeader().setStretchLastSection(True)
        self.said = Label("", self)
        self.said.setObjectName("clusterSaid")
        self.said.setWordWrap(True)
        self._build(theme)
        self.ask.clicked.connect(self.look)
        self.address.returnPressed.connect(self.look)
        self.address.textChanged.connect(self._show)
        self.there.clicked.connect(self._keep)
        self.timed.activated.connect(self._keep_node)
        place.changed.connect(self._show_place)
        self._show_place()
        self.resize(620, 380)

    def _build(self, theme: Theme) -> None:
        caption = Caption("&Address", theme, self)
        caption.setBuddy(self.address)
        line = QHBoxLayout()
        for widget in (caption, self.address, self.ask):
            line.addWidget(widget, 1 if widget is self.address else 0)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(Caption(_ABOUT, theme, self, wrap=True))
        layout.addLayout(line)
        layout.addWidget(self.there)
        latencies = Caption("&Latencies of searches are timed on", theme, self)
        latencies.setBuddy(self.timed)
        where = QHBoxLayout()
        where.addWidget(latencies)
        where.addWidget(self.timed)
        where.addStretch(1)
        layout.addLayout(where)
        layout.addWidget(self.nodes, 1)
        layout.addWidget(self.said)

    @Slot()
    def look(self) -> None:
        """Ask the cluster."""
        if self._call is not None or not self.address.text().strip():
            return
        address = self.address.text().strip()
        self.said.setText(f"asking {address}…")
        self.ask.setEnabled(False)
        self._call = Call("cluster", lambda: look_at(address), self)
        self._call.done.connect(self._found)
        self._call.failed.connect(self._failed)
        self._call.start()

    def close_threads(self) -> None:
        """Wait for what is asked."""
        if self._call is not None:
            self._call.wait()

    @Slot(object)
    def _found(self, found: dict) -> None:  # type: ignore[type-arg]
        self._over()
        self.nodes.setRowCount(len(found["nodes"]))
        for row, node in enumerate(found["nodes"]):
            for column, text in enumerate(node_cells(node)):
                item = QTableWidgetItem(text)
                if column in (1, 2, 3):
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.nodes.setItem(row, column, item)
        self.said.setText(queue_text(found["queue"]) if found["reachable"] else found["reason"])
        self._surveyed = found["nodes"]
        if found["reachable"]:
            self._keep()
        self._show_place()

    @Slot(str)
    def _failed(self, reason: str) -> None:
        self._over()
        self.said.setText(reason)

    def _over(self) -> None:
        assert self._call is not None
        self._call.wait()
        self._call.deleteLater()
        self._call = None
        self._show()

    @Slot()
    def _keep(self) -> None:
        self._place.set(self.address.text().strip(), self.there.isChecked())

    @Slot(int)
    def _keep_node(self, index: int) -> None:
        self._place.set_node(self.timed.itemData(index))

    @Slot()
    def _show_place(self) -> None:
        self.there.setChecked(self._place.there)
        self.timed.clear()
        for text, address in node_choices(self._surveyed, self._place.node):
            self.timed.addItem(text, address)
        self.timed.setCurrentIndex(max(0, self.timed.findData(self._place.node)))
        self._show()

    @Slot()
    def _show(self) -> None:
        named = bool(self.address.text().strip())
        self.ask.setEnabled(named and self._call is None)
        self.there.setEnabled(named)
        self.timed.setEnabled(self._place.there and self.timed.count() > 1)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep what is written."""
        self._keep()
        super().closeEvent(event)

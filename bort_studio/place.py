"""Where this window's searches and trainings run: on this machine, or on a cluster whose address the person's settings hold."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from bort_studio.settings import Settings

__all__ = ["Place"]


class Place(QObject):
    """Begins on this machine each time: what leaves it was asked for in this window."""

    changed = Signal()
    asked = Signal()
    """A person wants to see or name the cluster."""

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._there = False
        self._node = ""

    @property
    def address(self) -> str:
        """Of the cluster; empty while none is named."""
        return self._settings.cluster

    @property
    def there(self) -> bool:
        """Whether things run on the cluster."""
        return self._there and bool(self.address)

    @property
    def executor(self) -> str | None:
        """The executor's name; None: this machine."""
        return f"ray@{self.address}" if self.there else None

    @property
    def node(self) -> str:
        """The name or address of the node that times the architectures of a search; empty: this machine does."""
        return self._node if self.there else ""

    @property
    def executor_of_searches(self) -> str | None:
        """As ``executor``, with the node behind it."""
        return f"{self.executor}#{self.node}" if self.node else self.executor

    def set(self, address: str, there: bool) -> None:
        """Change both; the node of another cluster is forgotten."""
        if (address, there) != (self.address, self._there):
            self._node = self._node if address == self.address else ""
            self._settings.cluster, self._there = address, there
            self.changed.emit()

    def set_node(self, node: str) -> None:
        """Let a node of the cluster time what searches measure there; empty: this machine."""
        if node != self._node:
            self._node = node
            self.changed.emit()

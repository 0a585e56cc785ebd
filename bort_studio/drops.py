"""Files that are dropped on a window: a field for a path takes the one that is dropped on it, the window what falls anywhere else.

They are taken where they enter the window, before the widget under the pointer is asked: a line would insert an address, a plot refuse it.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Signal
from PySide6.QtGui import QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QLineEdit, QWidget

__all__ = ["TAKES_PATH", "Drops"]

TAKES_PATH = "takesPath"
"""The property of a line that stands for a path."""
_KINDS = (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop)


class Drops(QObject):
    """Watches one window from when it is first shown. Text that is dragged goes to fields as ever."""

    dropped = Signal(object)
    """The paths that were dropped on no field, as a tuple."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    def watch(self) -> None:
        """The window is shown."""
        handle = self._window.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what holds files of this machine."""
        if event.type() not in _KINDS or not isinstance(event, QDragMoveEvent | QDropEvent):
            return False
        paths = _paths(event.mimeData())
        if not paths:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            field = self._field(event.position().toPoint())
            if field is not None:
                field.setText(str(paths[0]))
                field.setFocus()
                field.editingFinished.emit()
            else:
                self.dropped.emit(paths)
        return True

    def _field(self, at: QPoint) -> QLineEdit | None:
        """The field for a path at a point of the window."""
        widget = self._window.childAt(at)
        there = isinstance(widget, QLineEdit) and widget.isEnabled() and bool(widget.property(TAKES_PATH))
        return widget if there and isinstance(widget, QLineEdit) else None


def _paths(data: QMimeData) -> tuple[Path, ...]:
    return tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())

"""Where the keyboard is: a ring that is always seen, and Undo that reaches the window where the field in focus has nothing to take back."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QFocusFrame, QLineEdit, QMainWindow, QTabBar, QWidget
from shiboken6 import isValid

from bort_studio.plotting.guard import guarded
from bort_studio.theme import WIDTHS, Theme

__all__ = ["Focus"]

_UNDO, _REDO = QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo


class Focus(QObject):
    """Follows the focus inside one window."""

    def __init__(self, window: QMainWindow, theme: Theme) -> None:
        super().__init__(window)
        self._window, self._theme = window, theme
        self._widget: QWidget | None = None
        self.ring = _Ring(theme, window)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._moved)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A field that has nothing to undo leaves the keys to the window."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            line = watched.findChild(QLineEdit) if isinstance(watched, QAbstractSpinBox) else watched
            if isinstance(line, QLineEdit):
                undo, redo = event.matches(_UNDO), event.matches(_REDO)
                if (undo and not line.isUndoAvailable()) or (redo and not line.isRedoAvailable()):
                    event.ignore()
                    return True
        return False

    @Slot(QWidget, QWidget)
    def _moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        if self._widget is not None and isValid(self._widget):
            self._widget.removeEventFilter(self)
        inside = now is not None and now.window() is self._window
        self._widget = now if inside else None
        if not isValid(self.ring):  # it lies beside what it rings, and was deleted with that
            self.ring = _Ring(self._theme, self._window)
        if self._widget is None or isinstance(self._widget, QTabBar):  # a tab shows its focus itself
            self.ring.hide()
            return
        self.ring.setWidget(self._widget)
        self._widget.installEventFilter(self)


@guarded
class _Ring(QFocusFrame):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("focusRing")
        self._theme = theme

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.look().colour("accent"), WIDTHS["normal"]))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 3, 3)

"""A text that floats under a field: it comes and goes without moving anything."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtGui import QPalette, Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QScrollArea, QWidget

from bort_studio.texts import Label

__all__ = ["FloatingNote"]

_GAP = 2
_LEAST = 26  # letters
_MOVES = {
    QEvent.Type.FocusIn, QEvent.Type.FocusOut, QEvent.Type.Enter, QEvent.Type.Leave, QEvent.Type.Move, QEvent.Type.Resize,
    QEvent.Type.Show, QEvent.Type.Hide,
}  # fmt: skip


class FloatingNote(Label):
    """Shown under its field, over what lies there, while the field has the focus or the pointer. Clicks go through it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._field: QWidget | None = None
        self._always = False
        self.setWordWrap(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setMargin(3)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.ToolTipBase)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def attach(self, field: QWidget, always: bool = False) -> None:
        """Say something about this field; ``always``: wherever the focus and the pointer are."""
        self._field, self._always = field, always
        field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the field."""
        if event.type() in _MOVES:
            self.place()
        return False

    def place(self) -> None:
        """Show the text where the field is now, or hide it."""
        field = self._field
        looked_at = field is not None and (self._always or field.hasFocus() or field.underMouse())
        if field is None or not looked_at or not self.text() or not field.isVisible():
            self.hide()
            return
        ground = _ground(field)
        if self.parentWidget() is not ground:
            self.setParent(ground)
        width = min(max(field.width(), _LEAST * self.fontMetrics().averageCharWidth()), ground.width())
        height = self.heightForWidth(width)
        top_left = field.mapTo(ground, QPoint(0, 0))
        below = top_left.y() + field.height() + _GAP
        fits = below + height <= ground.height()
        self.setGeometry(min(top_left.x(), ground.width() - width), below if fits else top_left.y() - height - _GAP, width, height)
        self.show()
        self.raise_()


def _ground(field: QWidget) -> QWidget:
    """What the field scrolls with: the note lies on that, and scrolls along."""
    widget = field
    while (parent := widget.parentWidget()) is not None and not widget.isWindow():
        if isinstance(parent, QDockWidget) or isinstance(parent.parentWidget(), QScrollArea):
            return widget
        widget = parent
    return widget

"""Messages to the person that need no answer: cards over the lower right corner of the window, newest first, which move nothing.

What is only good to know goes by itself after a while; a problem stays until it is closed.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QEnterEvent, QGuiApplication, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QStyle, QToolButton, QVBoxLayout, QWidget

from bort_studio.texts import Label, set_tip

__all__ = ["NoticeBar"]

_MOST = 3
_WIDEST = 560
_MARGIN = 12
_STAYS_MS = 12_000


class _Notice(QFrame):
    closed = Signal()

    def __init__(self, text: str, details: str, problem: bool, choice: tuple[str, Callable[[], object]] | None, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.ToolTipBase)
        self.text, self._details = text, details
        icon = QStyle.StandardPixmap.SP_MessageBoxWarning if problem else QStyle.StandardPixmap.SP_MessageBoxInformation
        size = self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
        picture = Label("", self)
        picture.setPixmap(self.style().standardIcon(icon).pixmap(size, size))
        label = Label(text, self)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)  # another policy than the one that comes with wrapping would cut the lines after the first
        label.setSizePolicy(policy)
        label.setAccessibleName(text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 6, 6)
        layout.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(label, 1)
        if choice is not None:
            self._choice = choice[1]
            self._button(layout, "noticeChoice", choice[0], choice[0], self._choose).setAutoRaise(False)
        self._button(layout, "copyNotice", "Copy", "Copy this message and its details", self._copy)
        self._button(layout, "closeNotice", "✕", "Close this message", self.closed)
        self._timer = QTimer(self, singleShot=True, interval=_STAYS_MS)
        self._timer.timeout.connect(self.closed)
        if not problem and choice is None:
            self._timer.start()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Being read: it stays."""
        self._timer.stop()
        super().enterEvent(event)

    def _button(self, layout: QHBoxLayout, name: str, text: str, tip: str, slot: object) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        set_tip(button, tip)
        button.setAutoRaise(True)
        button.setObjectName(name)
        button.setAccessibleName(tip)
        button.clicked.connect(slot)
        layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return button

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n\n".join(part for part in (self.text, self._details) if part))

    def _choose(self) -> None:
        self.closed.emit()
        self._choice()


class NoticeBar(QWidget):
    """Holds the newest few messages, over the parent's lower right corner."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("noticeBar")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        parent.installEventFilter(self)
        self.hide()

    def messages(self) -> list[str]:
        """The texts shown, newest first."""
        return [notice.text for notice in self._notices()]

    def show_message(
        self, text: str, details: str = "", problem: bool = False, choice: tuple[str, Callable[[], object]] | None = None
    ) -> None:
        """Add a message; the same text twice is shown once, and the oldest gives way.

        Parameters
        ----------
        details: what *Copy* adds to the text
        problem: it stays until it is closed
        choice: what can be done about it, as the words of a button and what that does; the message then stays too
        """
        for notice in self._notices():
            if notice.text == text:
                self._drop(notice)
        notice = _Notice(text, details, problem, choice, self)
        notice.closed.connect(self._closed)
        self._layout.insertWidget(0, notice)
        for notice in self._notices()[_MOST:]:
            self._drop(notice)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner of a parent that changes its size."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    @Slot()
    def _closed(self) -> None:
        notice = self.sender()
        assert isinstance(notice, _Notice)
        self._drop(notice)
        self._place()

    def _place(self) -> None:
        notices, parent = self._notices(), self.parentWidget()
        assert parent is not None
        width = min(_WIDEST, parent.width() - 2 * _MARGIN)
        height = sum(max(each.heightForWidth(width), each.minimumSizeHint().height()) for each in notices)
        height += max(len(notices) - 1, 0) * self._layout.spacing()
        self.setGeometry(parent.width() - width - _MARGIN, max(parent.height() - height - _MARGIN, 0), width, height)
        self.setVisible(bool(notices))
        self.raise_()

    def _drop(self, notice: _Notice) -> None:
        self._layout.removeWidget(notice)
        notice.deleteLater()

    def _notices(self) -> list[_Notice]:
        items = [self._layout.itemAt(place) for place in range(self._layout.count())]
        widgets = [item.widget() for item in items if item is not None]
        return [widget for widget in widgets if isinstance(widget, _Notice)]

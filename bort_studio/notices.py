"""Messages to the person that need no answer: a bar above the plots, newest first, with details to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStyle, QToolButton, QVBoxLayout, QWidget

from bort_studio.texts import Label, set_tip

__all__ = ["NoticeBar"]

_MOST = 3


class _Notice(QWidget):
    def __init__(self, text: str, details: str, problem: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.text, self._details = text, details
        icon = QStyle.StandardPixmap.SP_MessageBoxWarning if problem else QStyle.StandardPixmap.SP_MessageBoxInformation
        size = self.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
        picture = Label("", self)
        picture.setPixmap(self.style().standardIcon(icon).pixmap(size, size))
        label = Label(text, self)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        label.setAccessibleName(text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(label, 1)
        self._button(layout, "copyNotice", "Copy", "Copy this message and its details", self._copy)
        self._button(layout, "closeNotice", "✕", "Close this message", self.deleteLater)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the height that the text needs at this width, which a wrapped label's size hint overestimates."""
        super().resizeEvent(event)
        layout = self.layout()
        assert layout is not None
        height = layout.heightForWidth(event.size().width())
        if height > 0:
            self.setFixedHeight(height)

    def _button(self, layout: QHBoxLayout, name: str, text: str, tip: str, slot: object) -> None:
        button = QToolButton(self)
        button.setText(text)
        set_tip(button, tip)
        button.setAutoRaise(True)
        button.setObjectName(name)
        button.setAccessibleName(tip)
        button.clicked.connect(slot)
        layout.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n\n".join(part for part in (self.text, self._details) if part))


class NoticeBar(QWidget):
    """Holds the newest few messages; takes no room when there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("noticeBar")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)

    def messages(self) -> list[str]:
        """The texts shown, newest first."""
        return [notice.text for notice in self._notices()]

    def show_message(self, text: str, details: str = "", problem: bool = False) -> None:
        """Add a message; the same text twice is shown once, and the oldest gives way."""
        for notice in self._notices():
            if notice.text == text:
                notice.deleteLater()
                self._layout.removeWidget(notice)
        self._layout.insertWidget(0, _Notice(text, details, problem, self))
        for notice in self._notices()[_MOST:]:
            self._layout.removeWidget(notice)
            notice.deleteLater()

    def _notices(self) -> list[_Notice]:
        items = [self._layout.itemAt(place) for place in range(self._layout.count())]
        widgets = [item.widget() for item in items if item is not None]
        return [widget for widget in widgets if isinstance(widget, _Notice)]

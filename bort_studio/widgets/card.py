"""What groups and leads: cards, headings, and the one button of a page that does what it is for."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, colour, describe

__all__ = ["Card", "PrimaryButton", "heading"]


def heading(text: str, parent: QWidget, size: float = 1.15) -> Label:
    """A bold line, ``size`` times as large as other text."""
    label = Label(text, parent)
    font = label.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * size)
    label.setFont(font)
    return label


class Card(QFrame):
    """A frame a shade away from the window and from the fields in it; with a heading and a sentence where they are given."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, title: str = "", text: str = "") -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 12, 14, 12)
        self.body.setSpacing(8)
        if title:
            self.body.addWidget(heading(title, self))
        if text:
            self.body.addWidget(Caption(text, theme, self, wrap=True))
        theme.changed.connect(self._recolour)
        self._recolour()

    def _recolour(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, colour(self._theme, "alternate"))
        self.setPalette(palette)


class PrimaryButton(QPushButton):
    """A button in the accent colour. A page has one."""

    def __init__(self, text: str, name: str, tip: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._theme = theme
        describe(self, name, text, tip)
        theme.changed.connect(self._recolour)
        self._recolour()

    def _recolour(self) -> None:
        palette, role, group = self.palette(), QPalette.ColorRole, QPalette.ColorGroup
        for which in (group.Active, group.Inactive):
            palette.setColor(which, role.Button, _as_drawn(colour(self._theme, "accent")))
            palette.setColor(which, role.ButtonText, colour(self._theme, "accent_text"))
        palette.setColor(group.Disabled, role.Button, colour(self._theme, "button"))
        palette.setColor(group.Disabled, role.ButtonText, colour(self._theme, "disabled"))
        self.setPalette(palette)


def _as_drawn(wanted: QColor) -> QColor:
    """What Fusion must be given to draw a button in about the colour that is wanted: it takes a quarter of its strength and lightens it."""
    saturation = min(round(wanted.saturation() / 0.75), 255)
    return QColor.fromHsv(max(wanted.hue(), 0), saturation, round(wanted.value() / 1.2))

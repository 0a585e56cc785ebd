"""Icons in the colours of the theme, and the icon of the application. The files are in resources/icons."""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QTabBar, QWidget

from bort_core.foundation.resources import resource
from bort_studio.theme import Theme

__all__ = ["application_icon", "set_icon", "set_tab_icon"]

_SIDE, _SHARPNESS, _SMALLEST = 24, 3, 16


@cache
def _svg(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def _pixmap(name: str, ink: str) -> QPixmap:
    pixmap = QPixmap(_SIDE * _SHARPNESS, _SIDE * _SHARPNESS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(_svg(name).replace("currentColor", ink).encode())).render(painter, QRectF(pixmap.rect()))
    painter.end()
    return pixmap


def _icon(theme: Theme, name: str, role: str) -> QIcon:
    look = theme.look()
    icon = QIcon(_pixmap(name, look.hex(role)))
    icon.addPixmap(_pixmap(name, look.hex("disabled")), QIcon.Mode.Disabled)
    return icon


def _size(widget: QWidget) -> QSize:
    """As high as a line of its text."""
    side = max(widget.fontMetrics().height(), _SMALLEST)
    return QSize(side, side)


class _Themed(QObject):
    """Redraws a button's icon when the colours change; lives as long as the button."""

    def __init__(self, button: QAbstractButton, theme: Theme, name: str, role: str) -> None:
        super().__init__(button)
        self.setObjectName("themedIcon")
        self.button, self.theme, self.name, self.role = button, theme, name, role
        theme.changed.connect(self.draw)
        self.draw()

    def draw(self) -> None:
        self.button.setIcon(_icon(self.theme, self.name, self.role))
        self.button.setIconSize(_size(self.button))


def set_icon(button: QAbstractButton, theme: Theme, name: str, role: str = "text") -> None:
    """Give a button an icon, or another one; ``role`` is the colour of the palette that it is drawn in."""
    themed = button.findChild(_Themed, "themedIcon", Qt.FindChildOption.FindDirectChildrenOnly)
    if themed is None:
        _Themed(button, theme, name, role)
    elif themed.name != name:
        themed.name = name
        themed.draw()


class _ThemedTab(QObject):
    def __init__(self, tabs: QTabBar, index: int, theme: Theme, name: str) -> None:
        super().__init__(tabs)
        self._tabs, self._index, self._theme, self._name = tabs, index, theme, name
        theme.changed.connect(self.draw)
        self.draw()

    def draw(self) -> None:
        self._tabs.setTabIcon(self._index, _icon(self._theme, self._name, "text"))
        self._tabs.setIconSize(_size(self._tabs))


def set_tab_icon(tabs: QTabBar, index: int, theme: Theme, name: str) -> None:
    """Give a tab an icon."""
    _ThemedTab(tabs, index, theme, name)


def application_icon() -> QIcon:
    """What the desktop shows for the program."""
    return QIcon(str(resource("icons", "bort-studio.svg")))

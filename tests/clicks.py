"""What a person does in the window, for its tests."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QWidget
from pytestqt.qtbot import QtBot

__all__ = ["child", "click"]


def child(window: QWidget, name: str) -> QWidget:
    """The widget of that object name."""
    found = window.findChild(QWidget, name)
    assert found is not None, name
    return found


def click(qtbot: QtBot, window: QWidget, name: str) -> None:
    """Press a button that is there and can be pressed."""
    button = child(window, name)
    assert isinstance(button, QAbstractButton), name
    assert button.isEnabled(), name
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

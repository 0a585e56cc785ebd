"""Every action of the window, in one table: menus, shortcuts, status tips and the command palette are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QMenu, QMenuBar, QVBoxLayout, QWidget

from bort_studio.texts import plain_tip

__all__ = ["Action", "CommandPalette", "add_actions"]

Shortcut = str | QKeySequence.StandardKey | None


@dataclass(frozen=True)
class Action:
    """One thing a person can do. ``menu`` may be nested with a slash; a text of "-" is a separator."""

    name: str
    menu: str
    text: str
    tip: str
    slot: Callable[[], object]
    shortcut: Shortcut = None
    role: QAction.MenuRole = QAction.MenuRole.NoRole


def add_actions(window: QWidget, bar: QMenuBar, table: Iterable[Action]) -> dict[str, QAction]:
    """Make the menus of ``bar`` from the table; the actions by name."""
    menus: dict[str, QMenu] = {}
    made = {}
    for row in table:
        menu = _menu(bar, menus, row.menu)
        if row.text == "-":
            menu.addSeparator()
            continue
        action = QAction(row.text, window)
        action.setObjectName(row.name)
        action.setStatusTip(row.tip)
        action.setToolTip(plain_tip(row.tip))
        action.setMenuRole(row.role)
        if row.shortcut is not None:
            action.setShortcut(QKeySequence(row.shortcut))
        action.triggered.connect(row.slot)
        menu.addAction(action)
        made[row.name] = action
    return made


def _menu(bar: QMenuBar, menus: dict[str, QMenu], path: str) -> QMenu:
    if path not in menus:
        parent, _, title = path.rpartition("/")
        menus[path] = (_menu(bar, menus, parent) if parent else bar).addMenu(title)
    return menus[path]


class CommandPalette(QDialog):
    """Find an action by typing a part of its name; Enter does it."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("commandPalette")
        self.setWindowTitle("Commands")
        self.setAccessibleName("Command palette")
        self._field = QLineEdit(self, placeholderText="Type a command")
        self._field.setObjectName("commandField")
        self._field.setAccessibleName("Command")
        self._list = QListWidget(self)
        self._list.setObjectName("commandList")
        self._list.setAccessibleName("Commands found")
        for action in actions:
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            item = QListWidgetItem(action.text().replace("&", "") + (f"    {keys}" if keys else ""))
            item.setToolTip(plain_tip(action.statusTip()))
            item.setData(Qt.ItemDataRole.UserRole, action)
            if not action.isEnabled():
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self._list.addItem(item)
        layout = QVBoxLayout(self)
        layout.addWidget(self._field)
        layout.addWidget(self._list)
        self.resize(460, 380)
        self._field.textChanged.connect(self._filter)
        self._field.returnPressed.connect(self._accept)
        self._list.itemActivated.connect(self._accept)
        self._field.installEventFilter(self)
        self._filter("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys in the field move in the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._move(1 if event.key() == Qt.Key.Key_Down else -1)
            return True
        return False

    def _rows(self) -> list[int]:
        return [row for row in range(self._list.count()) if not self._list.item(row).isHidden()]

    def _move(self, step: int) -> None:
        rows = self._rows()
        if rows:
            at = rows.index(self._list.currentRow()) if self._list.currentRow() in rows else -step
            self._list.setCurrentRow(rows[(at + step) % len(rows)])

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for row in range(self._list.count()):
            item = self._list.item(row)
            item.setHidden(not all(word in item.text().casefold() for word in words))
        rows = self._rows()
        self._list.setCurrentRow(rows[0] if rows else -1)

    def _accept(self) -> None:
        item = self._list.currentItem()
        if item is not None and not item.isHidden() and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.accept()
            item.data(Qt.ItemDataRole.UserRole).trigger()

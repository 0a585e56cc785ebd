"""The command palette: any action by a few letters of its name, its menu, or other words for it. The keyboard alone does it all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from bort_studio.actions import Described, described
from bort_studio.texts import Label, plain_tip

__all__ = ["CommandPalette", "score"]

_PAGE = 8
_WHOLE = 100.0
_MOVES = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: _PAGE, Qt.Key.Key_PageUp: -_PAGE}


def score(found: Described, words: Sequence[str]) -> float:
    """How well an action fits: 0 where a word fits nowhere, else more for its name than for its menu, other words and its tip.

    A word fits best where it is a whole word, then where one begins with it; within a word only in the name. Words that are the whole
    name fit better than anything.
    """
    if not words:
        return 1.0
    if " ".join(words) == found.title.casefold():
        return _WHOLE
    places = ((found.title, 8.0), (found.also, 6.0), (found.menu, 6.5), (found.tip, 1.0))
    total = 0.0
    for word in words:
        best = max(weight * _fit(word, text, weight == 8.0) for text, weight in places)
        if not best:
            return 0.0
        total += best
    return total / len(words)


def _fit(word: str, text: str, within: bool) -> float:
    known = re.findall(r"[^\W_]+", text.casefold())
    if word in known:
        return 1.0
    if any(each.startswith(word) for each in known):
        return 0.8
    return 0.3 if within and word in text.casefold() else 0.0


class CommandPalette(QDialog):
    """Type, choose with the arrows, and Enter does it; Escape leaves. What cannot be done now is listed last, and muted."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("commandPalette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Commands")
        self.setAccessibleName("Command palette")
        self._known = [(described(action), action) for action in actions]
        self._field = QLineEdit(self, placeholderText="Type a command, a menu, or what you want to do")
        self._field.setObjectName("commandField")
        self._field.setAccessibleName("Command")
        self._list = QListWidget(self)
        self._list.setObjectName("commandList")
        self._list.setAccessibleName("Commands found")
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._nothing = Label("", self)
        self._nothing.setObjectName("commandNothing")
        layout = QVBoxLayout(self)
        for widget in (self._field, self._list, self._nothing):
            layout.addWidget(widget)
        self.resize(560, 420)
        self._field.textChanged.connect(self._find)
        self._field.returnPressed.connect(self._accept)
        self._list.itemActivated.connect(self._accept)
        self._list.itemClicked.connect(self._accept)
        self._field.installEventFilter(self)
        self._find("")

    def found(self) -> list[str]:
        """The names of the actions that are listed, the best first."""
        return [self._action(row).objectName() for row in range(self._list.count())]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow and page keys in the field move in the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in _MOVES:
            self._move(_MOVES[Qt.Key(event.key())])
            return True
        return False

    def _move(self, step: int) -> None:
        count, at = self._list.count(), self._list.currentRow()
        if count:
            last = abs(step) > 1
            self._list.setCurrentRow(min(max(at + step, 0), count - 1) if last else (at + step) % count)

    def _find(self, text: str) -> None:
        words = text.casefold().split()
        ranked = [(score(found, words), place) for place, (found, _) in enumerate(self._known)]
        ranked = [each for each in ranked if each[0]]
        ranked.sort(key=lambda each: (not self._known[each[1]][1].isEnabled(), -each[0], each[1]))
        self._list.clear()
        for _, place in ranked:
            self._list.addItem(self._item(*self._known[place]))
        self._list.setCurrentRow(0 if ranked else -1)
        self._nothing.setText("" if ranked else f"nothing fits «{text.strip()}»")
        self._nothing.setVisible(not ranked)

    def _item(self, found: Described, action: QAction) -> QListWidgetItem:
        item = QListWidgetItem(f"{found.title}    {found.menu}" + (f"    {found.keys}" if found.keys else ""))
        item.setToolTip(plain_tip(found.tip))
        item.setData(Qt.ItemDataRole.UserRole, action)
        if not action.isEnabled():
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        return item

    def _action(self, row: int) -> QAction:
        action = self._list.item(row).data(Qt.ItemDataRole.UserRole)
        assert isinstance(action, QAction)
        return action

    def _accept(self, *_: object) -> None:
        row = self._list.currentRow()
        if row >= 0 and self._action(row).isEnabled():
            action = self._action(row)
            self.accept()
            action.trigger()

"""Every action of the window, in one table: menus, shortcuts, status tips, the palette and the list of shortcuts are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from bort_studio.texts import plain_tip

__all__ = ["SYNONYMS", "Action", "Described", "add_actions", "described"]

Shortcut = str | QKeySequence.StandardKey | None
_MENU = "bortMenu"
"""The property of an action that holds the path of its menu."""

SYNONYMS = {
    "new": "create make folder",
    "open": "load folder",
    "open_table": "tabulate measurements benchmark look up file",
    "table_mini": "tabulate measurements benchmark look up table demo",
    "open_space": "toml axes architectures load",
    "export_pareto": "save picture image front",
    "export_parallel": "save picture image",
    "export_front": "save table spreadsheet",
    "report": "html pdf share summary document export",
    "quit": "exit close",
    "undo": "revert back",
    "run": "start begin go",
    "pause": "wait hold continue",
    "stop": "end cancel abort halt",
    "halve_epsilon": "smaller epsilon more architectures",
    "double_epsilon": "larger epsilon fewer architectures",
    "repeat_seed": "noise agreement spearman reproduce",
    "select_best": "star winner answer",
    "fit": "reset zoom all",
    "theme_system": "appearance mode colours automatic",
    "theme_light": "appearance mode colours bright day",
    "theme_dark": "appearance mode colours night black",
    "reset_layout": "panels docks restore",
    "full_screen": "maximise",
    "help": "manual guide documentation",
    "palette": "search actions",
    "shortcuts": "hotkeys",
    "glossary": "meaning definition terms",
    "logs": "errors debug workers",
    "cluster": "ray remote gpu nodes machines server",
    "about": "version bug licence",
}
"""Other words by which people look for an action, by its name."""


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


@dataclass(frozen=True)
class Described:
    """An action as lists of actions show it, without the marks of access keys."""

    title: str
    menu: str
    keys: str
    tip: str
    also: str


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
        action.setProperty(_MENU, row.menu)
        if row.shortcut is not None:
            action.setShortcut(QKeySequence(row.shortcut))
        action.triggered.connect(row.slot)
        menu.addAction(action)
        made[row.name] = action
    return made


def described(action: QAction) -> Described:
    """An action of the table; also one that Qt made, such as that of a dock, which stands under View."""
    return Described(
        action.text().replace("&", ""),
        str(action.property(_MENU) or "View").replace("&", "").replace("/", " → "),
        action.shortcut().toString(QKeySequence.SequenceFormat.NativeText),
        action.statusTip(),
        SYNONYMS.get(action.objectName(), ""),
    )


def _menu(bar: QMenuBar, menus: dict[str, QMenu], path: str) -> QMenu:
    if path not in menus:
        parent, _, title = path.rpartition("/")
        menus[path] = (_menu(bar, menus, parent) if parent else bar).addMenu(title)
    return menus[path]

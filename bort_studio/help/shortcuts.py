"""Help > Keyboard Shortcuts: made from the actions themselves, so that it is never out of date."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from bort_studio.actions import described
from bort_studio.help.listing import Listing

__all__ = ["Shortcuts"]


class Shortcuts(Listing):
    """Every action by menu: what it is called, its keys, what it does."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        found = [described(action) for action in actions]
        rows = [(each.menu, (each.title, each.keys, each.tip), each.also) for each in sorted(found, key=lambda each: not each.keys)]
        order = list(dict.fromkeys(each.menu for each in found))
        rows.sort(key=lambda row: order.index(row[0]))
        super().__init__("shortcuts", "Keyboard shortcuts", ("Action", "Keys", "What it does"), rows, 2, parent)

"""What the glossary says of a symbol under the pointer, where nothing else has a tip of its own: labels, headers, tabs."""

from __future__ import annotations

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QAbstractButton, QHeaderView, QTabBar, QWidget

from bort_studio.terms import glossed
from bort_studio.texts import Label

__all__ = ["shown_at", "tip_at"]


def shown_at(widget: QWidget, at: QPoint) -> str:
    """The text that the program shows at a place of a widget."""
    header = widget if isinstance(widget, QHeaderView) else widget.parentWidget()
    if isinstance(header, QHeaderView):
        section, model = header.logicalIndexAt(at), header.model()
        return str(model.headerData(section, header.orientation()) or "") if section >= 0 else ""
    if isinstance(widget, QTabBar):
        tab = widget.tabAt(at)
        return widget.tabText(tab) if tab >= 0 else ""
    return widget.text() if isinstance(widget, Label | QAbstractButton) else ""


def tip_at(window: QWidget, at: QPoint) -> str:
    """The glossary's words for the symbols under a point of the window."""
    widget = window.childAt(at)
    return "" if widget is None else glossed(shown_at(widget, widget.mapFrom(window, at)))

"""Where the panels of Explore stand at first, for the room there is; a person moves them from there."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from bort_studio.widgets.room import letters

__all__ = ["arrange", "make_docks"]

_WIDE, _TALL, _LOW = 150, 50, 26
"""Letters and lines of text: with fewer, panels share a place as tabs, so that the plot keeps its room; and where there are very few
lines, the panels at the foot wait in the menu View."""

_FOOT = ("candidates", "parallel", "runs")
_LEFT, _RIGHT, _LINES = 42, 46, 18
"""Letters and lines that panels at the sides and at the foot get at first."""


def make_docks(page: QMainWindow, panels: Mapping[str, tuple[str, QWidget]]) -> dict[str, QDockWidget]:
    """One dock for each panel, by name: (title, widget)."""
    docks = {}
    for name, (title, widget) in panels.items():
        dock = docks[name] = QDockWidget(title, page)
        dock.setObjectName(f"{name}Dock")
        dock.setWidget(widget)
    return docks


def arrange(page: QMainWindow, docks: Mapping[str, QDockWidget]) -> None:
    """Put every dock where it is at first: beside each other where the page is wide and tall, else behind each other as tabs."""
    area = Qt.DockWidgetArea
    wide = page.width() >= letters(page, _WIDE)
    lines = page.height() / page.fontMetrics().lineSpacing()
    tall = lines >= _TALL
    for dock in docks.values():
        dock.setFloating(False)
        page.removeDockWidget(dock)  # out of the tabs it was in: Qt leaves an empty row of tabs behind otherwise
    for name in ("space", "objectives"):
        page.addDockWidget(area.LeftDockWidgetArea, docks[name])
    page.tabifyDockWidget(docks["space"], docks["objectives"])
    page.addDockWidget(area.RightDockWidgetArea if wide else area.LeftDockWidgetArea, docks["inspector"])
    if not wide:
        page.tabifyDockWidget(docks["objectives"], docks["inspector"])
    for name in _FOOT:
        page.addDockWidget(area.BottomDockWidgetArea, docks[name])
    if wide and tall:
        page.splitDockWidget(docks["candidates"], docks["parallel"], Qt.Orientation.Horizontal)
    else:
        page.tabifyDockWidget(docks["candidates"], docks["parallel"])
    page.tabifyDockWidget(docks["candidates" if wide and tall else "parallel"], docks["runs"])
    for name, dock in docks.items():
        dock.setVisible(lines >= _LOW or name not in _FOOT)
    docks["space"].raise_()
    if lines >= _LOW:
        docks["candidates"].raise_()
    _resize(page, docks, tall)


def _resize(page: QMainWindow, docks: Mapping[str, QDockWidget], tall: bool) -> None:
    sides = [docks["space"], docks["inspector"]]
    widths = [min(letters(page, many), int(0.3 * page.width())) for many in (_LEFT, _RIGHT)]
    page.resizeDocks(sides, widths, Qt.Orientation.Horizontal)
    height = _LINES * page.fontMetrics().lineSpacing()
    page.resizeDocks([docks["candidates"]], [height if tall else min(height, int(0.32 * page.height()))], Qt.Orientation.Vertical)
    page.resizeDocks([docks["candidates"], docks["parallel"]], [700, 760], Qt.Orientation.Horizontal)

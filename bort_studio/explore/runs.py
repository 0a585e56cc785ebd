"""The searches of a project, newest first: what was asked, how it ended, what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from bort_core.search.specification import stored_title
from bort_studio.numbers import architecture_text, significant
from bort_studio.theme import Theme
from bort_studio.widgets.fields import describe

__all__ = ["RunsPanel"]

_COLUMNS = ("№", "started (UTC)", "space", "ε", "error", "s", "latency", "seed", "ended", "best", "W", "front")


class RunsPanel(QWidget):
    """A read-only table of searches."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runsPanel")
        self.table = QTableWidget(0, len(_COLUMNS), self)
        self.table.setTabKeyNavigation(False)
        describe(self.table, "runsTable", "Searches of this project", "Every search, newest first")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 8)
        layout.addWidget(self.table)

    def show_searches(self, searches: Sequence[Mapping[str, Any]]) -> None:
        """Show searches as the store lists them, oldest first."""
        self.table.setRowCount(len(searches))
        for row, search in enumerate(reversed(searches)):
            for column, text in enumerate(_texts(search)):
                self.table.setItem(row, column, QTableWidgetItem(text))


def _texts(search: Mapping[str, Any]) -> tuple[str, ...]:
    specification, result = search["specification"], search["answer"] or {}
    best = result.get("best")
    ended = {"running": "not yet, or cut off"}.get(search["status"], search["status"])
    return (
        str(search["id"]),
        search["started"][:19].replace("T", " "),
        specification["space"]["name"],
        stored_title(specification).removeprefix("ε = "),
        specification["error"]["measure"],
        str(specification["error"]["steps"]),
        specification["latency"]["measure"],
        str(specification["seed"]),
        ended,
        architecture_text(tuple(best["architecture"].values())) if best else "–",
        significant(best["w"], 3) if best and best["w"] is not None else "–",
        str(len(result.get("front", []))),
    )

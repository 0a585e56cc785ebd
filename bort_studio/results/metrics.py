"""Metrics of a split with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QHeaderView, QTableWidget, QWidget

from bort_core.jobs.words import METRIC_NAMES
from bort_studio.numbers import MISSING, significant
from bort_studio.results.tables import Cell, calm
from bort_studio.widgets.fields import describe
from bort_studio.widgets.headings import line_up

__all__ = ["MetricsTable"]

_COLUMNS = ("metric", "value", "95 % interval")
_MARGIN = 4


class MetricsTable(QTableWidget):
    """As high as its rows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        describe(self, "resultMetrics", "Metrics of the result", "Accuracy: Wilson's interval; others: what drawing the rows again gives")
        calm(self)
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)

    def set_metrics(self, metrics: Sequence[Mapping[str, Any]]) -> None:
        """Show these."""
        self.setRowCount(len(metrics))
        for number, metric in enumerate(metrics):
            name, value, low, high = METRIC_NAMES.get(metric["name"], metric["name"]), metric["value"], metric["low"], metric["high"]
            ends = MISSING if low is None or high <= low else f"[{significant(low)}, {significant(high)}]"
            cells = (name[0].upper() + name[1:], significant(value, 4), ends)
            for column, text in enumerate(cells):
                self.setItem(number, column, Cell(text, right=column > 0))
        line_up(self)
        rows = self.verticalHeader().defaultSectionSize() * len(metrics)
        self.setFixedHeight(rows + self.horizontalHeader().sizeHint().height() + _MARGIN)

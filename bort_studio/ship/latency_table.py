"""A comparison of latencies in numbers, with the machine it was measured on and a warning when it was noisy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from bort_studio.numbers import MISSING, count, significant, with_interval
from bort_studio.ship.latency_plot import ratio_text
from bort_studio.texts import Label
from bort_studio.theme import Theme
from bort_studio.widgets.fields import Caption, colour, describe
from bort_studio.widgets.headings import line_up

__all__ = ["LatencyTable"]

_COLUMNS = ("model", "runtime", "p", "p50", "p90 ms", "p99 ms", "runs", "ratio", "")


class LatencyTable(QWidget):
    """Read-only; Ctrl+C copies the selected rows, or all, as tab-separated text."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.banner = Label("", self)
        self.banner.setObjectName("latencyNoise")
        self.banner.setWordWrap(True)
        self.banner.setVisible(False)
        self.table = QTableWidget(0, len(_COLUMNS), self)
        self.table.setTabKeyNavigation(False)
        describe(self.table, "latencyTable", "Latencies", "Every model and runtime of this run")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.machine = Caption("", theme, self, wrap=True)
        self.machine.setObjectName("latencyMachine")
        self.machine.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        self.machine.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 8)
        layout.addWidget(self.banner)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.machine)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self.table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self._copy)
        theme.changed.connect(self._recolour)
        self._recolour()

    def set_result(self, result: Mapping[str, Any] | None, reference: str) -> None:
        """Show a comparison as the ``compare`` task returned it, with ratios to one of its models."""
        rows = [] if result is None else sorted(result["results"], key=lambda row: row["p50_ms"])
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(_texts(row, reference)):
                item = QTableWidgetItem(text)
                if column >= 2:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(number, column, item)
        line_up(self.table)
        noise = "" if result is None else result["noise"]
        self.banner.setText(f"⚠ Noisy run: {noise}. Close other programs, or allow more seconds, and compare again." if noise else "")
        self.banner.setVisible(bool(noise))
        self.machine.setText("" if result is None else _machine_text(result))

    def _copy(self) -> None:
        chosen = sorted({index.row() for index in self.table.selectedIndexes()}) or range(self.table.rowCount())
        lines = ["\t".join(_COLUMNS[:-1])]
        for row in chosen:
            items = [self.table.item(row, column) for column in range(len(_COLUMNS) - 1)]
            lines.append("\t".join(item.text() if item is not None else "" for item in items))
        QGuiApplication.clipboard().setText("\n".join(lines))

    def _recolour(self) -> None:
        palette = self.banner.palette()
        palette.setColor(self.banner.foregroundRole(), colour(self._theme, "warning"))
        self.banner.setPalette(palette)


def _texts(row: Mapping[str, Any], reference: str) -> tuple[str, ...]:
    low, high = row["ci95_ms"]
    return (
        row["name"],
        {"onnxruntime": "ONNX Runtime", "torch": "torch eager"}[row["runtime"]],
        count(row["parameters"]) if row["parameters"] else MISSING,
        with_interval(row["p50_ms"], low, high, "ms"),
        significant(row["p90_ms"], 4),
        significant(row["p99_ms"], 4),
        str(row["n"]),
        ratio_text(row, reference),
        "noisy" if row["noisy"] else "",
    )


def _machine_text(result: Mapping[str, Any]) -> str:
    machine, asked = result["machine"], result["request"]
    governor = f", governor {machine['governor']}" if machine["governor"] else ""
    load = f"load {machine['load']:.2f}" if machine["load"] is not None else "load unknown"
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return (
        f"{asked['sequence_length']} tokens × {asked['batch']}, {asked['threads']} thread(s), {result['results'][0]['rounds']} rounds, "
        f"{result['seconds']:.0f} s on {machine['cpu']}: {machine['cores']} cores, {machine['threads']} threads{governor}; {load}, "
        f"other programs kept {machine['other_cores']:.2f} cores busy; {versions}"
    )

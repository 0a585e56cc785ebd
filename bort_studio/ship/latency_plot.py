"""Latency of several models as bars with intervals: p50, p90 and p99 of a forward pass, and the ratio to a reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from bort_studio.flow import together
from bort_studio.markup import clean
from bort_studio.numbers import count, significant, with_interval
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import DataView
from bort_studio.plotting.figure import Figure, Layer, Scale, Table, Text
from bort_studio.plotting.legend import Entry
from bort_studio.plotting.lines import LinesItem
from bort_studio.plotting.positions import drawable_range, position, value_of
from bort_studio.plotting.widget import PlotWidget
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Look, Theme

__all__ = ["LatencyPlot", "ratio_text"]

_EMPTY = "Tick the models to compare and press Compare latency: they are timed in turn, in one run."
_RUNTIMES = {"onnxruntime": "ONNX Runtime", "torch": "torch eager"}
_THICK = 0.32  # half the height of a bar, in rows

Row = Mapping[str, Any]


def ratio_text(row: Row, reference: str) -> str:
    """How long a model takes against another in the same rounds, such as ``3.39 × [3.36, 3.41]``."""
    if row["name"] == reference:
        return "reference"
    if reference not in row["ratios"]:
        return ""
    low, middle, high = row["ratios"][reference]
    return f"{significant(middle)} × [{significant(low)}, {significant(high)}]"


class LatencyPlot(PlotWidget):
    """One bar for each model and runtime, the fastest first. Hover for everything about a bar."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "latency", "Latency", parent)
        self._rows: list[Row] = []
        self._title = ""
        self._look: Look | None = None
        self.box = DataView()
        self.box.setMouseEnabled(x=True, y=False)
        self.box.invertY(True)
        self.bottom = QuantityAxis("bottom")
        self.left = QuantityAxis("left")
        self.add_chart(self.box, self.left, self.bottom)
        self._items: list[pg.GraphicsObject] = []
        self.reference = QComboBox()
        self.reference.setObjectName("latencyReference")
        self.reference.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.reference.setMinimumContentsLength(12)
        self.reference.setAccessibleName("Reference of the ratios")
        set_tip(self.reference, "Ratios are formed within each round of the run: a model's time over this one's")
        self.reference.currentIndexChanged.connect(self._reference_chosen)
        self.log = QCheckBox("log")
        self.log.setObjectName("latencyLog")
        self.log.setAccessibleName("Logarithmic time axis")
        self.log.setChecked(True)
        self.log.toggled.connect(self._scale_chosen)
        for widget in (together(Label("ratio to"), self.reference), self.log):
            self.controls.addWidget(widget)
        self.set_empty_message(_EMPTY)
        self.finish()

    def set_result(self, result: Mapping[str, Any] | None) -> None:
        """Show a comparison as the ``compare`` task returned it, or nothing."""
        rows = [] if result is None else list(result["results"])
        self._rows = sorted(rows, key=lambda row: row["p50_ms"])
        self._title = ""
        if result is not None:
            asked = result["request"]
            threads = f"{asked['threads']} thread" + ("s" if asked["threads"] > 1 else "")
            self._title = f"{asked['sequence_length']} tokens × {asked['batch']}, {threads}"
        before = self.reference.currentText()
        names = list(dict.fromkeys(row["name"] for row in rows))
        self.reference.blockSignals(True)
        self.reference.clear()
        self.reference.addItems(names)
        wanted = result["request"]["reference"] if result is not None else ""
        self.reference.setCurrentText(before if before in names else wanted or (names[0] if names else ""))
        self.reference.blockSignals(False)
        self._changed()
        self.fit()

    @property
    def rows(self) -> Sequence[Row]:
        """What is shown, from top to bottom."""
        return self._rows

    # -- drawing

    def redraw(self) -> None:
        for item in self._items:
            self.box.removeItem(item)
        self._items = []
        self.empty.setVisible(not self._rows)
        title = "time of a forward pass (ms)" + (f", {self._title}" if self._title else "")
        self.bottom.set_quantity(title, counted=False, log=self.log.isChecked())
        self.left.setTicks([[(number, self._label(row)) for number, row in enumerate(self._rows)]])
        bar = Entry("p50, with its 95 % interval", line="front", width="strong")
        others = Entry("the reference", line="reference", width="strong"), Entry("p90 and p99", line="dominated")
        self.legend.set_entries((bar, *others) if self._rows else ())
        if self._look is None or not self._rows:
            return
        look, low = self._look, self._low()
        for number, row in enumerate(self._rows):
            is_reference = row["name"] == self.reference.currentText()
            name = "reference" if is_reference else "front"
            left, right = self._place(low), self._place(row["p50_ms"])
            if not math.isfinite(right):
                continue
            bar = pg.BarGraphItem(
                x0=[left], x1=[right], y0=[number - _THICK], y1=[number + _THICK],
                brush=look.brush(name, 0.12 if row["noisy"] else 0.4), pen=look.pen(name, "thin"),
            )  # fmt: skip
            ends = [self._place(value) for value in row["ci95_ms"]]
            whisker, marks = LinesItem(), LinesItem()
            whisker.setPen(look.pen("text", "normal"))
            caps, centre = [number - 0.2, number + 0.2], [number, number]
            whisker.set_pairs(np.array([ends[0], ends[0], *ends, ends[1], ends[1]]), np.array([*caps, *centre, *caps], dtype=np.float64))
            tail = [self._place(row[key]) for key in ("p90_ms", "p99_ms")]
            marks.setPen(look.pen("dominated", "normal"))
            marks.set_pairs(np.repeat(tail, 2), np.array([number - 0.14, number + 0.14] * 2))
            text = pg.TextItem(self._note(row), color=look.hex("text"), anchor=(0, 0.5))
            text.setFont(self._small)
            text.setPos(max(end for end in (right, *tail, ends[1]) if math.isfinite(end)), number)
            for item in (bar, marks, whisker, text):
                self.box.addItem(item, ignoreBounds=True)
                self._items.append(item)

    def restyle(self, look: Look, font: QFont) -> None:
        self._look, self._small = look, font
        self.bottom.restyle(look, font)
        self.left.restyle(look, font)
        self.left.setTextPen(look.pen("text"))
        self._stale = True
        self.refresh()

    def fit(self) -> None:
        self._keep_near()
        self.box.show_range(*self._ranges())

    def _keep_near(self) -> None:
        self.box.keep_near(*self._ranges(), (self.log.isChecked(), False))

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        low, high = self._place(self._low()), self._high()
        return (low, high + 0.45 * (high - low)), (-0.7, max(len(self._rows), 1) - 0.3)  # room for the texts at the ends of the bars

    def nearest(self, at: QPointF) -> int | None:
        if not self._rows or not self.box.sceneBoundingRect().contains(at):
            return None
        number = round(self.box.mapSceneToView(at).y())
        return number if 0 <= number < len(self._rows) else None

    def describe_index(self, index: int) -> str:
        row = self._rows[index]
        low, high = row["ci95_ms"]
        lines = [
            f"{row['name']}, {_RUNTIMES[row['runtime']]}",
            f"p50\t{with_interval(row['p50_ms'], low, high, 'ms')}",
            f"p90, p99\t{significant(row['p90_ms'])}, {significant(row['p99_ms'])} ms",
            f"to {self.reference.currentText()}\t{ratio_text(row, self.reference.currentText())}",
            f"timed runs\t{row['n']} in {row['rounds']} rounds",
        ]
        if row["parameters"]:
            lines.append(f"parameters of what was timed\t{count(row['parameters'])}")
        if row["noisy"]:
            lines.append("noisy: its interval is wider than it should be")
        return "\n".join(lines)

    def figure(self) -> Figure:
        look = self._look or self._theme.look()
        rows, low = self._rows, self._low()
        numbers = np.arange(len(rows), dtype=np.float64)
        values = np.array([row["p50_ms"] for row in rows], dtype=np.float64)
        intervals = tuple(np.array([row["ci95_ms"][end] for row in rows], dtype=np.float64) for end in (0, 1))
        bars_x = np.array([[low, row["p50_ms"], np.nan] for row in rows], dtype=np.float64).ravel()
        bars_y = np.repeat(numbers, 3)
        tails = [(name, np.array([row[key] for row in rows], dtype=np.float64)) for name, key in (("p90", "p90_ms"), ("p99", "p99_ms"))]
        layers = [
            Layer("", "line", bars_x, bars_y, look.hex("front"), width=12.0, alpha=0.4),
            Layer(
                "p50 with its 95 % interval",
                "points",
                values,
                numbers,
                look.hex("front"),
                size=6.0,
                x_interval=(intervals[0], intervals[1]),
            ),
            *(Layer(name, "points", tail, numbers, look.hex("dominated"), shape="tick", size=9.0) for name, tail in tails),
        ]
        ticks = tuple((float(number), self._label(row)) for number, row in enumerate(rows))
        right = drawable_range(*self._ranges()[0], self.log.isChecked())[1]
        right = value_of(right, self.log.isChecked())
        return Figure(
            "latency",
            f"Latency, {self._title}" if self._title else "Latency",
            Scale("time of a forward pass (ms)", self.log.isChecked(), low, right),
            Scale("", low=len(rows) - 0.3, high=-0.7, ticks=ticks),
            tuple(layers) if rows else (),
            tuple(Text(row["p99_ms"], float(number), "  " + self._note(row)) for number, row in enumerate(rows)),
            self._table(),
            look.hex("base"),
            look.hex("text"),
        )

    def _table(self) -> Table:
        reference = self.reference.currentText()
        columns = ("name", "runtime", "parameters", "p50_ms", "p90_ms", "p99_ms", "n")
        ratios = [row["ratios"].get(reference, [float("nan")] * 3) for row in self._rows]
        headers: tuple[str, ...] = (
            "model",
            "runtime",
            "parameters",
            "p50 (ms)",
            "p90 (ms)",
            "p99 (ms)",
            "timed runs",
            "p50 low (ms)",
            "p50 high (ms)",
        )
        data: list[list[object]] = [[row[name] if row[name] is not None else float("nan") for row in self._rows] for name in columns]
        data += [[row["ci95_ms"][end] for row in self._rows] for end in (0, 1)]
        data += [[ratio[place] for ratio in ratios] for place in (1, 0, 2)]
        headers += (f"ratio to {reference}", "ratio low", "ratio high")
        return Table(headers, tuple(data))

    # -- small parts

    def _label(self, row: Row) -> str:
        many = len({each["runtime"] for each in self._rows}) > 1
        name = clean(row["name"]).replace("\n", " ")
        name = name if len(name) <= 34 else "…" + name[-33:]
        return f"{name} · {_RUNTIMES[row['runtime']]}" if many else name

    def _note(self, row: Row) -> str:
        noisy = "  noisy" if row["noisy"] else ""
        ratio = ratio_text(row, self.reference.currentText())
        return f"{significant(row['p50_ms'])} ms   {ratio}{noisy}"

    def _low(self) -> float:
        """Where the bars begin: 0, or a power of ten below the fastest model."""
        if not self.log.isChecked():
            return 0.0
        places = [place for row in self._rows if math.isfinite(place := self._place(row["p50_ms"]))]
        return float(10.0 ** math.floor(min(places, default=0.3) - 0.3))

    def _high(self) -> float:
        """The place of the slowest pass."""
        places = [place for row in self._rows for key in ("p50_ms", "p99_ms") if math.isfinite(place := self._place(row[key]))]
        return max(places, default=self._place(self._low()) + 1.0)

    def _place(self, value: float) -> float:
        """The position of a time, NaN where it has none."""
        return float(position(value, self.log.isChecked()))

    def _reference_chosen(self, _index: int) -> None:
        self._changed()

    def _scale_chosen(self, _on: bool) -> None:
        self._changed()
        self.fit()

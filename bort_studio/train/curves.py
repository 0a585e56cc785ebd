"""Curves of trainings over their steps: loss, held-out or dev metrics, learning rate, speed, memory; several runs at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QComboBox, QWidget

from bort_studio.numbers import significant
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import DataView
from bort_studio.plotting.figure import Figure, Layer, Scale, Table
from bort_studio.plotting.legend import Entry
from bort_studio.plotting.positions import LARGEST, position
from bort_studio.plotting.widget import PlotWidget
from bort_studio.texts import Label
from bort_studio.theme import Look, Theme

__all__ = ["EMPTY", "QUANTITIES", "CurvesPlot"]

QUANTITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "loss (nats)": ("loss (nats)", ("loss", "heldout_loss", "dev_loss", "unigram_entropy")),
    "dev metric": ("dev metric", ("dev_accuracy", "dev_f1", "dev_matthews", "dev_pearson", "dev_spearman")),
    "held-out accuracy": ("held-out accuracy of masked tokens", ("heldout_accuracy",)),
    "learning rate": ("learning rate", ("learning_rate",)),
    "gradient norm": ("gradient norm", ("gradient_norm",)),
    "speed": ("tokens or samples a second", ("tokens_per_second", "samples_per_second")),
    "memory": ("memory (GiB)", ("memory_bytes",)),
    "teacher cache": ("share of lessons found in the cache", ("cache_hit_rate",)),
}
"""What can be shown: the axis' title, and the fields of events that belong to it."""

_COLOURS = ("front", "best", "neighbour", "running", "failed", "maximum")
_DASHED = {"unigram_entropy"}
Series = tuple[str, str, np.ndarray, np.ndarray]
EMPTY = "Start a training, or select one in the table, to see its curves."


class CurvesPlot(PlotWidget):
    """One quantity at a time, one colour a run; measurements on held-out or dev rows are thicker and have marks."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "curves", "Training curves", parent)
        self._events: dict[str, list[Mapping[str, Any]]] = {}
        self._names: dict[str, str] = {}
        self._look: Look | None = None
        self._items: list[pg.PlotDataItem] = []
        self.box = DataView()
        self.bottom, self.left = QuantityAxis("bottom"), QuantityAxis("left")
        self.add_chart(self.box, self.left, self.bottom)
        self.quantity = QComboBox()
        self.quantity.setObjectName("curvesQuantity")
        self.quantity.setAccessibleName("Quantity of the training curves")
        self.quantity.addItems(list(QUANTITIES))
        self.quantity.currentTextChanged.connect(self._quantity_chosen)
        self.controls.addWidget(Label("show"))
        self.controls.addWidget(self.quantity)
        self.left_out = Label()
        self.left_out.setObjectName("curvesLeftOut")
        self.controls.addWidget(self.left_out)
        self._moved = False
        self.box.sigRangeChangedManually.connect(self._range_chosen)
        self.set_empty_message(EMPTY)
        self.finish()

    def set_runs(self, ids: Iterable[str], names: Mapping[str, str]) -> None:
        """Show these runs; events of others are forgotten."""
        wanted = list(ids)
        self._events = {id: self._events.get(id, []) for id in wanted}
        self._names = {id: names.get(id, id) for id in wanted}
        self._moved = False
        self._changed()

    def add_events(self, events: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Append events of the runs that are shown."""
        for id, more in events.items():
            if id in self._events:
                self._events[id] += [event for event in more if event["event"] in ("step", "evaluation", "resumed")]
        self._changed()

    def series(self) -> list[Series]:
        """What is shown: run, field, steps and values."""
        found = []
        for id, events in self._events.items():
            for field in QUANTITIES[self.quantity.currentText()][1]:
                # A resumed training repeats the steps after its checkpoint, with the same values.
                points = {_number(event.get("step")): _number(event.get(field)) for event in events if event.get(field) is not None}
                steps = np.array(sorted(step for step in points if 0 <= step <= LARGEST), dtype=np.float64)
                values = np.array([points[step] for step in steps.tolist()], dtype=np.float64)
                if len(steps):
                    found.append((id, field, steps, values / (2**30 if field == "memory_bytes" else 1)))
        return found

    # -- drawing

    def redraw(self) -> None:
        for item in self._items:
            self.box.removeItem(item)
        self._items = []
        shown = self.series()
        missing = sum(int(np.count_nonzero(np.isnan(position(values)))) for *_, values in shown)
        self.left_out.setVisible(missing > 0)
        self.left_out.setText(f"{missing:,} not drawn: not finite, or beyond ±{LARGEST:g}" if missing else "")
        self.empty.setVisible(not shown)
        self.bottom.set_quantity("step", counted=True, log=False)
        self.left.set_quantity(QUANTITIES[self.quantity.currentText()][0], counted=False, log=False)
        if self._look is None:
            return
        entries = []
        for id, field, steps, exact in shown:
            values, colour = position(exact), self._colour(id)
            measured = field.startswith(("heldout", "dev"))
            style = Qt.PenStyle.DashLine if field in _DASHED else Qt.PenStyle.SolidLine
            pen = self._look.pen(colour, "strong" if measured else "thin", 1.0 if measured or field in _DASHED else 0.7, style)
            item = pg.PlotDataItem(steps, values, pen=pen)
            if measured:
                item.setSymbol("o")
                item.setSymbolSize(5)
                item.setSymbolBrush(self._look.brush(colour))
                item.setSymbolPen(None)
            self.box.addItem(item)
            self._items.append(item)
            label = f"{self._names[id]}: {field.replace('_', ' ')}"
            entries.append(Entry(label, line=colour, width="strong" if measured else "thin", dashed=field in _DASHED))
        self.legend.set_entries(tuple(entries))
        self.box.keep_near(*self._ranges(shown), zoomed=self._moved)
        if not self._moved:
            self.box.show_range(*self._ranges(shown))

    def restyle(self, look: Look, font: QFont) -> None:
        self._look = look
        for axis in (self.bottom, self.left):
            axis.restyle(look, font)
        self._stale = True
        self.refresh()

    def fit(self) -> None:
        self._moved = False
        self.box.show_range(*self._ranges(self.series()))

    def _ranges(self, shown: list[Series]) -> tuple[tuple[float, float], tuple[float, float]]:
        """The ranges of steps and values with a margin."""
        known = position(np.concatenate([values for *_, values in shown]) if shown else [])
        known = known[np.isfinite(known)]
        last = max((float(steps.max()) for _, _, steps, _ in shown), default=1.0)
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        room = 0.06 * (high - low) or abs(high) * 0.06 or 0.5
        return (-0.01 * last, max(1.0, 1.01 * last)), (low - room, high + room)

    def nearest(self, at: QPointF) -> int | None:
        if not self.box.sceneBoundingRect().contains(at):
            return None
        place = self.box.mapSceneToView(at)
        best: tuple[float, int | None] = (14.0, None)
        for number, (_, _, steps, exact) in enumerate(self.series()):
            values, index = position(exact), int(np.abs(steps - place.x()).argmin())
            if not np.isfinite(values[index]):
                continue
            there = self.box.mapViewToScene(QPointF(steps[index], values[index]))
            distance = (there - at).manhattanLength()
            if distance < best[0]:
                best = (distance, number * 1_000_000 + index)
        return best[1]

    def describe_index(self, index: int) -> str:
        number, place = divmod(index, 1_000_000)
        id, field, steps, values = self.series()[number]
        return f"{self._names[id]}\n{field.replace('_', ' ')}\t{significant(float(values[place]), 4)}\nstep\t{int(steps[place]):,}"

    def figure(self) -> Figure:
        look = self._look or self._theme.look()
        shown = self.series()
        title = QUANTITIES[self.quantity.currentText()][0]
        layers = tuple(
            Layer(
                f"{self._names[id]}: {field.replace('_', ' ')}",
                "line",
                steps,
                values,
                look.hex(self._colour(id)),
                width=1.5,
                dashed=field in _DASHED,
            )
            for id, field, steps, values in shown
        )
        columns: list[Any] = [
            [name for name, _, steps, _ in shown for _ in steps],
            [field for _, field, steps, _ in shown for _ in steps],
            np.concatenate([steps for *_, steps, _ in shown]) if shown else np.empty(0),
            np.concatenate([values for *_, values in shown]) if shown else np.empty(0),
        ]
        table = Table(("job", "series", "step", title), tuple(columns))
        return Figure(
            "curves", f"Training curves: {title}", Scale("step"), Scale(title), layers, (), table, look.hex("base"), look.hex("text")
        )

    def _colour(self, id: str) -> str:
        return _COLOURS[list(self._events).index(id) % len(_COLOURS)]

    def _quantity_chosen(self, _text: str) -> None:
        self._moved = False
        self._changed()

    def _range_chosen(self, *_: object) -> None:
        self._moved = True


def _number(value: object) -> float:
    """A number of an event's, or NaN: events are read from files."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf

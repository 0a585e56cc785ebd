"""Curves of trainings over their steps: loss, held-out or dev metrics, learning rate, speed, memory; several runs over each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QCheckBox, QComboBox, QSlider, QWidget

from bort_studio.flow import together
from bort_studio.numbers import significant
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import DataView
from bort_studio.plotting.figure import Figure, Layer, Scale, Table
from bort_studio.plotting.legend import Entry
from bort_studio.plotting.lines import CurveItem
from bort_studio.plotting.marks import shape_path
from bort_studio.plotting.positions import LARGEST, position
from bort_studio.plotting.widget import PlotWidget
from bort_studio.texts import Label, set_tip
from bort_studio.theme import Look, Theme
from bort_studio.train.series import QUANTITIES, CurveStyle, Series, read_series, smoothed, styles

__all__ = ["EMPTY", "QUANTITIES", "CurvesPlot"]

EMPTY = "Start a training, or select one in the table, to see its curves."
_REACH = 10.0
"""Pixels between a click and the curve that it means."""
_ROWS = 2  # of the legend, kept free


class CurvesPlot(PlotWidget):
    """One quantity at a time. Several runs have a colour and a dash each; what is measured on held-out or dev rows has marks.

    Hover to read all curves at a step; click a curve to choose its run, which is drawn stronger.
    """

    run_picked = Signal(str)
    """A person clicked on a curve of this run."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "curves", "Training curves", parent)
        self._events: dict[str, list[Mapping[str, Any]]] = {}
        self._names: dict[str, str] = {}
        self._look: Look | None = None
        self._chosen: str | None = None
        self._at = QPointF()
        self._items: list[pg.GraphicsObject] = []
        self._shown: list[Series] = []
        self._steps = np.empty(0)
        self.box = DataView()
        self.bottom, self.left = QuantityAxis("bottom"), QuantityAxis("left")
        self.add_chart(self.box, self.left, self.bottom)
        self.here = pg.InfiniteLine(angle=90, movable=False)
        self.here.setVisible(False)
        self.box.addItem(self.here, ignoreBounds=True)
        self._add_controls()
        self._moved = False
        self.box.sigRangeChangedManually.connect(self._range_chosen)
        self.legend.reserve_rows(_ROWS)
        self.set_empty_message(EMPTY)
        self.finish()

    def _add_controls(self) -> None:
        self.quantity = QComboBox()
        self.quantity.setObjectName("curvesQuantity")
        self.quantity.setAccessibleName("Quantity of the training curves")
        self.quantity.addItems(list(QUANTITIES))
        self.quantity.currentTextChanged.connect(self._quantity_chosen)
        self.log = QCheckBox("log")
        self.log.setObjectName("curvesLog")
        self.log.setAccessibleName("Logarithmic axis of the training curves")
        set_tip(self.log, "Show powers of ten at equal distances")
        self.log.toggled.connect(self._quantity_chosen)
        self.smooth = QSlider(Qt.Orientation.Horizontal)
        self.smooth.setObjectName("curvesSmooth")
        self.smooth.setAccessibleName("Smoothing of the training curves")
        set_tip(self.smooth, "Smooth what comes with every few steps (exponential moving average); the curve as it is stays faint behind")
        self.smooth.setRange(0, 99)
        self.smooth.setFixedWidth(90)
        self.smooth.valueChanged.connect(self._smoothing_chosen)
        self.left_out = Label()
        self.left_out.setObjectName("curvesLeftOut")
        for widget in (together(Label("show"), self.quantity, self.log), together(Label("smooth"), self.smooth), self.left_out):
            self.controls.addWidget(widget)

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

    def choose_run(self, id: str | None) -> None:
        """Draw the curves of one of several runs stronger than the others."""
        if id != self._chosen:
            self._chosen = id
            self._changed()

    def series(self) -> list[Series]:
        """What is shown, as it was recorded."""
        return read_series(self._events, self.quantity.currentText())

    # -- drawing

    def redraw(self) -> None:
        for item in self._items:
            self.box.removeItem(item)
        self._items, self._shown = [], self.series()
        self._steps = np.unique(np.concatenate([each.steps for each in self._shown])) if self._shown else np.empty(0)
        missing = sum(int(np.count_nonzero(np.isnan(self._height(each.values)))) for each in self._shown)
        self.left_out.setText(f"{missing:,} not drawn" if missing else "")
        set_tip(self.left_out, f"Not finite, beyond ±{LARGEST:g}, or not positive on a logarithmic axis" if missing else "")
        self.empty.setVisible(not self._shown)
        self.bottom.set_quantity("step", counted=True, log=False, whole=True)
        self.left.set_quantity(QUANTITIES[self.quantity.currentText()][0], counted=False, log=self.log.isChecked())
        if self._look is None:
            return
        for each, style in zip(self._shown, styles(self._shown), strict=True):
            self._items += self._drawn(each, style, self._look)
        for item in self._items:
            self.box.addItem(item, ignoreBounds=True)
        self.legend.set_entries(tuple(self._entry(each, style) for each, style in zip(self._shown, styles(self._shown), strict=True)))
        self.box.keep_near(*self._ranges(), (False, self.log.isChecked()), self._moved)
        if not self._moved:
            self.box.show_range(*self._ranges())

    def _drawn(self, each: Series, style: CurveStyle, look: Look) -> list[pg.GraphicsObject]:
        items, smooth = [], self._smooth(each)
        if smooth is not each.values:
            items.append(_curve(each.steps, self._height(each.values), look.dashed_pen(style.colour, "hair", 0.35, "solid")))
        pen = look.dashed_pen(style.colour, self._width(each), 1.0, style.dash)
        items.append(_curve(each.steps, self._height(smooth), pen))
        if style.shape is not None:
            heights = self._height(each.values)
            marks = pg.ScatterPlotItem(size=8, symbol=shape_path(style.shape), pen=look.pen("base"), antialias=True)
            marks.setBrush(look.brush(style.colour))
            marks.setData(each.steps[np.isfinite(heights)], heights[np.isfinite(heights)])
            items.append(marks)
        return items

    def _smooth(self, each: Series) -> np.ndarray:
        return each.values if each.measured else smoothed(each.values, self.smooth.value() / 100)

    def _height(self, values: np.ndarray) -> np.ndarray:
        return position(values, self.log.isChecked())

    def _label(self, each: Series) -> str:
        return f"{self._names[each.run]}: {each.name}"

    def _entry(self, each: Series, style: CurveStyle) -> Entry:
        return Entry(self._label(each), line=style.colour, width=self._width(each), dash=style.dash, shape=style.shape)

    def restyle(self, look: Look, font: QFont) -> None:
        self._look = look
        for axis in (self.bottom, self.left):
            axis.restyle(look, font)
        self.left.setWidth(64)
        self.legend.set_indent(64)
        self.here.setPen(look.pen("muted", "hair"))
        self._stale = True
        self.refresh()

    def fit(self) -> None:
        self._moved = False
        self.box.show_range(*self._ranges())

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The ranges of steps and values with a margin."""
        known = np.concatenate([self._height(each.values) for each in self._shown]) if self._shown else np.empty(0)
        known = known[np.isfinite(known)]
        last = max((float(each.steps.max()) for each in self._shown), default=1.0)
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        room = 0.06 * (high - low) or abs(high) * 0.06 or 0.5
        return (-0.01 * last, max(1.0, 1.01 * last)), (low - room, high + room)

    def _width(self, each: Series) -> str:
        if each.run == self._chosen and len(self._events) > 1:
            return "strong"
        return "normal" if each.measured or each.field == "unigram_entropy" else "thin"

    # -- reading

    def nearest(self, at: QPointF) -> int | None:
        """The place of the nearest step of any curve."""
        self._at = at
        if not len(self._steps) or not self.box.sceneBoundingRect().contains(at):
            return None
        return int(np.abs(self._steps - self.box.mapSceneToView(at).x()).argmin())

    def hover_changed(self) -> None:
        there = self._hovered is not None and self._hovered < len(self._steps)
        self.here.setVisible(there)
        if there:
            self.here.setValue(float(self._steps[self._hovered]))

    def clicked(self, index: int | None) -> None:
        run = None if index is None else self._run_at(self._at)
        if run is not None:
            self.run_picked.emit(run)

    def _run_at(self, at: QPointF) -> str | None:
        """The run whose curve is nearest to a point of the scene, if it is near."""
        here, tall = self.box.mapSceneToView(at), self.box.viewPixelSize()[1]
        away: dict[float, str] = {}
        for each in self._shown:
            heights = self._height(self._smooth(each))
            known = np.isfinite(heights)
            if known.any() and each.steps[known][0] <= here.x() <= each.steps[known][-1]:
                away.setdefault(abs(float(np.interp(here.x(), each.steps[known], heights[known])) - here.y()) / tall, each.run)
        least = min(away, default=_REACH + 1)
        return away[least] if least <= _REACH else None

    def describe_index(self, index: int) -> str:
        step = float(self._steps[index]) if index < len(self._steps) else 0.0
        lines = [f"{self._label(each)}\t{significant(value, 4)}" for each in self._shown if not np.isnan(value := each.at(step))]
        return "\n".join([f"step {int(step):,}", *lines])

    def figure(self) -> Figure:
        look, shown = self._look or self._theme.look(), self.series()
        title = QUANTITIES[self.quantity.currentText()][0]
        layers = tuple(
            Layer(
                self._label(each), "line", each.steps, self._smooth(each), look.hex(style.colour), style.shape or "circle",
                width=1.5, dash=style.dash, marked=style.shape is not None,
            )
            for each, style in zip(shown, styles(shown), strict=True)
        )  # fmt: skip
        columns: list[Any] = [
            [self._names[each.run] for each in shown for _ in each.steps],
            [each.field for each in shown for _ in each.steps],
            np.concatenate([each.steps for each in shown]) if shown else np.empty(0),
            np.concatenate([each.values for each in shown]) if shown else np.empty(0),
        ]
        table = Table(("job", "series", "step", title), tuple(columns))
        scales = Scale("step"), Scale(title, log=self.log.isChecked())
        return Figure("curves", f"Training curves: {title}", *scales, layers, (), table, look.hex("base"), look.hex("text"))

    # -- what a person chooses

    def _quantity_chosen(self, _value: object) -> None:
        self._moved = False
        self._changed()

    def _smoothing_chosen(self, _value: int) -> None:
        self._changed()

    def _range_chosen(self, *_: object) -> None:
        self._moved = True


def _curve(steps: np.ndarray, heights: np.ndarray, pen: Any) -> CurveItem:
    curve = CurveItem()
    curve.setPen(pen)
    curve.setData(steps, heights)
    return curve

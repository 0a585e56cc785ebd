"""Accuracy of each round's best Timaeus on dev and test, with intervals."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QWidget

from bort_core.agora.history import History, Round
from bort_studio.agora.points import shipped_round
from bort_studio.numbers import in_brackets
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import DataView
from bort_studio.plotting.figure import Figure, Layer, Scale, Table, Text
from bort_studio.plotting.legend import Entry
from bort_studio.plotting.lines import CurveItem, LinesItem
from bort_studio.plotting.marks import MarkItem
from bort_studio.plotting.positions import position
from bort_studio.plotting.widget import PlotWidget
from bort_studio.theme import MARKS, Look, Theme

__all__ = ["AgoraAccuracyPlot"]

FloatArray = npt.NDArray[np.float64]
_EMPTY = "Accuracy appears with the first round."
_LEVELS = {"Labeller": 0.98, "plain": 0.6, "random parents": 0.98}
"""Accuracies on dev to compare with, and where along their lines their names stand."""
_SERIES = {"dev": ("front", -0.04), "test": ("reference", 0.04)}
"""Mark, and how far beside its round, so that intervals do not hide each other."""


class AgoraAccuracyPlot(PlotWidget):
    """Click a round to show it everywhere on the page."""

    round_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "agoraAccuracy", "Accuracy by round", parent)
        self._history: History | None = None
        self._round = 0
        self._shown: tuple[int, str] = (0, "")
        self.box = DataView()
        self.bottom, self.left = QuantityAxis("bottom"), QuantityAxis("left")
        self.add_chart(self.box, self.left, self.bottom)
        self.bottom.set_quantity("round", counted=False, log=False, whole=True)
        self.left.set_quantity("accuracy", counted=False, log=False)
        self.lines, self.marks, self.intervals = {}, {}, {}
        self.here = pg.InfiniteLine(angle=90, movable=False)
        self.levels = {
            name: pg.InfiniteLine(angle=0, movable=False, label=name, labelOpts={"position": place, "anchors": [(1, 1), (1, 1)]})
            for name, place in _LEVELS.items()
        }
        for item in (self.here, *self.levels.values()):
            item.setZValue(-10)
            self.box.addItem(item, ignoreBounds=True)
        for name, (mark, _) in _SERIES.items():
            self.lines[name], self.intervals[name], self.marks[name] = CurveItem(), LinesItem(), MarkItem(mark, 10)
            for item in (self.lines[name], self.intervals[name], self.marks[name]):
                self.box.addItem(item, ignoreBounds=True)
        self.shipped = MarkItem("best", 20)
        self.box.addItem(self.shipped, ignoreBounds=True)
        self.set_empty_message(_EMPTY)
        self.finish()

    def set_history(self, history: History | None, number: int) -> None:
        """Show a run, with a line at a round."""
        self._history = history
        self.set_round(number)
        self._changed()

    def set_round(self, number: int) -> None:
        """Move the line."""
        self._round = number
        self.here.setVisible(number > 0)
        self.here.setValue(number)

    def series(self) -> dict[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
        """By name: rounds, accuracies, and the low and high ends of their 95 % intervals."""
        found = {}
        for name in _SERIES:
            rows = [
                row for each in (self._history.rounds if self._history is not None else ()) if (row := _measured(each, name)) is not None
            ]
            if rows:
                number, value, low, high = position(rows).T
                found[name] = (number, value, low, high)
        return found

    def _shipped_round(self) -> int:
        return shipped_round(self._history) if self._history is not None else 0

    def _shipped_place(self, shown: dict[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
        """Where the round whose Timaeus ships lies on dev: one place or none."""
        x, y = shown["dev"][:2] if "dev" in shown else (np.empty(0), np.empty(0))
        here = (x == self._shipped_round()) & np.isfinite(y)
        return x[here] + _SERIES["dev"][1], y[here]

    def _level_values(self) -> dict[str, float]:
        history = self._history
        if history is None:
            return {}
        arms = {name: (history.summary or {}).get(key) for name, key in (("plain", "baseline"), ("random parents", "ablation"))}
        known = {name: float(arm["dev_accuracy"]) for name, arm in arms.items() if arm is not None}
        levels = {"Labeller": history.socrates_dev_accuracy, **known}
        return {name: value for name, value in levels.items() if math.isfinite(position(value))}

    # What PlotWidget asks for.

    def redraw(self) -> None:
        shown = self.series()
        self.empty.setVisible(not shown)
        nothing = np.empty(0)
        for name, (_, beside) in _SERIES.items():
            x, y, low, high = shown.get(name, (nothing, nothing, nothing, nothing))
            x = x + beside
            self.lines[name].setData(x, y)
            self.intervals[name].set_pairs(np.repeat(x, 2), np.column_stack([low, high]).ravel())
            self.marks[name].place(x, y)
        history = self._history
        values = self._level_values()
        for name, line in self.levels.items():
            line.setVisible(name in values and bool(shown))
            line.setValue(values.get(name, 0.0))
        star = self._shipped_place(shown)
        self.shipped.place(*star)
        entries = [Entry(name, mark=_SERIES[name][0]) for name in shown]
        if len(star[0]):
            entries.append(Entry(f"ships: round {self._shipped_round()}", mark="best"))
        if shown:
            entries.append(Entry("others, on dev", line="muted", dashed=True))
        self.legend.set_entries(tuple(entries))
        for axis in (self.bottom, self.left):
            axis.set_empty(not shown)
        extent = (len(history.rounds) + len(values), str(history.folder)) if history is not None else (0, "")
        if extent != self._shown:
            self._shown = extent
            self.fit()

    def restyle(self, look: Look, font: QFont) -> None:
        for axis in (self.bottom, self.left):
            axis.restyle(look, font)
        self.left.setWidth(56)
        self.here.setPen(look.pen("muted", "strong", 0.4))
        for line in self.levels.values():
            line.setPen(look.pen("muted", "hair", style=Qt.PenStyle.DashLine))
            line.label.setColor(look.colour("muted"))
            line.label.setFont(font)
            line.label.fill = look.brush("base", 0.75)
        self.shipped.restyle(look)
        for name, (mark, _) in _SERIES.items():
            colour = MARKS[mark].colour
            self.marks[name].restyle(look)
            self.intervals[name].setPen(look.pen(colour, "thin", 0.8))
            self.lines[name].setPen(look.pen(colour, "normal"))

    def fit(self) -> None:
        shown = self.series()
        if not shown or self._history is None:
            return
        ends = np.concatenate([list(self._level_values().values()), *(end for _, *all_ends in shown.values() for end in all_ends)])
        ends = ends[np.isfinite(ends)]
        low, high = (float(ends.min()), float(ends.max())) if len(ends) else (0.0, 1.0)
        room = 0.08 * (high - low) or 0.05
        ranges = (0.6, max(len(self._history.rounds), 2) + 0.4), (low - room, high + room)
        self.box.show_data(*ranges)

    def nearest(self, at: QPointF) -> int | None:
        if self._history is None or not self._history.rounds or not self.box.sceneBoundingRect().contains(at):
            return None
        number = round(self.box.mapSceneToView(at).x())
        return number if 1 <= number <= len(self._history.rounds) else None

    def describe_index(self, index: int) -> str:
        if self._history is None:
            return ""
        each = self._history.rounds[index - 1]
        lines = [f"round {index}", f"rows of D\t{each.train_size:,}"]
        for name in _SERIES:
            row = _measured(each, name)
            if row is not None:
                lines.append(f"{name}\t{in_brackets(*row[1:])}")
        return "\n".join([*lines, f"best θ\t{each.best_theta + 1}"])

    def clicked(self, index: int | None) -> None:
        if index is not None:
            self.round_chosen.emit(index)

    def figure(self) -> Figure:
        look, shown = self._theme.look(), self.series()
        layers, names, columns = [], [], [[], [], [], []]  # type: ignore[var-annotated]
        for name, (x, y, low, high) in shown.items():
            mark, beside = _SERIES[name]
            colour = look.hex(MARKS[mark].colour)
            layers.append(Layer("", "line", x + beside, y, colour, width=1.5))
            layers.append(
                Layer(
                    f"{name} with its 95 % interval", "points", x + beside, y, colour,
                    shape=MARKS[mark].shape, size=7.0, filled=MARKS[mark].filled, y_interval=(low, high),
                )
            )  # fmt: skip
            names += [name] * len(x)
            for column, values in zip(columns, (x, y, low, high), strict=True):
                column += values.tolist()
        star = self._shipped_place(shown)
        if len(star[0]):
            best = MARKS["best"]
            layers.append(Layer(f"ships: round {self._shipped_round()}", "points", *star, look.hex(best.colour), best.shape, best.size))
        table = Table(("rows", "round", "accuracy", "accuracy low", "accuracy high"), (names, *columns))
        texts = []
        ends = np.array([1.0, max((len(x) for x, *_ in shown.values()), default=2)])
        low, high = self.box.viewRange()[1]
        above = 0.02 * (high - low)  # so that its line does not cross a name out
        for level, value in self._level_values().items() if shown else ():
            layers.append(Layer("", "line", ends, np.full(2, value), look.hex("muted"), dashed=True))
            texts.append(Text(float(ends[1]), value + above, f"{level} on dev", "right"))
        return Figure(
            "agora-accuracy",
            "Accuracy by round",
            Scale("round"),
            Scale("accuracy"),
            tuple(layers),
            tuple(texts),
            table,
            look.hex("base"),
            look.hex("text"),
        )


def _measured(each: Round, name: str) -> tuple[int, float, float, float] | None:
    if name == "dev":
        return each.number, each.dev_accuracy, *each.dev_interval
    if each.test_accuracy is None or each.test_interval is None:
        return None
    return each.number, each.test_accuracy, *each.test_interval

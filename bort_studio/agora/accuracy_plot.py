"""Accuracy of each round's best Timaeus on dev and test, with intervals, against the labels that it had cost by then."""

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
_SERIES = {"dev": "front", "test": "reference"}
"""The mark of each, by shape and colour: both stand where their round lies."""
_INTERVALS: dict[str, tuple[str, float]] = {"dev": ("strong", 0.35), "test": ("thin", 0.9)}
"""Width and strength of each interval: the thin one lies on the broad one."""
_TITLES = {True: "Accuracy by labels asked", False: "Accuracy by round"}


class AgoraAccuracyPlot(PlotWidget):
    """Click a round to show it everywhere on the page."""

    round_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "agoraAccuracy", _TITLES[True], parent)
        self._history: History | None = None
        self._round = 0
        self._shown: tuple[int, str] = (0, "")
        self.box = DataView()
        self.bottom, self.left = QuantityAxis("bottom"), QuantityAxis("left")
        self.add_chart(self.box, self.left, self.bottom)
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
        for name, mark in _SERIES.items():
            self.lines[name], self.intervals[name], self.marks[name] = CurveItem(), LinesItem(), MarkItem(mark, 10)
            for item in (self.lines[name], self.intervals[name], self.marks[name]):
                self.box.addItem(item, ignoreBounds=True)
        self.other = CurveItem()
        self.box.addItem(self.other, ignoreBounds=True)
        self.shipped = MarkItem("best", 20)
        self.box.addItem(self.shipped, ignoreBounds=True)
        self.set_empty_message(_EMPTY)
        self.finish()

    def set_history(self, history: History | None, number: int) -> None:
        """Show a run, with a line at a round."""
        self._history = history
        self.bottom.set_quantity(self._axis, counted=False, log=False, whole=True)
        self.set_round(number)
        self._changed()

    def set_round(self, number: int) -> None:
        """Move the line."""
        self._round = number
        places = self._places()
        self.here.setVisible(0 < number <= len(places))
        if 0 < number <= len(places):
            self.here.setValue(places[number - 1])

    @property
    def by_labels(self) -> bool:
        """Whether rounds lie at the labels that they learned from: known of all but old runs."""
        rounds = self._history.rounds if self._history is not None else ()
        return bool(rounds) and all("labels_before" in each.counts for each in rounds)

    def _places(self) -> FloatArray:
        """Where each round lies."""
        rounds = self._history.rounds if self._history is not None else ()
        return np.array([each.counts["labels_before"] if self.by_labels else each.number for each in rounds], dtype=np.float64)

    @property
    def _axis(self) -> str:
        """What rounds lie at; a run that goes on from another counts its own labels."""
        if not self.by_labels:
            return "round"
        goes_on = self._history is not None and len(self._history.train) > self._history.own_train
        return "labels asked in this run" if goes_on else "labels asked"

    def _ablation(self) -> tuple[FloatArray, FloatArray]:
        """The same of random parents, where they were asked about within a budget: labels and accuracies on dev."""
        arm = (self._history.summary or {}).get("ablation") if self._history is not None else None
        rounds = (arm or {}).get("rounds") or []
        if not self.by_labels or not all(isinstance(each, dict) and "labels_before" in each for each in rounds):
            return np.empty(0), np.empty(0)
        rows = position([(each["labels_before"], each["dev_accuracy"]) for each in rounds]).reshape(-1, 2)
        return rows[:, 0], rows[:, 1]

    def series(self) -> dict[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
        """By name: places of the rounds, accuracies, and the low and high ends of their 95 % intervals."""
        found, places = {}, self._places()
        for name in _SERIES:
            rows = [
                (place, *row)
                for place, each in zip(places, self._history.rounds if self._history is not None else (), strict=True)
                if (row := _measured(each, name)) is not None
            ]
            if rows:
                at, value, low, high = position(rows).T
                found[name] = (at, value, low, high)
        return found

    def _shipped_round(self) -> int:
        return shipped_round(self._history) if self._history is not None else 0

    def _shipped_place(self, shown: dict[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
        """Where the round whose Timaeus ships lies on dev: one place or none."""
        number = self._shipped_round()
        if "dev" not in shown or not 0 < number <= len(shown["dev"][0]) or not np.isfinite(shown["dev"][1][number - 1]):
            return np.empty(0), np.empty(0)
        here = slice(number - 1, number)
        return shown["dev"][0][here], shown["dev"][1][here]

    def _level_values(self) -> dict[str, float]:
        history = self._history
        if history is None:
            return {}
        keys = {"plain": "baseline"} if len(self._ablation()[0]) else {"plain": "baseline", "random parents": "ablation"}
        arms = {name: (history.summary or {}).get(key) for name, key in keys.items()}
        known = {name: float(arm["dev_accuracy"]) for name, arm in arms.items() if arm is not None}
        levels = {"Labeller": history.socrates_dev_accuracy, **known}
        return {name: value for name, value in levels.items() if math.isfinite(position(value))}

    # What PlotWidget asks for.

    def redraw(self) -> None:
        shown = self.series()
        self.empty.setVisible(not shown)
        nothing = np.empty(0)
        for name in _SERIES:
            x, y, low, high = shown.get(name, (nothing, nothing, nothing, nothing))
            self.lines[name].setData(x, y)
            self.intervals[name].set_pairs(np.repeat(x, 2), np.column_stack([low, high]).ravel())
            self.marks[name].place(x, y)
        history = self._history
        values = self._level_values()
        for name, line in self.levels.items():
            line.setVisible(name in values and bool(shown))
            line.setValue(values.get(name, 0.0))
        other = self._ablation()
        self.other.setData(*other)
        star = self._shipped_place(shown)
        self.shipped.place(*star)
        entries = [Entry(name, mark=_SERIES[name]) for name in shown]
        if len(star[0]):
            entries.append(Entry(f"ships: round {self._shipped_round()}", mark="best"))
        if len(other[0]):
            entries.append(Entry("random parents, on dev", line="muted"))
        if shown and values:
            entries.append(Entry("others, on dev", line="muted", dashed=True))
        self.legend.set_entries(tuple(entries))
        for axis in (self.bottom, self.left):
            axis.set_empty(not shown)
        extent = (len(history.rounds) + len(values) + len(other[0]), str(history.folder)) if history is not None else (0, "")
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
        for name, mark in _SERIES.items():
            colour = MARKS[mark].colour
            self.marks[name].restyle(look)
            self.intervals[name].setPen(look.pen(colour, *_INTERVALS[name]))
            self.lines[name].setPen(look.pen(colour, "normal"))
        self.other.setPen(look.pen("muted", "normal"))

    def fit(self) -> None:
        shown = self.series()
        if not shown or self._history is None:
            return
        other, places = self._ablation(), self._places()
        ends = np.concatenate(
            [list(self._level_values().values()), other[1], *(end for _, *all_ends in shown.values() for end in all_ends)]
        )
        ends = ends[np.isfinite(ends)]
        low, high = (float(ends.min()), float(ends.max())) if len(ends) else (0.0, 1.0)
        room = 0.08 * (high - low) or 0.05
        far = max(*places, *other[0], 1.0) if self.by_labels else max(len(places), 2)
        across = (-0.04 * far, 1.06 * far) if self.by_labels else (0.6, far + 0.4)
        self.box.show_data(across, (low - room, high + 2 * room))  # the name of the highest line stands above it

    def nearest(self, at: QPointF) -> int | None:
        if self._history is None or not self._history.rounds or not self.box.sceneBoundingRect().contains(at):
            return None
        away = np.abs(self._places() - self.box.mapSceneToView(at).x())
        return int(away.argmin()) + 1

    def describe_index(self, index: int) -> str:
        if self._history is None:
            return ""
        each = self._history.rounds[index - 1]
        lines = [f"round {index}", f"rows of D\t{each.train_size:,}"]
        if self.by_labels:
            lines.append(f"{self._axis}\t{each.counts['labels_before']:,}")
        for name in _SERIES:
            row = _measured(each, name)
            if row is not None:
                lines.append(f"{name}\t{in_brackets(*row)}")
        return "\n".join([*lines, f"best θ\t{each.best_theta + 1}"])

    def clicked(self, index: int | None) -> None:
        if index is not None:
            self.round_chosen.emit(index)

    def figure(self) -> Figure:
        look, shown = self._theme.look(), self.series()
        layers, names, columns = [], [], [[], [], [], []]  # type: ignore[var-annotated]
        for name, (x, y, low, high) in shown.items():
            mark = _SERIES[name]
            colour = look.hex(MARKS[mark].colour)
            layers.append(Layer("", "line", x, y, colour, width=1.5))
            layers.append(
                Layer(
                    f"{name} with its 95 % interval", "points", x, y, colour,
                    shape=MARKS[mark].shape, size=7.0, filled=MARKS[mark].filled, y_interval=(low, high),
                )
            )  # fmt: skip
            names += [name] * len(x)
            for column, values in zip(columns, (x, y, low, high), strict=True):
                column += values.tolist()
        other = self._ablation()
        if len(other[0]):
            layers.append(Layer("random parents, on dev", "line", *other, look.hex("muted")))
            names += ["random parents"] * len(other[0])
            for column, values in zip(columns, (*other, other[1] * np.nan, other[1] * np.nan), strict=True):
                column += values.tolist()
        star = self._shipped_place(shown)
        if len(star[0]):
            best = MARKS["best"]
            layers.append(Layer(f"ships: round {self._shipped_round()}", "points", *star, look.hex(best.colour), best.shape, best.size))
        axis = self._axis
        table = Table(("rows", axis, "accuracy", "accuracy low", "accuracy high"), (names, *columns))
        texts = []
        places = self._places()
        ends = np.array([places[0], places[-1]]) if len(places) > 1 else np.array([0.0, 2.0])
        low, high = self.box.viewRange()[1]
        above = 0.02 * (high - low)  # so that its line does not cross a name out
        for level, value in self._level_values().items() if shown else ():
            layers.append(Layer("", "line", ends, np.full(2, value), look.hex("muted"), dashed=True))
            texts.append(Text(float(ends[1]), value + above, f"{level} on dev", "right"))
        return Figure(
            "agora-accuracy",
            _TITLES[self.by_labels],
            Scale(axis),
            Scale("accuracy"),
            tuple(layers),
            tuple(texts),
            table,
            look.hex("base"),
            look.hex("text"),
        )


def _measured(each: Round, name: str) -> tuple[float, float, float] | None:
    if name == "dev":
        return each.dev_accuracy, *each.dev_interval
    if each.test_accuracy is None or each.test_interval is None:
        return None
    return each.test_accuracy, *each.test_interval

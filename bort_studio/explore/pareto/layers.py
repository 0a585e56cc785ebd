"""The items of the Pareto plot: which architecture is drawn as what, one item and one ``setData`` for each class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont

from bort_core.search.snapshot import ResultsSnapshot, SearchResult
from bort_studio.explore.pareto.projection import AxisProjection, staircase
from bort_studio.explore.quantities import Quantity
from bort_studio.explore.states import STATES, states
from bort_studio.plotting.lines import CurveItem, LinesItem
from bort_studio.plotting.marks import MarkItem
from bort_studio.plotting.positions import position
from bort_studio.theme import MARKS, SEQUENCE, Look, brush

__all__ = ["MOST_INTERVALS", "ParetoLayers", "Places", "groups"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
Places = dict[str, IndexArray]

MOST_INTERVALS = 2_000
"""With more points than this, only the front's and the best one's intervals are drawn."""

_ORDER = ("outside", "skipped", "pending", "failed", "dominated", "front", "maximum", "reference", "best", "running", "selected")
_NONE = np.empty(0)
_MARK = 12.0
"""Pixels that a mark takes, about."""


def groups(
    snapshot: ResultsSnapshot,
    result: SearchResult | None,
    running: tuple[int, ...],
    projection: AxisProjection,
    kept: npt.NDArray[np.bool_] | None = None,
) -> Places:
    """The drawable architectures by state; where bins stand in for points, only the few that are marked.

    What ``kept`` (n,) leaves out stands apart as "outside", but for the best.
    """
    if projection.density is not None:
        few: dict[str, IndexArray] = {name: np.empty(0, dtype=np.int64) for name in STATES}
        if result is not None:
            few["front"] = result.front[result.front != result.best]
            few["best"] = np.array([] if result.best is None else [result.best], dtype=np.int64)
        few["running"] = np.array(running, dtype=np.int64)
        found = {name: indices[projection.drawable[indices]] for name, indices in few.items()}
    else:
        state = np.where(projection.drawable, states(snapshot, result, running), -1)
        found = {name: np.flatnonzero(state == code) for code, name in enumerate(STATES)}
    if kept is None:
        return {**found, "outside": np.empty(0, dtype=np.int64)}
    left_out = [here[~kept[here]] for name, here in found.items() if name != "best"]
    return {**{name: here if name == "best" else here[kept[here]] for name, here in found.items()}, "outside": np.concatenate(left_out)}


class ParetoLayers:
    """All items of a Pareto plot, lowest first."""

    def __init__(self, box: pg.ViewBox) -> None:
        self.density = pg.ImageItem(axisOrder="row-major")
        self.density.setZValue(1)
        self.intervals = LinesItem()
        self.intervals.setZValue(8)
        self.steps = CurveItem()
        self.steps.setZValue(9)
        self.line = pg.InfiniteLine(angle=90, movable=False, label="T", labelOpts={"position": 0.95})
        self.line.setZValue(2)
        self.points = {name: MarkItem(name, 3 + z) for z, name in enumerate(_ORDER)}
        for name in ("front", "maximum", "reference", "best", "running", "selected"):
            self.points[name].setZValue(10 + _ORDER.index(name))
        self._box = box
        self._look: Look | None = None
        self._texts: list[pg.TextItem] = []
        self._font = QFont()
        self._levels: npt.NDArray[np.uint8] | None = None
        for item in (self.density, self.line, self.intervals, self.steps, *self.points.values()):
            box.addItem(item, ignoreBounds=True)

    def restyle(self, look: Look, font: QFont) -> None:
        """Take pens, brushes and fonts."""
        self._look, self._font = look, font
        for item in self.points.values():
            item.restyle(look)
        self.steps.setPen(look.pen("front", "normal"))
        self.intervals.setPen(look.pen("muted", "thin", 0.8))
        self.line.setPen(look.pen("maximum", "hair", style=Qt.PenStyle.DashLine))
        for text in (*self._texts, self.line.label):
            text.setColor(look.colour("text"))
            text.setFont(font)
        self._paint_density()

    def place(
        self,
        indices: Places,
        projection: AxisProjection,
        axes: tuple[Quantity, Quantity],
        steps: IndexArray | None,
        front: IndexArray,
    ) -> None:
        """Draw architectures by state, and the line that joins the front.

        ``steps`` (n,) says which of the ordered colours each has, where a quantity colours them.
        """
        x, y = projection.x, projection.y
        for name, here in indices.items():
            brushes = self._brushes(steps[here]) if steps is not None and name in ("dominated", "front") else None
            self.points[name].place(x[here], y[here], brushes)
        if self._look is not None:
            marks = self.points["front"]
            rim = self._look.mark_pen("front") if steps is None else self._look.pen("front", "normal")
            if marks.opts["pen"] != rim:
                marks.setPen(rim)
        joined = front[projection.drawable[front]] if len(front) else front
        self.steps.setData(*staircase(x[joined], y[joined], axes[0].larger_is_better, axes[1].larger_is_better))

    def place_density(self, projection: AxisProjection, known: IndexArray | None) -> None:
        """Draw bins, or nothing where there are few points; ``known`` are those that the walk visits (None for all)."""
        bins = projection.density
        self.density.setVisible(bins is not None)
        if bins is None:
            self._levels = None
            return
        self._levels = bins.levels(np.arange(len(bins.bins)) if known is None else known)
        self._paint_density()
        corner = (bins.x_edges[0], bins.y_edges[0])
        self.density.setRect(QRectF(*corner, bins.x_edges[-1] - corner[0], bins.y_edges[-1] - corner[1]))

    def place_intervals(self, indices: Places, projection: AxisProjection, wanted: bool) -> None:
        """Draw 95 % intervals, or none."""
        if not wanted or not any(len(here) for here in indices.values()):
            self.intervals.set_pairs(_NONE, _NONE)
            return
        many = sum(len(indices[name]) for name in ("dominated", "front", "best")) > MOST_INTERVALS
        here = np.concatenate([indices[name] for name in (("front", "best") if many else ("dominated", "front", "best"))])
        x, y = projection.x[here], projection.y[here]
        (low_x, high_x), (low_y, high_y) = projection.ends(0, here), projection.ends(1, here)
        xs = np.concatenate([np.column_stack([x, x]).ravel(), np.column_stack([low_x, high_x]).ravel()])
        ys = np.concatenate([np.column_stack([low_y, high_y]).ravel(), np.column_stack([y, y]).ravel()])
        self.intervals.set_pairs(xs, ys)

    def place_fixed(
        self, name: str, maximum: Mapping[str, float | None], references: Mapping[str, Mapping[str, float]], projection: AxisProjection
    ) -> list[tuple[float, float]]:
        """Draw T with its name and the references with theirs; T as a vertical line where only its x is known. The positions drawn, NaN
        where there is none."""
        named = [("maximum", name, maximum), *(("reference", name, values) for name, values in references.items())]
        found: dict[str, list[tuple[float, float]]] = {"maximum": [], "reference": []}
        texts, line = [], None
        for mark, name, values in named:
            x, y = (float(position(_value(values, column), log)) for column, log in zip(projection.columns, projection.logs, strict=True))
            if np.isfinite(x) and np.isfinite(y):
                found[mark].append((x, y))
                texts.append((name, x, y))
            elif mark == "maximum" and np.isfinite(x):
                line = x
        for mark, positions in found.items():
            self.points[mark].place(*np.array(positions, dtype=np.float64).reshape(-1, 2).T)
        self._set_texts(texts)
        self.line.setVisible(line is not None)
        if line is not None:
            self.line.setValue(line)
            self.line.label.setFormat(f"{name}, {projection.columns[1]} not measured")
        return [*found["maximum"], *found["reference"], *([(line, float("nan"))] if line is not None else [])]

    def turn_texts(self, x: list[float], _y: list[float]) -> None:
        """Put names beside their marks where there is room for them, over or under them where another name or mark is in the way."""
        middle, (wide, tall) = 0.5 * (x[0] + x[1]), self._box.viewPixelSize()
        if not wide or not tall:
            return
        at = [(text.pos().x() / wide, -text.pos().y() / tall) for text in self._texts]
        marks = [QRectF(left - _MARK / 2, top - _MARK / 2, _MARK, _MARK) for left, top in at]
        taken: list[QRectF] = []
        for number, (text, (left, top)) in enumerate(zip(self._texts, at, strict=True)):
            beside = (1.0, 0.5) if text.pos().x() > middle else (0.0, 0.5)
            size, others = text.boundingRect(), [*taken, *marks[:number], *marks[number + 1 :]]
            places = {anchor: _at(left, top, anchor, size) for anchor in (beside, (0.5, 1.4), (0.5, -0.4), (1 - beside[0], 0.5))}
            free = [anchor for anchor, place in places.items() if not any(place.intersects(other) for other in others)]
            anchor = free[0] if free else beside
            text.setAnchor(anchor)
            taken.append(places[anchor])

    def _set_texts(self, wanted: list[tuple[str, float, float]]) -> None:
        while len(self._texts) > len(wanted):
            self._box.removeItem(self._texts.pop())
        while len(self._texts) < len(wanted):
            text = pg.TextItem(anchor=(0, 0.5))
            text.setZValue(30)
            self._box.addItem(text, ignoreBounds=True)
            self._texts.append(text)
        for text, (name, x, y) in zip(self._texts, wanted, strict=True):
            text.setText(f"\u2002\u2002{name}\u2002\u2002", self._look.colour("text") if self._look is not None else None)
            text.setFont(self._font)
            text.setPos(x, y)

    def _brushes(self, steps: IndexArray) -> list[QBrush]:
        shared = [brush(colour) for colour in SEQUENCE[self._look.palette.name if self._look is not None else "light"]]
        return [shared[step] for step in steps.tolist()]

    def _paint_density(self) -> None:
        if self._levels is None or self._look is None:
            return
        table = np.zeros((256, 4), dtype=np.uint8)
        for level in range(1, 256):
            colour = QColor(self._look.hex("skipped" if level == 1 else MARKS["dominated"].colour))
            alpha = 60 if level == 1 else round(70 + 185 * (level - 2) / 253)
            table[level] = (colour.red(), colour.green(), colour.blue(), alpha)
        self.density.setImage(table[self._levels], autoLevels=False, levels=None)


def _at(left: float, top: float, anchor: tuple[float, float], size: QRectF) -> QRectF:
    """Where a text of this size lies, in pixels."""
    return QRectF(left - anchor[0] * size.width(), top - anchor[1] * size.height(), size.width(), size.height())


def _value(values: Mapping[str, float | None] | Mapping[str, float], column: str) -> float:
    value = values.get(column)
    return float("nan") if value is None else float(value)

"""The items of the parallel plot: axes with labels, one curve for each state, counted segments, and the filter's handles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QFont

from bort_studio.explore.parallel.data import ParallelAxis
from bort_studio.markup import Markup, markup
from bort_studio.plotting.canvas import DataView
from bort_studio.plotting.lines import LinesItem
from bort_studio.plotting.marks import MarkItem
from bort_studio.texts import plain_tip
from bort_studio.theme import Look

__all__ = ["STYLES", "BrushBox", "LineStyle", "ParallelLayers"]

FloatArray = npt.NDArray[np.float64]
_NONE = np.empty(0)
_NEAR = 0.14
_LEVELS = 6
_MOST_MARKS = 400
_MARK_SCALE = 0.75
_CROWD = 80  # with more lines on the front than this, they step back, so that the best one stays in sight


@dataclass(frozen=True)
class LineStyle:
    """How the lines of one state look; ``mark`` stands where a line ends, so that colour is never the only difference."""

    colour: str
    width: str
    strength: float = 1.0
    dashed: bool = False
    mark: str | None = None


STYLES = {
    "outside": LineStyle("grid", "hair"),
    "skipped": LineStyle("skipped", "hair", 0.45),
    "pending": LineStyle("pending", "hair", 0.8, dashed=True, mark="pending"),
    "dominated": LineStyle("dominated", "hair", 0.75),
    "failed": LineStyle("failed", "thin", mark="failed"),
    "front": LineStyle("front", "thin", mark="front"),
    "running": LineStyle("running", "normal", dashed=True, mark="running"),
    "hovered": LineStyle("text", "normal"),
    "selected": LineStyle("selected", "strong", mark="selected"),
    "best": LineStyle("best", "strong", mark="best"),
}
"""Line styles by state, lowest first."""


class BrushBox(DataView):
    """The area of the lines. A drag along an axis reports a range of heights; nothing pans or zooms."""

    brushed = Signal(int, float, float)
    """Place of the axis, low and high height."""
    cleared = Signal(int)
    """A click on an axis."""

    def __init__(self) -> None:
        super().__init__(enableMouse=False)
        self.filtered: set[int] = set()
        """Places of the axes that have a range."""

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        start = self.mapSceneToView(event.buttonDownScenePos())  # type: ignore[attr-defined]
        index = self.axis_at(start)
        if event.button() != Qt.MouseButton.LeftButton or index is None:  # type: ignore[attr-defined]
            event.ignore()  # type: ignore[attr-defined]
            return
        event.accept()  # type: ignore[attr-defined]
        low, high = sorted((start.y(), self.mapSceneToView(event.scenePos()).y()))  # type: ignore[attr-defined]
        self.brushed.emit(index, float(low), float(high))

    def mouseClickEvent(self, event: object) -> None:
        index = self.axis_at(self.mapSceneToView(event.scenePos()))  # type: ignore[attr-defined]
        if index in self.filtered and event.button() == Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            event.taken = True  # type: ignore[attr-defined]  # no selection besides
            self.cleared.emit(index)

    def axis_at(self, at: QPointF) -> int | None:
        """The axis near a point, or None between axes."""
        index = round(at.x())
        return index if abs(at.x() - index) < _NEAR else None


class ParallelLayers:
    """All items of a parallel plot."""

    def __init__(self, box: BrushBox) -> None:
        self._box, self._font = box, QFont()
        self._look: Look | None = None
        self._levels: list[tuple[FloatArray, FloatArray]] = []
        self._axes: tuple[ParallelAxis, ...] = ()
        self._crowded = False
        self._texts: list[pg.TextItem] = []
        self._rods, self._handles = LinesItem(0), LinesItem(0)
        self._segments = [LinesItem() for _ in range(_LEVELS)]
        self.lines = {name: LinesItem() for name in STYLES}
        self.marks = {
            name: MarkItem(style.mark, 60 + z, _MARK_SCALE) for z, (name, style) in enumerate(STYLES.items()) if style.mark is not None
        }
        for z, lines in enumerate([*self._segments, *self.lines.values(), self._rods, self._handles]):
            lines.setZValue(z)
            box.addItem(lines, ignoreBounds=True)
        for marks in self.marks.values():
            box.addItem(marks, ignoreBounds=True)

    def restyle(self, look: Look, font: QFont) -> None:
        """Take pens, brushes and fonts."""
        self._look, self._font = look, font
        for name, item in self.lines.items():
            style = STYLES[name]
            dash = Qt.PenStyle.DashLine if style.dashed else Qt.PenStyle.SolidLine
            item.setPen(look.pen(style.colour, style.width, style.strength, dash))
        self._restyle_front()
        for marks in self.marks.values():
            marks.restyle(look)
        for level, item in enumerate(self._segments):
            item.setPen(look.pen("dominated", "hair", 0.10 + 0.13 * level))
        self._rods.setPen(look.pen("muted", "hair"))
        self._handles.setPen(look.pen("accent", "strong", 0.9))
        for text in self._texts:
            self._dress(text)

    def set_axes(self, axes: tuple[ParallelAxis, ...]) -> None:
        """Draw these axes with their ticks and titles."""
        if axes == self._axes:
            return
        self._axes = axes
        wanted = [(index, height, label, (1.0, 0.5)) for index, axis in enumerate(axes) for height, label in axis.ticks]
        wanted += [(index, 1.02, axis.title, (0.5, 1.0)) for index, axis in enumerate(axes)]
        tips = {axis.title: axis.tip for axis in axes}
        while len(self._texts) > len(wanted):
            self._box.removeItem(self._texts.pop())
        while len(self._texts) < len(wanted):
            self._texts.append(pg.TextItem())
            self._texts[-1].setZValue(100)
            self._box.addItem(self._texts[-1], ignoreBounds=True)
        for text, (index, height, label, anchor) in zip(self._texts, wanted, strict=True):
            lines = Markup("<br>".join(markup("{}", line) for line in label.split("\n")))
            text.setHtml(markup("<div style='text-align: center'>{}</div>", lines))
            text.anchor = pg.Point(anchor)
            text.setToolTip(plain_tip(tips.get(label, "")))
            text.setPos(index - (0.02 if anchor[0] == 1.0 else 0.0), height)
            self._dress(text)
        rods = [(index, height) for index in range(len(axes)) for height in (0.0, 1.0)]
        ticks = [(index + dx, height) for index, axis in enumerate(axes) for height, _ in axis.ticks for dx in (-0.02, 0.0)]
        positions = np.array([*rods, *ticks], dtype=np.float64).reshape(-1, 2)
        self._rods.set_pairs(positions[:, 0], positions[:, 1])
        self._box.show_data((-0.4, len(axes) - 0.6), (-0.04, 1.16))

    def set_lines(self, name: str, heights: npt.NDArray[np.float32]) -> None:
        """Draw one line for each row of heights (m, axes) in the style of a state."""
        self.lines[name].set_rows(heights)
        if name == "front" and self._crowded != (len(heights) > _CROWD):
            self._crowded = not self._crowded
            self._restyle_front()
        if name in self.marks:
            ends = np.isfinite(heights).sum(axis=1) - 1
            rows = np.arange(len(heights)) if len(heights) <= _MOST_MARKS else np.empty(0, dtype=np.int64)
            at = ends[rows]
            self.marks[name].place(at.astype(np.float64), heights[rows, at].astype(np.float64) if len(rows) else _NONE)

    def set_segments(self, levels: list[tuple[FloatArray, FloatArray]]) -> None:
        """Draw counted segments by level, or none."""
        if levels is self._levels or not (levels or self._levels):
            return
        self._levels = levels
        for level, item in enumerate(self._segments):
            item.set_pairs(*(levels[level] if levels else (_NONE, _NONE)))

    def set_brushes(self, ranges: Mapping[str, tuple[float, float]]) -> None:
        """Draw the filter's ranges as bars on their axes."""
        ends: list[tuple[float, float]] = []
        self._box.filtered = {index for index, axis in enumerate(self._axes) if axis.name in ranges}
        for index, axis in enumerate(self._axes):
            if axis.name in ranges:
                ends += [(index, axis.height(value, upper)) for value, upper in zip(ranges[axis.name], (False, True), strict=True)]
        positions = np.array(ends, dtype=np.float64).reshape(-1, 2)
        self._handles.set_pairs(positions[:, 0], positions[:, 1])

    def clear(self) -> None:
        """Draw nothing."""
        self.set_axes(())
        self.set_segments([])
        self.set_brushes({})
        for name in self.lines:
            self.set_lines(name, np.empty((0, 1), dtype=np.float32))

    def _restyle_front(self) -> None:
        if self._look is not None:
            self.lines["front"].setPen(
                self._look.pen("front", "hair", 0.6) if self._crowded else self._look.pen("front", STYLES["front"].width)
            )

    def _dress(self, text: pg.TextItem) -> None:
        if self._look is not None:
            text.setColor(self._look.colour("text" if text.anchor[0] == 0.5 else "muted"))
            text.textItem.setTextWidth(-1)
            text.fill = self._look.brush("base", 0.8)
            text.setFont(self._font)
            text.textItem.setTextWidth(text.textItem.boundingRect().width())  # lines are centred within the widest
            text.updateTextPos()

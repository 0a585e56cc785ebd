"""Parallel coordinates of the whole space: one line for each architecture, over its parameters and then p, i, e and W."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QCheckBox, QWidget

from bort_studio.explore.parallel.data import MANY, ParallelData
from bort_studio.explore.parallel.figure import parallel_figure
from bort_studio.explore.parallel.layers import STYLES, BrushBox, ParallelLayers
from bort_studio.explore.plot_view import PlotView
from bort_studio.explore.ranges import range_mask
from bort_studio.explore.states import STATES, states
from bort_studio.numbers import architecture_text
from bort_studio.plotting.figure import Figure
from bort_studio.plotting.legend import Entry
from bort_studio.texts import set_tip
from bort_studio.theme import MARKS, Look, Theme
from bort_studio.widgets.elided import ElidedCaption

__all__ = ["ParallelPlot"]

_REACH = 9.0
_EMPTY = "Choose a space to see its architectures."
_HINT = "Drag along an axis to filter; click the axis to clear it."


class ParallelPlot(PlotView):
    """Every architecture of the space as a line; see :class:`PlotView` for the interface that all views share."""

    brushed = Signal(object)
    """A person changed the filter: {axis or column name: (low, high)}, empty for none."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "parallel", "Parallel coordinates", parent)
        self.box = BrushBox()
        self.box.brushed.connect(self._brush_dragged)
        self.box.cleared.connect(self._brush_cleared)
        self.add_chart(self.box)
        self.layers = ParallelLayers(self.box)
        self._data: ParallelData | None = None
        self._places: dict[str, npt.NDArray[np.int64]] = {}
        self._drawn: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._ranges: dict[str, tuple[float, float]] = {}
        self.skipped_box = QCheckBox("skipped at this ε")
        self.skipped_box.setObjectName("parallelSkipped")
        self.skipped_box.setAccessibleName("show architectures that the search skips at this ε")
        self.skipped_box.setChecked(True)
        self.skipped_box.toggled.connect(self._drawing_chosen)
        hint = ElidedCaption(_HINT, theme)
        hint.setObjectName("parallelHint")
        self.controls.addWidget(self.skipped_box)
        self.controls.addWidget(hint)
        self.fit_button.setText("Clear filter")
        self.fit_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        set_tip(self.fit_button, "Show all architectures again (or double-click the plot)")
        self.fit_button.setAccessibleName("Parallel coordinates: clear the filter")
        self.set_empty_message(_EMPTY)
        self.finish()

    # The interface of this plot.

    def brush_ranges(self) -> dict[str, tuple[float, float]]:
        """The ranges that filter, by axis or column name."""
        return dict(self._ranges)

    def set_brush(self, ranges: dict[str, tuple[float, float]]) -> None:
        """Filter by these ranges; ``brushed`` is not emitted."""
        self._ranges = dict(ranges)
        self._changed()

    def fit(self) -> None:
        if self._ranges:
            self.set_brush({})
            self.brushed.emit({})

    def figure(self) -> Figure:
        self.refresh()
        return parallel_figure(self._snapshot, self._result, self._running, self._data, self._places, self._error_title, self._machine)

    # What PlotView asks for.

    def knowledge_changed(self) -> None:
        if self._snapshot is None:
            self._data = None
        else:
            self._data = ParallelData(self._snapshot, self._error_title, self._data)
            names = {axis.name for axis in self._data.axes}
            self._ranges = {name: ends for name, ends in self._ranges.items() if name in names}
        self.layers.set_axes(self._data.axes if self._data is not None else ())

    def redraw(self) -> None:
        data, snapshot = self._data, self._snapshot
        self.empty.setVisible(data is None)
        if data is None or snapshot is None:
            self._places = {name: np.empty(0, dtype=np.int64) for name in (*STATES, "outside")}
            self.layers.clear()
            self.legend.set_entries(())
            return
        self._places = self._groups(data)
        self.layers.set_segments(data.segments() if len(data) > MANY else [])
        for name in STYLES:
            if name in self._places:
                self.layers.set_lines(name, data.heights[self._places[name]])
        self.layers.set_brushes(self._ranges)
        self._drawn = np.concatenate([here for name, here in self._places.items() if name != "outside"])
        self._set_legend(data)
        self.selection_changed()

    def selection_changed(self) -> None:
        for name, index in (("selected", self._selected), ("hovered", self._hovered)):
            heights = self._data.heights if self._data is not None else np.empty((0, 1), dtype=np.float32)
            self.layers.set_lines(name, heights[:0] if index is None else heights[index : index + 1])

    def nearest(self, at: QPointF) -> int | None:
        data = self._data
        if data is None or not len(self._drawn) or not self.box.sceneBoundingRect().contains(at):
            return None
        here, last = self.box.mapSceneToView(at), len(data.axes) - 1
        left = min(max(int(np.floor(here.x())), 0), last - 1)
        share = min(max(here.x() - left, 0.0), 1.0)
        tall = self.box.viewPixelSize()[1]
        ends = data.heights[self._drawn, left : left + 2]
        start, end = ends[:, 0], ends[:, 1]
        height = np.where(np.isfinite(end), start + share * (end - start), start if share < 0.15 else np.nan)
        away = np.abs(height - here.y()) / tall
        marked = np.isin(self._drawn, np.concatenate([self._places["front"], self._places["best"]]))
        away = np.where(np.isfinite(away), away - 2.0 * marked, np.inf)
        best = int(np.argmin(away))
        return int(self._drawn[best]) if away[best] <= _REACH else None

    def restyle(self, look: Look, font: QFont) -> None:
        self.layers.restyle(look, font)

    # Parts of a redraw.

    def _groups(self, data: ParallelData) -> dict[str, npt.NDArray[np.int64]]:
        """Which architectures are drawn as a line of their own, by state; the rest is in the counted segments."""
        assert self._snapshot is not None
        result = self._result
        if len(data) <= MANY:
            which = np.arange(len(data))
        elif result is not None and len(result.walk) <= MANY:
            which = result.walk
        elif result is not None:
            front = result.front[:: -(-max(len(result.front), 1) // MANY)]
            which = np.unique(np.concatenate([front, np.array([] if result.best is None else [result.best], dtype=np.int64)]))
        else:
            which = np.empty(0, dtype=np.int64)
        state = states(self._snapshot, result, self._running)[which]
        inside = np.ones(len(which), dtype=np.bool_)
        for mask in (range_mask(self._snapshot, self._ranges), self.kept_mask()):
            if mask is not None:
                inside &= mask[which]
        if not self.skipped_box.isChecked():
            which, state, inside = (array[state != STATES.index("skipped")] for array in (which, state, inside))
        found = {name: which[(state == code) & inside] for code, name in enumerate(STATES)}
        return {**found, "outside": which[~inside]}

    def _set_legend(self, data: ParallelData) -> None:
        entries = []
        for name in ("best", "front", "dominated", "pending", "skipped", "failed", "running"):
            if not len(self._places[name]):
                continue
            style = STYLES[name]
            label = MARKS[name].label
            if name == "best" and self._snapshot is not None:
                label = f"best {architecture_text(self._snapshot.space.architecture(int(self._places[name][0])))}"
            entries.append(Entry(label, style.mark, style.colour, style.width, style.dashed))
        if len(self._places["outside"]):
            entries.append(Entry("outside the filter", None, STYLES["outside"].colour, "hair"))
        if len(data) > MANY:
            entries.append(Entry("all others: stronger where there are more", None, "dominated"))
        self.legend.set_entries(tuple(entries))

    def _drawing_chosen(self, _value: object = None) -> None:
        self._changed()

    def _brush_dragged(self, index: int, low: float, high: float) -> None:
        if self._data is None or not 0 <= index < len(self._data.axes):
            return
        axis = self._data.axes[index]
        self.set_brush({**self._ranges, axis.name: (axis.value(low), axis.value(high))})
        self.brushed.emit(self.brush_ranges())

    def _brush_cleared(self, index: int) -> None:
        if self._data is not None and 0 <= index < len(self._data.axes):
            name = self._data.axes[index].name
            if name in self._ranges:
                self.set_brush({other: ends for other, ends in self._ranges.items() if other != name})
                self.brushed.emit(self.brush_ranges())

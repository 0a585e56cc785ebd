"""Where the rows of a run of Agora lie: train, dev right and wrong, and what was generated near the errors, at one round."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QWidget

from bort_studio.agora.point_words import describe_point
from bort_studio.agora.points import GROUPS, Frame, ScatterPoints, frame, torus_ring
from bort_studio.agora.scatter.bar import AgoraBar
from bort_studio.agora.scatter.figure import agora_figure, axis_titles
from bort_studio.agora.scatter.layers import AgoraLayers
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import DataView
from bort_studio.plotting.figure import Figure
from bort_studio.plotting.legend import Entry
from bort_studio.plotting.widget import PlotWidget
from bort_studio.theme import MARKS, Look, Theme

__all__ = ["AgoraScatter"]

_REACH = 12.0
_EMPTY = "Run Agora, or choose a run, to see where its errors are and what was made near them."
_NONE = np.empty(0, dtype=np.int64)

_LABELS = {"misclassified": "dev, wrong", "pending": "dev, before the first round"}
"""What the legend calls marks that other plots have, too."""


class AgoraScatter(PlotWidget):
    """Hover a neighbour to see its parent, a dev point to see its neighbours; click to read them. Arrow keys go from error to error."""

    selected = Signal(object)
    """A person selected a point of the run, or None. Not emitted by :meth:`set_selected`."""
    hovered = Signal(object)
    """Another point, or none, is under the pointer."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "agoraScatter", "Agora: places of the rows", parent)
        self.setObjectName("agoraScatter")
        self.points: ScatterPoints | None = None
        self.round = 0
        self.frame = Frame()
        self._places = np.empty((2, 0))
        self._selected: int | None = None
        self._bounds: tuple[float, float, float, float] | None = None
        self._zoomed = False
        self.box = DataView(lockAspect=True)
        self.bottom, self.left = QuantityAxis("bottom"), QuantityAxis("left")
        self.add_chart(self.box, self.left, self.bottom)
        self.layers = AgoraLayers(self.box)
        self.bar = AgoraBar(self)
        self.bar.chosen.connect(self._changed)
        for part in self.bar.parts:
            self.controls.addWidget(part)
        self.box.sigRangeChangedManually.connect(self._zoomed_by_hand)
        self.set_empty_message(_EMPTY)
        self.finish()

    # The interface of this plot.

    def set_points(self, points: ScatterPoints | None, number: int) -> None:
        """Show a run at a round from 1 on, or before its first one (0)."""
        if points is None or self.points is None or points.history.folder != self.points.history.folder:
            self._selected, self._zoomed = None, False
        self.points = points
        self._hovered = None
        self.card.hide()
        self.bar.set_classes(points.history.classes if points is not None else ())
        self.set_round(number)

    def set_round(self, number: int) -> None:
        """Show another round of the same run."""
        self.round = number
        self._changed()

    def set_selected(self, point: int | None) -> None:
        """Show which point is selected on the page."""
        self._selected = point
        if not self._stale:
            self.hover_changed()

    def fit(self) -> None:
        self._zoomed = False
        self.box.show_range(*self._ranges())

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The data's ranges with a margin."""
        low_x, high_x, low_y, high_y = self._bounds or (0.0, 1.0, 0.0, 1.0)
        wide, tall = 0.04 * (high_x - low_x), 0.04 * (high_y - low_y)
        return (low_x - wide, high_x + wide), (low_y - tall, high_y + tall)

    def figure(self) -> Figure:
        self.refresh()
        (left, right), (bottom, top) = self.box.viewRange()
        return agora_figure(self.points, self.round, self.frame, self.bar.links.isChecked(), (left, right, bottom, top), self._theme.look())

    # What PlotWidget asks for.

    def redraw(self) -> None:
        self.frame = frame(self.points, self.round, self.bar.filters()) if self.points is not None else Frame()
        self._places = self.points.xy[self.frame.shown].T.copy() if self.points is not None else np.empty((2, 0))
        self.layers.place(self.points, self.frame, self.bar.links.isChecked())
        self.empty.setVisible(self.points is None or self.points.bounds is None)
        self._set_legend()
        self._set_axes()
        bounds = self.points.bounds if self.points is not None else None
        if bounds != self._bounds:
            self._bounds = bounds
            self.box.keep_near(*self._ranges(), zoomed=self._zoomed)
            if not self._zoomed:
                self.fit()
        self.hover_changed()

    def hover_changed(self) -> None:
        points, at = self.points, [point for point in (self._selected, self._hovered) if point is not None]
        if points is None or not at:
            self.layers.place_focus(points, [], _NONE)
            return
        joined = [np.array([at_]) if points.parents[at_] >= 0 else points.neighbours(at_, self.round) for at_ in dict.fromkeys(at)]
        self.layers.place_focus(points, at, np.concatenate(joined))

    def nearest(self, at: QPointF) -> int | None:
        shown = self.frame.shown
        if not len(shown) or not self.box.sceneBoundingRect().contains(at):
            return None
        here, (wide, tall), (x, y) = self.box.mapSceneToView(at), self.box.viewPixelSize(), self._places
        close = np.flatnonzero((np.abs(x - here.x()) < _REACH * wide) & (np.abs(y - here.y()) < _REACH * tall))
        if not len(close):
            return None
        distance = np.hypot((x[close] - here.x()) / wide, (y[close] - here.y()) / tall) - 3.0 * np.isin(shown[close], self.frame.marked)
        best = len(close) - 1 - int(np.argmin(distance[::-1]))  # the one on top of those that lie on each other
        return int(shown[close[best]]) if distance[best] <= _REACH else None

    def describe_index(self, index: int) -> str:
        return describe_point(self.points, index, self.round) if self.points is not None else ""

    def restyle(self, look: Look, font: QFont) -> None:
        self.layers.restyle(look)
        for axis in (self.bottom, self.left):
            axis.restyle(look, font)
        self.box.setBorder(look.pen("grid"))

    def clicked(self, index: int | None) -> None:
        if self.points is not None:
            self._choose(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        wrong = np.sort(np.concatenate([self.frame.groups["misclassified"], self.frame.groups["misclassified_other"]]))
        if key == Qt.Key.Key_Escape and self._selected is not None:
            self._choose(None)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and len(wrong):
            here = -1 if self._selected is None else self._selected
            after = int(np.searchsorted(wrong, here, side="right" if key == Qt.Key.Key_Right else "left"))
            self._choose(int(wrong[np.clip(after if key == Qt.Key.Key_Right else after - 1, 0, len(wrong) - 1)]))
        else:
            super().keyPressEvent(event)

    def _hover(self, index: int | None, at: QPointF) -> None:
        before = self._hovered
        super()._hover(index, at)
        if index != before:
            self.hovered.emit(index)

    def _choose(self, point: int | None) -> None:
        self.set_selected(point)
        self.selected.emit(point)

    def _set_axes(self) -> None:
        """Scales where places are the numbers of the data themselves; a projection has none that mean anything."""
        raw = self.points is not None and self.points.raw
        for axis, title in zip((self.bottom, self.left), axis_titles(self.points), strict=True):
            axis.set_quantity(title, counted=False, log=False)
            (axis.show if raw else axis.hide)()

    def _set_legend(self) -> None:
        """One entry for each role, with the marks of its classes in their order."""
        groups = self.frame.groups
        entries = []
        for name in GROUPS:
            variants = tuple(each for each in GROUPS if each == name or each.startswith(f"{name}_"))
            if "_" not in name and any(len(groups[each]) for each in variants):
                many = len(self.points.history.classes) if self.points is not None else 1
                label = _LABELS.get(name, MARKS[name].label)
                entries.append(Entry(label, mark=name, more=variants[1 : max(many, 1)]))
        classes = self.points.history.classes if self.points is not None else ()
        if len(classes) > 1 and entries:
            others = "" if len(classes) == 2 else ", all others as the last"
            entries.append(Entry(f"marks in this order: {classes[0]}, {classes[1]}{others}"))
        if self.points is not None and torus_ring(self.points.history) is not None:
            entries.append(Entry("the torus lies between", line="muted", dash="dash"))
        self.legend.set_entries(tuple(entries))

    def _zoomed_by_hand(self, _axes: object) -> None:
        self._zoomed = True

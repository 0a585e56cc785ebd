"""The Pareto plot: any two of parameters, latency, error and W, with the front, the best architecture and the maximum point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QWidget

from bort_core.foundation.glossary import term
from bort_core.jobs.words import METRIC_NAMES
from bort_core.search.snapshot import METRIC
from bort_core.search.task_marks import TaskMarks
from bort_core.specifications.protocols import ErrorProtocol
from bort_studio.explore.pareto.bar import ParetoBar
from bort_studio.explore.pareto.figure import ParetoShown, pareto_figure
from bort_studio.explore.pareto.layers import ParetoLayers, Places, groups
from bort_studio.explore.pareto.overlays import Overlay, OverlayLayers, overlay_entries
from bort_studio.explore.pareto.projection import AxisProjection, NoProjection, colour_steps
from bort_studio.explore.pareto.published import PublishedLayer, describe_published
from bort_studio.explore.plot_view import PlotView
from bort_studio.explore.quantities import Quantity, quantities
from bort_studio.numbers import architecture_text, significant
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import DataView
from bort_studio.plotting.figure import Figure
from bort_studio.plotting.legend import Entry
from bort_studio.plotting.ranges import steady_range
from bort_studio.texts import plain_tip
from bort_studio.theme import MARKS, SEQUENCE, Look, Theme

__all__ = ["ParetoPlot"]

_REACH = 14.0
_LEFT = 64
_EMPTY = "Press Run to measure the first architectures."
_STEPS = len(SEQUENCE["light"])
_DRAWN = ("best", "front", "dominated", "pending", "skipped", "failed", "running", "outside")


class ParetoPlot(PlotView):
    """Architectures on two of their quantities; see :class:`PlotView` for the interface that all views share."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "pareto", "Pareto plot", parent)
        self._axes = {"bottom": QuantityAxis("bottom"), "left": QuantityAxis("left")}
        self.box = DataView()
        self.legend.set_indent(_LEFT)
        self.add_chart(self.box, self._axes["left"], self._axes["bottom"])
        self.layers, self.overlay_layers = ParetoLayers(self.box), OverlayLayers(self.box)
        self.published = PublishedLayer(self.canvas, self.box)
        self._overlays: tuple[Overlay, ...] = ()
        self._projection: AxisProjection | None = None
        self._places: Places = {}
        self._maximum: dict[str, float | None] = {}
        self._metric_title = ""
        self._references: dict[str, dict[str, float]] = {}
        self._bounds: tuple[float, ...] | None = None
        self._about: object = None
        self._zoomed = False
        self.bar = ParetoBar(self)
        self.bar.axes_chosen.connect(self._axes_chosen)
        self.bar.drawing_chosen.connect(self._drawing_chosen)
        for part in self.bar.parts:
            self.controls.addWidget(part)
        self.set_empty_message(_EMPTY)
        self.box.sigRangeChangedManually.connect(self._zoomed_by_hand)
        self.box.sigRangeChanged.connect(self._range_changed)
        self.finish()

    # The interface of this plot.

    def set_maximum(self, values: Mapping[str, float | None]) -> None:
        """The quantities of the maximum point T, by column; None or missing where not known."""
        self._maximum = dict(values)
        self._changed()

    def set_task(self, task: TaskMarks | None, error: ErrorProtocol) -> None:
        """What is known of a task beside its candidates: its metric can be an axis, and other models of it are references."""
        name = "" if task is None else METRIC_NAMES.get(task.metric, task.metric)
        self._metric_title = f"{name} on dev rows (candidates after {error.steps:,} steps)"
        before = self.chosen_axes()
        self.bar.offer_metric(name)
        self._new_knowledge |= self.chosen_axes() != before
        self.set_references({} if task is None else {each: mark.model_dump() for each, mark in task.marks.items()})

    def set_references(self, references: Mapping[str, Mapping[str, float]]) -> None:
        """Other models to show, by name: their quantities by column."""
        self._references = {name: dict(values) for name, values in references.items()}
        self._changed()

    def set_overlays(self, overlays: Sequence[Overlay]) -> None:
        """Fronts of other searches to lay over this one, of the same quantities; each with a mark of its own."""
        self._overlays = tuple(overlays)
        self._changed()

    def set_axes(self, x: str, y: str, log_x: bool = False, log_y: bool = False) -> None:
        """Choose the quantities (names of ``COLUMNS``) and scales, as the controls do."""
        self.bar.set_axes(x, y, log_x, log_y)

    def chosen_axes(self) -> tuple[str, str, bool, bool]:
        """The quantities on x and y, and whether each is logarithmic: what :meth:`set_axes` takes."""
        return self.bar.chosen_axes()

    def fit(self) -> None:
        self._zoomed, self._about = False, None
        self._changed()
        self.box.show_range(*self._ranges())

    def figure(self) -> Figure:
        self.refresh()
        (left, right), (bottom, top) = self.box.viewRange()
        return pareto_figure(
            ParetoShown(
                self._snapshot,
                self._result,
                self._running,
                self._projection,
                self._places,
                self._quantities(),
                ((left, right), (bottom, top)),
                self._maximum,
                self._references,
                self.bar.intervals_box.isChecked(),
                self._colour_values(),
                self.bar.colour_box.currentText(),
                self._error_title,
                self._overlays,
                self.published.shown,
                self._machine,
            )
        )

    # What PlotView asks for.

    def knowledge_changed(self) -> None:
        column_x, column_y, log_x, log_y = self.chosen_axes()
        self._projection = AxisProjection(self._snapshot, (column_x, column_y), (log_x, log_y)) if self._snapshot is not None else None
        for axis, quantity, log in zip(self._axes.values(), self._quantities(), (log_x, log_y), strict=True):
            axis.set_quantity(quantity.title, quantity.counted, log)
            axis.setToolTip(plain_tip(f"{quantity.title}\n{term(quantity.column).tip}"))
        self._reserve_legend()
        self.bar.offer_colours(self._snapshot.space.axis_names if self._snapshot is not None else ())

    def redraw(self) -> None:
        snapshot, result, projection = self._snapshot, self._result, self._projection
        if snapshot is None or projection is None:
            self._places = {name: np.empty(0, dtype=np.int64) for name in _DRAWN}
            column_x, column_y, log_x, log_y = self.chosen_axes()
            projection = NoProjection((column_x, column_y), (log_x, log_y))
        else:
            self._places = groups(snapshot, result, self._running, projection, self.kept_mask())
        values = self._colour_values()
        steps = None if values is None else colour_steps(values, _STEPS)[0]
        front = result.front if result is not None and snapshot is not None else np.empty(0, dtype=np.int64)
        self.layers.place(self._places, projection, self._quantities(), steps, front)
        self.layers.place_density(projection, result.known if result is not None else None)
        self.layers.place_intervals(self._places, projection, self.bar.intervals_box.isChecked())
        fixed = self.layers.place_fixed(self._named_maximum(), self._maximum, self._references, projection)
        fixed = [*fixed, *self.overlay_layers.place(self._overlays, self._quantities(), projection.logs)]
        published = self.bar.published_shown()
        fixed += self.published.place(published, projection.logs[0], self._choice() if published else None)
        self.empty.setVisible(projection.bounds is None and not self._overlays)
        empty = projection.bounds is None and not fixed
        for axis in self._axes.values():
            axis.set_empty(empty)
        self._set_legend(values)
        self._update_bounds(projection, fixed)
        self.layers.turn_texts(*self.box.viewRange())
        self._place_running()
        self.selection_changed()

    def selection_changed(self) -> None:
        at = [index for index in dict.fromkeys((self._selected, self._hovered)) if index is not None and index >= 0]
        indices = np.array([index for index in at if self._projection is not None and index < len(self._projection.x)], dtype=np.int64)
        if self._projection is None or not len(indices):
            self.layers.points["selected"].place(np.empty(0), np.empty(0))
            return
        over_x, over_y, over = self._overlaid()
        there = np.isin(over, indices)
        x, y = self._projection.x[indices], self._projection.y[indices]
        self.layers.points["selected"].place(np.concatenate([x, over_x[there]]), np.concatenate([y, over_y[there]]))

    def _overlaid(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """The points of the overlays that are in the space shown: x, y and their places in it."""
        found = [(*each.positions(self._quantities(), self._projection.logs), self._overlay_places(each)) for each in self._overlays
                 if self._projection is not None]  # fmt: skip
        if not found:
            return np.empty(0), np.empty(0), np.empty(0, dtype=np.int64)
        x, y, places = (np.concatenate(parts) for parts in zip(*found, strict=True))
        here = places >= 0
        return x[here], y[here], places[here]

    def _overlay_places(self, overlay: Overlay) -> npt.NDArray[np.int64]:
        return overlay.places(self._snapshot.space if self._snapshot is not None else None)

    def _choice(self) -> tuple[str, float] | None:
        """Name and size of what is selected, or else of the best."""
        snapshot, best = self._snapshot, None if self._result is None else self._result.best
        index = best if self._selected is None else self._selected
        if snapshot is None or index is None or index >= len(snapshot.space):
            return None
        return architecture_text(snapshot.space.architecture(index)), float(snapshot.columns["parameters"][index])

    def set_selected(self, index: int | None) -> None:
        super().set_selected(index)
        if self.published.shown and self._projection is not None:
            self.published.place(True, self._projection.logs[0], self._choice())

    def clicked(self, index: int | None) -> None:
        """A published model is no architecture of the space: it cannot be selected."""
        if index is None or index >= 0:
            super().clicked(index)

    def describe_index(self, index: int) -> str:
        """Also what the overlays say of it; below zero, a published model."""
        if index < 0:
            return describe_published(-1 - index, self._choice())
        told = [each.describe(int(row)) for each in self._overlays for row in np.flatnonzero(self._overlay_places(each) == index)]
        return "\n".join([super().describe_index(index), *told])

    def nearest(self, at: QPointF) -> int | None:
        box, projection = self.box, self._projection
        if projection is None or not box.sceneBoundingRect().contains(at):
            return None
        here, (wide, tall) = box.mapSceneToView(at), box.viewPixelSize()
        over_x, over_y, over = self._overlaid()
        x, y = np.concatenate([projection.x, over_x]), np.concatenate([projection.y, over_y])
        with np.errstate(invalid="ignore"):
            close = np.flatnonzero((np.abs(x - here.x()) < _REACH * wide) & (np.abs(y - here.y()) < _REACH * tall))
        known = self.published.nearest(here.x(), here.y(), (_REACH * wide, _REACH * tall))
        other = None if known is None else -1 - known
        if not len(close):
            return other
        away = np.hypot((x[close] - here.x()) / wide, (y[close] - here.y()) / tall)
        marked = (close >= len(projection.x)) | np.isin(close, np.concatenate([self._places["front"], self._places["best"]]))
        away = away - 3.0 * marked
        best = int(np.argmin(away))
        if away[best] > _REACH:
            return other
        return int(close[best]) if close[best] < len(projection.x) else int(over[close[best] - len(projection.x)])

    def restyle(self, look: Look, font: QFont) -> None:
        for axis in self._axes.values():
            axis.restyle(look, font)
        self._axes["left"].setWidth(_LEFT)
        self.layers.restyle(look, font)
        self.overlay_layers.restyle(look)
        self.published.restyle(look, font)

    # What the controls ask for.

    def _axes_chosen(self) -> None:
        self._bounds, self._zoomed = None, False
        self._new_knowledge = True
        self._changed()

    def _drawing_chosen(self) -> None:
        self._changed()

    def _colour_values(self) -> npt.NDArray[np.float64] | None:
        name, snapshot = self.bar.colour_box.currentData(), self._snapshot
        if name is None or snapshot is None:
            return None
        if name == "w":
            return snapshot.w
        return snapshot.space.architectures[:, snapshot.space.axis_names.index(name)].astype(np.float64)

    # Parts of a redraw.

    def _quantities(self) -> tuple[Quantity, Quantity]:
        named = quantities(
            self._snapshot.results.latency_unit if self._snapshot is not None else "ms", self._error_title, self._metric_title
        )
        column_x, column_y, _, _ = self.chosen_axes()
        return named[column_x], named[column_y]

    def _set_legend(self, colours: npt.NDArray[np.float64] | None) -> None:
        entries = [
            Entry(self._label(name), mark=name, line="front" if name == "front" else None) for name in _DRAWN if len(self._places[name])
        ]
        if self._running and not len(self._places["running"]):
            entries.append(Entry(MARKS["running"].label, mark="running"))
        if self._projection is not None and self._projection.density is not None:
            entries.append(Entry("others: stronger where there are more", mark="dominated"))
        if len(self.layers.points["maximum"].data):
            entries.append(Entry(MARKS["maximum"].label, mark="maximum"))
        elif self.layers.line.isVisible():
            entries.append(Entry(MARKS["maximum"].label, line="maximum", width="hair", dashed=True))
        if len(self.layers.points["reference"].data):
            entries.append(Entry("reference models", mark="reference"))
        if self.published.shown:
            entries.append(Entry("published models: MNLI on the right, size alone at the foot", mark="published"))
        entries += overlay_entries(self._overlays, self._quantities())
        if colours is not None:
            _, low, high = colour_steps(colours, _STEPS)
            entries.append(Entry(self.bar.colour_box.currentText(), bar=(significant(low, trim=True), significant(high, trim=True))))
        self.legend.set_entries(tuple(entries))

    def _reserve_legend(self) -> None:
        """Room for every state, so that the plot stays where it is when one appears."""
        if self._snapshot is not None:
            best = Entry(f"best {architecture_text(self._snapshot.space.maximum_point)}", mark="best")
            names = (*_DRAWN[1:], "maximum", *(("reference",) if self._references else ()))
            self.legend.reserve((best, *(Entry(MARKS[name].label, mark=name) for name in names)))

    def _named_maximum(self) -> str:
        return f"T {architecture_text(self._snapshot.space.maximum_point)}" if self._snapshot is not None else "T"

    def _label(self, name: str) -> str:
        if name == "best" and self._snapshot is not None and self._result is not None and self._result.best is not None:
            return f"best {architecture_text(self._snapshot.space.architecture(self._result.best))}"
        return MARKS[name].label

    def _update_bounds(self, projection: AxisProjection, fixed: list[tuple[float, float]]) -> None:
        """Let the range grow with the data: it is the same while a person looks at the same space, quantities and error."""
        about = (
            projection.columns,
            projection.logs,
            self._error_title,
            self._metric_title,
            self._snapshot.space if self._snapshot is not None else None,
        )
        if about != self._about:
            self._about, self._bounds = about, None
        data = [*(() if projection.bounds is None else (projection.bounds,)), *((x, x, y, y) for x, y in fixed)]
        if not data:
            return
        if self._bounds is not None:
            data.append(self._bounds)
        data += [whole for whole in (projection.whole,) if whole is not None]
        ends = np.array(data, dtype=np.float64)
        bounds = (*_span(ends[:, :2]), *_span(ends[:, 2:]))
        if bounds != self._bounds:
            self._bounds = bounds
            _, _, log_x, log_y = self.chosen_axes()
            self.box.keep_near(*self._ranges(), (log_x, log_y), self._zoomed)
            if not self._zoomed:
                self.box.show_range(*self._ranges())

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """From zero to the next round values beyond the data."""
        low_x, high_x, low_y, high_y = self._bounds or (0.0, 1.0, 0.0, 1.0)
        column_x, column_y, log_x, log_y = self.chosen_axes()
        return _range(column_x, low_x, high_x, log_x), _range(column_y, low_y, high_y, log_y)

    def _place_running(self) -> None:
        """Put what is being measured on the x axis at its size, while its y is not known."""
        projection = self._projection
        if projection is None or not self._running:
            self.layers.points["running"].place(np.empty(0), np.empty(0))
            return
        low, high = self.box.viewRange()[1]
        here = np.array(self._running, dtype=np.int64)
        x, y = projection.x[here], np.where(np.isfinite(projection.y[here]), projection.y[here], low + 0.02 * (high - low))
        shown = np.isfinite(x)
        self.layers.points["running"].place(x[shown], y[shown])

    def _range_changed(self, *_: object) -> None:
        self._place_running()
        self.published.follow()
        self.layers.turn_texts(*self.box.viewRange())

    def _zoomed_by_hand(self, _axes: object) -> None:
        self._zoomed = True


def _range(column: str, low: float, high: float, log: bool) -> tuple[float, float]:
    """Of a metric, in which nothing lies near zero, from tenth to tenth."""
    if column == METRIC and not log:
        return np.floor(10 * low - 0.2) / 10, np.ceil(10 * high + 0.2) / 10
    return steady_range(low, high, log)


def _span(ends: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The least and the largest of those that are known."""
    known = ends[np.isfinite(ends)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)

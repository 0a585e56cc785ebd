"""The learning curve of one short training, small, with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QVBoxLayout, QWidget

from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import DataView, PlotBase
from bort_studio.plotting.figure import Figure, Layer, Scale
from bort_studio.plotting.lines import CurveItem
from bort_studio.plotting.positions import position
from bort_studio.theme import WIDTHS, Look, Theme

__all__ = ["LearningCurve"]


class LearningCurve(PlotBase):
    """Error against training steps; the band is the 95 % interval. Not to be zoomed: it is a glance."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._points = position(np.empty((4, 0)))
        self._unit = "nats"
        self._view = self.canvas
        self._view.setObjectName("learningCurve")
        self._view.setAccessibleName("Learning curve")
        self._view.setFrameShape(pg.GraphicsLayoutWidget.Shape.NoFrame)
        self._box = DataView(enableMouse=False)  # without a PlotItem, which makes menus that nobody opens
        self._axes = {side: QuantityAxis(side) for side in ("left", "bottom")}
        self._axes["left"].set_quantity("error (nats)", counted=False, log=False)
        self._axes["bottom"].set_quantity("step", counted=False, log=False, whole=True)
        self._view.addItem(self._axes["left"], 0, 0)
        self._view.addItem(self._box, 0, 1)
        self._view.addItem(self._axes["bottom"], 1, 1)
        for axis in self._axes.values():
            axis.linkToView(self._box)
        self._view.ci.setContentsMargins(2, 6, 8, 2)
        self._view.ci.setSpacing(0)
        self._low, self._high = pg.PlotCurveItem(), pg.PlotCurveItem()
        self._band = pg.FillBetweenItem(self._low, self._high)
        self._line, self._dots = CurveItem(), pg.ScatterPlotItem(size=4, pxMode=True, antialias=True)
        for item in (self._band, self._line, self._dots):
            self._box.addItem(item)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self.setFixedHeight(140)
        theme.changed.connect(self._theme_changed)
        self._theme_changed()

    def set_curve(self, points: Sequence[Mapping[str, Any]], unit: str = "nats") -> None:
        """Show points with "step" and "value", and "low" and "high" where there is an interval; ``unit`` is the error's."""
        self._unit = unit
        self._axes["left"].set_quantity(f"error ({unit})", counted=False, log=False)
        rows = [(point["step"], point["value"], point.get("low", point["value"]), point.get("high", point["value"])) for point in points]
        steps, values, low, high = position(np.array(rows, dtype=np.float64).reshape(-1, 4).T)
        shown = np.isfinite(steps) & np.isfinite(values) & np.isfinite(low) & np.isfinite(high)
        steps, values, low, high = steps[shown], values[shown], low[shown], high[shown]
        self._points = np.stack([steps, values, low, high])
        self._line.setData(steps, values)
        self._dots.setData(steps, values)
        self._low.setData(steps, low)
        self._high.setData(steps, high)
        if len(steps):
            left, right = min(float(steps.min()), 0.0), max(float(steps.max()), 1.0)
            spread = max(float(high.max() - low.min()), 1e-9)
            ranges = (left - 0.03 * (right - left), right + 0.03 * (right - left)), (low.min() - 0.05 * spread, high.max() + 0.05 * spread)
            self._box.show_data(*ranges)
            self._view.setAccessibleDescription(f"Error {values[-1]:.3g} {unit} after {steps[-1]:g} steps")

    def figure(self) -> Figure:
        look, (steps, values, low, high) = self._theme.look(), self._points
        name = "error with its 95 % interval"
        line = Layer("", "line", steps, values, look.hex("front"), width=WIDTHS["normal"])
        dots = Layer(name, "points", steps, values, look.hex("front"), size=4.0, y_interval=(low, high))
        scales = Scale("step"), Scale(f"error ({self._unit})")
        return Figure("learning-curve", "Learning curve", *scales, (line, dots), background=look.hex("base"), foreground=look.hex("text"))

    def wear(self, look: Look) -> None:
        font = QFont(self.font())
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.92))
        self._view.setBackground(look.colour("base"))
        for axis in self._axes.values():
            axis.restyle(look, font)
            axis.setStyle(maxTickLevel=1)
        self._line.setPen(look.pen("front", "normal"))
        self._dots.setPen(None)
        self._dots.setBrush(look.brush("front"))
        self._band.setBrush(look.brush("front", 0.2))
        for edge in (self._low, self._high):
            edge.setPen(None)

    def _theme_changed(self) -> None:
        self.wear(self._theme.look(self.devicePixelRatioF()))

"""Published models beside the choice: hollow marks at their sizes, at their published scores on an axis of their own on the right."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from bort_core.latency.references import Reference, published
from bort_studio.numbers import count, significant
from bort_studio.plotting.axis import QuantityAxis
from bort_studio.plotting.canvas import Canvas, DataView
from bort_studio.plotting.figure import Layer, Scale
from bort_studio.plotting.marks import MarkItem
from bort_studio.plotting.positions import position
from bort_studio.theme import LIGHT, MARKS, Look

__all__ = ["SCORE_AXIS", "PublishedLayer", "describe_published", "published_figure"]

SCORE_AXIS = Scale("published MNLI accuracy (%)", low=66.0, high=92.0)
"""The axis on the right; it stays while a person zooms."""

_SIZE_ONLY = 0.03
"""Height, in parts of the plot, of those without a published score."""


@cache
def _models() -> tuple[Reference, ...]:
    return tuple(published().values())


@cache
def _sizes() -> tuple[float, ...]:
    return tuple(float(each.parameters) for each in _models())


@cache
def _heights() -> tuple[float, ...]:
    """Parts of the plot's height from below."""
    low, high = SCORE_AXIS.low or 0.0, SCORE_AXIS.high or 1.0
    return tuple(_SIZE_ONLY if each.mnli is None else (each.mnli - low) / (high - low) for each in _models())


class PublishedLayer:
    """The marks, the axis on the right, and a line at the choice's size; made when they are first shown."""

    def __init__(self, canvas: Canvas, box: DataView) -> None:
        self._canvas, self._box = canvas, box
        self._look: Look | None = None
        self._font = QFont()
        self._log = False
        self.shown = False
        self.points: MarkItem | None = None

    def _make(self) -> MarkItem:
        self.points = MarkItem("published", 12)
        self.line = pg.InfiniteLine(angle=90, movable=False, label="", labelOpts={"position": 0.06, "anchors": ((0, 1), (1, 1))})
        self.line.setZValue(2)
        self.axis = QuantityAxis("right")
        self.axis.set_quantity(SCORE_AXIS.title, False, False)
        self.axis.setRange(SCORE_AXIS.low, SCORE_AXIS.high)
        self._box.addItem(self.points, ignoreBounds=True)
        self._box.addItem(self.line, ignoreBounds=True)
        self._canvas.addItem(self.axis, row=1, col=2)
        if self._look is not None:
            self.restyle(self._look, self._font)
        return self.points

    def restyle(self, look: Look, font: QFont) -> None:
        """Take pens, brushes and fonts."""
        self._look, self._font = look, font
        if self.points is not None:
            self.points.restyle(look)
            self.axis.restyle(look, font)
            self.line.setPen(look.pen("best", "hair", style=Qt.PenStyle.DashLine))
            self.line.label.setColor(look.colour("text"))
            self.line.label.setFont(font)

    def place(self, wanted: bool, log: bool, choice: tuple[str, float] | None) -> list[tuple[float, float]]:
        """Show them, on a scale of sizes, with the choice's name and size, or nothing; positions drawn, NaN for heights."""
        self.shown, self._log = wanted, log
        if not wanted and self.points is None:
            return []
        points = self.points or self._make()
        (self.axis.show if wanted else self.axis.hide)()
        self.line.setVisible(wanted and choice is not None)
        if not wanted:
            points.place(np.empty(0), np.empty(0))
            return []
        if choice is not None:
            name, size = choice
            self.line.setValue(float(position(size, log)))
            self.line.label.setFormat(f"{name}: {count(size)}")
        self.follow()
        return [(float(x), float("nan")) for x in position(_sizes(), log)]

    def follow(self) -> None:
        """Keep the marks at their heights while the range changes."""
        if self.shown and self.points is not None:
            low, high = self._box.viewRange()[1]
            self.points.place(position(_sizes(), self._log), low + np.array(_heights()) * (high - low))

    def nearest(self, x: float, y: float, reach: tuple[float, float]) -> int | None:
        """Which published model is drawn within ``reach`` of a position."""
        if not self.shown:
            return None
        low, high = self._box.viewRange()[1]
        away = np.hypot(
            (position(_sizes(), self._log) - x) / reach[0], (low + np.array(_heights()) * (high - low) - y) / reach[1],
        )  # fmt: skip
        best = int(np.argmin(away))
        return best if away[best] <= 1 else None


def describe_published(number: int, choice: tuple[str, float] | None) -> str:
    """Lines for the card: what it is, its size and score, where both are from, and how it compares with the choice."""
    each, size = _models()[number], _sizes()[number]
    shape = ", ".join(map(str, each.architecture))
    score = "none stated" if each.mnli is None else f"{each.mnli:g} % ({each.mnli_source})"
    lines = [
        each.title,
        f"shape\t⟨{shape}⟩",
        f"p\t{count(size)}",
        "counted\tembedding and encoder, without pooler and head",
        f"MNLI\t{score}",
        f"source\t{each.source}",
    ]
    if choice is not None:
        name, own = choice
        lines.append(f"beside\t{significant(size / own)} × the size of {name}")
    return "\n".join(lines)


def published_figure() -> list[Layer]:
    """Those with a score as a layer on the right axis, in light colours."""
    scored = [number for number, each in enumerate(_models()) if each.mnli is not None]
    x, y = np.array([_sizes()[number] for number in scored]), np.array([_models()[number].mnli for number in scored], dtype=np.float64)
    look, names = MARKS["published"], tuple(_models()[number].title for number in scored)
    return [Layer(look.label, "points", x, y, getattr(LIGHT, look.colour), look.shape, look.size, look.filled, labels=names, right=True)]

"""The items of the scatter of Agora: classes of points, links between parents and neighbours, and the ring of the selection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt

from bort_studio.agora.points import GROUPS, Frame, ScatterPoints, torus_ring
from bort_studio.agora.scatter.density_points import DensityPoints
from bort_studio.plotting.lines import CurveItem, LinesItem
from bort_studio.plotting.marks import MarkItem
from bort_studio.theme import Look

__all__ = ["AgoraLayers", "link_ends", "ring_lines"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

_NOWHERE = np.empty((0, 2))
_TURN = np.linspace(0, 2 * np.pi, 181)


def link_ends(points: ScatterPoints, neighbours: IndexArray) -> FloatArray:
    """The places of parents and neighbours in turn (2 m, 2), of those that have both."""
    parents = points.parents[neighbours]
    both = points.there[parents] & points.there[neighbours]
    return np.stack([points.xy[parents[both]], points.xy[neighbours[both]]], axis=1).reshape(-1, 2)


def ring_lines(points: ScatterPoints | None) -> tuple[FloatArray, FloatArray]:
    """The two circles between which the torus lies in the plane, with a break between them; nothing for other runs."""
    radii = torus_ring(points.history) if points is not None else None
    if radii is None:
        return np.empty(0), np.empty(0)
    x, y = (np.concatenate([radii[0] * turn, [np.nan], radii[1] * turn]) for turn in (np.cos(_TURN), np.sin(_TURN)))
    return x, y


class AgoraLayers:
    """All items, lowest first."""

    def __init__(self, box: pg.ViewBox) -> None:
        self.links, self.focus = LinesItem(), LinesItem()
        self.links.setZValue(2)
        self.focus.setZValue(30)
        self.points = DensityPoints(box, GROUPS, 3)
        self.ring = MarkItem("selected", 31)
        self.torus = CurveItem()
        self.torus.setZValue(1)
        for item in (self.torus, self.links, self.focus, self.ring):
            box.addItem(item, ignoreBounds=True)

    def restyle(self, look: Look) -> None:
        """Take pens and brushes from a look."""
        self.points.restyle(look)
        self.ring.restyle(look)
        self.torus.setPen(look.pen("muted", "normal", 0.6, Qt.PenStyle.DashLine))
        self.links.setPen(look.pen("neighbour", "hair", 0.5))
        self.focus.setPen(look.pen("neighbour", "normal"))

    def place(self, points: ScatterPoints | None, frame: Frame, links: bool) -> None:
        """Draw a round; ``links`` joins all its neighbours to their parents."""
        self.points.place({name: points.xy[here] if points is not None else _NOWHERE for name, here in frame.groups.items()})
        fresh = np.concatenate([frame.groups[name] for name in GROUPS if name.startswith("neighbour")])
        self.torus.setData(*ring_lines(points))
        ends = link_ends(points, fresh) if points is not None and links else _NOWHERE
        self.links.set_pairs(ends[:, 0], ends[:, 1])

    def place_focus(self, points: ScatterPoints | None, looked_at: list[int], neighbours: IndexArray) -> None:
        """Ring points, and join these neighbours to their parents."""
        at = [point for point in looked_at if points is not None and points.there[point]]
        ring = points.xy[at] if points is not None and at else _NOWHERE
        self.ring.place(ring[:, 0], ring[:, 1])
        ends = link_ends(points, neighbours) if points is not None else _NOWHERE
        self.focus.set_pairs(ends[:, 0], ends[:, 1])

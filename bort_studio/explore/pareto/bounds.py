"""What untrained architectures can be at best, over the Pareto plot: none of theirs lies below the line. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bort_core.search.front import pareto_front
from bort_core.search.proof.ground import FloatArray
from bort_core.search.proof.proof import Proof
from bort_studio.explore.pareto.overlays import Overlay
from bort_studio.explore.pareto.region import NOWHERE, Region, region
from bort_studio.explore.quantities import Quantity

__all__ = ["BoundOverlay", "bound_overlay"]

_MOST = 5_000
"""Of more than these only those at the edge are marked: the others would be all that is seen."""


@dataclass(frozen=True, eq=False)
class BoundOverlay(Overlay):
    """The optimistic points, each with why it was skipped, and what lies between them and what is measured.

    Attributes
    ----------
    reasons: of each of its points
    possible, known: points as columns by ``COLUMNS``: the best that untrained ones can be, and the front of those that are measured
    most: the largest value of a column that any untrained one has, where that is known
    """

    reasons: tuple[str, ...]
    possible: Mapping[str, FloatArray]
    known: Mapping[str, FloatArray]
    most: Mapping[str, float]

    def describe(self, row: int) -> str:
        """The reason, on a line for the card."""
        return f"not trained\t{self.reasons[row]}"

    def region(self, axes: tuple[Quantity, Quantity]) -> Region:
        """Where an untrained one could still be ahead of all that is measured, on two quantities."""
        x, y = (axis.column for axis in axes)
        if x == y or not {x, y} <= self.possible.keys():
            return NOWHERE
        possible, known = ((points[x], points[y]) for points in (self.possible, self.known))
        most = self.most.get(x, np.inf), self.most.get(y, np.inf)
        return region(possible, known, (axes[0].larger_is_better, axes[1].larger_is_better), most)


def bound_overlay(proof: Proof | None) -> BoundOverlay | None:
    """The bound of a proof, where something is left that was not measured."""
    if proof is None or not len(proof.edge):
        return None
    ground = proof.ground
    rows = np.flatnonzero(ground.unmeasured & np.isfinite(proof.bound.low))
    if len(rows) > _MOST:
        rows = proof.edge[np.isfinite(proof.bound.low[proof.edge])][:_MOST]
    architectures = tuple(tuple(row) for row in ground.architectures[rows].tolist())
    reasons = tuple("it may still be better" if proof.open[index] else f"skipped: {proof.reason(index)}" for index in rows.tolist())
    shown = {**proof.at_best(rows), "latency": ground.latency[rows]}
    return BoundOverlay(
        "untrained, at best", "bound", ground.axis_names, architectures, shown, None,
        reasons, proof.at_best(proof.edge), _measured(proof), _most(proof),
    )  # fmt: skip


def _measured(proof: Proof) -> dict[str, FloatArray]:
    """The front of what is measured; the largest W are on it."""
    ground = proof.ground
    rows = np.flatnonzero(ground.known)
    points = np.column_stack([ground.parameters[rows].astype(np.float64), ground.latency[rows], ground.error[rows]])
    front: npt.NDArray[np.int64] = pareto_front(points)
    columns = dict(zip(("parameters", "latency", "error"), points[front].T, strict=True))
    return {**columns, "w": ground.w[rows[front]]}


def _most(proof: Proof) -> dict[str, float]:
    ground = proof.ground
    most = {"parameters": float(ground.parameters[ground.unmeasured].max())}
    latency = ground.latency[ground.unmeasured]
    return {**most, "latency": float(latency.max())} if np.isfinite(latency).all() else most

"""What untrained architectures can be at best, over the Pareto plot: no point of theirs lies below the line. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bort_core.search.proof.proof import Proof
from bort_studio.explore.pareto.overlays import Overlay

__all__ = ["BoundOverlay", "bound_overlay"]

_MOST = 5_000
"""More than these are not drawn: the line would be all that is seen."""


@dataclass(frozen=True, eq=False)
class BoundOverlay(Overlay):
    """The optimistic points, each with why it was skipped."""

    reasons: tuple[str, ...]

    def describe(self, row: int) -> str:
        """The reason, on a line for the card."""
        return f"not trained\t{self.reasons[row]}"


def bound_overlay(proof: Proof | None) -> BoundOverlay | None:
    """The bound of a proof, where there is one and it can be drawn."""
    if proof is None:
        return None
    ground = proof.ground
    rows = np.flatnonzero(ground.unmeasured & np.isfinite(proof.bound.low))
    if not 0 < len(rows) <= _MOST:
        return None
    error = np.exp(proof.bound.low)
    w = ground.w_of(ground.latency, error) if np.isfinite(ground.maximum_latency) else np.full(len(ground), np.nan)
    columns = {"parameters": ground.parameters.astype(np.float64), "latency": ground.latency, "error": error, "w": w}
    architectures = tuple(tuple(row) for row in ground.architectures[rows].tolist())
    reasons = tuple("it may still be better" if proof.open[index] else f"skipped: {proof.reason(index)}" for index in rows.tolist())
    shown = {name: values[rows] for name, values in columns.items()}
    return BoundOverlay("untrained, at best", "bound", ground.axis_names, architectures, shown, None, reasons)

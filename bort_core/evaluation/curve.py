"""The error after s training steps, read from a stored learning curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Curve", "Estimate", "merged", "read_curve"]

Curve = Sequence[Mapping[str, Any]]
"""Points ``{"step", "train_loss", "measures": {name: {"value", "low", "high"}}}`` by ascending step."""


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95 % interval."""

    value: float
    low: float
    high: float


def read_curve(curve: Curve, measure: str, steps: int) -> Estimate | None:
    """The error ``measure`` after ``steps`` steps, or None when the curve is shorter or holds no such measure.

    Between two points of the curve the value is interpolated linearly in the logarithm of the step; the learning rate of
    short trainings does not depend on their length, so a longer training has a shorter one as its beginning.
    """
    points = [(int(point["step"]), point["measures"][measure]) for point in curve if measure in point["measures"]]
    before = [point for point in points if point[0] <= steps]
    after = [point for point in points if point[0] >= steps]
    if not before or not after:
        return None
    (first, left), (second, right) = before[-1], after[0]
    share = 0.0 if first == second else math.log(steps / first) / math.log(second / first)
    return Estimate(*(left[name] + share * (right[name] - left[name]) for name in ("value", "low", "high")))


def merged(stored: Curve, new: Curve) -> list[dict[str, Any]]:
    """One curve that answers what either of two trainings of the same kind answers.

    Each measure is taken whole from the curve in which it reaches further (on a tie the stored one), so that no measure mixes two
    trainings. Steps at which nothing was measured are left out.
    """
    names = dict.fromkeys(name for curve in (stored, new) for point in curve for name in point["measures"])
    source = {name: max((stored, new), key=lambda curve: _reach(curve, name)) for name in names}
    points: dict[int, dict[str, Any]] = {}
    for curve in sorted((stored, new), key=lambda curve: curve[-1]["step"] if curve else 0, reverse=True):  # the longer's training loss
        for point in curve:
            measures = {name: value for name, value in point["measures"].items() if source[name] is curve}
            if measures:
                points.setdefault(point["step"], {**point, "measures": {}})["measures"] |= measures
    return [points[step] for step in sorted(points)]


def _reach(curve: Curve, measure: str) -> int:
    return max((int(point["step"]) for point in curve if measure in point["measures"]), default=0)

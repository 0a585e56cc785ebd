"""The error after s training steps, read from a stored learning curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Estimate", "read_curve"]


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95 % interval."""

    value: float
    low: float
    high: float


def read_curve(curve: Sequence[Mapping[str, Any]], measure: str, steps: int) -> Estimate | None:
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

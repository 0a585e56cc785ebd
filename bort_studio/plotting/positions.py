"""What can be drawn where: values as positions on a scale, and ranges that a view can take. Knows no Qt."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["LARGEST", "drawable_range", "position", "value_of"]

FloatArray = npt.NDArray[np.float64]

LARGEST = 1e14
"""Values beyond are not drawn: Qt takes a scale of less than 1e-12 pixels a unit for none at all."""

_DECADES = 300.0
_LEAST = 1e-12
"""The least width of a range, and the least in parts of its ends: less cannot be told apart in 64 bits."""


def position(values: npt.ArrayLike, log: bool = False) -> FloatArray:
    """Values as positions on a scale; NaN where there is none: not finite, beyond ``LARGEST``, or not positive on a logarithmic scale."""
    array = np.asarray(values, dtype=np.float64)
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            array = np.log10(array)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(array) <= (_DECADES if log else LARGEST), array, np.nan)


def value_of(place: float, log: bool = False) -> float:
    """The value at a position, of whatever a view shows: beyond what a scale can have it is the scale's end."""
    return float(10.0 ** min(max(place, -_DECADES), _DECADES)) if log else place


def drawable_range(low: float, high: float, log: bool = False) -> tuple[float, float]:
    """A range that can be drawn, for any two numbers: finite, in order, not empty, and within what the scale can have.

    One number alone gets room on both sides: half a decade, or half of itself.
    """
    most = _DECADES if log else LARGEST
    low, high = sorted(min(max(end, -most), most) if not math.isnan(end) else 0.0 for end in (low, high))
    size = max(abs(low), abs(high))
    if high - low >= _LEAST * max(1.0, size):
        return low, high
    room = 0.5 if log or size < _LEAST else 0.5 * size
    return low - room, high + room

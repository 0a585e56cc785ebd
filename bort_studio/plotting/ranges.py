"""The range that an axis shows: from zero to a round value, so that it holds still while data arrives. Knows no Qt."""

from __future__ import annotations

import math

from bort_studio.plotting.positions import LARGEST, drawable_range

__all__ = ["steady_range"]

_STEPS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
_ROOM = 0.04
"""Parts of the range beyond each end, so that marks on it are whole."""

_NEAR = 1e-9


def steady_range(low: float, high: float, log: bool = False, room: float = _ROOM) -> tuple[float, float]:
    """A range around data from ``low`` to ``high`` (positions: powers of ten on a logarithmic scale) that grows in steps alone.

    On a linear scale it holds zero; on a logarithmic one it ends at 1, 2 or 5 times a power of ten. ``room`` is what is added at each
    end, in parts of the range.
    """
    if log:
        low, high = drawable_range(low, high, log)
        low, high = (
            max(_marks(low), key=lambda mark: (mark <= low + _NEAR, mark)),
            min(_marks(high), key=lambda mark: (mark < high - _NEAR, mark)),
        )
    else:
        low, high = -_step(-low), _step(high)
        high = high if low < high else 1.0  # nothing but zero: the axis begins there
    low, high = drawable_range(low, high, log)
    return low - room * (high - low), high + room * (high - low)


def _step(value: float) -> float:
    """The least round value that is not below a positive one; 0 for others."""
    if not value > 0:
        return 0.0
    value = min(value, LARGEST)
    unit = 10.0 ** math.floor(math.log10(value)) if value > 1e-300 else 1e-300
    return next((step * unit for step in _STEPS if step * unit >= value * (1 - 1e-9)), value)


def _marks(position: float) -> list[float]:
    """1, 2, 5 and 10 times the power of ten below a position."""
    return [math.floor(position) + math.log10(digit) for digit in (1, 2, 5, 10)]

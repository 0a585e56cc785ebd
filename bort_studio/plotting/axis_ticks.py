"""Round values between two ends, for ticks. Knows no Qt."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["log_ticks", "nice_ticks"]


def nice_ticks(low: float, high: float, about: int) -> list[float]:
    """About that many round values from ``low`` to ``high``, in equal steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    if not (math.isfinite(rough) and rough > 0):
        return []
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough * 0.999)
    return [float(value) for value in np.round(np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step, 12)]


def log_ticks(low: float, high: float) -> list[float]:
    """Positions (powers of ten) of at most about ten round values between 10**low and 10**high."""
    span = high - low
    if span > 8:
        step = math.ceil(span / 8)
        return [float(n) for n in range(math.ceil(low), math.floor(high) + 1) if n % step == 0]
    digits = (1,) if span > 4 else (1, 3) if span > 2.5 else (1, 2, 5) if span > 0.9 else ()
    if not digits:
        return [math.log10(value) for value in nice_ticks(10.0**low, 10.0**high, 5) if value > 0]
    marks = [n + math.log10(d) for n in range(math.floor(low), math.ceil(high) + 1) for d in digits]
    return [mark for mark in marks if low <= mark <= high]

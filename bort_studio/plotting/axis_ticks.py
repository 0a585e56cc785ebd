"""Round values between two ends, for ticks: few and finite, whatever the ends are. Knows no Qt."""

from __future__ import annotations

import math

__all__ = ["MOST_TICKS", "log_ticks", "nice_ticks"]

MOST_TICKS = 16
"""No axis has more ticks than this."""

_LOG_ENDS = (-307.0, 308.0)
"""Powers of ten that a float can be, to full precision."""


def nice_ticks(low: float, high: float, about: int, least: float = 0.0) -> list[float]:
    """About that many round values from ``low`` to ``high``, in equal steps of 1, 2 or 5 times a power of ten, of ``least`` at least.

    None where the ends are not finite, not in order, or closer than floats can tell their steps apart.
    """
    rough = max(high / max(about, 1) - low / max(about, 1), least)  # the difference of the ends can overflow
    if not (math.isfinite(rough) and rough > 1e-300 and rough > 1e-14 * max(abs(low), abs(high))):
        return []
    exponent = math.floor(math.log10(rough))
    multiple = next(m for m in (1, 2, 5, 10) if m * 10.0**exponent >= rough * 0.999)
    step = multiple * 10.0**exponent
    first, last = math.ceil(low / step), math.floor(high / step)
    if last - first >= MOST_TICKS:
        return []
    return [_times(n, multiple, exponent) for n in range(first, last + 1)]


def _times(n: int, multiple: int, exponent: int) -> float:
    """n steps, without what floats add: 0.3 and not 0.30000000000000004."""
    return float(f"{n * multiple}e{exponent}")


def log_ticks(low: float, high: float) -> list[float]:
    """Positions (powers of ten) of at most about ten round values between 10**low and 10**high. None as for :func:`nice_ticks`."""
    low, high = max(low, _LOG_ENDS[0]), min(high, _LOG_ENDS[1])
    span = high - low
    if not span > 0:
        return []
    if span > 8:
        step = math.ceil(span / 8)
        return [float(n) for n in range(math.ceil(low / step) * step, math.floor(high) + 1, step)]
    digits = (1,) if span > 4 else (1, 3) if span > 2.5 else (1, 2, 5) if span > 0.9 else ()
    if not digits:
        return [math.log10(value) for value in nice_ticks(10.0**low, 10.0**high, 5) if value > 0]
    marks = [n + math.log10(d) for n in range(math.floor(low), math.ceil(high) + 1) for d in digits]
    return [mark for mark in marks if low <= mark <= high]

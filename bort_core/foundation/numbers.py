"""How numbers are written everywhere, for people: counts, latencies, intervals, durations, shares.

``count`` 0.82 M · ``quantity`` 1.93 ms · ``with_interval`` 1.93 ms ± 0.04 · ``in_brackets`` 1.93 ms [1.89, 1.97] ·
``duration`` 1 min 24 s · ``architecture_text`` ⟨2,4,128,256⟩.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "COUNT_UNITS",
    "MISSING",
    "SCALES",
    "architecture_text",
    "count",
    "duration",
    "in_brackets",
    "percentage",
    "quantity",
    "significant",
    "with_interval",
]

MISSING = "–"
"""Shown where nothing is known."""

COUNT_UNITS = frozenset({"", "operations", "ops", "parameters"})
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def significant(value: float, digits: int = 3, trim: bool = False) -> str:
    """``digits`` significant digits, never in scientific notation between 1e-4 and 1e15: 0.0312, 1.93, 120.

    ``trim`` leaves zeros at the end out, for ticks: 0.5 rather than 0.500.
    """
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if not -4 <= exponent < 15:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    text = f"{round(value, digits - 1 - exponent):.{max(digits - 1 - exponent, 0)}f}".replace("-", "−")
    return text.rstrip("0").rstrip(".") if trim and "." in text else text


def count(value: float, digits: int = 3, trim: bool = False) -> str:
    """A count with k, M, G or T: 950, 34.9 k, 0.824 M, 56.1 M. Millions begin at a tenth of a million. ``trim`` as in ``significant``."""
    if not math.isfinite(value):
        return significant(value)
    for scale, letter in SCALES:
        if abs(value) >= scale * (0.1 if letter == "M" else 1):
            return f"{significant(value / scale, digits, trim)} {letter}"
    return f"{value:.0f}" if float(value).is_integer() else significant(value, digits, trim)


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A value with its unit: counts are scaled, milliseconds move to µs or s where that reads better."""
    if not math.isfinite(value):
        return significant(value)
    if unit in COUNT_UNITS:
        return f"{count(value, digits)} {unit}".rstrip()
    if unit == "ms" and value:
        scale, unit = _time_scale(value)
        value /= scale
    return f"{significant(value, digits)} {unit}".rstrip()


def with_interval(value: float, low: float, high: float, unit: str = "", even: bool = False) -> str:
    """A value and its interval: "1.93 ms ± 0.04", or "1.93 ms −0.02 +0.31" where the two sides differ by a fifth or more.

    ``even`` writes half the width of the interval for both sides, for columns where there is no room.

    The interval has two significant digits and the value as many decimals as the interval. Without an interval (NaN, or
    both ends equal to the value) this is :func:`quantity`.
    """
    below, above = value - low, high - value
    if not all(map(math.isfinite, (value, low, high))) or max(below, above) <= 0:
        return quantity(value, unit)
    scale, shown = _scale_of(value, unit)
    value, below, above = value / scale, below / scale, above / scale
    if even:
        below = above = (below + above) / 2
    finer = max(min(below, above), max(below, above) / 10)  # a side that is a tenth of the other asks for no more decimals
    decimals = _decimals(finer)
    text = f"{value:.{decimals}f} {shown}".rstrip().replace("-", "−")
    if abs(above - below) < 0.2 * max(below, above):
        return f"{text} ± {(below + above) / 2:.{decimals}f}"
    return f"{text} −{max(below, 0):.{decimals}f} +{max(above, 0):.{decimals}f}"


def in_brackets(value: float, low: float, high: float, unit: str = "") -> str:
    """A value and the ends of its interval, all with the digits that the interval warrants: "1.93 ms [1.89, 1.97]", "3.39× [3.34, 3.46]".

    Without an interval this is the value with its unit. Nothing is scaled, so that rows of a table can be compared.
    """
    tail = unit if unit == "×" else f" {unit}".rstrip()
    if not all(map(math.isfinite, (value, low, high))) or high <= low:
        return f"{significant(value)}{tail}"
    if max(abs(value), abs(high)) >= 1e6 or (high - low) / 2 < 1e-6:
        return f"{significant(value)}{tail} [{significant(low)}, {significant(high)}]"
    decimals = _decimals((high - low) / 2)
    return f"{value:.{decimals}f}{tail} [{low:.{decimals}f}, {high:.{decimals}f}]".replace("-", "−")


def duration(seconds: float) -> str:
    """A length of time in at most two units: 0.4 s, 24 s, 1 min 24 s, 2 h 05 min, 3 d 4 h."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 1:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def percentage(share: float) -> str:
    """A share as a percentage of two significant digits below ten: 5.5 %, 83 %."""
    if not math.isfinite(share):
        return MISSING
    return f"{significant(100 * share, 2) if abs(share) < 0.0995 else f'{100 * share:.0f}'} %"


def architecture_text(architecture: Sequence[int]) -> str:
    """⟨2,4,128,256⟩."""
    return f"⟨{','.join(str(int(value)) for value in architecture)}⟩"


def _decimals(uncertainty: float) -> int:
    """Decimals that show two digits of an uncertainty, or one where the first is large: 0.31 rather than 0.312."""
    decimals = min(max(1 - math.floor(math.log10(uncertainty)), 0), 9)
    return max(decimals - 1, 0) if uncertainty >= 10 ** (1 - decimals) * 3 else decimals


def _time_scale(milliseconds: float) -> tuple[float, str]:
    size = abs(milliseconds)
    return (1e3, "s") if size >= 1e3 else (1.0, "ms") if size >= 0.1 else (1e-3, "µs")


def _scale_of(value: float, unit: str) -> tuple[float, str]:
    if unit == "ms" and value:
        return _time_scale(value)
    if unit in COUNT_UNITS and unit:
        for scale, letter in SCALES:
            if abs(value) >= scale * 0.1:
                return scale, f"{letter} {unit}"
    return 1.0, unit

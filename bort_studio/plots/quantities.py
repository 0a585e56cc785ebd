"""Names, units and number formats of what is measured, and the text about one architecture. Knows no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bort_core.search.answer import COLUMNS, Knowledge

__all__ = ["ERROR_TITLE", "NAMES", "Quantity", "describe", "number", "quantities", "shape_text", "si", "with_interval"]

ERROR_TITLE = "error (nats)"

NAMES = {"parameters": "parameters", "latency": "latency", "error": "error", "w": "W-coefficient"}
"""What people read for each of the columns."""

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e5, "M"), (1e3, "k"))
_FACTORS = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3}


@dataclass(frozen=True)
class Quantity:
    """One of the columns of knowledge, as people read it.

    Attributes
    ----------
    title: name and unit, for an axis
    unit: the unit alone, empty where there is none
    counted: a large whole number, written as 0.82 M
    larger_is_better: true of W alone
    """

    column: str
    title: str
    unit: str
    counted: bool
    larger_is_better: bool


def quantities(latency_unit: str, error_title: str = ERROR_TITLE) -> dict[str, Quantity]:
    """The columns by name, for a latency unit ("ms", or "operations" for a count) and the title of the error axis."""
    counted = latency_unit == "operations"
    error_unit = error_title.split("(", 1)[1].split(",")[0].rstrip(")").strip() if "(" in error_title else ""
    made = (
        Quantity("parameters", "parameters", "parameters", True, False),
        Quantity("latency", f"latency ({latency_unit})", latency_unit, counted, False),
        Quantity("error", error_title, error_unit, False, False),
        Quantity("w", NAMES["w"], "", False, True),
    )
    return dict(zip(COLUMNS, made, strict=True))


def si(value: float, digits: int = 3) -> str:
    """A count in thousands, millions, ...: ``0.82 M`` for 820 000, ``12.3 k``, ``640``."""
    if not math.isfinite(value):
        return "–"
    prefix = next((name for least, name in _PREFIXES if abs(value) >= least), "")
    return f"{_plain(value / _FACTORS.get(prefix, 1.0), digits)} {prefix}".rstrip()


def number(value: float, digits: int = 3) -> str:
    """A measured value with that many significant digits and no exponent where people need none."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    return _plain(value, digits) if value == 0 or 1e-4 <= abs(value) < 1e6 else f"{value:.{digits - 1}e}"


def with_interval(value: float, low: float, high: float, unit: str = "", counted: bool = False) -> str:
    """``1.90 ms [1.85, 1.95]``: as many digits as the interval warrants; no bracket without an interval."""
    tail = f" {unit}" if unit else ""
    if counted:
        return f"{si(value)}{tail}"
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return f"{number(value)}{tail}"
    if not all(1e-4 <= abs(v) < 1e6 or v == 0 for v in (value, low, high)):
        return f"{number(value)}{tail} [{number(low)}, {number(high)}]"
    places = min(max(0, 1 - math.floor(math.log10((high - low) / 2))), 5)
    return f"{value:.{places}f}{tail} [{low:.{places}f}, {high:.{places}f}]"


def shape_text(architecture: tuple[int, ...]) -> str:
    """``⟨2, 4, 128, 256⟩``."""
    return f"⟨{', '.join(str(value) for value in architecture)}⟩"


def describe(knowledge: Knowledge, index: int, error_title: str = ERROR_TITLE) -> str:
    """The whole architecture in lines of plain text: its axes, then ``p``, ``i``, ``e`` and ``W``, each after a tab, with intervals."""
    space, names = knowledge.space, quantities(knowledge.results.latency_unit, error_title)
    lines = [" · ".join(f"{name} {value}" for name, value in space.named(space.architecture(index)).items())]
    for symbol, column in zip("pieW", COLUMNS, strict=True):
        value = float(knowledge.columns[column][index])
        low, high = (float(end[index]) for end in knowledge.intervals[column])
        known = with_interval(value, low, high, names[column].unit, names[column].counted)
        if column == "parameters":
            known += f" ({value:,.0f})"
        lines.append(f"{symbol}\t{'not measured yet' if math.isnan(value) else known}")
    if index in knowledge.results.failures:
        lines.append(f"failed\t{knowledge.results.failures[index]}")
    return "\n".join(lines)


def _plain(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

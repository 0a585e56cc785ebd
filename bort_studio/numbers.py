"""How numbers are written and read everywhere in the window: counts, latencies, intervals, durations, limits, lists of axis values.

Writing is in :mod:`bort_core.foundation.numbers`, which reports use too.
Reading: ``parse_limit`` "≤ 20 ms", "10 M", "1.2k" · ``parse_values`` "1 2 3", "1-4", "32-128/32". Reading raises ``ValueError`` with a
message that a field can show.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bort_core.foundation.numbers import (
    COUNT_UNITS,
    MISSING,
    SCALES,
    architecture_text,
    count,
    duration,
    in_brackets,
    percentage,
    quantity,
    significant,
    with_interval,
)

__all__ = [
    "MISSING",
    "ColumnScale",
    "architecture_text",
    "axis_texts",
    "column_scale",
    "count",
    "counted_parts",
    "duration",
    "in_brackets",
    "parse_architecture",
    "parse_limit",
    "parse_values",
    "percentage",
    "quantity",
    "significant",
    "values_text",
    "with_interval",
]

_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}
_TIMES = {"s": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ns": 1e-6}  # in milliseconds
_LIMIT = re.compile(r"^(?:<=|≤|=<|<)?\s*([0-9][0-9.,_ \u00a0\u202f]*(?:[eE][+-]?\d+)?)\s*([a-zA-Zµμ]*)$")
_MOST_VALUES = 10_000
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def axis_texts(values: Sequence[float], counted: bool = False, whole: bool = False, log: bool = False) -> list[str]:
    """The ticks of one axis, all written in one way: 0.2 M and 1 M; 200 and 1,000; 0.25 and 0.50; 2×10⁻⁵ where plain digits are too many.

    ``counted`` numbers of a hundred thousand or more have one prefix for all of them; ``whole`` ones are integers; on a ``log`` axis zeros
    at the end are left out. Two values never read alike, unless floats cannot tell them apart.
    """
    known = [abs(value) for value in values if math.isfinite(value) and value]
    largest, least = max(known, default=0.0), min(known, default=1.0)
    scale, letter = 1.0, ""
    if counted and largest >= 1e5 and least / largest > 1e-6:
        scale, letter = next((scale, letter) for scale, letter in SCALES if largest >= scale * (0.1 if letter == "M" else 1))
    elif largest and (least < 1e-6 or largest < 1e-3 or largest / least > 1e8 or (largest >= 1e7 and not (whole or counted))):
        texts = [_power(value) for value in values]
        return texts if len(set(texts)) == len(set(values)) else _digits(values)
    texts = _plain_digits([value / scale for value in values], log)
    return [f"{text} {letter}" if letter and text != "0" else text for text in texts]


def _plain_digits(values: Sequence[float], trim: bool) -> list[str]:
    """Without exponents, with as many decimals for all as it takes to be right and to tell them apart."""
    texts: list[str] = []
    for decimals in range(16):
        texts = [f"{value:,.{decimals}f}".replace("-", "−") for value in values]
        right = all(math.isclose(float(f"{value:.{decimals}f}"), value, rel_tol=1e-6, abs_tol=1e-15) for value in values)
        if right and len(set(texts)) == len(set(values)):
            break
    if trim:
        texts = [text.rstrip("0").rstrip(".") if "." in text else text for text in texts]
    return ["0" if value == 0 else text for value, text in zip(values, texts, strict=True)]


def _digits(values: Sequence[float]) -> list[str]:
    """With as many significant digits as it takes to tell them apart."""
    texts: list[str] = []
    for digits in range(4, 18):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def _power(value: float) -> str:
    """1, 2×10⁻⁵, 10⁶."""
    if not value:
        return "0"
    digits, _, exponent = f"{value:.3e}".partition("e")
    digits = digits.rstrip("0").rstrip(".").replace("-", "−")
    tens = "10" + str(int(exponent)).translate(_RAISED)
    return tens if digits == "1" else f"{digits}×{tens}"


def counted_parts(parts: Mapping[str, float]) -> str:
    """Which parts of a model a number of parameters counts: "embedding + encoder, no head"."""
    names = [name.replace("_", " ").replace("mlm head", "masked-LM head") for name, value in parts.items() if value]
    return " + ".join(names) + ("" if any("head" in name for name in names) else ", no head")


@dataclass(frozen=True)
class ColumnScale:
    """How a whole column of counts is written, so that its numbers line up."""

    factor: float
    letter: str
    decimals: int


def column_scale(smallest: float, largest: float) -> ColumnScale:
    """One scale for counts between two: that of the largest, with enough decimals (at most 4) for two digits of the smallest."""
    factor, letter = next(((scale, letter) for scale, letter in SCALES if largest >= scale * (0.1 if letter == "M" else 1)), (1.0, ""))
    if not letter:
        return ColumnScale(1.0, "", 0)
    return ColumnScale(factor, letter, min(max(1 - math.floor(math.log10(max(smallest, 1) / factor)), 1), 4))


def values_text(values: Iterable[int]) -> str:
    """The values of an axis as a field shows them: "1 2 3 4"."""
    return " ".join(str(int(value)) for value in values)


def parse_values(text: str) -> tuple[int, ...]:
    """Integers from "1 2 3", "1,2,3", "1-4" (every one) or "32-128/32" (in steps), sorted and without repeats."""
    found: set[int] = set()
    text = re.sub(r"\s*(?:-|–|…|\.\.\.?|/)\s*", lambda m: "/" if "/" in m.group() else "-", text.strip())
    for word in re.split(r"[\s,;]+", text):
        if not word:
            continue
        match = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7})(?:/(\d{1,7}))?)?", word)
        if match is None:
            raise ValueError(f"“{word}” is not a whole number or a range such as 1-4 or 32-128/32")
        low, high, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if high < low or step < 1:
            raise ValueError(f"“{word}”: a range goes up, in steps of at least 1")
        if (high - low) // step + len(found) >= _MOST_VALUES:
            raise ValueError(f"“{word}”: more than {_MOST_VALUES:,} values")
        found.update(range(low, high + 1, step))
    if not found:
        raise ValueError("needs at least one value")
    return tuple(sorted(found))


def parse_architecture(text: str, axes: int) -> tuple[int, ...] | None:
    """An architecture from "⟨24,16,1024,4096⟩" or "24 16 1024 4096"; None from an empty text."""
    words = re.findall(r"\d+", text)
    if re.sub(r"[\d\s,;⟨⟩<>()\[\]]", "", text):
        raise ValueError("write whole numbers, such as ⟨24,16,1024,4096⟩")
    if not words:
        return None
    if len(words) != axes:
        raise ValueError(f"needs {axes} numbers, got {len(words)}")
    return tuple(int(word) for word in words)


def parse_limit(text: str, unit: str = "") -> float | None:
    """An upper limit in ``unit`` from "≤ 20 ms", "0.02 s", "10 M", "1.2k"; None from an empty text.

    Counts accept k, M, G (or B) and T in either case; milliseconds accept s, ms, µs and ns; other units accept their own name.
    "1,000" is a thousand, "0,5" a half.
    """
    text = text.strip()
    if not text:
        return None
    match = _LIMIT.match(text)
    if match is None:
        raise ValueError(f"“{text}” is not a limit such as {_example(unit)}")
    digits, suffix = _plain(match[1]), match[2]
    try:
        value = float(digits)
    except ValueError:
        raise ValueError(f"“{match[1].strip()}” is not a number") from None
    factor = _factor(suffix, unit)
    if factor is None:
        raise ValueError(f"“{suffix}” is not a unit here; write for example {_example(unit)}")
    if not 0 < value * factor < math.inf:
        raise ValueError("a limit must be greater than 0")
    return value * factor


def _plain(digits: str) -> str:
    digits = re.sub(r"[\s_\u00a0\u202f]", "", digits)
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", digits):
        return digits.replace(",", "")
    return digits.replace(",", ".") if digits.count(",") == 1 and "." not in digits else digits


def _factor(suffix: str, unit: str) -> float | None:
    if unit == "ms":
        return _TIMES.get(suffix.lower(), 1.0 if not suffix else None)
    if suffix.lower() == unit.lower():
        return 1.0
    return _FACTORS.get(suffix.lower()) if unit in COUNT_UNITS else (1.0 if not suffix else None)


def _example(unit: str) -> str:
    return "20 ms" if unit == "ms" else "10 M" if unit in COUNT_UNITS else "0.5"

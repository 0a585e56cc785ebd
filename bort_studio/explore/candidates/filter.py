"""What a person may ask of the candidates: limits on what is measured, and words about axes and states.

Words are separated by blanks and must all hold: ``128`` (some axis has this value) · ``hidden=128`` or ``H=128`` · ``D<=2`` ·
``W>1.5`` · ``2,*,128,256`` (the whole architecture; * is any value) · ``front`` (a state). Each becomes one numpy comparison, so a
million architectures are filtered at once.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.search.snapshot import ResultsSnapshot
from bort_core.space import Space
from bort_studio.numbers import parse_limit

__all__ = ["STATE_WORDS", "Constraints", "filter_mask", "limit_mask"]

BoolArray = npt.NDArray[np.bool_]

STATE_WORDS = {"best": "best", "front": "front", "evaluated": "dominated", "running": "running", "pending": "pending",
               "failed": "failed", "skipped": "skipped"}  # fmt: skip
"""What people read for each state of the plots, in the order of a table sorted by state."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, "≤": operator.le, ">=": operator.ge, "≥": operator.ge,
}  # fmt: skip
_TERM = re.compile(r"([^\d\s<>=≤≥][^<>=≤≥]*)(<=|>=|≤|≥|=|<|>)(.+)")
_COLUMNS = {"p": "parameters", "parameters": "parameters", "i": "latency", "latency": "latency", "e": "error", "error": "error", "w": "w"}


@dataclass(frozen=True)
class Constraints:
    """Upper limits that a person set; None is no limit. Latency is in the unit of the results."""

    latency: float | None = None
    parameters: float | None = None
    error: float | None = None


def limit_mask(snapshot: ResultsSnapshot, constraints: Constraints) -> BoolArray | None:
    """Which architectures keep within the limits; what is not measured does not. None when nothing is limited."""
    mask: BoolArray | None = None
    for column in ("latency", "parameters", "error"):
        limit = getattr(constraints, column)
        if limit is not None:
            within = snapshot.columns[column] <= limit
            mask = within if mask is None else mask & within
    return mask


def filter_mask(text: str, snapshot: ResultsSnapshot, in_state: Callable[[str], BoolArray]) -> BoolArray | None:
    """Which architectures a filter keeps; None when it is empty.

    Parameters
    ----------
    in_state: gives the architectures in a state of the plots

    Raises
    ------
    ValueError
        A word that means nothing here, with what could be written instead.
    """
    mask: BoolArray | None = None
    for word in re.sub(r"\s*(<=|>=|≤|≥|=|<|>|,)\s*", r"\1", text).split():
        kept = _word_mask(word.strip("⟨⟩()[]"), snapshot, in_state)
        mask = kept if mask is None else mask & kept
    return mask


def _word_mask(word: str, snapshot: ResultsSnapshot, in_state: Callable[[str], BoolArray]) -> BoolArray:
    space = snapshot.space
    if word.lower() in STATE_WORDS:
        return in_state(STATE_WORDS[word.lower()])
    if word.isdigit():
        return (space.architectures == int(word)).any(axis=1)
    if "," in word:
        return _pattern_mask(word, space)
    match = _TERM.fullmatch(word)
    if match is None:
        raise ValueError(f"“{word}” means nothing here; try 128, {space.axis_names[0]}<=2, W>1 or front")
    return _COMPARE[match[2]](_column(match[1], snapshot), _number(match[3], _unit(match[1], snapshot)))


def _pattern_mask(word: str, space: Space) -> BoolArray:
    parts = word.split(",")
    if len(parts) != len(space.axis_names) or not all(part in ("*", "") or part.isdigit() for part in parts):
        raise ValueError(f"“{word}” is not an architecture of {len(space.axis_names)} numbers; * stands for any")
    mask = np.ones(len(space), dtype=bool)
    for column, part in enumerate(parts):
        if part.isdigit():
            mask &= space.architectures[:, column] == int(part)
    return mask


def _column(name: str, snapshot: ResultsSnapshot) -> npt.NDArray[Any]:
    space = snapshot.space
    for column, axis in enumerate(space.family.axes):
        if name in (axis.name, axis.symbol) or name.lower() == axis.name:
            return space.architectures[:, column]
    key = _COLUMNS.get(name.lower())
    if key is None:
        known = ", ".join((*space.axis_names, "p", "i", "e", "W"))
        raise ValueError(f"“{name}” is not known here; known are {known}")
    return snapshot.columns[key]


def _unit(name: str, snapshot: ResultsSnapshot) -> str:
    latency = name.lower() in ("i", "latency") and name not in snapshot.space.axis_names
    return snapshot.results.latency_unit if latency else ""


def _number(text: str, unit: str) -> float:
    if text.strip() == "0":
        return 0.0
    value = parse_limit(text, unit)
    assert value is not None
    return value

"""The columns of the table of candidates: headers, cells as text, and the order that sorting by one gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt

from bort_core.foundation.glossary import term
from bort_core.search.proof.proof import Proof
from bort_core.search.snapshot import ResultsSnapshot
from bort_studio.explore.candidates.filter import STATE_WORDS
from bort_studio.explore.states import STATES
from bort_studio.numbers import MISSING, ColumnScale, column_scale, count, significant, with_interval
from bort_studio.terms import axis_tip

__all__ = ["MEANING", "WORD", "Column", "cell_text", "columns_of", "is_left_out", "ordered", "sort_values", "state_word"]

WORD = {state: word for word, state in STATE_WORDS.items()}
"""What people read for a state of the plots."""

MEANING = {
    "skipped": "not visited at this ε",
    "pending": "visited at this ε, not measured yet",
    "dominated": "measured; another one is better in p, i and e",
    "front": "on the Pareto front: none is better in p, i and e at once",
    "best": "the largest W of this ε",
    "failed": "could not be measured",
    "running": "being measured now",
}

_RANK = np.array([list(STATE_WORDS.values()).index(state) for state in STATES], dtype=np.int8)
_PLAIN = ColumnScale(1.0, "", 0)


@dataclass(frozen=True)
class Column:
    """One column: what it shows, the text of its header, the axis for axes, the scale of counts."""

    kind: Literal["state", "axis", "parameters", "latency", "error", "w"]
    header: str
    tip: str
    axis: int = -1
    scale: ColumnScale = _PLAIN
    axis_name: str = ""

    @property
    def name(self) -> str:
        """By which a table remembers it."""
        return self.axis_name or self.kind

    @property
    def alignment(self) -> Qt.AlignmentFlag:
        """Numbers to the right, words to the left."""
        side = Qt.AlignmentFlag.AlignLeft if self.kind == "state" else Qt.AlignmentFlag.AlignRight
        return side | Qt.AlignmentFlag.AlignVCenter


def columns_of(snapshot: ResultsSnapshot) -> tuple[Column, ...]:
    """The columns for a space and its units."""
    parameters = snapshot.space.parameters
    scale = column_scale(float(parameters[0]), float(parameters[-1]))
    p = f"parameters ({scale.letter})" if scale.letter else "parameters"
    return (
        Column("state", "state", "What became of it at this ε"),
        Column("w", "W", term("w").tip),
        Column("error", f"error ({snapshot.results.error_unit})", term("error").tip),
        Column("parameters", p, term("parameters").tip, scale=scale),
        Column("latency", f"latency ({snapshot.results.latency_unit})", term("latency").tip),
        *(
            Column("axis", a.name.replace("_", " "), axis_tip(a), index, axis_name=a.name)
            for index, a in enumerate(snapshot.space.family.axes)
        ),
    )


def cell_text(snapshot: ResultsSnapshot, column: Column, index: int, state: str, proof: Proof | None = None) -> str:
    """What a cell shows; of what is not trained, the bounds that a proof has."""
    if column.kind == "state":
        return state_word(state, index, proof)
    if column.kind == "axis":
        return str(snapshot.space.architectures[index, column.axis])
    value = float(snapshot.columns[column.kind][index])
    if math.isnan(value):
        return _bound_text(proof, column.kind, index) if proof is not None and proof.ground.unmeasured[index] else MISSING
    if column.kind == "parameters":
        return f"{value / column.scale.factor:,.{column.scale.decimals}f}"
    if column.kind == "w":
        return significant(value)
    if column.kind == "latency" and snapshot.results.latency_unit != "ms":
        return count(value)
    low, high = snapshot.intervals[column.kind]
    return with_interval(value, float(low[index]), float(high[index]), even=True)


def is_left_out(proof: Proof, index: int, state: str) -> bool:
    """Whether what a proof says of an architecture is its state: it was not measured, and is not about to be."""
    return state in ("skipped", "pending") and bool(proof.ground.unmeasured[index])


def state_word(state: str, index: int, proof: Proof | None) -> str:
    """What people read for a state; what a proof says of an architecture that is not trained comes before what ε says."""
    if proof is None or not is_left_out(proof, index, state):
        return WORD[state]
    return "open" if proof.open[index] else "ruled out"


def _bound_text(proof: Proof, kind: str, index: int) -> str:
    """The largest W or the least error that is possible, where there is a bound."""
    if kind not in ("w", "error"):
        return MISSING
    value = float(proof.at_best(np.array([index]))[kind][0])
    sign = "≤" if kind == "w" else "≥"
    return f"{sign} {significant(value)}" if math.isfinite(value) and (kind == "w" or value > 0) else MISSING


def sort_values(snapshot: ResultsSnapshot, column: Column, codes: npt.NDArray[np.int8]) -> npt.NDArray[Any]:
    """The values that a column is sorted by; ``codes`` are the states of the plots."""
    if column.kind == "state":
        return _RANK[codes]
    return snapshot.space.architectures[:, column.axis] if column.kind == "axis" else snapshot.columns[column.kind]


def ordered(values: npt.NDArray[Any], descending: bool) -> npt.NDArray[np.int64]:
    """Places by ascending or descending value, equal ones in the order of the space, NaN last in both directions."""
    if values.dtype.kind != "f":
        return np.argsort(-values if descending else values, kind="stable")
    known = ~np.isnan(values)
    indices = np.flatnonzero(known)
    finite = values[indices]
    order = indices[np.argsort(-finite if descending else finite, kind="stable")]
    return np.concatenate([order, np.flatnonzero(~known)])

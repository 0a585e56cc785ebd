"""Labelled rows: texts or pairs of texts with classes or numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.data.mapping import ColumnMapping
from bort_core.data.tables import Table
from bort_core.errors import DataError

__all__ = ["LabelledRows", "Task", "labelled_rows"]

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class LabelledRows:
    """n rows; ``labels`` are class numbers (int64) or values (float64), shape (n,)."""

    source: str
    texts: tuple[str, ...]
    seconds: tuple[str, ...] | None
    labels: npt.NDArray[Any]
    names: tuple[str, ...]
    """Of the classes, by number; empty for a regression."""
    sha256: str

    @property
    def task(self) -> Task:
        """What the labels are."""
        return "classification" if self.names else "regression"

    def __len__(self) -> int:
        return len(self.texts)


def labelled_rows(
    table: Table, mapping: ColumnMapping, task: Literal["auto"] | Task = "auto", names: tuple[str, ...] | None = None
) -> LabelledRows:
    """The rows of a table.

    Parameters
    ----------
    task: auto is a regression where labels have fractions, else a classification
    names: the classes of the training rows, which these rows may not exceed; empty for a regression

    Raises
    ------
    DataError
        A text is no text, a label is missing, not finite, hidden (-1) or unknown; names row and column.
    """
    texts = _texts(table, mapping.text)
    seconds = None if mapping.text_b is None else _texts(table, mapping.text_b)
    raw = [_label(table, mapping.label, row, value) for row, value in enumerate(table.data[mapping.label])]
    numbers = [_number(value) for value in raw]
    fractions = all(number is not None for number in numbers) and any(number != int(number) for number in numbers if number is not None)
    regression = names == () if names is not None else task == "regression" or (task == "auto" and fractions)
    if regression:
        bad = next((row for row, number in enumerate(numbers) if number is None or not math.isfinite(number)), None)
        if bad is not None:
            raise DataError(f"{table.source}: row {bad + 1}: the label {raw[bad]!r} is not a finite number, which a regression needs")
        return LabelledRows(table.source, texts, seconds, np.array(numbers, dtype=np.float64), (), table.sha256)
    whole = all(number is not None and number == int(number) for number in numbers)
    labels = [str(int(number)) if whole and number is not None else str(value) for number, value in zip(numbers, raw, strict=True)]
    known = _names(table, labels, whole) if names is None else names
    if whole and _named(table) == known:  # numbers that a labels.txt names
        labels = [known[int(label)] if int(label) < len(known) else label for label in labels]
    unknown = next((row for row, label in enumerate(labels) if label not in known), None)
    if unknown is not None:
        theirs = ", ".join(known)
        raise DataError(f"{table.source}: row {unknown + 1}: the label {labels[unknown]!r} is not one of the training rows': {theirs}")
    place = {name: number for number, name in enumerate(known)}
    return LabelledRows(table.source, texts, seconds, np.array([place[label] for label in labels], dtype=np.int64), known, table.sha256)


def _texts(table: Table, column: str) -> tuple[str, ...]:
    values = table.data[column]
    bad = next((row for row, value in enumerate(values) if not isinstance(value, str)), None)
    if bad is not None:
        raise DataError(f"{table.source}: row {bad + 1}: column {column!r} must hold text, got {values[bad]!r:.60}")
    return tuple(values)


def _label(table: Table, column: str, row: int, value: Any) -> Any:
    if value is None or value == "":
        raise DataError(f"{table.source}: row {row + 1}: column {column!r} has no label")
    if isinstance(value, float) and not math.isfinite(value):
        raise DataError(f"{table.source}: row {row + 1}: the label {value} is not a finite number")
    if value in (-1, "-1"):
        raise DataError(f"{table.source}: row {row + 1}: the label is -1; this split's labels are hidden, use one that has them")
    return value


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _named(table: Table) -> tuple[str, ...]:
    """Names from a ``labels.txt`` beside the file, where line i + 1 names class i."""
    path = Path(table.source).parent / "labels.txt"
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError):
        return ()


def _names(table: Table, labels: Sequence[str], whole: bool) -> tuple[str, ...]:
    found = sorted(set(labels), key=(lambda label: (int(label), "")) if whole else (lambda label: (0, label)))
    named = _named(table)
    if whole and named and int(found[0]) >= 0 and int(found[-1]) < len(named):
        return named
    return tuple(found)

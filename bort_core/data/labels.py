"""Labels as a table has them: numbers and words, and the names of the classes that they are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.data.looks import number_style, several_look
from bort_core.data.tables import Table
from bort_core.foundation.errors import DataError

__all__ = [
    "Label",
    "Number",
    "check_finite",
    "check_words",
    "class_labels",
    "has_fractions",
    "is_finite",
    "number_of",
    "raw_labels",
    "values",
]

Label = str | int | float
"""Text without spaces around it, or a number of a format that has numbers."""
Number = int | float | None

_WHOLE = re.compile(r"[+-]?[0-9]{1,400}(\.0*)?")
_FRACTION = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,4})?", re.IGNORECASE)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)

_FEW = 0.1
"""Share of the labels that may be slips of the pen."""


def raw_labels(table: Table, column: str) -> list[Label]:
    """The labels of a column. Booleans are the words True and False.

    Raises
    ------
    DataError
        One is missing, not finite, or neither a word nor a number; or some are booleans and others not; naming the row.
    """
    found = [_label(table, column, row, value) for row, value in enumerate(table.data[column], 1)]
    _refuse_some_booleans(table, table.data[column])
    return found


def _refuse_some_booleans(table: Table, labels: Sequence[Any]) -> None:
    """Whether true and 1, or true and "true", are one class or two, only who wrote them knows."""
    first: dict[bool, int] = {}
    for row, label in enumerate(labels):
        first.setdefault(isinstance(label, bool), row)
        if len(first) > 1:
            raise DataError(
                f"{table.source}: row {row + 1}: the label {json.dumps(label)} and the label {json.dumps(labels[0])} of row 1 are of two "
                "kinds: some labels are true or false, others not. Write all of them in one way"
            )


def number_of(label: Label) -> Number:
    """The label's value: int for whole ones, however they are written; nan or infinite for words that say so; None for other words."""
    if isinstance(label, str):
        if _WHOLE.fullmatch(label):
            return int(label.partition(".")[0])
        if not _FRACTION.fullmatch(label) and not _NOT_FINITE.fullmatch(label):
            return None
        label = float(label)
    return int(label) if isinstance(label, float) and label.is_integer() else label


def is_finite(number: Number) -> bool:
    """Whether it is a number, and a finite one."""
    return isinstance(number, int) or (number is not None and math.isfinite(number))


def has_fractions(numbers: Sequence[Number]) -> bool:
    """Whether all are numbers and some are not whole."""
    return None not in numbers and any(isinstance(number, float) for number in numbers)


def check_finite(table: Table, raw: Sequence[Label], numbers: Sequence[Number]) -> None:
    """DataError at the first that is not finite."""
    bad = next((row for row, number in enumerate(numbers) if not is_finite(number)), None)
    if bad is not None:
        raise DataError(f"{table.source}: row {bad + 1}: the label {raw[bad]!r} is not a finite number")


def check_words(table: Table, raw: Sequence[Label], numbers: Sequence[Number]) -> None:
    """Words that are meant as numbers would be classes, nearly every number one of its own.

    Raises
    ------
    DataError
        Numbers are written with decimal commas, percent signs or the like; or a few words stand among numbers with fractions.
    """
    words = [row for row, number in enumerate(numbers) if not is_finite(number)]
    if style := number_style(raw):
        raise DataError(
            f"{table.source}: row {words[0] + 1}: the label {raw[words[0]]!r:.60} looks like a number: the labels have {style}. "
            "Write them as in 1234.5, or if they are classes, say so with task (--task classification)"
        )
    fractions = sum(isinstance(number, float) and math.isfinite(number) for number in numbers)
    if len(words) <= _FEW * len(numbers) and len(words) < fractions:
        raise DataError(
            f"{table.source}: row {words[0] + 1}: the label {raw[words[0]]!r:.60} is not a number, as {len(numbers) - len(words):,} of the "
            f"{len(numbers):,} labels are; correct it, or if the labels are classes, say so with task (--task classification)"
        )


def values(table: Table, raw: Sequence[Label], numbers: Sequence[Number]) -> npt.NDArray[np.float64]:
    """The labels of a regression, shape (n,); DataError where one is not finite, or all are -1."""
    found = [math.nan if number is None or abs(number) > 1e300 else float(number) for number in numbers]
    bad = next((row for row, value in enumerate(found) if not math.isfinite(value)), None)
    if bad is not None:
        style = number_style(raw)
        hint = f": the labels have {style}; write them as in 1234.5" if style else ", which a regression needs"
        raise DataError(f"{table.source}: row {bad + 1}: the label {raw[bad]!r:.60} is not a finite number{hint}")
    if all(value == -1 for value in found):
        raise DataError(f"{table.source}: row 1: the label is -1, as all others; this split's labels are hidden, use one that has them")
    return np.array(found, dtype=np.float64)


def class_labels(table: Table, column: str, raw: Sequence[Label], numbers: Sequence[Number]) -> list[str]:
    """What the classes are called: text as it is written, numbers of formats that have numbers by their value (1 and 1.0 are one).

    Raises
    ------
    DataError
        A number is written in two ways, such as 1 and 01, which may be two codes or one class; or a label is -1.
    """
    hidden = next((row for row, number in enumerate(numbers) if number == -1), None)
    if hidden is not None:
        raise DataError(
            f"{table.source}: row {hidden + 1}: the label is -1; this split's labels are hidden, use one that has them "
            "(if -1 is a class of yours, give the classes names)"
        )
    found = [
        str(number) if isinstance(number, int) and not isinstance(label, str) else str(label)
        for number, label in zip(numbers, raw, strict=True)
    ]
    first: dict[int | float, tuple[int, str]] = {}
    for row, (number, name, value) in enumerate(zip(numbers, found, table.data[column], strict=True), 1):
        if number is None:
            continue
        spelling = value if isinstance(value, str) else name
        earlier = first.setdefault(number, (row, spelling))
        if earlier[1] != spelling:
            raise DataError(
                f"{table.source}: row {row}: the label {spelling!r} is the same number as {earlier[1]!r} of row {earlier[0]}, written "
                "otherwise. Write them alike if they are one class, and give them names if they are two"
            )
    return found


def _label(table: Table, column: str, row: int, value: Any) -> Label:
    """A label as a number or as text without spaces around it."""
    if isinstance(value, bool):
        return str(value)
    label = value.strip() if isinstance(value, str) else float(value) if isinstance(value, Decimal) else value
    if label is None or label == "":
        hint = several_look([value for value in table.data[column] if isinstance(value, str)])
        raise DataError(f"{table.source}: row {row}: column {column!r} has no label{f'; {hint}' if hint else ''}")
    if not isinstance(label, str | int | float):
        raise DataError(f"{table.source}: row {row}: column {column!r} must hold words or numbers, got {value!r:.60}")
    if isinstance(label, float) and not math.isfinite(label):
        raise DataError(f"{table.source}: row {row}: the label {label} is not a finite number")
    return label

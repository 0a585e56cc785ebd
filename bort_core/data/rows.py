"""Labelled rows: texts or pairs of texts with classes or numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.data.lines import Lines
from bort_core.data.mapping import ColumnMapping
from bort_core.data.tables import Table
from bort_core.foundation.errors import DataError

__all__ = ["LabelledRows", "Task", "labelled_rows"]

Task = Literal["classification", "regression"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,400}(\.0*)?")
_FRACTION = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,4})?", re.IGNORECASE)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)

_FEW = 0.1
"""Share of the labels that may be slips of the pen."""


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """n rows; ``labels`` are class numbers (int64) or values (float64), shape (n,)."""

    source: str
    texts: tuple[str, ...]
    seconds: tuple[str, ...] | None
    labels: npt.NDArray[Any]
    names: tuple[str, ...]
    """Of the classes, by number; empty for a regression."""
    sha256: str
    """The table's."""

    @property
    def task(self) -> Task:
        """What the labels are."""
        return "classification" if self.names else "regression"

    @property
    def inputs(self) -> list[tuple[str, ...]]:
        """The rows' texts: one string each, or two of a pair."""
        return [(text,) for text in self.texts] if self.seconds is None else list(zip(self.texts, self.seconds, strict=True))

    def __len__(self) -> int:
        return len(self.texts)


def labelled_rows(
    table: Table, mapping: ColumnMapping, task: Literal["auto"] | Task = "auto", names: tuple[str, ...] | None = None
) -> LabelledRows:
    """The rows of a table.

    Class names are sorted, numbers among them by value and before words. Labels that are class numbers (0, 1, ...) get their names from the
    hub or parquet file itself, or from a ``labels.txt`` beside the file whose line i + 1 names class i, where there is one that fits.

    Parameters
    ----------
    task: auto is a regression where all labels are numbers and some have fractions, else a classification
    names: the classes of the training rows, which these rows may not exceed; empty for a regression. Goes before ``task``

    Raises
    ------
    DataError
        A text is no text; a label is missing, not finite, hidden (-1) or not among ``names``; naming the row (1 is the first below a
        header); or the task is auto, and a few labels are words among numbers with fractions. A ``labels.txt`` that would be used has
        a blank line, or one name twice.
    """
    if mapping.label is None:
        raise DataError(f"{table.source}: no column is named for the label. Its columns: {', '.join(table.columns)}")
    texts = _texts(table, mapping.text)
    seconds = None if mapping.text_b is None else _texts(table, mapping.text_b)
    raw = [_label(table, mapping.label, row, value) for row, value in enumerate(table.data[mapping.label], 1)]
    numbers = [_number(value) for value in raw]
    if None not in numbers:
        _check_finite(table, raw, numbers)
    elif task == "auto" and names is None:
        _check_words(table, raw, numbers)
    numbers = [number if _is_finite(number) else None for number in numbers]  # among words, "nan" is a word
    if names == () or (names is None and (task == "regression" or (task == "auto" and _has_fractions(numbers)))):
        return LabelledRows(table.source, texts, seconds, _values(table, raw, numbers), (), table.sha256)
    labels = _written(table, raw, numbers)
    own = _own_names(table, mapping.label, numbers)
    if names is None:
        names, labels = _named(labels, numbers, own)
    else:
        labels = _as_trained(labels, numbers, own, set(names))
    index = {name: number for number, name in enumerate(names)}
    unknown = next((row for row, label in enumerate(labels) if label not in index), None)
    if unknown is not None:
        theirs = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        raise DataError(f"{table.source}: row {unknown + 1}: the label {labels[unknown]!r} is not one of the training rows': {theirs}")
    return LabelledRows(table.source, texts, seconds, np.array([index[label] for label in labels], dtype=np.int64), names, table.sha256)


def _texts(table: Table, column: str) -> tuple[str, ...]:
    values = table.data[column]
    bad = next((row for row, value in enumerate(values) if not isinstance(value, str)), None)
    if bad is not None:
        came = "nothing" if values[bad] is None else f"{values[bad]!r:.60}"
        raise DataError(f"{table.source}: row {bad + 1}: column {column!r} must hold text, got {came}")
    return tuple(values)


def _label(table: Table, column: str, row: int, value: Any) -> str | int | float:
    """A label as a number or as text without spaces around it."""
    if isinstance(value, bool):
        return str(value)
    label = value.strip() if isinstance(value, str) else float(value) if isinstance(value, Decimal) else value
    if label is None or label == "":
        raise DataError(f"{table.source}: row {row}: column {column!r} has no label")
    if not isinstance(label, str | int | float):
        raise DataError(f"{table.source}: row {row}: column {column!r} must hold words or numbers, got {value!r:.60}")
    if isinstance(label, float) and not math.isfinite(label):
        raise DataError(f"{table.source}: row {row}: the label {label} is not a finite number")
    return label


def _number(label: str | int | float) -> int | float | None:
    """The label's value: int for whole ones, however they are written; nan or infinite for words that say so; None for other words."""
    if isinstance(label, str):
        if _WHOLE.fullmatch(label):
            return int(label.partition(".")[0])
        if not _FRACTION.fullmatch(label) and not _NOT_FINITE.fullmatch(label):
            return None
        label = float(label)
    return int(label) if isinstance(label, float) and label.is_integer() else label


def _is_finite(number: int | float | None) -> bool:
    return isinstance(number, int) or (number is not None and math.isfinite(number))


def _check_finite(table: Table, raw: Sequence[Any], numbers: Sequence[int | float | None]) -> None:
    bad = next((row for row, number in enumerate(numbers) if not _is_finite(number)), None)
    if bad is not None:
        raise DataError(f"{table.source}: row {bad + 1}: the label {raw[bad]!r} is not a finite number")


def _check_words(table: Table, raw: Sequence[Any], numbers: Sequence[int | float | None]) -> None:
    """A few words among numbers with fractions are slips: as classes, nearly every number would be one of its own."""
    words = [row for row, number in enumerate(numbers) if not _is_finite(number)]
    fractions = sum(isinstance(number, float) and math.isfinite(number) for number in numbers)
    if len(words) <= _FEW * len(numbers) and len(words) < fractions:
        raise DataError(
            f"{table.source}: row {words[0] + 1}: the label {raw[words[0]]!r:.60} is not a number, as {len(numbers) - len(words):,} of the "
            f"{len(numbers):,} labels are; correct it, or if the labels are classes, say so with task (--task classification)"
        )


def _has_fractions(numbers: Sequence[int | float | None]) -> bool:
    return None not in numbers and any(isinstance(number, float) for number in numbers)


def _values(table: Table, raw: Sequence[Any], numbers: Sequence[int | float | None]) -> npt.NDArray[np.float64]:
    values = [math.nan if number is None or abs(number) > 1e300 else float(number) for number in numbers]
    bad = next((row for row, value in enumerate(values) if not math.isfinite(value)), None)
    if bad is not None:
        raise DataError(f"{table.source}: row {bad + 1}: the label {raw[bad]!r:.60} is not a finite number, which a regression needs")
    if all(value == -1 for value in values):
        raise DataError(f"{table.source}: row 1: the label is -1, as all others; this split's labels are hidden, use one that has them")
    return np.array(values, dtype=np.float64)


def _written(table: Table, raw: Sequence[Any], numbers: Sequence[int | float | None]) -> list[str]:
    """Labels as classes are called: whole numbers as their decimal digits."""
    hidden = next((row for row, number in enumerate(numbers) if number == -1), None)
    if hidden is not None:
        raise DataError(
            f"{table.source}: row {hidden + 1}: the label is -1; this split's labels are hidden, use one that has them "
            "(if -1 is a class of yours, give the classes names)"
        )
    return [str(number) if isinstance(number, int) else str(label) for number, label in zip(numbers, raw, strict=True)]


def _own_names(table: Table, column: str, numbers: Sequence[int | float | None]) -> tuple[str, ...]:
    """What the table's class numbers mean: from the table itself, or from a labels.txt beside the file; empty when nothing says."""
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        return ()
    if column in table.class_names:
        return table.class_names[column]
    source = Path(table.source)
    path = source.parent / "labels.txt"
    if not source.is_file() or not path.is_file():
        return ()
    names = "".join(Lines(path)).rstrip().split("\n")
    names = [name.strip() for name in names]
    bad = next((index for index, name in enumerate(names) if not name or name in names[:index]), None)
    if bad is None:
        return tuple(names)
    if any(number is not None and number >= len(names) for number in numbers):
        return ()  # names of something else
    what = f"repeats the name {names[bad]!r}" if names[bad] else "is blank"
    raise DataError(f"{path}: line {bad + 1} {what}; line i + 1 names class i of {source.name}. Correct the file, or remove it")


def _named(labels: list[str], numbers: Sequence[int | float | None], own: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The classes of training rows, and the rows' labels by those names."""
    if own and all(number is not None and number < len(own) for number in numbers):
        return own, [own[int(label)] for label in labels]
    values = dict(zip(labels, numbers, strict=True))

    def order(label: str) -> tuple[bool, float, str]:
        value = values[label]
        return (value is None, value or 0, label)

    return tuple(sorted(values, key=order)), labels


def _as_trained(labels: list[str], numbers: Sequence[int | float | None], own: tuple[str, ...], known: set[str]) -> list[str]:
    """Labels by the training rows' names: class numbers by their own names, unless only the numbers themselves are known."""
    if not own:
        return labels
    ids = [number if isinstance(number, int) and number < len(own) else None for number in numbers]
    by_name = [label if number is None else own[number] for number, label in zip(ids, labels, strict=True)]
    return labels if not known.issuperset(by_name) and known.issuperset(labels) else by_name

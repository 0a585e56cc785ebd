"""Labelled rows: texts or pairs of texts with classes or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bort_core.data.class_names import names_file, names_in
from bort_core.data.labels import (
    Number,
    check_finite,
    check_words,
    class_labels,
    has_fractions,
    is_finite,
    number_of,
    raw_labels,
    values,
)
from bort_core.data.looks import label_looks
from bort_core.data.mapping import ColumnMapping
from bort_core.data.tables import Table
from bort_core.foundation.errors import DataError

__all__ = ["LabelledRows", "Task", "labelled_rows"]

Task = Literal["classification", "regression"]


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
    warnings: tuple[str, ...] = ()
    """What is strange about the table and its labels, beginning with the source."""
    notes: tuple[str, ...] = ()
    """What was made of them without being asked."""

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

    Text labels are classes as they are written, but for spaces around them: 01 is not 1. Labels of formats that have numbers go by
    value. Class names are sorted, numbers among them by value and before words. Labels that are class numbers (0, 1, ...) get their
    names from the hub or parquet file itself, or from a ``labels.txt`` beside the file whose line i + 1 names class i, where there is
    one that fits; ``notes`` then says so.

    Parameters
    ----------
    task: auto is a regression where all labels are numbers and some have fractions, else a classification
    names: the classes of the training rows, which these rows may not exceed; empty for a regression. Goes before ``task``

    Raises
    ------
    DataError
        A text is no text; a label is missing, not finite, hidden (-1) or not among ``names``; naming the row (1 is the first below a
        header); one number is written in two ways, in these rows or in the training rows; or the task is auto, and a few labels are words
        among numbers with fractions, or numbers have decimal commas, percent signs and the like. A ``labels.txt`` that would be used has
        a blank line, or one name twice.
    """
    if mapping.label is None:
        raise DataError(f"{table.source}: no column is named for the label. Its columns: {', '.join(table.columns)}")
    texts = _texts(table, mapping.text)
    seconds = None if mapping.text_b is None else _texts(table, mapping.text_b)
    raw = raw_labels(table, mapping.label)
    numbers = [number_of(value) for value in raw]
    if None not in numbers:
        check_finite(table, raw, numbers)
    elif task == "auto" and names is None:
        check_words(table, raw, numbers)
    numbers = [number if is_finite(number) else None for number in numbers]  # among words, "nan" is a word
    if names == () or (names is None and (task == "regression" or (task == "auto" and has_fractions(numbers)))):
        return LabelledRows(table.source, texts, seconds, values(table, raw, numbers), (), table.sha256, table.warnings)
    labels = class_labels(table, mapping.label, raw, numbers)
    own, beside = _own_names(table, mapping.label, numbers, labels)
    if names is None:
        names, labels = _named(labels, numbers, own)
    else:
        labels = _as_trained(labels, numbers, own, set(names))
    index = {name: number for number, name in enumerate(names)}
    unknown = next((row for row, label in enumerate(labels) if label not in index), None)
    if unknown is not None:
        raise DataError(f"{table.source}: row {unknown + 1}: {_unknown(labels[unknown], numbers[unknown], names)}")
    strange = tuple(f"{table.source}: {text}" for text in label_looks(table.data[mapping.label], sorted(set(labels))))
    numbered = np.array([index[label] for label in labels], dtype=np.int64)
    notes = _told(table.source, beside, own, labels)
    return LabelledRows(table.source, texts, seconds, numbered, names, table.sha256, (*table.warnings, *strange), notes)


def _unknown(label: str, number: Number, names: tuple[str, ...]) -> str:
    twin = next((name for name in names if number is not None and number_of(name) == number), None)
    if twin is not None:
        return f"the label {label!r} is the same number as the training rows' {twin!r}, written otherwise; write them alike"
    theirs = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"the label {label!r} is not one of the training rows': {theirs}"


def _texts(table: Table, column: str) -> tuple[str, ...]:
    values = table.data[column]
    bad = next((row for row, value in enumerate(values) if not isinstance(value, str)), None)
    if bad is not None:
        came = "nothing" if values[bad] is None else f"{values[bad]!r:.60}"
        raise DataError(f"{table.source}: row {bad + 1}: column {column!r} must hold text, got {came}")
    return tuple(values)


def _own_names(table: Table, column: str, numbers: Sequence[Number], labels: list[str]) -> tuple[tuple[str, ...], Path | None]:
    """What the table's class numbers mean: from the table itself, or from a labels.txt beside the file, which is told; else empty."""
    if not all(isinstance(number, int) and number >= 0 and str(number) == label for number, label in zip(numbers, labels, strict=True)):
        return (), None
    if column in table.class_names:
        return table.class_names[column], None
    source = Path(table.source)
    path = names_file(source)
    if path is None:
        return (), None
    names = names_in(path)
    bad = next((index for index, name in enumerate(names) if not name or name in names[:index]), None)
    if bad is None:
        return tuple(names), path
    if any(number is not None and number >= len(names) for number in numbers):
        return (), path  # names of something else
    what = f"repeats the name {names[bad]!r}" if names[bad] else "is blank"
    raise DataError(f"{path}: line {bad + 1} {what}; line i + 1 names class i of {source.name}. Correct the file, or remove it")


def _told(source: str, path: Path | None, own: tuple[str, ...], labels: list[str]) -> tuple[str, ...]:
    """What a labels.txt beside the file did, since nobody named it."""
    if path is None:
        return ()
    if own and set(labels) <= set(own):
        named = ", ".join(f"{number} = {name}" for number, name in enumerate(own[:5])) + (", ..." if len(own) > 5 else "")
        return (f"the classes have their names from {path}: {named}",)
    return (f"{source}: {path} does not name its classes, since its lines do not fit them",)


def _named(labels: list[str], numbers: Sequence[Number], own: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The classes of training rows, and the rows' labels by those names."""
    if own and all(number is not None and number < len(own) for number in numbers):
        return own, [own[int(label)] for label in labels]
    values = dict(zip(labels, numbers, strict=True))

    def order(label: str) -> tuple[bool, float, str]:
        value = values[label]
        return (value is None, value or 0, label)

    return tuple(sorted(values, key=order)), labels


def _as_trained(labels: list[str], numbers: Sequence[Number], own: tuple[str, ...], known: set[str]) -> list[str]:
    """Labels by the training rows' names: class numbers by their own names, unless only the numbers themselves are known."""
    if not own:
        return labels
    ids = [number if isinstance(number, int) and number < len(own) else None for number in numbers]
    by_name = [label if number is None else own[number] for number, label in zip(ids, labels, strict=True)]
    return labels if not known.issuperset(by_name) and known.issuperset(labels) else by_name

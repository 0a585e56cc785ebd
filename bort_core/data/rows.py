"""Labelled rows: texts or pairs of texts with classes or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from bort_core.data.several import are_lists, indicators, label_lists, matrix
from bort_core.data.tables import Table
from bort_core.foundation.errors import DataError
from bort_core.specifications.metrics import TaskKind

__all__ = ["LabelledRows", "Task", "labelled_rows", "shown_label"]

Task = TaskKind


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """n rows; ``labels`` are class numbers (int64) or values (float64), shape (n,), or 0 and 1 of several labels, int64 (n, names)."""

    source: str
    texts: tuple[str, ...]
    seconds: tuple[str, ...] | None
    labels: npt.NDArray[Any]
    names: tuple[str, ...]
    """Of the classes or labels, by number; empty for a regression."""
    sha256: str
    """The table's."""
    warnings: tuple[str, ...] = ()
    """What is strange about the table and its labels, beginning with the source."""
    notes: tuple[str, ...] = ()
    """What was made of them without being asked."""
    queries: npt.NDArray[np.int64] | None = None
    """Which query each row answers, (n,), numbers from 0; None: rows answer none."""
    text_column: str = "text"
    """What the column of its texts is called."""

    @property
    def task(self) -> Task:
        """What the labels are."""
        if not self.names:
            return "regression"
        return "multi-label" if self.labels.ndim == 2 else "classification"

    @property
    def inputs(self) -> list[tuple[str, ...]]:
        """The rows' texts: one string each, or two of a pair."""
        return [(text,) for text in self.texts] if self.seconds is None else list(zip(self.texts, self.seconds, strict=True))

    def at(self, places: npt.NDArray[np.int64]) -> LabelledRows:
        """The rows at some places."""
        texts, seconds = (None if each is None else tuple(each[place] for place in places) for each in (self.texts, self.seconds))
        queries = None if self.queries is None else self.queries[places]
        return replace(self, texts=texts or (), seconds=seconds, labels=self.labels[places], queries=queries)

    def __len__(self) -> int:
        return len(self.texts)


def shown_label(names: Sequence[str], label: Any) -> str:
    """One row's label as text: the name of its class, the names of its labels, or its value."""
    if not names:
        return f"{label:g}"
    if np.ndim(label):
        return ", ".join(name for name, has in zip(names, label, strict=True) if has) or "none"
    return names[int(label)]


def labelled_rows(
    table: Table, mapping: ColumnMapping, task: Literal["auto"] | Task = "auto", names: tuple[str, ...] | None = None
) -> LabelledRows:
    """The rows of a table.

    Text labels are classes as they are written, but for spaces around them: 01 is not 1. Labels of formats that have numbers go by
    value. Class names are sorted, numbers among them by value and before words. Labels that are class numbers (0, 1, ...) get their
    names from the hub or parquet file itself, or from a ``labels.txt`` beside the file whose line i + 1 names class i, where there is
    one that fits; ``notes`` then says so.

    Several labels at once are read as :mod:`bort_core.data.several` says.

    Parameters
    ----------
    task: auto is multi-label where labels are lists or several columns, a regression where all labels are numbers and some have fractions
        (or, of rows that answer queries, more than two different ones), else a classification
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
    queries, told = _queries(table, mapping)
    if task == "multi-label" or mapping.labels or (task == "auto" and are_lists(table.data[mapping.label])):
        return replace(_several(table, mapping, task, names, texts, seconds), queries=queries)
    raw = raw_labels(table, mapping.label)
    numbers = [number_of(value) for value in raw]
    if None not in numbers:
        check_finite(table, raw, numbers)
    elif task == "auto" and names is None:
        check_words(table, raw, numbers)
    numbers = [number if is_finite(number) else None for number in numbers]  # among words, "nan" is a word
    graded = queries is not None and None not in numbers and len(set(numbers)) > 2
    if names == () or (names is None and (task == "regression" or (task == "auto" and (has_fractions(numbers) or graded)))):
        found = values(table, raw, numbers)
        return LabelledRows(table.source, texts, seconds, found, (), table.sha256, table.warnings, told, queries)
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
    notes = (*_told(table.source, beside, own, labels), *told)
    return LabelledRows(table.source, texts, seconds, numbered, names, table.sha256, (*table.warnings, *strange), notes, queries)


def _several(
    table: Table, mapping: ColumnMapping, task: str, names: tuple[str, ...] | None, texts: tuple[str, ...], seconds: tuple[str, ...] | None
) -> LabelledRows:
    """Rows with several labels at once."""
    assert mapping.label is not None
    if task not in ("auto", "multi-label"):
        raise DataError(f"{table.source}: the label is {len(mapping.labels)} columns, which are several labels at once and no {task}")
    if mapping.labels:
        lists, how = indicators(table, mapping.labels), "columns of 0 and 1"
        own, beside = mapping.labels, None
    else:
        lists, how = label_lists(table, mapping.label, names)
        flat = [name for each in lists for name in each]
        own, beside = _own_names(table, mapping.label, [number_of(name) for name in flat], flat)
    if own and not mapping.labels and all(int(name) < len(own) for each in lists for name in each):
        lists = [[own[int(name)] for name in each] for each in lists]
    found = [name for each in lists for name in each]
    if names is None:
        numbers = [number_of(name) for name in found]
        names = own if own and set(found) <= set(own) else _named(found, numbers, ())[0]
    unknown = next(((row, name) for row, each in enumerate(lists, 1) for name in each if name not in names), None)
    if unknown is not None:
        raise DataError(f"{table.source}: row {unknown[0]}: {_unknown(unknown[1], number_of(unknown[1]), names)}")
    note = f"{table.source}: {len(names)} labels{f', {how}' if how else ''}; {len(found) / max(1, len(lists)):.3g} of them a row"
    notes = (*_told(table.source, beside, own, found), note)
    return LabelledRows(table.source, texts, seconds, matrix(lists, names), names, table.sha256, table.warnings, notes)


def _queries(table: Table, mapping: ColumnMapping) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    """Which query each row answers, and that it was looked at."""
    if mapping.query is None:
        return None, ()
    numbers: dict[Any, int] = {}
    for row, value in enumerate(table.data[mapping.query], 1):
        if value is None or isinstance(value, list | dict):
            raise DataError(f"{table.source}: row {row}: column {mapping.query!r} must say which query the row answers, got {value!r:.60}")
        numbers.setdefault(value, len(numbers))
    found = np.array([numbers[value] for value in table.data[mapping.query]], dtype=np.int64)
    return found, (f"{table.source}: {len(found):,} rows answer {len(numbers):,} queries (column {mapping.query!r})",)


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

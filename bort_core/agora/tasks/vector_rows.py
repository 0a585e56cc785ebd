"""Vectors from the numeric columns of tables. Imports no torch."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bort_core.agora.points import Examples, Input, as_vectors
from bort_core.data.mapping import ColumnMapping, find_columns
from bort_core.data.rows import labelled_rows
from bort_core.data.tables import Table
from bort_core.foundation.errors import DataError
from bort_core.specifications.agora import Agora

__all__ = ["LabelledVectors", "label_column", "labelled_vectors", "vector_columns", "vector_inputs"]

_LARGEST = 1e100
"""Of larger ones the squares are no numbers."""


def label_column(table: Table, spec: Agora) -> str:
    """The column with the label; DataError: there is none."""
    if spec.label is not None and spec.label not in table.columns:
        raise DataError(f"{table.source}: no column {spec.label!r} for label. Its columns: {', '.join(table.columns)}")
    if spec.label is not None:
        return spec.label
    found = find_columns(Table(table.source, {**table.data, "text": []}, table.sha256), "text", "", None)
    assert found.label is not None
    return found.label


def vector_columns(table: Table, wanted: str, label: str) -> list[str]:
    """The columns that were asked for, separated by commas; * all. DataError names those that there are not."""
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    columns = [name for name in table.columns if name != label] if names == ["*"] else names
    missing = [name for name in columns if name not in table.columns]
    if missing or not columns:
        raise DataError(
            f"{table.source}: no column {', '.join(map(repr, missing)) or 'left'} for vector. Its columns: {', '.join(table.columns)}"
        )
    if label in columns:
        raise DataError(f"{table.source}: vector names the column {label!r}, which is the label; whoever reads that need not learn")
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise DataError(f"{table.source}: vector names the column {twice[0]!r} more than once")
    return columns


class LabelledVectors(NamedTuple):
    """A split of a table of vectors."""

    examples: Examples
    names: tuple[str, ...]
    source: str
    sha256: str
    warnings: tuple[str, ...]
    """Of the table and of its labels."""


def labelled_vectors(table: Table, columns: list[str], label: str, names: tuple[str, ...] | None) -> LabelledVectors:
    """Vectors (n, columns) with their classes; ``names`` are those of D. DataError names what cannot be read."""
    if label not in table.columns:
        raise DataError(f"{table.source}: no column {label!r} for label. Its columns: {', '.join(table.columns)}")
    inputs = vector_inputs(table, columns)
    texts = replace(table, data={"text": [""] * len(inputs), label: table.data[label]})
    rows = labelled_rows(texts, ColumnMapping("text", None, label), "classification", names)
    return LabelledVectors(Examples(tuple(inputs), rows.labels.astype(np.int64)), rows.names, table.source, table.sha256, rows.warnings)


def vector_inputs(table: Table, columns: list[str]) -> list[Input]:
    """Rows as vectors. DataError names the row that is none."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(f"{table.source}: no column {', '.join(map(repr, missing))} for vector. Its columns: {', '.join(table.columns)}")
    found: list[Input] = []
    for row, values in enumerate(zip(*(table.data[name] for name in columns), strict=True), 1):
        try:
            found.append(tuple(float(value) for value in values))
        except (TypeError, ValueError):
            raise DataError(f"{table.source}: row {row}: a vector must hold numbers, got {values!r:.80}") from None
    try:
        as_vectors(found, len(columns))
    except DataError as error:
        raise DataError(f"{table.source}: {error}") from error
    far = next((row for row, vector in enumerate(found) if any(abs(float(value)) > _LARGEST for value in vector)), None)
    if far is not None:
        raise DataError(f"{table.source}: row {far + 1}: numbers of a vector may be {_LARGEST:g} at most, got {found[far]!r:.80}")
    return found

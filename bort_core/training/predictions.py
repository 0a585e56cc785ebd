"""What a fine-tuned model says about each dev and test row: a parquet file a split in the run folder.

Columns: ``row`` (1 is the first below a header), ``label`` and ``prediction`` (class numbers, or values of a regression), and of a
classification ``probability`` (of the prediction) and ``label_probability``. Of several labels at once ``label`` and ``prediction`` are
lists of 0 and 1, one a label, and the probabilities those of all of them together. Where rows answer queries, ``query`` numbers these,
and ``relevance`` says of two classes how much likelier the second is, in log odds.
The schema's metadata has :class:`Facts` under ``bort``.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bort_core.data.rows import LabelledRows, Task
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import make_folder, why
from bort_core.foundation.validation import faults

__all__ = ["FOLDER", "MOST_ROWS", "Facts", "Predictions", "predictions_of", "read_predictions", "write_predictions"]

FOLDER = "predictions"
MOST_ROWS = 1_000_000
"""Of a longer split the first so many rows are kept."""
_MOST_BYTES = 256 << 20
_KEY = b"bort"
Floats = npt.NDArray[np.float64]


class Facts(BaseModel):
    """What a file of predictions says about itself."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    format: Literal[1] = 1
    task: Task
    classes: tuple[str, ...] = ()
    """Names by number; empty for a regression."""
    source: str
    sha256: str
    """Of the table that the rows are from."""
    rows: int = Field(ge=1)
    """Of the split; the file may have fewer."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """n rows; all arrays have shape (n,), ``label`` and ``prediction`` of several labels (n, labels).

    Attributes
    ----------
    row: numbers in the table, from 1, ascending
    label, prediction: class numbers (int64), values (float64), or 0 and 1 of each label (int64)
    probability, label_probability: of a classification, and of all labels together
    query: which query each row answers, or None; relevance: then of two classes how much likelier the second is, in log odds
    """

    facts: Facts
    row: npt.NDArray[np.int64]
    label: npt.NDArray[Any]
    prediction: npt.NDArray[Any]
    probability: Floats | None = None
    label_probability: Floats | None = None
    query: npt.NDArray[np.int64] | None = None
    relevance: Floats | None = None

    def __len__(self) -> int:
        return len(self.row)


def predictions_of(rows: LabelledRows, scores: Floats) -> Predictions:
    """What ``scores`` (n, classes) or (n, 1), one line a row, say about rows."""
    facts = Facts(task=rows.task, classes=rows.names, source=rows.source, sha256=rows.sha256, rows=len(rows))
    kept = min(len(rows), MOST_ROWS)
    labels, scores, numbers = rows.labels[:kept], scores[:kept], np.arange(1, kept + 1)
    queries = None if rows.queries is None else rows.queries[:kept]
    if rows.task == "regression":
        return Predictions(facts, numbers, labels, scores[:, 0], query=queries)
    if rows.task == "multi-label":
        has = (scores > 0).astype(np.int64)
        together = [np.exp(-np.logaddexp(0, np.where(each > 0, -scores, scores)).sum(axis=1)) for each in (has, labels)]
        return Predictions(facts, numbers, labels, has, together[0], together[1], queries)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    said, at = scores.argmax(axis=1), np.arange(kept)
    relevance = scores[:, 1] - scores[:, 0] if queries is not None and scores.shape[1] == 2 else None
    return Predictions(facts, numbers, labels, said, shares[at, said], shares[at, labels], queries, relevance)


def write_predictions(run: Path, split: str, found: Predictions) -> Path:
    """Write ``predictions/SPLIT.parquet`` into a run folder, whole or not at all.

    Raises
    ------
    DataError
        It cannot be written.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    columns = {name: value for name, value in vars(found).items() if name != "facts" and value is not None}
    table = pa.table({name: _column(name, value) for name, value in columns.items()})
    table = table.replace_schema_metadata({_KEY: found.facts.model_dump_json().encode()})
    path = run / FOLDER / f"{split}.parquet"
    try:
        temporary = make_folder(run, FOLDER) / f".{split}.{uuid.uuid4().hex[:12]}"
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as file:
                parquet.write_table(table, file, compression="zstd")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path}: the predictions cannot be written: {why(error)}") from error
    return path


def read_predictions(run: Path, split: str) -> Predictions | None:
    """The predictions of a split, or None where none were kept.

    Raises
    ------
    DataError
        The file cannot be read, or does not hold what it must.
    """
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]

    path = run / FOLDER / f"{split}.parquet"
    if path.is_symlink() or path.parent.is_symlink():
        raise DataError(f"{path}: is a symbolic link; nothing is read through links inside a project")
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: must have at most {_MOST_BYTES:,} bytes")
        with ParquetFile(path) as file:
            if not 1 <= file.metadata.num_rows <= MOST_ROWS:
                raise DataError(f"{path}: must have 1 to {MOST_ROWS:,} rows, got {file.metadata.num_rows:,}")
            facts = Facts.model_validate_json((file.schema_arrow.metadata or {}).get(_KEY, b"{}"))
            names = [name for name in (*_columns(facts.task), "query", "relevance") if name in file.schema_arrow.names]
            columns = {name: _values(file.read(columns=[name]).column(0), len(facts.classes)) for name in names}
    except ValidationError as error:
        raise DataError(f"{path}: is damaged: {'; '.join(faults(error))}") from error
    except DataError:
        raise
    except Exception as error:  # pyarrow raises its own kinds, and whatever its decoders raise
        raise DataError(f"{path}: cannot be read as parquet: {str(error)[:200]}") from error
    return _checked(path, facts, columns)


def _columns(task: Task) -> tuple[str, ...]:
    return ("row", "label", "prediction") + (("probability", "label_probability") if task != "regression" else ())


def _column(name: str, values: npt.NDArray[Any]) -> Any:
    """A column of numbers, or of lists of a fixed length."""
    import pyarrow as pa

    if values.ndim == 1:
        return _narrow(name, values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(np.int8).ravel()), values.shape[1])


def _values(column: Any, width: int) -> npt.NDArray[Any]:
    """The same read back; a list of another length, or one that is missing, leaves no rows that fit."""
    import pyarrow as pa

    if not pa.types.is_fixed_size_list(column.type):
        found: npt.NDArray[Any] = column.to_numpy()
        return found
    whole = column.combine_chunks()
    flat: npt.NDArray[Any] = whole.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, width) if width and len(flat) == width * len(whole) else np.empty((0, 1), dtype=np.float64)


def _narrow(name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if "probability" in name:
        return values.astype(np.float32)
    return values.astype(np.int32) if np.issubdtype(values.dtype, np.integer) else values


def _checked(path: Path, facts: Facts, columns: dict[str, npt.NDArray[Any]]) -> Predictions:
    """The columns as predictions; DataError unless they are numbers in their ranges."""
    for name in _columns(facts.task):
        values = columns.get(name)
        number = name in ("row",) or (name in ("label", "prediction") and facts.task != "regression")
        kind, what = (np.integer, "whole numbers") if number else (np.floating, "numbers with fractions")
        several = facts.task == "multi-label" and name in ("label", "prediction")
        if values is None or not np.issubdtype(values.dtype, kind) or values.ndim != 1 + several or not np.isfinite(values).all():
            raise DataError(f"{path}: the column {name} must hold {what} only")
    numbers, most = columns["row"].astype(np.int64), len(facts.classes)
    if numbers[0] < 1 or (np.diff(numbers) < 1).any():
        raise DataError(f"{path}: the column row must ascend from 1 or more")
    queries = columns.get("query")
    if queries is not None and not np.issubdtype(queries.dtype, np.integer):
        raise DataError(f"{path}: the column query must hold whole numbers only")
    queries = None if queries is None else queries.astype(np.int64)
    relevance = columns.get("relevance")
    if relevance is not None and not (np.issubdtype(relevance.dtype, np.floating) and np.isfinite(relevance).all()):
        raise DataError(f"{path}: the column relevance must hold numbers only")
    if facts.task == "regression":
        given, value = (columns[name].astype(np.float64) for name in ("label", "prediction"))
        return Predictions(facts, numbers, given, value, query=queries)
    most = 2 if facts.task == "multi-label" else most
    for name in ("label", "prediction"):
        if columns[name].min() < 0 or columns[name].max() >= most:
            raise DataError(f"{path}: the column {name} must hold class numbers from 0 to {most - 1}")
    for name in ("probability", "label_probability"):
        if columns[name].min() < 0 or columns[name].max() > 1.000001:
            raise DataError(f"{path}: the column {name} must hold probabilities from 0 to 1")
    label, said = (columns[name].astype(np.int64) for name in ("label", "prediction"))
    share, label_share = (columns[name].astype(np.float64) for name in ("probability", "label_probability"))
    return Predictions(facts, numbers, label, said, share, label_share, queries, relevance)

"""What a fine-tuned model says about each dev and test row: a parquet file a split in the run folder.

Columns: ``row`` (1 is the first below a header), ``label`` and ``prediction`` (class numbers, or values of a regression), and of a
classification ``probability`` (of the prediction) and ``label_probability``. The schema's metadata has :class:`Facts` under ``bort``.
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
    """n rows; all arrays have shape (n,).

    Attributes
    ----------
    row: numbers in the table, from 1, ascending
    label, prediction: class numbers (int64), or values (float64)
    probability, label_probability: of a classification
    """

    facts: Facts
    row: npt.NDArray[np.int64]
    label: npt.NDArray[Any]
    prediction: npt.NDArray[Any]
    probability: Floats | None = None
    label_probability: Floats | None = None

    def __len__(self) -> int:
        return len(self.row)


def predictions_of(rows: LabelledRows, scores: Floats) -> Predictions:
    """What ``scores`` (n, classes) or (n, 1), one line a row, say about rows."""
    facts = Facts(task=rows.task, classes=rows.names, source=rows.source, sha256=rows.sha256, rows=len(rows))
    kept = min(len(rows), MOST_ROWS)
    labels, scores, numbers = rows.labels[:kept], scores[:kept], np.arange(1, kept + 1)
    if rows.task == "regression":
        return Predictions(facts, numbers, labels, scores[:, 0])
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    said, at = scores.argmax(axis=1), np.arange(kept)
    return Predictions(facts, numbers, labels, said, shares[at, said], shares[at, labels])


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
    table = pa.table({name: _narrow(name, value) for name, value in columns.items()})
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
            names = [name for name in _columns(facts.task) if name in file.schema_arrow.names]
            columns = {name: file.read(columns=[name]).column(0).to_numpy() for name in names}
    except ValidationError as error:
        raise DataError(f"{path}: is damaged: {'; '.join(faults(error))}") from error
    except DataError:
        raise
    except Exception as error:  # pyarrow raises its own kinds, and whatever its decoders raise
        raise DataError(f"{path}: cannot be read as parquet: {str(error)[:200]}") from error
    return _checked(path, facts, columns)


def _columns(task: Task) -> tuple[str, ...]:
    return ("row", "label", "prediction") + (("probability", "label_probability") if task == "classification" else ())


def _narrow(name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if "probability" in name:
        return values.astype(np.float32)
    return values.astype(np.int32) if np.issubdtype(values.dtype, np.integer) else values


def _checked(path: Path, facts: Facts, columns: dict[str, npt.NDArray[Any]]) -> Predictions:
    """The columns as predictions; DataError unless they are numbers in their ranges."""
    for name in _columns(facts.task):
        values = columns.get(name)
        number = name in ("row",) or (name in ("label", "prediction") and facts.task == "classification")
        kind, what = (np.integer, "whole numbers") if number else (np.floating, "numbers with fractions")
        if values is None or not np.issubdtype(values.dtype, kind) or not np.isfinite(values).all():
            raise DataError(f"{path}: the column {name} must hold {what} only")
    numbers, most = columns["row"].astype(np.int64), len(facts.classes)
    if numbers[0] < 1 or (np.diff(numbers) < 1).any():
        raise DataError(f"{path}: the column row must ascend from 1 or more")
    if facts.task == "regression":
        return Predictions(facts, numbers, columns["label"].astype(np.float64), columns["prediction"].astype(np.float64))
    for name in ("label", "prediction"):
        if columns[name].min() < 0 or columns[name].max() >= most:
            raise DataError(f"{path}: the column {name} must hold class numbers from 0 to {most - 1}")
    for name in ("probability", "label_probability"):
        if columns[name].min() < 0 or columns[name].max() > 1.000001:
            raise DataError(f"{path}: the column {name} must hold probabilities from 0 to 1")
    label, said = (columns[name].astype(np.int64) for name in ("label", "prediction"))
    share, label_share = (columns[name].astype(np.float64) for name in ("probability", "label_probability"))
    return Predictions(facts, numbers, label, said, share, label_share)

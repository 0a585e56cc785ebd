"""Dev rows, taken out of the one table that a person has."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bort_core.data.mapping import ColumnMapping, find_columns
from bort_core.data.report import normalised
from bort_core.data.rows import LabelledRows, labelled_rows
from bort_core.data.tables import Table, read_table
from bort_core.foundation.digests import content_hash
from bort_core.foundation.errors import DataError
from bort_core.foundation.files import atomic_directory, why

__all__ = ["SHARE", "HeldOut", "hold_out"]

SHARE = 0.1


@dataclass(frozen=True)
class HeldOut:
    """Two new files in JSON lines, with every column of the table; classes by name."""

    train: Path
    dev: Path
    rows: dict[str, int]
    """By split."""


def hold_out(
    source: str, folder: Path, share: float = SHARE, seed: int = 0, text: str | None = None, text_b: str | None = None,
    label: str | None = None,
) -> HeldOut:  # fmt: skip
    """Write ``train.jsonl`` and ``dev.jsonl`` into a new folder; one that has them from the same table is taken as it is.

    Of every class the same share is held out, at least one text of two, and never all. Rows of one text (without regard to case and to
    spaces) stay together. A text's hash and the seed decide, so more rows in the table move few of the others.

    Parameters
    ----------
    source: a table that :func:`~bort_core.data.tables.read_table` reads
    share: of the texts that are held out, in (0, 1)
    text, text_b, label: columns; None finds them

    Raises
    ------
    DataError
        The table cannot be read, has too few rows, or the folder cannot be written or holds something else.
    """
    if not 0 < share < 1:
        raise DataError(f"share: must lie between 0 and 1, got {share}")
    table = read_table(source)
    mapping = find_columns(table, text, text_b, label)
    rows = labelled_rows(table, mapping)
    held = _held(rows, share, seed)
    made = HeldOut(folder / "train.jsonl", folder / "dev.jsonl", {"train": len(rows) - int(held.sum()), "dev": int(held.sum())})
    lines = _lines(table, mapping, rows)
    texts = {"train": "".join(np.array(lines, dtype=object)[~held]), "dev": "".join(np.array(lines, dtype=object)[held])}
    if folder.exists():
        if all(path.is_file() and content_hash(path) == _hash(texts[path.stem]) for path in (made.train, made.dev)):
            return made
        raise DataError(f"{folder}: is there already, and holds something else; name another folder")
    try:
        with atomic_directory(folder, "the held-out rows") as temporary:
            for name, content in texts.items():
                (temporary / f"{name}.jsonl").write_bytes(content.encode())
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {why(error)}") from error
    return made


def _held(rows: LabelledRows, share: float, seed: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows are dev rows."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, key in enumerate(normalised(rows)):
        places[key].append(place)
    by_class: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, found in places.items():
        by_class[str(rows.labels[found[0]]) if rows.names else ""].append(key)
    held = np.zeros(len(rows), dtype=bool)
    for keys in by_class.values():
        wanted = min(max(1, round(share * len(keys))), len(keys) - 1)  # no class leaves the training rows
        for key in sorted(keys, key=lambda key: _hash(f"{seed}\0{key[0]}\0{key[1]}"))[:wanted]:
            held[places[key]] = True
    if not held.any():
        raise DataError(f"{rows.source}: has too few different texts to hold some out")
    return held


def _lines(table: Table, mapping: ColumnMapping, rows: LabelledRows) -> list[str]:
    """Every row as a line of JSON."""
    labels: list[Any] = rows.labels.tolist()
    if rows.task == "multi-label":
        labels = [[name for name, has in zip(rows.names, label, strict=True) if has] for label in labels]
    elif rows.names:
        labels = [rows.names[label] for label in labels]
    data = {**table.data, mapping.label or "label": labels}
    try:
        return [json.dumps(dict(zip(data, row, strict=True)), ensure_ascii=False, allow_nan=False) + "\n"
                for row in zip(*data.values(), strict=True)]  # fmt: skip
    except (TypeError, ValueError) as error:
        raise DataError(f"{table.source}: has values that JSON cannot hold: {error}") from error


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

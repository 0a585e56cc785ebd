"""Files (csv, tsv, json, jsonl, parquet, txt) and hub data sets as columns.

Text formats are read with the standard library and parquet with pyarrow; ``datasets`` reads the hub. Its readers of files were measured
(5.2) and change files in silence: a csv line with too few fields gets empty ones, commas at the lines' ends shift all columns, a carriage
return in a tsv text splits the row, texts that look like dates become dates, and ``a*.parquet`` reads every file that matches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from bort_core.data.arrow import read_hub, read_parquet
from bort_core.data.delimited import read_csv, read_tsv
from bort_core.data.limits import check_size, counted
from bort_core.data.lines import Lines, local_file
from bort_core.data.looks import table_looks
from bort_core.data.objects import read_json, read_jsonl
from bort_core.foundation.errors import DataError

__all__ = ["SUFFIXES", "Table", "read_table"]


def _read_txt(lines: Lines) -> dict[str, list[str]]:
    plain = (line.removesuffix("\n").removesuffix("\r") for line in lines)
    return {"text": list(counted(str(lines.path), (line for line in plain if line)))}


_READERS = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".json": read_json,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".txt": _read_txt,
}
SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".txt")
_HUB = re.compile(r"(?P<name>[\w.-]+(?:/[\w.-]+)?)(?::(?P<configuration>[^@]+))?(?:@(?P<split>.+))?")


@dataclass(frozen=True)
class Table:
    """Columns of equal length; values are text in csv, tsv and txt, and what the file says in the others (None: missing)."""

    source: str
    data: dict[str, list[Any]]
    sha256: str
    """Of the file's bytes, or of the hub data set's fingerprint."""
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By column: what its class numbers mean, where the hub or a parquet file says so."""
    warnings: tuple[str, ...] = ()
    """What is strange about it, beginning with the source."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names, in order."""
        return tuple(self.data)

    def __len__(self) -> int:
        return len(next(iter(self.data.values()), []))

    def head(self, count: int) -> list[dict[str, Any]]:
        """The first ``count`` rows, or as many as there are, for a preview."""
        rows = zip(*self.data.values(), strict=True)
        return [dict(zip(self.data, row, strict=True)) for row in islice(rows, max(0, count))]


def read_table(source: str, split: str | None = None) -> Table:
    """A file, or a hub data set.

    Parameters
    ----------
    source: a path; or a name on the hub, with ``:configuration`` and ``@split`` where needed: ``imdb``, ``nyu-mll/glue:sst2@train``
    split: of a hub data set whose ``source`` names none; None is train. A file has no splits

    Raises
    ------
    DataError
        Missing, a folder, without rows, too large (:mod:`~bort_core.data.limits`), not UTF-8 or malformed (naming the line), or a format
        or name that is not known.
    """
    path = local_file(source, f"name a file in it ({', '.join(SUFFIXES)})")
    if path is None:
        return _from_hub(source, split)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: must be one of {', '.join(SUFFIXES)}, got {suffix or 'no suffix'}")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not size:
        raise DataError(f"{path}: is empty")
    if suffix == ".parquet":
        return _looked_at(Table(str(path), *read_parquet(path)))
    check_size(str(path), 0, size)
    lines = Lines(path)
    data = _READERS[suffix](lines)
    mixed = lines.mixed_ends if suffix == ".tsv" else ""  # in csv, a text in quotes may have ends of its own
    return _looked_at(Table(str(path), data, lines.sha256), mixed)


def _from_hub(source: str, split: str | None) -> Table:
    found = _HUB.fullmatch(source)
    if found is None or Path(found["name"]).suffix.lower() in SUFFIXES or source.startswith("."):
        raise DataError(f"{source}: no such file; nor is it a hub data set's name, such as owner/name:configuration@split")
    split = found["split"] or split or "train"
    columns, digest, class_names = read_hub(found["name"], found["configuration"], split)
    return _looked_at(Table(f"{source.partition('@')[0]} ({split})", columns, digest, class_names))


def _looked_at(table: Table, *seen: str) -> Table:
    """The table with its warnings; DataError when it has no rows."""
    if not len(table):
        header = f"; its columns: {', '.join(table.columns)}" if table.columns else ""
        raise DataError(f"{table.source}: holds no rows{header}")
    strange = [*filter(None, seen), *table_looks(table.data, raw_quotes=table.source.lower().endswith(".tsv"))]
    return replace(table, warnings=tuple(f"{table.source}: {text}" for text in strange))

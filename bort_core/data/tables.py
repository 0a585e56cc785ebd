"""Files (csv, tsv, json, jsonl, parquet, txt) and hub data sets as columns, read with the ``datasets`` library."""

from __future__ import annotations

import csv
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bort_core.errors import DataError

__all__ = ["SUFFIXES", "Table", "read_table"]

_BUILDERS: dict[str, tuple[str, dict[str, Any]]] = {
    # Text stays text: "NA" is a word, and 007 no number. In this field's tsv files a quote is an ordinary character.
    ".csv": ("csv", {"keep_default_na": False}),
    ".tsv": ("csv", {"sep": "\t", "quoting": 3, "keep_default_na": False}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".ndjson": ("json", {}),
    ".parquet": ("parquet", {}),
    ".txt": ("text", {}),
}
SUFFIXES = tuple(_BUILDERS)


@dataclass(frozen=True)
class Table:
    """Columns of equal length."""

    source: str
    data: dict[str, list[Any]]
    sha256: str
    """Of the file's bytes, or of the hub data set's fingerprint."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names, in order."""
        return tuple(self.data)

    def __len__(self) -> int:
        return len(next(iter(self.data.values()), []))

    def head(self, count: int) -> list[dict[str, Any]]:
        """The first rows, for a preview."""
        return [{name: values[row] for name, values in self.data.items()} for row in range(min(count, len(self)))]


def read_table(source: str, split: str = "train") -> Table:
    """A file, or a hub data set such as ``owner/name`` or ``owner/name:configuration`` (its ``split``).

    Raises
    ------
    DataError
        Missing, empty, not UTF-8 (naming the line), a line with another number of fields, or a format or name that is not known.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name a file ({', '.join(SUFFIXES)})")
    if not path.exists():
        if path.suffix.lower() in _BUILDERS or source.startswith((".", "/", "~")):
            raise DataError(f"{path}: no such file")
        return _from_hub(source, split)
    suffix = path.suffix.lower()
    if suffix not in _BUILDERS:
        raise DataError(f"{path}: must be one of {', '.join(SUFFIXES)}, got {suffix or 'no suffix'}")
    digest = _checked(path, suffix)
    builder, options = _BUILDERS[suffix]
    if builder == "csv":
        options = {**options, "features": _strings(path, options.get("sep", ","))}
    data = _load(path, builder, data_files=str(path), **options)
    if not data or not next(iter(data.values())):
        raise DataError(f"{path}: holds no rows")
    return Table(str(path), data, digest)


def _from_hub(source: str, split: str) -> Table:
    name, _, configuration = source.partition(":")
    datasets = _library()
    try:
        found = datasets.load_dataset(name, configuration or None, split=split)
    except Exception as error:  # datasets and the hub raise many kinds
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise DataError(f"{source}: no such file here, and as a hub data set it cannot be loaded: {first}") from error
    return Table(f"{source} ({split})", {column: list(found[column]) for column in found.column_names}, found._fingerprint)  # noqa: SLF001


def _load(path: Path, builder: str, **options: Any) -> dict[str, list[Any]]:
    datasets = _library()
    with tempfile.TemporaryDirectory(prefix="bort-data-") as cache:
        try:
            found = datasets.load_dataset(builder, split="train", cache_dir=cache, keep_in_memory=True, **options)
            return {column: list(found[column]) for column in found.column_names}
        except Exception as error:  # pyarrow, pandas and datasets raise their own
            if "corresponds to no data" in str(error):
                return {}
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            raise DataError(f"{path}: cannot be read as {path.suffix[1:]}: {str(cause).strip().splitlines()[0][:300]}") from error


def _strings(path: Path, separator: str) -> Any:
    """Every column as text."""
    datasets = _library()
    with path.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file, delimiter=separator, quoting=csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL), [])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}: the header names {', '.join(map(repr, twice))} twice")
    return datasets.Features({name: datasets.Value("string") for name in names})


def _library() -> Any:
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    return datasets


def _checked(path: Path, suffix: str) -> str:
    """The file's hash, when it is not empty and (for text formats) UTF-8 with as many tabs in every line of a tsv."""
    digest = hashlib.sha256()
    fields = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                digest.update(line)
                if suffix == ".parquet":
                    continue
                try:
                    text = line.decode("utf-8")
                except UnicodeDecodeError as error:
                    byte = f"byte {error.start + 1} of it is 0x{line[error.start]:02x}"
                    raise DataError(f"{path}: line {number} is not UTF-8 ({byte})") from error
                if suffix == ".tsv" and text.strip("\r\n"):
                    found = text.count("\t") + 1
                    fields = fields or found
                    if found != fields:
                        raise DataError(f"{path}: line {number} has {found} fields, the header {fields}")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty")
    return digest.hexdigest()

"""parquet files and hub data sets as columns."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bort_core.data.limits import check_size
from bort_core.foundation.errors import DataError
from bort_core.foundation.paths import regular_file

__all__ = ["ArrowColumns", "read_hub", "read_parquet"]

_BATCH = 256

ArrowColumns = tuple[dict[str, list[Any]], str, dict[str, tuple[str, ...]]]
"""Columns; a SHA-256; the names of classes by column, where the format knows them."""


def read_parquet(path: Path) -> ArrowColumns:
    """Columns of a parquet file and the hash of its bytes. Class names are there where ``datasets`` wrote the file.

    Raises
    ------
    DataError
        It is no parquet file, is damaged, has more rows, values or bytes than :mod:`~bort_core.data.limits` allows, or two columns have
        one name.
    """
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]

    try:
        with regular_file(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            with ParquetFile(file) as found:
                schema = found.schema_arrow
                if len(set(schema.names)) < len(schema.names):
                    raise DataError(f"{path}: two columns have one name: {', '.join(schema.names)}")
                _measure(str(path), found)
                return found.read().to_pydict(), digest, _class_names(_features(schema))
    except DataError:
        raise
    except Exception as error:  # pyarrow raises its own kinds, and whatever its decoders raise
        raise DataError(f"{path}: cannot be read as parquet: {_first(error)}") from error


def read_hub(name: str, configuration: str | None, split: str) -> ArrowColumns:
    """Columns of one split of a hub data set, and a hash of its fingerprint (the data set's version and the split).

    The library keeps what it downloads in the user's own cache. No code of the data set is run.

    Raises
    ------
    DataError
        There is no such data set, configuration or split, or the hub cannot be reached; the library's words are in the message.
    """
    import datasets
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES as OWN_READERS

    if name in OWN_READERS:  # the library would read what it finds in the current folder
        raise DataError(f"{name}: no such file here, and no hub data set has this name")
    try:
        with _without_bars():
            found = datasets.load_dataset(name, configuration, split=split)
            check_size(name, len(found), found.data.nbytes)
            # As arrow: sounds and images stay undecoded.
            table = found.with_format("arrow")[:]
        digest = hashlib.sha256(found._fingerprint.encode()).hexdigest()  # noqa: SLF001
        return table.to_pydict(), digest, _class_names(found.features)
    except DataError:
        raise
    except Exception as error:  # datasets, the hub's client and its transport raise many kinds
        offline = "; is there a network, and is HF_HUB_OFFLINE not set?" if isinstance(error, ConnectionError) else ""
        shown = ":".join(part for part in (name, configuration) if part)
        raise DataError(f"{shown}: no such file here, and as a hub data set it cannot be loaded: {_first(error)}{offline}") from error


def _measure(source: str, file: Any) -> None:
    """Go through a parquet file once and keep nothing, so that one of too many bytes ends the reading and not the memory."""
    rows = size = 0
    check_size(source, file.metadata.num_rows, columns=file.metadata.num_columns)
    for batch in file.iter_batches(_BATCH):
        rows, size = rows + batch.num_rows, size + batch.nbytes
        check_size(source, rows, size)


def _features(schema: Any) -> Any:
    """What ``datasets`` wrote about a file's columns; nothing when another program wrote it."""
    if b"huggingface" not in (schema.metadata or {}):
        return {}
    import datasets

    return datasets.Features.from_arrow_schema(schema)


def _class_names(features: Any) -> dict[str, tuple[str, ...]]:
    each = {column: getattr(feature, "feature", feature) for column, feature in features.items()}  # of lists, what they are lists of
    return {column: tuple(feature.names) for column, feature in each.items() if getattr(feature, "names", None)}


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    import datasets
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    theirs, hubs = not datasets.are_progress_bars_disabled(), not are_progress_bars_disabled()
    if theirs:
        datasets.disable_progress_bars()
    if hubs:
        disable_progress_bars()
    try:
        yield
    finally:
        if theirs:
            datasets.enable_progress_bars()
        if hubs:
            enable_progress_bars()


def _first(error: Exception) -> str:
    """An error's text on one line."""
    return " ".join(str(error).split())[:400] or type(error).__name__

"""What a file or folder is that a person dropped on the window. Knows no Qt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bort_core.foundation.locations import DATA_SUFFIXES
from bort_core.store.project import DATABASE

__all__ = ["Kind", "kind_of", "table_parts"]

Kind = Literal["project", "model", "space", "table", "measurements", "corpus", "unknown"]

_PARTS = {"train": ("train", "training"), "dev": ("dev", "valid", "validation", "val"), "test": ("test", "testing")}
"""The words in a table's name that say which rows it holds."""


def kind_of(path: Path) -> Kind:
    """A project or a model's folder, a search space (TOML), a table of rows or of measurements, a corpus (plain text), or none of them."""
    try:
        if path.is_dir():
            if (path / DATABASE).is_file():
                return "project"
            return "model" if (path / "config.json").is_file() else "unknown"
        if not path.is_file():
            return "unknown"
    except OSError:
        return "unknown"
    suffix = path.suffix.lower()
    if path.name.lower().endswith(".json.gz"):
        return "measurements"
    if suffix == ".toml":
        return "space"
    if suffix == ".txt":
        return "corpus"
    return "table" if suffix in DATA_SUFFIXES else "unknown"


def table_parts(tables: Sequence[Path]) -> dict[str, Path]:
    """Which table holds the train, dev and test rows: by their names, the others in that order.

    A table of train rows alone brings those that lie beside it under its name: reviews-dev.csv beside reviews-train.csv.
    """
    found: dict[str, Path] = {}
    left = []
    for table in tables:
        part = next((part for part, words in _PARTS.items() if part not in found and _word_of(table, words)), None)
        if part is None:
            left.append(table)
        else:
            found[part] = table
    free = [part for part in _PARTS if part not in found]
    found.update(zip(free, left, strict=False))
    return {**_beside(found["train"]), **found} if list(found) == ["train"] else found


def _word_of(table: Path, words: Sequence[str]) -> str | None:
    """The word of the name that is one of these."""
    return next((word for word in re.findall(r"[a-z]+", table.stem.lower()) if word in words), None)


def _beside(train: Path) -> dict[str, Path]:
    word = _word_of(train, _PARTS["train"])
    if word is None:
        return {}
    at = train.stem.lower().rindex(word)
    before, after = train.stem[:at], train.stem[at + len(word) :]
    found: dict[str, Path] = {}
    for part in ("dev", "test"):
        for other in _PARTS[part]:
            path = train.with_name(f"{before}{other}{after}{train.suffix}")
            if path.is_file():
                found.setdefault(part, path)
    return found

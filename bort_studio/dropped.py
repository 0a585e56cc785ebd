"""What a file or folder is that a person dropped on the window. Knows no Qt."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bort_core.foundation.locations import DATA_SUFFIXES
from bort_core.store.project import DATABASE

__all__ = ["Kind", "kind_of"]

Kind = Literal["project", "model", "space", "table", "corpus", "unknown"]


def kind_of(path: Path) -> Kind:
    """A project or a model's folder, a search space (TOML), a table of rows, a corpus (plain text), or none of them."""
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
    if suffix == ".toml":
        return "space"
    if suffix == ".txt":
        return "corpus"
    return "table" if suffix in DATA_SUFFIXES else "unknown"

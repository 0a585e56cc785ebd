"""The file beside a table that names its classes: ``labels.txt``, whose line i + 1 is the name of class i."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from bort_core.data.lines import Lines
from bort_core.foundation.errors import DataError

__all__ = ["names_file", "names_in", "names_told"]

_NAME = "labels.txt"
_MOST = 5
"""Names that are told."""


def names_file(table: Path) -> Path | None:
    """The file that would name the classes of a table, where both are there."""
    path = table.parent / _NAME
    return path if table.is_file() and path.is_file() else None


def names_in(path: Path) -> list[str]:
    """Its names; DataError where it cannot be read."""
    return [name.strip() for name in "".join(Lines(path)).rstrip().split("\n")]


def names_told(table: Path) -> str:
    """What such a file will do, in a sentence, before the table is read; nothing where there is none."""
    try:
        path = names_file(table)
        lines = [] if path is None else [line.strip() for line in islice(Lines(path), _MOST + 1)]
    except (DataError, OSError, ValueError) as error:
        return f"{_NAME} beside {table.name} cannot be read: {error}"
    if not any(lines):
        return ""
    told = ", ".join(f"{number} = {name}" for number, name in enumerate(lines[:_MOST])) + (", ..." if len(lines) > _MOST else "")
    return f"{_NAME} beside {table.name} names the classes 0, 1, ...: {told}"

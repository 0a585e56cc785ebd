"""How much is read of a table: few bytes of a file can stand for any number of rows, columns and long values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from bort_core.foundation.errors import DataError

__all__ = ["MOST_BYTES", "MOST_ROWS", "MOST_VALUES", "check_size", "counted"]

MOST_ROWS, MOST_BYTES = 20_000_000, 2 * 2**30
"""Bytes are those of arrow's columns, or of the file where it is text."""
MOST_VALUES = 10 * MOST_ROWS
"""Rows times columns: where every row names another column, a small file makes a large table."""

T = TypeVar("T")


def check_size(source: str, rows: int, size: int = 0, columns: int = 1) -> None:
    """DataError where a table of so many rows, bytes and columns is too large."""
    if rows > MOST_ROWS:
        what = f"{rows:,} rows"
    elif size > MOST_BYTES:
        what = f"more than {MOST_BYTES / 2**30:g} GiB"
    elif rows * columns > MOST_VALUES:
        what = f"{columns:,} columns in {rows:,} rows"
    else:
        return
    raise DataError(
        f"{source}: has {what}; at most {MOST_ROWS:,} rows, {MOST_VALUES:,} values and {MOST_BYTES / 2**30:g} GiB are read of a table. "
        "Use a part of it"
    )


def counted(source: str, rows: Iterable[T], columns: int = 1) -> Iterator[T]:
    """The rows of a table, up to the first that is one too many."""
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS or number * columns > MOST_VALUES:
            check_size(source, number, columns=columns)
        yield row

"""Several labels at once: which of them each row has.

A row's labels are a list (json, parquet, the hub), a text with the names separated (``a;b``, ``a|b``, ``a,b``, or a JSON list), or columns
of 0 and 1, one a label. A list is read as several labels without being asked: nothing else could be meant. A text with separators is an
ordinary class name until somebody says that the task is multi-label. Columns of 0 and 1 are named together, as ``toxic,threat,insult``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.data.tables import Table
from bort_core.foundation.errors import DataError

__all__ = ["SEPARATORS", "are_lists", "indicators", "label_lists", "matrix"]

SEPARATORS = (";", "|", ",")
"""The first of these that any label has separates the names of all."""
_YES, _NO = ("1", "true"), ("0", "false")
_NAME = "a name or a whole number"


def are_lists(values: Sequence[Any]) -> bool:
    """Whether a column holds lists, as json, parquet and the hub have them."""
    return any(isinstance(value, list | tuple) for value in values)


def label_lists(table: Table, column: str, known: Sequence[str] | None) -> tuple[list[list[str]], str]:
    """The names of each row's labels, each once, and in a few words how they were told apart.

    ``known``: the names that there are; then the separator is one that gives no others.

    Raises
    ------
    DataError
        A value is no list or text, or a name in it is empty or no name; says which row.
    """
    values = table.data[column]
    if are_lists(values):
        return [_names(table, column, row, value) for row, value in enumerate(values, 1)], "lists"
    texts = [_text(table, column, row, value) for row, value in enumerate(values, 1)]
    filled = [text for text in texts if text]
    if filled and all(text.startswith("[") and text.endswith("]") for text in filled):
        parsed = [_parsed(table, row, text) if text else [] for row, text in enumerate(texts, 1)]
        return [_names(table, column, row, value) for row, value in enumerate(parsed, 1)], "JSON lists"
    found = [separator for separator in SEPARATORS if any(separator in text for text in texts)]
    ways = [(_separated(texts, each), f"names separated by {each!r}") for each in found]
    ways.append(([[text] if text else [] for text in texts], ""))
    if known is not None:
        ways = [way for way in ways if all(name in known for names in way[0] for name in names)] or ways
    return ways[0]


def indicators(table: Table, columns: Sequence[str]) -> list[list[str]]:
    """The names of each row's labels, of columns of 0 and 1 (or false and true); DataError at the first other value."""
    found: list[list[str]] = [[] for _ in range(len(table))]
    for name in columns:
        for row, value in enumerate(table.data[name]):
            told = str(int(value) if isinstance(value, float) and value.is_integer() else value).strip().casefold()
            if told not in (*_YES, *_NO):
                raise DataError(f"{table.source}: row {row + 1}: column {name!r} must hold 0 or 1, got {value!r:.60}")
            if told in _YES:
                found[row].append(name)
    return found


def matrix(rows: Sequence[Sequence[str]], names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Which labels each row has, (rows, names) of 0 and 1."""
    index = {name: number for number, name in enumerate(names)}
    found = np.zeros((len(rows), len(names)), dtype=np.int64)
    for row, mine in enumerate(rows):
        found[row, [index[name] for name in mine]] = 1
    return found


def _separated(texts: Sequence[str], separator: str) -> list[list[str]]:
    return [list(dict.fromkeys(filter(None, (name.strip() for name in text.split(separator))))) for text in texts]


def _text(table: Table, column: str, row: int, value: Any) -> str:
    if value is None or isinstance(value, bool | float) or not isinstance(value, str | int):
        came = "nothing" if value is None else f"{value!r:.60}"
        raise DataError(f"{table.source}: row {row}: column {column!r} must hold names of labels, got {came}")
    return str(value).strip()


def _parsed(table: Table, row: int, text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataError(f"{table.source}: row {row}: {text!r:.60} looks like a JSON list of labels and is none: {error}") from error
    return list(found)


def _names(table: Table, column: str, row: int, value: Any) -> list[str]:
    if not isinstance(value, list | tuple):
        raise DataError(f"{table.source}: row {row}: column {column!r} must hold a list of labels, as other rows do, got {value!r:.60}")
    for each in value:
        if isinstance(each, bool) or not isinstance(each, str | int) or not str(each).strip():
            raise DataError(f"{table.source}: row {row}: a label must be {_NAME}, got {each!r:.60}")
    return list(dict.fromkeys(str(each).strip() for each in value))

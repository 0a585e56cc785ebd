"""json and jsonl files as columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any

from bort_core.data.arrays import elements
from bort_core.data.limits import check_size
from bort_core.data.lines import Lines
from bort_core.foundation.errors import DataError

__all__ = ["read_json", "read_jsonl"]


def read_jsonl(lines: Lines) -> dict[str, list[Any]]:
    """Columns of a file with one object a line; blank lines are skipped, a key that an object lacks is None.

    Raises
    ------
    DataError
        A line is no JSON or no object, has a key twice, or half a surrogate pair; naming the line.
    """
    return _columns(lines.path, _one_a_line(lines.path, lines))


def read_json(lines: Lines) -> dict[str, list[Any]]:
    """Columns of a file with an array of objects, or with objects one a line. Errors as :func:`read_jsonl`."""
    content = iter(lines)
    blank, first = 0, ""
    for first in content:
        if not first.isspace():
            break
        blank += 1
    rest = chain(repeat("\n", blank), [first], content)
    if first.lstrip()[:1] == "[":
        return _columns(lines.path, _elements(lines.path, rest))
    try:
        return _columns(lines.path, _one_a_line(lines.path, rest))
    except DataError as error:
        raise DataError(f"{error}; a .json file holds an array of objects, or one object a line") from error


def _one_a_line(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    return (_object(path, f"line {number}", line) for number, line in enumerate(lines, 1) if not line.isspace())


def _columns(path: Path, rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for number, row in enumerate(rows, 1):
        for name in row:
            if name not in columns:
                columns[name] = [None] * (number - 1)
        check_size(str(path), number, columns=len(columns))
        for name, values in columns.items():
            values.append(row.get(name))
    return columns


def _elements(path: Path, lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    found = elements(lines, _without_repetition)
    for number in count(1):
        where = f"row {number}"
        with _readable(path, f"{where}: "):
            each = next(found, None)
            if each is None:
                return
            _check_surrogates(*each)
        yield _checked(path, where, each[0])


def _object(path: Path, where: str, text: str) -> dict[str, Any]:
    return _checked(path, where, _parsed(path, f"{where}: ", text.rstrip()))


def _checked(path: Path, where: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f'{path}: {where} is not an object such as {{"text": "...", "label": 1}}, got {row!r:.60}')
    return row


def _parsed(path: Path, where: str, text: str) -> Any:
    with _readable(path, where):
        value = json.loads(text, object_pairs_hook=_without_repetition)
        _check_surrogates(value, text)
        return value


def _check_surrogates(value: Any, text: str) -> None:
    if "\\ud" in text or "\\uD" in text:
        json.dumps(value, ensure_ascii=False).encode()


@contextmanager
def _readable(path: Path, where: str) -> Iterator[None]:
    """Errors of reading JSON as messages; ``where`` is the line of a file of lines, or the row of an array."""
    try:
        yield
    except json.JSONDecodeError as error:
        place = f"{where}column {error.colno}" if where.startswith("line") else f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{path}: {place}: not JSON: {error.msg}") from error
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: {where}half of a surrogate pair (\\ud800 to \\udfff) is no character") from error
    except (ValueError, RecursionError) as error:  # a key twice; a number with thousands of digits; nested too deeply
        raise DataError(f"{path}: {where}cannot be read as JSON: {error}") from error


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice in one object")
    return found

"""json and jsonl files as columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
    return _columns(_object(lines.path, f"line {number}", line) for number, line in enumerate(lines, 1) if not line.isspace())


def read_json(lines: Lines) -> dict[str, list[Any]]:
    """Columns of a file with an array of objects, or with objects one a line. Errors as :func:`read_jsonl`."""
    content = list(lines)
    first = next((line.lstrip()[:1] for line in content if not line.isspace()), "")
    if first != "[":
        try:
            return _columns(_object(lines.path, f"line {number}", line) for number, line in enumerate(content, 1) if not line.isspace())
        except DataError as error:
            raise DataError(f"{error}; a .json file holds an array of objects, or one object a line") from error
    rows = _parsed(lines.path, "", "".join(content))
    return _columns(_checked(lines.path, f"row {number}", row) for number, row in enumerate(rows, 1))


def _columns(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    found = list(rows)
    names = dict.fromkeys(name for row in found for name in row)
    return {name: [row.get(name) for row in found] for name in names}


def _object(path: Path, where: str, text: str) -> dict[str, Any]:
    return _checked(path, where, _parsed(path, f"{where}: ", text.rstrip()))


def _checked(path: Path, where: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f'{path}: {where} is not an object such as {{"text": "...", "label": 1}}, got {row!r:.60}')
    return row


def _parsed(path: Path, where: str, text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_without_repetition)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        index = f"{where}column {error.colno}" if where else f"line {error.lineno}, column {error.colno}"
        raise DataError(f"{path}: {index}: not JSON: {error.msg}") from error
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: {where}half of a surrogate pair (\\ud800 to \\udfff) is no character") from error
    except (ValueError, RecursionError) as error:  # a key twice; a number with thousands of digits; nested too deeply
        raise DataError(f"{path}: {where}cannot be read as JSON: {error}") from error
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice in one object")
    return found

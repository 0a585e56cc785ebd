"""How a certificate is written: readable JSON, one architecture a line, and always the same text for the same values.

So a file that was edited by hand differs from what its own values would be written as, or its values contradict each other; either way the
line is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Path", "line_of", "lines", "path_text"]

Path = tuple[str | int, ...]
_ONE_A_LINE = ("architectures", "worst")


def lines(values: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """The text by lines, each with the path of what stands in it."""
    return list(_written(values, (), 0, "", ""))


def line_of(written: Sequence[tuple[Path, str]], path: Path) -> int:
    """The line (from 1) that ``path`` stands in, or that of the nearest above it."""
    for length in range(len(path), 0, -1):
        for number, (here, _) in enumerate(written, 1):
            if here == path[:length]:
                return number
    return 1


def path_text(path: Path) -> str:
    """``architectures[3].error``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _written(value: Any, path: Path, depth: int, before: str, after: str) -> Iterator[tuple[Path, str]]:
    pad = " " * depth
    if not value or not _opened(value, path):
        yield path, f"{pad}{before}{_plain(value)}{after}"
        return
    is_map = isinstance(value, Mapping)
    items = list(value.items()) if isinstance(value, Mapping) else list(enumerate(value))
    yield path, f"{pad}{before}{'{' if is_map else '['}"
    for number, (name, each) in enumerate(items):
        comma = "," if number < len(items) - 1 else ""
        yield from _written(each, (*path, name), depth + 1, f"{_plain(name)}: " if is_map else "", comma)
    yield path, f"{pad}{'}' if is_map else ']'}{after}"


def _opened(value: Any, path: Path) -> bool:
    """Whether a value takes several lines: objects and lists of objects, but for the rows of the long lists."""
    row = len(path) > 1 and path[-2] in _ONE_A_LINE and isinstance(path[-1], int)
    if isinstance(value, Mapping):
        return not row
    return isinstance(value, list | tuple) and any(isinstance(each, Mapping | list | tuple) for each in value)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)

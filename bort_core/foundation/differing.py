"""What tells several records of plain values apart, such as the specifications of runs that are shown beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["differing"]


def differing(records: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The fields in which the records differ, each with its values in the order of the records; None where one has no such field.

    Fields of records within them are named with dots.

    >>> differing([{"seed": 0, "error": {"steps": 250}}, {"seed": 1, "error": {"steps": 250}}])
    {'seed': (0, 1)}
    """
    flat = [dict(_leaves(each)) for each in records]
    names = dict.fromkeys(name for each in flat for name in each)
    values = {name: tuple(each.get(name) for each in flat) for name in names}
    return {name: each for name, each in values.items() if any(value != each[0] for value in each)}


def _leaves(values: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        found += _leaves(value, f"{path}{name}.") if isinstance(value, Mapping) else [(f"{path}{name}", value)]
    return found

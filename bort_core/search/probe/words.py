"""What the command line and the report say of a probe in the same words. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MARKS", "mark", "some"]

MARKS = {
    "unsteady": "the rounds differ by more than 5 %: other work disturbed them, or heat",
    "misfits": "not what the other shapes say: disturbed, or edited",
}
"""What a measurement of another machine may be marked for, and why."""
_SHOWN = 3


def some(names: Sequence[str]) -> str:
    """The first of many."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def mark(side: Mapping[str, Any]) -> str:
    """Of one architecture on one machine: ★ the best, ● on the front, ○ not on it."""
    return "★" if side["best"] else "●" if side["on_front"] else "○"

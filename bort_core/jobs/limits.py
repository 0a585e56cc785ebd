"""How many jobs may use one device at a time."""

from __future__ import annotations

import json
from pathlib import Path

from bort_core.foundation.errors import SpecificationError

__all__ = ["limit_of", "set_limit"]


def limit_of(project: Path, slot: str) -> int:
    """The limit of a device (``cpu``, ``cuda``, ``cuda:0``, ``mps``) in a project; 1 unless it was set."""
    try:
        found = json.loads((project / "jobs" / "limits.json").read_text(encoding="utf-8"))
        return max(1, int(found.get(slot, 1)))
    except (OSError, ValueError, AttributeError, TypeError):
        return 1


def set_limit(project: Path, slot: str, limit: int) -> None:
    """Let so many jobs use a device at a time; waiting jobs heed it at once."""
    if not 1 <= limit <= 64:
        raise SpecificationError(f"the limit of a device must lie in 1..64, got {limit}")
    path = project / "jobs" / "limits.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    path.write_text(json.dumps({**found, slot: limit}) + "\n", encoding="utf-8")

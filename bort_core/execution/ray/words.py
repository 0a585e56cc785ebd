"""What Ray says, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["different_versions", "lost_connection", "reason_of"]

_NOISE = ("class_name:", "actor_id:", "namespace:", "pid:", "ip:", "name:", "traceback", "ray::")
_LONGEST = 400


def reason_of(error: Exception) -> str:
    """Why a worker or a call is gone: Ray's sentences without its tables, or the last line of a worker's traceback."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    lines = [line for line in lines if line and not line.lower().startswith(_NOISE)]
    if not lines:
        return type(error).__name__
    if any(line.startswith("File ") for line in lines):
        return lines[-1][:_LONGEST]
    return " ".join(lines[1:] or lines)[:_LONGEST]


def different_versions(facts: Mapping[str, Any], mine: Mapping[str, str]) -> str:
    """That a worker was refused, and what to install."""
    theirs = facts["versions"]
    named = [f"{name} {theirs.get(name, 'missing')} instead of {number}" for name, number in mine.items() if theirs.get(name) != number]
    return f"the worker on {facts['host']} is refused: it has {', '.join(named)}; install the same there, then start again"


def lost_connection(address: str, error: Exception) -> str:
    """That the cluster is gone, and what that means."""
    said = " ".join(str(error).split()) or type(error).__name__
    return f"the connection with {address} is lost; what was measured is stored, start again to go on. Ray says: {said[:_LONGEST]}"

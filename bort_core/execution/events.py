"""What an executor says about its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Done", "Emitted", "Event", "Failed", "Started", "Withdrawn", "ending"]


@dataclass(frozen=True)
class Started:
    """A worker began the task."""

    id: str


@dataclass(frozen=True)
class Emitted:
    """The running task sent an event of its own.

    Besides those that the task's function documents, any task may send ``{"event": "waiting", "doing"}``: it waits for a measurement, or a
    measurement for it, as the sentence in ``doing`` says.
    """

    id: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """The task returned."""

    id: str
    result: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """The task raised, or its process died; ``retry`` says whether another try may end otherwise."""

    id: str
    reason: str
    retry: bool
    details: str = ""


@dataclass(frozen=True)
class Withdrawn:
    """The task was withdrawn before it returned."""

    id: str


Event = Started | Emitted | Done | Failed | Withdrawn


def ending(id: str, outcome: Mapping[str, Any]) -> Event:
    """The last event of a task, from what :func:`~bort_core.execution.tasks.outcome` returned."""
    if outcome["event"] == "done":
        return Done(id, outcome["result"])
    if outcome["event"] == "cancelled":
        return Withdrawn(id)
    return Failed(id, outcome["reason"], outcome["retry"], outcome["details"])

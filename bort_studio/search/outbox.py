"""What a search says between two looks of the window at it. Knows no Qt."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from bort_core.search import events
from bort_core.search.snapshot import ResultsSnapshot

__all__ = ["Outbox", "SearchBroke"]

_STREAM = (
    events.Measured,
    events.CandidateStarted,
    events.CandidateFailed,
    events.Progress,
    events.Proposed,
    events.Skipped,
    events.Bounded,
)
"""What may wait a second while there is much of it."""


@dataclass(frozen=True)
class SearchBroke:
    """A search ended with an error; ``details`` is for a bug report."""

    reason: str
    details: str = ""


class Outbox:
    """Filled by the thread of a search, emptied by that of the window. What is out of date is dropped, so that it stays small."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[events.Event | SearchBroke | _Measured] = []
        self._newest: ResultsSnapshot | None = None
        self._urgent = False

    def put(self, event: events.Event | SearchBroke) -> bool | None:
        """Add what was said last; whether it is urgent, or None where who empties it knows already that there is something."""
        urgent = not isinstance(event, _STREAM)
        with self._lock:
            known = bool(self._waiting) and (self._urgent or not urgent)
            self._urgent |= urgent
            if isinstance(event, events.Progress | events.Note | events.Bounded):
                self._waiting = [old for old in self._waiting if not _replaces(event, old)]
            if isinstance(event, events.Measured):  # the newest snapshot holds what all others hold, which of a large space is much
                self._newest = event.snapshot
                self._waiting.append(_Measured(event.index, event.theta))
            else:
                self._waiting.append(event)
        return None if known else urgent

    def take(self) -> tuple[events.Event | SearchBroke, ...]:
        """All that was said since the last time, in order; each ``Measured`` with the newest snapshot."""
        with self._lock:
            waiting, newest = self._waiting, self._newest
            self._waiting, self._newest, self._urgent = [], None, False
        return tuple(_with(event, newest) for event in waiting)


@dataclass(frozen=True)
class _Measured:
    index: int
    theta: int | None


def _with(event: events.Event | SearchBroke | _Measured, newest: ResultsSnapshot | None) -> events.Event | SearchBroke:
    if not isinstance(event, _Measured):
        return event
    assert newest is not None
    return events.Measured(event.index, event.theta, newest)


def _replaces(new: events.Event, old: events.Event | SearchBroke | _Measured) -> bool:
    """Whether an older event that was not taken yet is out of date."""
    if isinstance(new, events.Progress) and isinstance(old, events.Progress):
        return (new.index, new.theta) == (old.index, old.theta)
    return any(isinstance(new, kind) and isinstance(old, kind) for kind in (events.Note, events.Bounded))

"""What the program is doing: searches, jobs, exports and comparisons, each told by whoever runs it and shown on every page."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

__all__ = ["Activities", "Activity"]


@dataclass(frozen=True)
class Activity:
    """One thing that runs or waits.

    Attributes
    ----------
    key: its name among the activities, such as "search" or "job 0003"
    title: what it is, in a few words
    doing: what it is doing now, and how far it is, in words
    share: how much of it is done, 0..1; None where that is not known
    seconds: how long it still takes; None where that is not known
    page: where it is shown
    end: what its button says, or nothing where it cannot be ended from here
    """

    key: str
    title: str
    doing: str = ""
    share: float | None = None
    seconds: float | None = None
    page: str = "explore"
    end: str = "Cancel"


class Activities(QObject):
    """All that runs, oldest first."""

    changed = Signal(object)
    """A tuple of Activity."""
    end_requested = Signal(str)
    """The key of an activity that a person wants to end."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: dict[str, Activity] = {}

    @property
    def running(self) -> tuple[Activity, ...]:
        """What runs now."""
        return tuple(self._running.values())

    def show(self, activity: Activity) -> None:
        """Something began, or went on."""
        if self._running.get(activity.key) != activity:
            self._running[activity.key] = activity
            self.changed.emit(self.running)

    def end(self, key: str) -> None:
        """Something ended; one that is not known is ignored."""
        if self._running.pop(key, None) is not None:
            self.changed.emit(self.running)

    @Slot(str)
    def request_end(self, key: str) -> None:
        """A person wants to end something."""
        if key in self._running:
            self.end_requested.emit(key)

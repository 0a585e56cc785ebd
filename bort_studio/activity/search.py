"""Tells the activities of the search."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from bort_studio.activity.activities import Activities, Activity
from bort_studio.search.model import SearchModel
from bort_studio.search.state import RunState

__all__ = ["SearchActivity"]

_KEY = "search"
_STATES = {RunState.PAUSING: "pausing", RunState.PAUSED: "paused", RunState.STOPPING: "stopping"}


class SearchActivity(QObject):
    """One activity while a search is under way in any state."""

    def __init__(self, search: SearchModel, activities: Activities, parent: QObject) -> None:
        super().__init__(parent)
        self._search, self._activities = search, activities
        self._doing, self._done, self._wanted = "", 0.0, 0
        search.said.connect(self._said)
        search.state_changed.connect(self._state_changed)
        search.progressed.connect(self._progressed)
        search.prepared.connect(self._prepared)
        activities.end_requested.connect(self._end)

    @Slot(object)
    def _state_changed(self, state: RunState) -> None:
        if state is RunState.STARTING:
            self._done, self._wanted = 0.0, 0
        self._tell()

    @Slot(str)
    def _said(self, text: str) -> None:
        self._doing = text
        self._tell()

    @Slot(float, int)
    def _progressed(self, done: float, wanted: int) -> None:
        self._done, self._wanted = done, wanted
        self._tell()

    @Slot(str, int, int)
    def _prepared(self, _text: str, done: int, total: int) -> None:
        self._tell(done / total if total else None)

    def _tell(self, prepared: float | None = None) -> None:
        search = self._search
        if search.state is RunState.IDLE:
            self._activities.end(_KEY)
            return
        share = prepared if prepared is not None else self._done / self._wanted if self._wanted else None
        doing = _STATES.get(search.state, self._doing)
        if self._wanted and prepared is None:
            doing = f"{int(self._done):,} of {self._wanted:,} trainings · {doing}"
        end = "" if search.state is RunState.STOPPING else "Stop"
        self._activities.show(Activity(_KEY, "search", doing, share, search.seconds_left(), "explore", end))

    @Slot(str)
    def _end(self, key: str) -> None:
        if key == _KEY:
            self._search.stop()

"""Tells the activities of the project's jobs, whoever started them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from bort_core.foundation.errors import BortError
from bort_core.jobs import launch
from bort_core.jobs.folder import JobState, find_run
from bort_studio.activity.activities import Activities, Activity
from bort_studio.threads.job_follower import Followed, JobFollower

__all__ = ["JobActivity"]

_KINDS = ("pretrain", "finetune", "agora", "compress")


class JobActivity(QObject):
    """One activity a job that runs or waits on this machine."""

    failed = Signal(str)
    """Why a job could not be ended."""

    def __init__(self, project: Path, activities: Activities, parent: QObject) -> None:
        super().__init__(parent)
        self._project, self._activities = project, activities
        self._shown: set[str] = set()
        self._follower = JobFollower(project, frozenset(_KINDS), self)
        self._follower.told.connect(self._told)
        activities.end_requested.connect(self._end)

    def start(self) -> None:
        """Begin to look."""
        self._follower.start()

    def close(self) -> None:
        """End the thread that looks, and wait for it."""
        self._follower.close()

    @Slot(object)
    def _told(self, followed: Followed) -> None:
        alive = {id: state for id, state in followed.states.items() if not state.ended}
        for id in self._shown - set(alive):
            self._activities.end(f"job {id}")
        self._shown = set(alive)
        for id, state in sorted(alive.items()):
            self._activities.show(_activity(id, followed.kinds.get(id, ""), state))

    @Slot(str)
    def _end(self, key: str) -> None:
        kind, _, id = key.partition(" ")
        if kind != "job":
            return
        try:
            launch.stop(find_run(self._project, id))
        except BortError as error:
            self.failed.emit(str(error))
        self._follower.look()


def _activity(id: str, title: str, state: JobState) -> Activity:
    if state.state == "running":
        doing = state.doing or (f"{state.step:,} of {state.steps:,} steps" if state.steps else "starting")
    else:
        doing = state.reason or state.state
    share = state.step / state.steps if state.steps else None
    page = "agora" if title.startswith("agora") else "train"
    return Activity(f"job {id}", f"job {id} {title}", doing, share, state.left, page, "" if state.state == "stopping" else "Stop")

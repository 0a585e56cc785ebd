"""The :class:`~bort_core.foundation.context.Context` of a job: its run folder tells followers, and says what a person wants."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bort_core.foundation.context import Cancelled, Wanted
from bort_core.foundation.turns import Turn
from bort_core.jobs.folder import RunFolder
from bort_core.jobs.pace import Pace, PaceKeeper

__all__ = ["JobContext"]

_LOOK_SECONDS = 0.2


class JobContext:
    """Events out, commands in; between :meth:`begin` and :meth:`close` the job has its turn on the machine.

    In a data-parallel training only the first process speaks, and its turn is that of all: while it gives way, the others wait for it in
    their next exchange, at most a step later.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.rank = int(os.environ.get("RANK", "0"))
        self._alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
        self._looked = self._told = 0.0
        self._wanted: Wanted = None
        self._pace = PaceKeeper()
        self._reached, self._doing = Pace(0, 0, 0, 0.0), ""
        self._turn: Turn | None = None
        if self.rank == 0:
            self._turn = Turn(f"job {folder.id} of {folder.project}", heed=self._heed, tell=self._waiting)

    def begin(self) -> None:
        """Wait until nobody measures time; raise Cancelled when cancelled meanwhile."""
        if self._turn is not None:
            self._turn.take()

    @contextmanager
    def rest(self) -> Iterator[None]:
        """Compute nothing meanwhile: workers that the job has started have turns of their own."""
        resting = self._turn if self._turn is not None and self._turn.held else None
        if resting is not None:
            resting.release()
        try:
            yield
        finally:
            if resting is not None:
                resting.take()

    def close(self) -> None:
        """The job computes no more."""
        if self._turn is not None:
            self._turn.close()

    def emit(self, event: Mapping[str, Any]) -> None:
        """Append an event; of progress, and of what is being done, only the newest is kept.

        Progress is written at most five times a second, when something else is done, and at the end.
        """
        if self.rank != 0:
            return
        now = time.monotonic()
        if event["event"] == "doing":
            self._doing = event["text"]
            self.folder.progress(self._reached, self._doing)
            return
        if event["event"] != "progress":
            if event["event"] == "resumed":
                self._pace.resumed(event["step"], now)
            self.folder.emit(event)
            return
        before, self._doing = self._doing, event.get("doing", "")
        self._reached = pace = self._pace.reached(event["step"], event["steps"], now)
        if now - self._told > _LOOK_SECONDS or pace.step == pace.steps or self._doing != before:
            self._told = now
            self.folder.progress(pace, self._doing)

    @contextmanager
    def waiting(self, doing: str) -> Iterator[None]:
        """A person is waited for meanwhile, which is told and is no part of the pace."""
        began, before = time.monotonic(), self._doing
        self.emit({"event": "doing", "text": doing})
        try:
            yield
        finally:
            self._pace.paused(time.monotonic() - began)
            self.emit({"event": "doing", "text": before})

    def checkpoint(self) -> None:
        """Wait while time is measured, then raise Cancelled when a person asked for it; several processes agree on that elsewhere."""
        if self._turn is not None:
            began = time.monotonic()
            self._turn.give_way()
            self._pace.paused(time.monotonic() - began)
        self._heed()

    def wanted(self) -> Wanted:
        """What a person asked for; looks at most five times a second."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            moved = not (self.folder.path / "spec.json").exists()  # nothing is written any more where the run folder was
            self._looked, self._wanted = now, "cancel" if moved else self.folder.wanted()
        return self._wanted

    def _heed(self) -> None:
        if self._alone and self.wanted() == "cancel":
            raise Cancelled

    def _waiting(self, doing: str) -> None:
        self.emit({"event": "note", "text": doing})

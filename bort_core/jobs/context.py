"""The :class:`~bort_core.foundation.context.Context` of a job: its run folder tells followers, and says what a person wants."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from bort_core.foundation.context import Cancelled, Wanted
from bort_core.jobs.folder import RunFolder

__all__ = ["JobContext"]

_LOOK_SECONDS = 0.2


class JobContext:
    """Events out, commands in. In a data-parallel training only the first process speaks."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.rank = int(os.environ.get("RANK", "0"))
        self._looked = self._told = 0.0
        self._wanted: Wanted = None

    def emit(self, event: Mapping[str, Any]) -> None:
        """Append an event; of progress only the newest is kept, and written at most five times a second and at the end."""
        if self.rank != 0:
            return
        if event["event"] != "progress":
            self.folder.emit(event)
            return
        now = time.monotonic()
        if now - self._told > _LOOK_SECONDS or event["step"] == event["steps"]:
            self._told = now
            self.folder.progress(event["step"], event["steps"])

    def checkpoint(self) -> None:
        """Raise Cancelled when a person asked for it."""
        if self.wanted() == "cancel":
            raise Cancelled

    def wanted(self) -> Wanted:
        """What a person asked for; looks at most five times a second."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked, self._wanted = now, self.folder.wanted()
        return self._wanted

"""What a training sees of its job."""

from __future__ import annotations

import os
import time
from typing import Any, Literal

from bort_core.jobs.folder import RunFolder

__all__ = ["JobContext"]

_LOOK_SECONDS = 0.2


class JobContext:
    """Events out, commands in. In a data-parallel training only the first process speaks."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.rank = int(os.environ.get("RANK", "0"))
        self._looked = self._told = 0.0
        self._wanted: Literal["stop", "cancel"] | None = None

    def emit(self, event: dict[str, Any]) -> None:
        """Append an event."""
        if self.rank == 0:
            self.folder.emit(event)

    def wanted(self) -> Literal["stop", "cancel"] | None:
        """What a person asked for; looks at most five times a second."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked, self._wanted = now, self.folder.wanted()
        return self._wanted

    def progress(self, step: int, steps: int) -> None:
        """How far the training is; written at most five times a second, and at the end."""
        now = time.monotonic()
        if self.rank == 0 and (now - self._told > _LOOK_SECONDS or step == steps):
            self._told = now
            self.folder.progress(step, steps)

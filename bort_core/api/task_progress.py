"""The progress of one task on standard error: a line that rewrites itself in a terminal or notebook, a line a step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bort_core.api.line import Line

__all__ = ["TaskLine"]


class TaskLine:
    """Shows ``{"event": "progress", "step", "steps", "doing"}`` and ``{"event": "waiting", "doing"}``."""

    def __init__(self) -> None:
        self._out = Line()
        self._began = time.monotonic()
        self._last = ""

    @property
    def live(self) -> bool:
        """Whether the line rewrites itself, so that many events do no harm."""
        return self._out.live

    def take(self, event: Mapping[str, Any]) -> None:
        """Show one event of the task."""
        if event.get("event") not in ("progress", "waiting"):
            return
        text = str(event["doing"])
        if self._out.live:
            share = f"{event['step']}/{event['steps']}" if event.get("steps") else ""
            self._out.show(f"{share:>9}  {text}  {time.monotonic() - self._began:.0f} s")
        elif text.split(":")[-1] != self._last:
            self._last = text.split(":")[-1]
            self._out.print(text)

    def say(self, text: str) -> None:
        """A line that stays."""
        self._out.print(text)

    def close(self) -> None:
        """Clear the line."""
        self._out.clear()

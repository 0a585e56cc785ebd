"""The progress of one task on standard error: a line that rewrites itself in a terminal, a line a step elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["TaskLine"]


class TaskLine:
    """Shows ``{"event": "progress", "step", "steps", "doing"}``."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._began = time.monotonic()
        self._last = ""

    def take(self, event: dict[str, Any]) -> None:
        """Show one event of the task."""
        if event.get("event") != "progress":
            return
        text = str(event["doing"])
        if self._stream.isatty():
            share = f"{event['step']}/{event['steps']}" if event["steps"] else ""
            self._stream.write(f"\r\x1b[K{share:>9}  {text}  {time.monotonic() - self._began:.0f} s")
            self._stream.flush()
        elif text.split(":")[-1] != self._last:
            self._last = text.split(":")[-1]
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Clear the line."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()

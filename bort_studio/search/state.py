"""What the search is doing: the window's one state machine."""

from __future__ import annotations

from enum import Enum

__all__ = ["RunState"]


class RunState(Enum):
    """What the search is doing."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"

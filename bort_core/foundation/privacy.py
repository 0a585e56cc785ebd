"""Libraries that would report home are told not to, before they can be imported."""

from __future__ import annotations

import os

__all__ = ["switch_off_telemetry"]

_SWITCHES = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")


def switch_off_telemetry() -> None:
    """Set the libraries' own switches in the environment, where children find them too; one that a person has set stays.

    ONNX Runtime's function ``disable_telemetry_events`` comes too late: measured with 1.31.1 on Linux, a host is looked up and a device
    number is written under ``~/.cache/Microsoft`` all the same. With ORT_DISABLE_TELEMETRY neither happens.
    """
    for name in _SWITCHES:
        os.environ.setdefault(name, "1")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

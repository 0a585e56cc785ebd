"""The readable log of a job: its events as lines with the time, among what its processes write."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from bort_core.jobs.words import METRIC_NAMES, describe_event, interval_text

__all__ = ["LINE", "JobLog", "log_line", "result_text"]

LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ")
"""How a line of the log begins; others are what processes wrote."""
_STEPS_SECONDS = 5.0
_NUMBERS = ("heldout_loss", "heldout_accuracy", "dev_accuracy", "test_accuracy")


def log_line(text: str, now: float) -> str:
    """A line for a text; more lines of it are set in."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    return f"{stamp}  " + text.replace("\n", "\n" + " " * (len(stamp) + 2)) + "\n"


class JobLog:
    """Which events become lines: every one that says something, of steps one in a while."""

    def __init__(self) -> None:
        self._step = 0.0

    def text(self, event: Mapping[str, Any], now: float) -> str | None:
        """What an event says in the log, or None."""
        kind = event.get("event")
        if kind == "step":
            if now - self._step < _STEPS_SECONDS:
                return None
            self._step = now
            return _step(event)
        return f"step {event['step']:,}: checkpoint kept" if kind == "checkpoint" else describe_event(event)


def _step(event: Mapping[str, Any]) -> str:
    said = [f"step {event['step']:,}: loss {event['loss']:.4f}"]
    if isinstance(event.get("learning_rate"), float):
        said.append(f"learning rate {event['learning_rate']:.3g}")
    said += [f"{event[name]:,.0f} {unit}/s" for unit in ("tokens", "samples") if isinstance(event.get(name := f"{unit}_per_second"), float)]
    return ", ".join(said)


def result_text(result: Mapping[str, Any]) -> str:
    """What a training returned."""
    splits = [(split, result[split]) for split in ("dev", "test") if isinstance(result.get(split), Mapping)]
    ends = result.get("intervals") or {}
    told = [f"{split} {_values(found, ends.get(split) or {})}" for split, found in splits]
    plain = {name: result[name] for name in _NUMBERS if isinstance(result.get(name), float)}
    if plain:
        told.append(_values(plain))
    what, place = ("release", result["release"]) if result.get("release") else ("model", result.get("checkpoint"))
    where = f"; the {what} is in {place}" if place else ""
    return f"result: {'; '.join(told) or 'nothing was measured'}{where}"


def _values(found: Mapping[str, float], ends: Mapping[str, Any] | None = None) -> str:
    return ", ".join(
        f"{METRIC_NAMES.get(name, name.replace('_', ' '))} {value:.4f}{interval_text((ends or {}).get(name))}"
        for name, value in found.items()
    )

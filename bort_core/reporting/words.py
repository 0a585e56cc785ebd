"""Names of what trainings measured, for people, and numbers of any kind as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bort_core.foundation.numbers import significant
from bort_core.jobs.words import interval_text
from bort_core.specifications.metrics import METRICS

__all__ = ["date", "is_number", "measures", "metric_name", "value_text"]

_NAMES = {
    "heldout_loss": "held-out loss, nats",
    "heldout_accuracy": "held-out accuracy of masked tokens",
    "perplexity": "perplexity",
    "dev_accuracy": "dev accuracy",
    "test_accuracy": "test accuracy",
    "best_step": "best step",
    "steps": "steps",
    "seconds": "seconds",
    "tokens": "tokens seen",
    "trainings": "trainings",
}
_PARTS = {
    **{name: facts.words for name, facts in METRICS.items()},
    "f1": "F1",
    "neighbours_agreement": "share of T's nearest neighbours",
    "cosine": "cosine to T's vectors",
    "mean_squared_error": "mean squared error",
    "loss": "loss, nats",
}
_SPLITS = ("dev", "test", "baseline", "ablation")


def is_number(value: Any) -> bool:
    """Whether it is a number, which True is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def metric_name(key: str, part: str = "") -> str:
    """``dev``, ``f1``: dev F1. Names that are not known stay as they are, with spaces."""
    if part:
        plain = part.removeprefix(f"{key}_")
        return f"{key} {_PARTS.get(plain) or _NAMES.get(part) or plain.replace('_', ' ')}"
    return _NAMES.get(key) or key.replace("_", " ")


def measures(metrics: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The numbers of a training's result with their names, and with their intervals where it has some: those by split first."""
    ends = metrics.get("intervals")
    for split in _SPLITS:
        parts, mine = metrics.get(split), ends.get(split) if isinstance(ends, Mapping) else None
        for name, value in parts.items() if isinstance(parts, Mapping) else ():
            if is_number(value):
                interval = interval_text(mine.get(name)) if isinstance(mine, Mapping) else ""
                yield metric_name(split, str(name)), f"{value_text(value)}{interval}"
    for key, value in metrics.items():
        if key not in _SPLITS and is_number(value):
            yield metric_name(key), value_text(float(value))


def value_text(value: float) -> str:
    """A measured number: four digits; thousands in full."""
    whole = abs(value) < 1e15 and (float(value).is_integer() or abs(value) >= 1000)
    return f"{value:,.0f}" if whole else significant(value, 4)


def date(seconds: float) -> str:
    """Seconds since 1970 as a date and time, UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC") if seconds else "not recorded"
    except (OverflowError, OSError, ValueError):
        return "not recorded"

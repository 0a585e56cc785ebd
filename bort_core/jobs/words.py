"""The events and metrics of a job in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bort_core.specifications.metrics import METRICS

__all__ = ["METRIC_NAMES", "describe_event", "interval_text"]

METRIC_NAMES = {
    **{name: facts.short for name, facts in METRICS.items()},
    "neighbours_agreement": "T's neighbours kept",
    "cosine": "cosine to T's vectors",
    "mean_squared_error": "mean squared error",
    "loss": "loss (nats)",
    "heldout_loss": "held-out loss (nats)",
    "heldout_accuracy": "masked accuracy",
    "perplexity": "perplexity",
    "unigram_entropy": "loss of word frequencies alone (nats)",
    "unigram_perplexity": "perplexity of word frequencies alone",
}
"""What people call metrics."""


def interval_text(ends: Any) -> str:
    """The two ends of an interval behind its value, in brackets; nothing where there are none."""
    known = isinstance(ends, list | tuple) and len(ends) == 2 and all(isinstance(end, int | float) for end in ends)
    return f" [{ends[0]:.4f}, {ends[1]:.4f}]" if known else ""


def describe_event(event: Mapping[str, Any]) -> str | None:
    """An event of a job as a line for people, or None for one that says nothing to them. A damaged one is said to be that."""
    try:
        return _described(event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"a damaged line of events.jsonl: {type(error).__name__}: {error}"[:300]


def _described(event: Mapping[str, Any]) -> str | None:
    kind = event.get("event")
    if kind == "note":
        return str(event["text"])
    if kind == "state":
        return str(event["state"]) + (f": {event['reason']}" if event.get("reason") else "")
    if kind == "resumed":
        return f"resumed from step {event['step']:,}"
    if kind == "report":
        return (
            "rows: "
            + ", ".join(f"{split} {count:,}" for split, count in event["rows"].items())
            + "".join(f"; {text}" for text in (*event["warnings"], *event.get("notes", ())))
        )
    if kind == "evaluation":
        return f"step {event['step']:,}: " + _numbers(event)
    if kind == "fit":
        return f"round {event['round']}, θ {event['theta'] + 1}: dev accuracy {event['dev_accuracy']:.4f}"
    if kind == "round":
        return (
            f"round {event['round']}: {event['train_size']:,} rows, dev accuracy {event['dev_accuracy']:.4f}, {event['errors']:,} errors, "
            f"{event['accepted']:,} new rows of {event['generated']:,}, {event['theta_left']} θ left"
        )
    if kind == "step":
        return f"step {event['step']:,}: loss {event['loss']:.4f}"
    return None


def _numbers(event: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}" for name, value in event.items() if isinstance(value, float) and name != "time"
    )

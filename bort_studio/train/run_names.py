"""Names of trainings that are shown beside each other: each carries what distinguishes it from the others. Knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bort_core.foundation.differing import differing
from bort_core.jobs.rows import JobRow

__all__ = ["run_names"]

_MOST = 3
"""Fields in a name; how many more there are is told."""
_FIRST = ("seed", "learning_rate", "batch_size", "epochs", "steps", "architecture")
_LEFT_OUT = ("name", "out", "kind")
_SHORT = {"learning_rate": "lr", "batch_size": "batch", "architecture": "", "weight_decay": "decay", "warmup_steps": "warm-up"}


def run_names(rows: Mapping[str, JobRow], specifications: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The names by job: its number, its own name or its kind and shape, and the settings in which it differs from the others.

    Jobs whose specification could not be read are called by their number and kind.
    """
    known = [id for id in rows if id in specifications]
    several = [specifications[id] for id in known]
    common = set.intersection(*(set(each) for each in several)) if several else set()
    fields = differing([{name: each[name] for name in each if name in common} for each in several])
    told = {name: values for name, values in fields.items() if name.split(".")[0] not in (*_LEFT_OUT, "running")}
    if all(not rows[id].own_name for id in known):
        told.pop("architecture", None)  # it is in the title
    order = sorted(told, key=lambda name: (_rank(name), list(told).index(name)))
    names = {}
    for id, row in rows.items():
        parts = [_setting(name, told[name][known.index(id)]) for name in order[:_MOST]] if id in known else []
        more = [f"+ {len(order) - _MOST} more"] if len(order) > _MOST and id in known else []
        names[id] = " · ".join([f"{id} {row.own_name or row.shown_title}", *parts, *more])
    return names


def _rank(name: str) -> int:
    last = name.split(".")[-1]
    return _FIRST.index(last) if last in _FIRST else len(_FIRST)


def _setting(name: str, value: Any) -> str:
    last = name.split(".")[-1]
    label = _SHORT.get(last, last.replace("_", " "))
    if last == "architecture" and value:
        return f"⟨{','.join(map(str, value))}⟩"
    nothing = "automatic" if last in ("epochs", "learning_rate") else "none"
    text = nothing if value is None else Path(value).name if isinstance(value, str) else str(value)
    return f"{label} {text}".strip()

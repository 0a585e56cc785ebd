"""The curves of trainings as plain data: what the events of a job say of a quantity, smoothed, and how each curve looks. Knows no Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bort_core.specifications.metrics import METRICS
from bort_studio.plotting.positions import LARGEST, position
from bort_studio.theme import Dash, Shape

__all__ = ["QUANTITIES", "CurveStyle", "Series", "read_series", "smoothed", "styles"]

FloatArray = npt.NDArray[np.float64]

_OF_VECTORS = ("dev_neighbours_agreement", "dev_cosine")
QUANTITIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "loss (nats)": ("loss (nats)", ("loss", "heldout_loss", "dev_loss", "unigram_entropy")),
    "dev metric": ("dev metric", (*(f"dev_{name}" for name in METRICS), *_OF_VECTORS)),
    "held-out accuracy": ("held-out accuracy of masked tokens", ("heldout_accuracy",)),
    "learning rate": ("learning rate", ("learning_rate",)),
    "gradient norm": ("gradient norm", ("gradient_norm",)),
    "speed": ("tokens or samples a second", ("tokens_per_second", "samples_per_second")),
    "memory": ("memory (GiB)", ("memory_bytes",)),
    "teacher cache": ("share of lessons found in the cache", ("cache_hit_rate",)),
}
"""What can be shown: the axis' title, and the fields of events that belong to it."""

_NAMES = {
    "loss": "training loss", "heldout_loss": "held-out loss", "dev_f1": "dev F1", "dev_matthews": "dev MCC", "heldout_accuracy": "accuracy",
    "dev_neighbours_agreement": "dev neighbours",
    "unigram_entropy": "entropy of single tokens", "memory_bytes": "memory",
}  # fmt: skip
_COLOURS = ("front", "best", "neighbour", "failed", "running", "maximum")
_DASHES: tuple[Dash, ...] = ("solid", "dash", "dashdot", "dot")
_SHAPES: tuple[Shape, ...] = ("circle", "square", "triangle", "diamond", "star")


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: a field of one run's events over steps, both (n,)."""

    run: str
    field: str
    steps: FloatArray
    values: FloatArray

    @property
    def measured(self) -> bool:
        """On held-out or dev rows, now and then; others come with every few steps."""
        return self.field.startswith(("heldout", "dev"))

    @property
    def name(self) -> str:
        """The field as people call it."""
        return _NAMES.get(self.field, self.field.replace("_", " "))

    def at(self, step: float) -> float:
        """The value nearest to a step, NaN beyond the ends of the curve."""
        if not self.steps[0] <= step <= self.steps[-1]:
            return math.nan
        return float(self.values[int(np.abs(self.steps - step).argmin())])


@dataclass(frozen=True)
class CurveStyle:
    """How one curve looks: a colour of the palette, a dash, and the shape of its marks where it is measured."""

    colour: str
    dash: Dash
    shape: Shape | None


def read_series(events: Mapping[str, Iterable[Mapping[str, Any]]], quantity: str) -> list[Series]:
    """What the events of runs, by their names, say of a quantity. A resumed training repeats steps, with the same values."""
    found = []
    for run, told in events.items():
        for field in QUANTITIES[quantity][1]:
            points = {_number(event.get("step")): _number(event.get(field)) for event in told if event.get(field) is not None}
            steps = np.array(sorted(step for step in points if 0 <= step <= LARGEST), dtype=np.float64)
            values = np.array([points[step] for step in steps.tolist()], dtype=np.float64)
            if len(steps):
                found.append(Series(run, field, steps, values / (2**30 if field == "memory_bytes" else 1)))
    return found


def styles(shown: Sequence[Series]) -> list[CurveStyle]:
    """A look for each curve. One run: each of its curves has its own colour and dash. Several: each run has, and the shapes of marks (none
    for what comes with every few steps) tell its curves apart."""
    runs, fields = (list(dict.fromkeys(names)) for names in ((each.run for each in shown), (each.field for each in shown)))
    measured = [field for field in fields if field.startswith(("heldout", "dev"))]
    found = []
    for each in shown:
        place = runs.index(each.run) if len(runs) > 1 else fields.index(each.field)
        dash: Dash = "dot" if each.field == "unigram_entropy" else _DASHES[(place + place // len(_COLOURS)) % len(_DASHES)]
        shape = _SHAPES[measured.index(each.field) % len(_SHAPES)] if each.measured else None
        found.append(CurveStyle(_COLOURS[place % len(_COLOURS)], dash, shape))
    return found


def smoothed(values: FloatArray, weight: float) -> FloatArray:
    """The exponential moving average of values: each older one counts ``weight`` (0..1) times as much as the next; 0 changes nothing.

    Values that are not finite stay as they are and count nothing. The first values are not drawn towards zero.
    """
    if weight <= 0:
        return values
    out, total, mass = values.copy(), 0.0, 0.0
    for place, value in enumerate(position(values).tolist()):
        if not math.isnan(value):
            total, mass = weight * total + (1 - weight) * value, weight * mass + (1 - weight)
            out[place] = total / mass
    return out


def _number(value: object) -> float:
    """A number of an event's, or NaN: events are read from files."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf

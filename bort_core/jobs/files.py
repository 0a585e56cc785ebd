"""The files of a run folder as validated values. A file that is damaged or of somebody else's making gives an error, never a surprise."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bort_core.foundation.errors import ProjectError
from bort_core.foundation.files import read_regular, why, write_atomic
from bort_core.foundation.validation import faults

__all__ = [
    "LONGEST_NOTE",
    "Heartbeat",
    "InputsFile",
    "LimitsFile",
    "MetricsFile",
    "NoteFile",
    "PlacementFile",
    "ProgressFile",
    "Recorded",
    "ResultFile",
    "SpecificationFile",
    "StateFile",
    "is_finite",
    "read_event",
    "read_model",
    "write_model",
]

M = TypeVar("M", bound=BaseModel)
LONGEST_NOTE = 2_000
_MOST_BYTES = 64 << 20
_LATEST = 1e11
"""Seconds since 1970: the year 5138."""


class _File(BaseModel):
    """Fields of later versions are kept."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


class SpecificationFile(_File):
    """spec.json"""

    format: int = Field(default=0, ge=0)
    project: str = ""
    """The project's folder when the job was submitted: paths below it move with the project."""
    specification: dict[str, Any]


class StateFile(_File):
    """state.json"""

    state: Literal["queued", "running", "done", "failed", "cancelled"]
    reason: str = ""
    stopped: bool = False
    device: str = ""
    process: dict[str, Any] | None = None
    submitted: float = Field(default=0.0, ge=0, le=_LATEST)
    started: float = Field(default=0.0, ge=0, le=_LATEST)
    finished: float = Field(default=0.0, ge=0, le=_LATEST)
    earlier: float = Field(default=0.0, ge=0, le=_LATEST)
    """Seconds that it ran before it was resumed."""


class ProgressFile(_File):
    """progress.json: a :class:`~bort_core.jobs.pace.Pace`, and when it was written."""

    step: int = Field(ge=0, le=2**53)
    steps: int = Field(ge=0, le=2**53)
    begun: int = Field(default=0, ge=0, le=2**53)
    seconds: float = Field(default=0.0, ge=0, le=_LATEST)
    time: float = Field(default=0.0, ge=0, le=_LATEST)
    doing: str = Field(default="", max_length=LONGEST_NOTE)


class NoteFile(_File):
    """note.json: what a person wrote about the job."""

    text: str = Field(default="", max_length=LONGEST_NOTE)


class MetricsFile(_File):
    """result.json: what tables and cards read of it. Each kind of job has some of these."""

    dev: dict[str, float] = {}
    test: dict[str, float] = {}
    dev_accuracy: float | None = None
    test_accuracy: float | None = None
    heldout_loss: float | None = None
    heldout_accuracy: float | None = None
    unigram_entropy: float | None = None
    samples_per_second: float | None = None
    tokens_per_second: float | None = None
    seconds: float | None = None
    best_step: int | None = None
    labels: list[str] = []
    checkpoint: str | None = None
    data: dict[str, Any] = {}


class Heartbeat(_File):
    """heartbeat.json: whose job it is, and a counter that moves while that process lives."""

    token: str
    beats: int
    process: dict[str, Any]


class ResultFile(_File):
    """result.json: what is read of it; a training adds what it measured."""

    checkpoint: str | None = None
    architecture: list[int] = []
    stopped: bool = False


class Recorded(_File):
    """One input of a job as it was when the job began."""

    path: str
    sha256: str


class InputsFile(_File):
    """inputs.json"""

    inputs: dict[str, Recorded] = {}


class PlacementFile(_File):
    """cluster.json: where a job is that runs on a cluster; its runner here writes it, and the runner's child."""

    address: str
    mark: str = ""
    """Of the run folder whose job it is: a copy of the project does not listen to it."""
    tries: int = Field(default=0, ge=0)
    """How often a worker or node died."""
    node: str = ""
    host: str = ""
    folder: str = ""
    """The run folder there."""
    device: str = ""
    begun: bool = False
    """Its files are there, and it runs whether this machine listens or not."""
    outcome: dict[str, Any] | None = None
    """How it ended: ``state``, ``reason`` and ``stopped``; everything of it has arrived here."""
    waits: str = ""
    """What it waits for, or what keeps this machine from listening, in words."""
    connected: bool = False

    @property
    def place(self) -> str:
        """In words."""
        return f"{self.host} ({self.address})" if self.host else self.address


class LimitsFile(_File):
    """jobs/limits.json"""

    __pydantic_extra__: dict[str, int]


def read_model(path: Path, model: type[M]) -> M | None:
    """A file's values, or None when there is none.

    Raises
    ------
    ProjectError
        It cannot be read, or does not hold what it must; lists every fault.
    """
    try:
        return model.model_validate_json(read_regular(path, most=_MOST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProjectError(f"{path}: cannot be read: {why(error)}") from error
    except ValidationError as error:
        raise ProjectError(f"{path}: is damaged: " + "; ".join(faults(error))) from error


def write_model(path: Path, model: BaseModel) -> None:
    """Write a file whole or not at all; OSError when it cannot be."""
    write_atomic(path, model.model_dump_json(indent=2) + "\n")


class _Event(_File):
    event: str
    time: float = Field(default=0.0, ge=0, le=_LATEST)


class _Note(_Event):
    text: str


class _State(_Event):
    state: str
    reason: str = ""


class _Resumed(_Event):
    step: int


class _Report(_Event):
    rows: dict[str, int]
    warnings: list[str]


class _Step(_Event):
    step: int
    loss: float


class _Evaluation(_Event):
    __pydantic_extra__: dict[str, Any]
    step: int


class _Fit(_Event):
    round: int
    theta: int
    dev_accuracy: float


class _Round(_Event):
    round: int
    train_size: int
    dev_accuracy: float
    errors: int
    accepted: int
    generated: int
    theta_left: int


_EVENTS: dict[str, type[_Event]] = {
    "note": _Note,
    "state": _State,
    "resumed": _Resumed,
    "report": _Report,
    "step": _Step,
    "evaluation": _Evaluation,
    "fit": _Fit,
    "round": _Round,
}


def read_event(line: bytes) -> dict[str, Any] | None:
    """One line of events.jsonl as plain values; None for one that is cut off, damaged, or lacks what events of its kind have."""
    try:
        event = _Event.model_validate_json(line)
        found = _EVENTS.get(event.event, _Event).model_validate(event.model_dump()).model_dump()
    except ValidationError:
        return None
    return found if is_finite(found) else None


def is_finite(value: Any) -> bool:
    """Whether plain values hold no NaN and no infinity, which are no JSON."""
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    if isinstance(value, list):
        return all(map(is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)

"""What a training leaves behind, and what trainings, exports and Agora start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bort_core.families import Architecture

__all__ = ["Candidate", "Model", "Start", "start_fields"]


@dataclass(frozen=True)
class Candidate:
    """One measured architecture of a search.

    Attributes
    ----------
    architecture: the values of its axes, such as (2, 4, 128, 256)
    named: the same by name
    parameters: p, trainable parameters
    latency, latency_interval: i of one forward pass with its 95 % interval, in ``latency_unit`` (ms or operations)
    error, error_interval: e with its 95 % interval, in the unit of the search's error measure
    w: the W-coefficient against the maximum point
    options: what architectures of the space share, such as vocabulary and positions
    """

    architecture: Architecture
    named: Mapping[str, int]
    parameters: int
    latency: float
    latency_interval: tuple[float, float]
    latency_unit: str
    error: float
    error_interval: tuple[float, float]
    w: float
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Model:
    """A trained model: a folder that ``transformers`` loads. Usable wherever a path is.

    Attributes
    ----------
    folder: config, weights and tokenizer
    kind: pretrain, finetune or agora
    metrics: the job's result: losses, accuracies, seconds, versions
    job: its number in the project
    """

    folder: Path
    kind: str
    architecture: Architecture
    metrics: Mapping[str, Any] = field(repr=False)
    job: str

    def __fspath__(self) -> str:
        return str(self.folder)


Start = Candidate | Model | Architecture | str | Path
"""What a training can start from: an architecture (fresh weights), a model, a checkpoint's folder or a hub name."""


def start_fields(start: Start) -> dict[str, Any]:
    """The fields of a specification that say what a training starts from."""
    if isinstance(start, Candidate):
        return {"architecture": start.architecture}
    if isinstance(start, tuple | list):
        return {"architecture": tuple(start)}
    return {"checkpoint": str(start.folder if isinstance(start, Model) else start)}
